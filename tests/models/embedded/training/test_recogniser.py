"""Targets and losses of the recogniser: arithmetic by hand, truth that survives the way there and back."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tasvir.models.embedded.recogniser import Reading, Recogniser
from tasvir.models.embedded.recogniser_labels import CELL_WIDTH, FIELDS, KINDS
from tasvir.models.embedded.recogniser_peaks import Detection, find_things, iou
from tasvir.models.embedded.training.artefacts import distort
from tasvir.models.embedded.training.recogniser import generalised_iou, heat_loss, losses
from tasvir.models.embedded.training.recogniser_figures import match
from tasvir.models.embedded.training.recogniser_targets import NONE, Targets, targets, visibility
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene

HOUSE = Placed("house", (0.2, 0.2, 0.7, 0.7), "red")


def perfect(truth: Targets) -> Reading:
    """What a network would say that knows the targets."""
    cells = np.zeros((len(truth.heat), CELL_WIDTH, 32, 32), np.float32)
    for (row, y, x), owner in zip(truth.cells, truth.owner, strict=True):
        centre = np.array([x + 0.5, y + 0.5]) / 32
        box = truth.boxes[owner]
        cells[row, FIELDS["box"], y, x] = [*(centre - box[:2]), *(box[2:] - centre)]
        for name, label in zip(("color", "surface", "pose", "facing"), truth.labels[owner], strict=True):
            if label != NONE:
                cells[row, FIELDS[name], y, x][label] = 30.0
        cells[row, FIELDS["near"], y, x] = 30.0 * owner
    heat = np.clip(truth.heat, 1e-6, 1 - 1e-6)
    places = torch.nn.functional.one_hot(torch.from_numpy(truth.background), 5).float() * 30
    asked = torch.from_numpy(np.where(truth.kinds < 0, 0, truth.kinds))
    shown = torch.nn.functional.one_hot(asked, len(KINDS) + 1).permute(0, 3, 1, 2).float() * 30
    return Reading(torch.from_numpy(np.log(heat / (1 - heat))), torch.from_numpy(cells), shown, places)


def test_what_is_drawn_over_is_not_visible() -> None:
    behind = replace(HOUSE, color="blue")
    cells, shares = visibility((behind, HOUSE))
    assert shares[1] == pytest.approx(1.0)
    assert shares[0] < 0.05
    assert cells[1, 8:20, 8:20].mean() > cells[0].max()
    assert cells[1, :6].max() == 0.0


def test_a_hidden_thing_is_not_asked_for() -> None:
    bird = Placed("bird", (0.36, 0.45, 0.52, 0.6), "blue", facing="left")
    truth = targets([Scene((bird, HOUSE))])
    assert truth.boxes.tolist() == [pytest.approx(HOUSE.box)]
    assert truth.heat[0, KINDS.index("bird")].max() == 0.0
    assert truth.heat[0, KINDS.index("house")].max() == 1.0


def test_truth_survives_targets_and_peaks() -> None:
    rng = np.random.default_rng(5)
    scenes = [sample_scene(rng) for _ in range(40)]
    truth = targets(scenes)
    reading = perfect(truth)
    found = find_things(torch.sigmoid(reading.heat).numpy(), reading.cells.numpy(), 0.5)
    wanted = hit = 0
    for scene, detections in zip(scenes, found, strict=True):
        _, shares = visibility(scene.things)
        for thing, share in zip(scene.things, shares, strict=True):
            if share >= 0.25:
                wanted += 1
                same = [one.thing for one in detections if iou(one.thing.box, thing.box) > 0.97]
                hit += any(replace(other, box=thing.box) == thing for other in same)
    assert wanted > 80
    assert hit >= 0.97 * wanted


def test_a_perfect_reading_costs_nothing() -> None:
    rng = np.random.default_rng(6)
    truth = targets([sample_scene(rng) for _ in range(8)])
    assert {name: float(part) for name, part in losses(perfect(truth), truth).items()} == {
        name: pytest.approx(0.0, abs=1e-3)
        for name in (
            "heat",
            "box",
            "giou",
            "color",
            "surface",
            "pose",
            "facing",
            "near",
            "kinds",
            "background",
        )
    }


def test_every_cell_that_shows_a_thing_learns_from_it() -> None:
    truth = targets([Scene((HOUSE,))])
    house, none = KINDS.index("house"), len(KINDS)
    assert truth.kinds[0, 18, 12] == house
    assert truth.kinds[0, 0, 0] == none
    assert set(np.unique(truth.kinds)) <= {house, none, NONE}
    shown = {(int(y), int(x)) for y, x in np.argwhere(truth.kinds[0] == house)}
    learning = {(int(y), int(x)) for _, y, x in truth.cells}
    assert shown <= learning
    assert len(shown) > 3 * int((truth.weight > 0.2001).sum())


def test_heat_loss_by_hand() -> None:
    logits = torch.zeros(1, 1, 1, 3)
    target = torch.tensor([1.0, 0.0, -1.0]).view(1, 1, 1, 3)
    assert float(heat_loss(logits, target)) == pytest.approx(2 * 0.25 * math.log(2))


def test_generalised_iou_by_hand() -> None:
    a = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1]])
    b = torch.tensor([[2.0, 0, 3, 1], [0, 0, 1, 1]])
    assert generalised_iou(a, b).tolist() == pytest.approx([-1 / 3, 1.0])


def test_each_thing_is_found_once() -> None:
    detections = [
        Detection(HOUSE, 0.9, 0.0),
        Detection(HOUSE, 0.8, 0.0),
        Detection(replace(HOUSE, kind="car"), 0.7, 0.0),
    ]
    assert match(detections, [(HOUSE, True)]) == [0, None, None]


def test_distortion_keeps_things_where_they_are() -> None:
    clean = torch.from_numpy(render(Scene((HOUSE,)))).permute(2, 0, 1)[None].float() / 127.5 - 1
    batch = clean.repeat(8, 1, 1, 1)
    noisy = distort(batch, np.random.default_rng(0), torch.Generator().manual_seed(0))
    again = distort(batch, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert torch.equal(noisy, again)
    assert not torch.equal(noisy, batch)
    assert float((noisy - batch).abs().mean()) < 0.15


def test_stored_weights_read_alike(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Recogniser(fine=8, middle=8, coarse=12, depth=1, threshold=0.004).eval()
    pictures = [render(Scene((HOUSE,))), render(Scene((HOUSE,), background="sea"), (160, 96))]
    model.save_pretrained(tmp_path)
    again = Recogniser.from_pretrained(tmp_path, local_files_only=True).eval()
    assert again.config.threshold == 0.004
    assert again.read(pictures) == model.read(pictures)

"""The inspector: cuts, and what the reader makes of the recogniser's things with them."""

import numpy as np
import pytest
import torch

from tasvir.models.embedded.inspector import CUT, MARGIN, SIZES, Inspector, Reader, cut_out, shipped_reader
from tasvir.models.embedded.recogniser import Recogniser
from tasvir.models.embedded.recogniser_labels import KINDS
from tasvir.models.embedded.recogniser_peaks import iou
from tasvir.models.embedded.training.inspector import cuts_of, recolor
from tasvir.models.embedded.training.recogniser_targets import NONE
from tasvir.world.description import Entity
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene


def ramp() -> torch.Tensor:
    """A picture whose first two channels are the place: x and y of each pixel's centre in fractions."""
    steps = (torch.arange(128) + 0.5) / 128
    x, y = steps.expand(128, 128), steps[:, None].expand(128, 128)
    return torch.stack([x, y, torch.zeros(128, 128)])[None]


def test_a_cut_shows_its_box_and_the_margin_round_it() -> None:
    boxes = torch.tensor(
        [[0.4, 0.5, 0.6, 0.7], [0.1, 0.1, 0.9, 0.7]]
    )  # from the whole and the halved picture
    cuts = cut_out(ramp(), torch.zeros(2, dtype=torch.long), boxes)
    assert cuts.shape == (2, 3, CUT, CUT)
    for (x0, y0, x1, y1), cut in zip(boxes.tolist(), cuts, strict=True):
        steps = (torch.arange(CUT) + 0.5) / CUT * (1 + 2 * MARGIN) - MARGIN
        inside = slice(8, 32)  # away from the picture's border, which is repeated beyond
        torch.testing.assert_close(cut[0, 20, inside], (x0 + steps * (x1 - x0))[inside], atol=3e-3, rtol=0)
        torch.testing.assert_close(cut[1, inside, 20], (y0 + steps * (y1 - y0))[inside], atol=3e-3, rtol=0)


def test_cuts_come_from_the_picture_that_owns_them() -> None:
    pictures = torch.stack([torch.full((3, 128, 128), value) for value in (-1.0, 0.25, 1.0)])
    boxes = torch.tensor([[0.2, 0.2, 0.5, 0.5]] * 3)
    cuts = cut_out(pictures, torch.tensor([2, 0, 1]), boxes)
    torch.testing.assert_close(cuts.mean((1, 2, 3)), torch.tensor([1.0, -1.0, 0.25]))


def test_training_cuts_name_their_thing_and_lead_back_to_its_box() -> None:
    rng = np.random.default_rng(0)
    scenes = [sample_scene(rng) for _ in range(40)]
    owner, boxes, labels, edges = cuts_of(scenes, rng)
    assert (labels[:, 0] == len(KINDS)).sum() > 5
    for row, box, label, edge in zip(owner, boxes, labels, edges, strict=True):
        things = scenes[row].things
        if label[0] == len(KINDS):
            assert (label[1:] == NONE).all()
            assert all(iou(box.tolist(), thing.box) < 0.25 for thing in things)
            continue
        led = box + edge * np.tile(box[2:] - box[:2], 2)
        near = min(things, key=lambda thing: float(np.abs(led - np.array(thing.box)).max()))
        np.testing.assert_allclose(led, near.box, atol=1e-5)
        assert KINDS[label[0]] == near.kind


def test_recolouring_exchanges_channels_and_leaves_the_rest_alone() -> None:
    cuts = torch.rand(200, 3, 4, 4)
    mixed, chosen = recolor(cuts, np.random.default_rng(0))
    assert 60 < int(chosen.sum()) < 140
    torch.testing.assert_close(mixed[~chosen], cuts[~chosen])
    for before, after in zip(cuts[chosen], mixed[chosen], strict=True):
        assert not torch.equal(before, after)
        torch.testing.assert_close(after.abs().sum(0), before.sum(0))


class Certain(Inspector):
    """An inspector that says the same of every cut."""

    def __init__(self, kind: int, edges: tuple[float, float, float, float]) -> None:
        super().__init__()
        self.kind, self.edges = kind, edges

    def forward(self, cuts: torch.Tensor, boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        said = {name: torch.zeros(len(cuts), size) for name, size in SIZES.items()}
        said["kind"][:, self.kind] = 50.0
        said["edges"] += torch.tensor(self.edges)
        return said


def reader_of(kind: int, edges: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)) -> Reader:
    return Reader(Recogniser.shipped(), Certain(kind, edges).eval())


CUP = Placed("cup", (0.3, 0.3, 0.7, 0.7), "red", "plain", None, None)
PICTURE = render(Scene((CUP,), (), "park"))


def test_the_inspector_names_the_thing_and_moves_its_box() -> None:
    (before,), _ = Recogniser.shipped().look([PICTURE], 0.3)
    found = reader_of(KINDS.index("dog"), (0.1, 0.0, 0.0, 0.0)).detections([PICTURE], 0.3)[0]
    assert [one.thing.kind for one in found] == ["dog"] * len(found)
    old, new = before[0].thing.box, found[0].thing.box
    assert abs(new[0] - (old[0] + 0.1 * (old[2] - old[0]))) < 1e-3
    assert new[1:] == old[1:]


def test_what_the_inspector_takes_for_nothing_is_not_read() -> None:
    assert reader_of(len(KINDS)).read([PICTURE])[0][0] == ()


def test_a_picture_without_things_is_read_as_empty() -> None:
    blank = np.full((128, 128, 3), 127, np.uint8)
    things, place = reader_of(len(KINDS)).read([blank])[0]
    assert things == ()
    assert place


@pytest.mark.weights
def test_is_this_there() -> None:
    reader = shipped_reader()
    blank = np.full((128, 128, 3), 127, np.uint8)
    cup, blue_cup, dog = (
        reader.is_there([PICTURE, blank], wanted)
        for wanted in (Entity("cup"), Entity("cup", color="blue"), Entity("dog"))
    )
    assert cup[0] >= reader.threshold
    assert max(blue_cup[0], dog[0]) < reader.threshold
    assert cup[1] < reader.threshold

"""Tables of image and label: measured by hand, the same after a stop, refused under another plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import Tensor

from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.multimodal.dice import Dice
from tasvir.lab.multimodal.experiments import nine
from tasvir.lab.multimodal.experiments.image_label import (
    PAIRS,
    ImageLabelSettings,
    coherence,
    cross_entropies,
    examples_of,
)
from tasvir.lab.multimodal.experiments.pictures import pictures_of
from tasvir.lab.multimodal.experiments.results import TableResults, read_results
from tasvir.lab.multimodal.experiments.sensitivity import effects, name_of, sweep
from tasvir.lab.multimodal.experiments.study import Measured, Plan, run_table
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.stack_training import StackTask

SMALL = ImageLabelSettings(examples=40, latent=3, hidden=8, label_hidden=4)


@pytest.fixture
def data() -> Data:
    """Sixty pictures of 2 x 3 shades in three classes, which shades tell."""
    labels = torch.arange(60) % 3
    pictures = torch.rand(60, 1, 2, 3) * 0.5 - 1
    pictures[torch.arange(60), 0, 0, labels] = 1.0
    return Data("made", "images", pictures[:48], pictures[48:], labels[:48], labels[48:], 3, 256)


def plan(data: Data, *, seeds: int = 2, epochs: int = 6, expert: Any = PoE) -> Plan:
    rows, examples = nine.image_label(), examples_of(data, range(seeds), SMALL.examples)
    model = StackedVAE(SMALL.modalities(6, 3), SMALL.latent, expert(), list(rows.values()), range(seeds))
    task = StackTask("made", model, examples, Objective(), epochs, 10, 1e-2)

    def measure(trained: StackedVAE) -> Measured:
        return Measured(cross_entropies(trained, examples), (), pictures_of(trained, examples, (1, 2, 3)))

    return Plan("image-label", expert.name, "made", tuple(rows), {"epochs": epochs}, task, measure)


class StopError(Exception):
    """What ends a training in the middle."""


@pytest.mark.parametrize("expert", [PoE, MoE])
def test_a_stopped_table_goes_on_to_the_same_digits(data: Data, tmp_path: Path, expert: Any) -> None:
    whole = run_table(plan(data, expert=expert), tmp_path / "whole")
    stopped, seen = plan(data, expert=expert), 0
    inner = stopped.task.loss

    def loss(*given: Any) -> tuple[Tensor, dict[str, float]]:
        nonlocal seen
        seen += 1
        if seen == 14:
            raise StopError
        return inner(*given)

    stopped.task.loss = loss  # type: ignore[method-assign]
    with pytest.raises(StopError):
        run_table(stopped, tmp_path / "two")
    again = run_table(plan(data, expert=expert), tmp_path / "two")
    assert again.figures == whole.figures
    assert again.history == whole.history
    assert again.curve == whole.curve


def test_a_finished_table_is_handed_out_and_its_checkpoints_are_gone(data: Data, tmp_path: Path) -> None:
    first = run_table(plan(data), tmp_path)
    folder = tmp_path / "image-label-poe-made"
    assert not (folder / "optimizer.safetensors").exists()
    again = plan(data)
    before = [one.clone() for one in again.task.model.parameters()]
    assert run_table(again, tmp_path).figures == first.figures == read_results(folder).figures
    assert all(torch.equal(one, two) for one, two in zip(before, again.task.model.parameters(), strict=True))


def test_another_plan_is_refused_by_what_differs(data: Data, tmp_path: Path) -> None:
    run_table(plan(data), tmp_path)
    with pytest.raises(SettingError, match=r"'epochs': 6.*'epochs': 7"):
        run_table(replace(plan(data), protocol={"epochs": 7}), tmp_path)


def test_a_damaged_plan_or_result_is_named(data: Data, tmp_path: Path) -> None:
    run_table(plan(data), tmp_path)
    folder = tmp_path / "image-label-poe-made"
    (folder / "results.json").write_text('{"experiment": 1}')
    with pytest.raises(RecordError, match=r"results\.json"):
        run_table(plan(data), tmp_path)
    for damaged in ("{", "[]"):
        (folder / "plan.json").write_text(damaged)
        with pytest.raises(RecordError, match=r"plan\.json"):
            run_table(plan(data), tmp_path)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"figures": []}, "mapping"),
        ({"figures": {"J2I": [["x"] * 2] * 9}}, "could not convert"),
        ({"figures": {"J2I": [[1.0]]}}, "'J2I' is not 9 weightings by 2 seeds"),
        ({"history": [[[[0.5] * 2] * 9]]}, r"history is of \(1, 9, 2\) models and not of \(2, 9, 2\)"),
        ({"curve": 5}, "curve is of"),
        ({"modalities": []}, "no modalities"),
        ({"protocol": None}, "a name or the protocol"),
        ({"commit": 5}, "a name or the protocol"),
        ({"seconds": {"training": "x"}}, "unsupported operand"),
    ],
)
def test_results_that_do_not_fit_one_another_are_damaged(
    data: Data, tmp_path: Path, changed: dict[str, Any], wanted: str
) -> None:
    run_table(plan(data, epochs=1), tmp_path)
    folder = tmp_path / "image-label-poe-made"
    told = json.loads((folder / "results.json").read_text("utf-8"))
    (folder / "results.json").write_text(json.dumps({**told, **changed}), "utf-8")
    with pytest.raises(RecordError, match=rf"results\.json cannot be read .*{wanted}.*remove it"):
        read_results(folder)


def test_training_learns_what_the_shades_tell(data: Data, tmp_path: Path) -> None:
    """Who knows the shares alone pays 3 x 0.6365 nats; after training the classes are read off images."""
    results = run_table(plan(data, epochs=80), tmp_path)
    for row in results.figures["I2T"]:
        assert max(row) < 0.8 * 3 * 0.6365
    assert results.history[0][0][0] == [0.5, 0.5]
    assert results.history[-1][1][2][0] == pytest.approx(0.75)
    strong, weak = (nine_row(results, name) for name in ("generating:strong", "generating:weak"))
    assert strong[0] + weak[0] == pytest.approx(1, abs=0.2)
    assert abs(strong[0] - weak[0]) > 0.01


def nine_row(results: TableResults, name: str) -> tuple[float, float]:
    """Weights of image and label at the end, of the first seed."""
    place = list(results.weightings).index(name)
    image, label = (results.history[-1][m][place][0] for m in (0, 1))
    assert image + label == pytest.approx(1)
    return image, label


@pytest.mark.parametrize("expert", [PoE, MoE])
@torch.no_grad()
def test_cross_entropies_by_hand(data: Data, expert: Any) -> None:
    """Of a mixture each component's mean counts by its weight: J2I of MoE is between I2I and T2I."""
    made = plan(data, expert=expert).task
    model, examples = made.model, made.examples
    found = cross_entropies(model, examples)
    image, label = (one[0] for one in examples.test)
    s = 5  # second seed of the third row, whose weights are 1 to 3
    told = [
        encoder(one.expand(18, -1, -1))[s]
        for encoder, one in zip(model.encoders, (image, label), strict=True)
    ]
    means, precisions = [one[:, :3] for one in told], [torch.exp(-one[:, 3:]) for one in told]
    shares = [0.25, 0.75]
    if expert is PoE:
        total = sum(2 * a * p for a, p in zip(shares, precisions, strict=True))
        top = sum(2 * a * p * m for a, p, m in zip(shares, precisions, means, strict=True))
        codes = [(1.0, top / total)]
    else:
        codes = list(zip(shares, means, strict=True))
    for name, place, x in (("J2I", 0, image), ("J2T", 1, label)):
        value = 0.0
        for share, code in codes:
            p = model.decode(place, code.expand(18, -1, -1))[s].sigmoid()
            entropy = -(x * p.log() + (1 - x) * (1 - p).log())
            value += share * float((entropy.mean(1) if place == 0 else entropy.sum(1)).mean())
        assert float(found[name][s]) == pytest.approx(value, rel=1e-4)


def test_coherence_counts_what_the_classifier_reads(data: Data) -> None:
    model = plan(data).task.model

    def first_class(pictures: Tensor) -> Tensor:
        return torch.tensor([[1.0, 0.0, 0.0]]).expand(len(pictures), -1)

    assert coherence(model, first_class, (1, 2, 3)).tolist() == pytest.approx([1 / 3] * 18)


def test_a_seeds_training_set_is_its_own(data: Data) -> None:
    few, many = (examples_of(data, seeds, 20) for seeds in ([3], [1, 3, 2]))
    assert torch.equal(few.train[0][0], many.train[0][1])
    assert not torch.equal(many.train[0][0], many.train[0][1])
    assert len({tuple(one.tolist()) for one in few.train[0][0]}) == 20  # without replacement
    with pytest.raises(SettingError, match="48 training examples"):
        examples_of(data, [0], 49)


def test_dice_of_a_seed_do_not_know_their_neighbours() -> None:
    alone, among = Dice([7], 1, 5).normal(3, 4), Dice([2, 7, 9], 1, 5).normal(3, 4)
    assert torch.equal(alone[0], among[1])
    assert not torch.equal(Dice([7], 1, 6).normal(3, 4), alone)
    assert not torch.equal(Dice([7], 2, 5).normal(3, 4), alone)


def test_rows_are_the_tables_of_the_thesis() -> None:
    shares = [row.begin(2).tolist() for row in nine.image_label().values()]
    assert shares[:5] == [
        pytest.approx(one) for one in ([0.5, 0.5], [1 / 3, 2 / 3], [0.25, 0.75], [2 / 3, 1 / 3], [0.75, 0.25])
    ]
    assert shares[5:] == [pytest.approx([0.5, 0.5])] * 4
    assert len(nine.gaussians()) == 8


def test_pictures_are_one_of_each_class_of_the_first_seed(data: Data) -> None:
    made = plan(data).task
    found = pictures_of(made.model, made.examples, (1, 2, 3))
    assert found["true"].shape == (3, 1, 2, 3)
    assert found["true"][:, 0, 0].argmax(-1).tolist() == [0, 1, 2]
    assert {name: tuple(found[name].shape) for name in PAIRS} == {
        name: (9, 3, 3) if name.endswith("T") else (9, 3, 1, 2, 3) for name in PAIRS
    }
    assert found["latent"].shape == (9, 12, 3)


def test_a_class_without_a_test_example_has_no_picture(data: Data) -> None:
    known = data.test_labels != 1
    assert data.test_labels is not None
    few = replace(data, test=data.test[known], test_labels=data.test_labels[known])
    made = plan(few).task
    found = pictures_of(made.model, made.examples, (1, 2, 3))
    assert found["true"][:, 0, 0].argmax(-1).tolist() == [0, 2]
    assert found["T2I"].shape == (9, 2, 1, 2, 3) and found["I2T"].shape == (9, 2, 3)


def test_a_folder_without_room_is_said(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any, path: Path) -> None:
        raise SafetensorError(f"No space left on device: {path}")

    monkeypatch.setattr("tasvir.lab.multimodal.experiments.study.save_file", full)
    with pytest.raises(OutputError, match=r"pictures\.safetensors .*No space left.*make room"):
        run_table(plan(data), tmp_path)


def test_a_sweep_tells_means_and_what_weights_change(tmp_path: Path) -> None:
    base = TableResults(
        "image-label", "poe", "made", {}, ["image", "label"], ["fixed:1,1", "fixed:1,3"], [0, 1],
        {"J2I": [[1.0, 3.0], [2.0, 3.0]]}, [], [], [], {}, {}, None,
    )  # fmt: skip
    assert effects(base) == {"J2I": 2.0, "J2I, fixed:1,3": 0.5}
    rows = sweep([{}, {"latent": 2, "beta": 4.0}], lambda changed: base, tmp_path)
    assert [row["changed"] for row in rows] == [{}, {"latent": 2, "beta": 4.0}]
    assert [name_of(row["changed"]) for row in rows] == ["as-is", "latent-2-beta-4.0"]
    assert (tmp_path / "sensitivity.json").is_file()

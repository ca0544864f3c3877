"""A model of a stack is the model that it would be alone; a training that was killed is one that was not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tasvir.lab.multimodal.experiments.nine import image_label
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.likelihoods import BernoulliLikelihood, CategoricalLikelihood
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.stack_training import Examples, StackTask, train_stack
from tasvir.lab.multimodal.weightings.base import Weighting
from tasvir.lab.multimodal.weightings.generating import GeneratingWeighting
from tasvir.lab.multimodal.weightings.learned import LearnedWeighting
from tasvir.lab.multimodal.weightings.learned_per_sample import LearnedPerSampleWeighting

MODALITIES = (
    Modality("image", 12, BernoulliLikelihood(), (16,)),
    Modality("label", 4, CategoricalLikelihood(), (8,)),
)
SEEDS = tuple(range(10))
OTHERS = (31, 7, 12, 40)
EPOCHS, COUNT, BATCH = 3, 60, 15
LEARNED: dict[str, Weighting] = {
    "learned": LearnedWeighting(),
    "learned-per-sample": LearnedPerSampleWeighting(),
    "generating:weak": GeneratingWeighting("weak"),
}


def task(
    expert: Expert, weightings: Sequence[Weighting], seeds: Sequence[int], kind: type[StackTask] = StackTask
) -> StackTask:
    """Each seed's own examples, of which a label tells a part of the image."""
    drawn = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        label = torch.randint(4, (COUNT,), generator=generator)
        image = torch.rand(COUNT, 12, generator=generator)
        image[torch.arange(COUNT), label] = 1.0
        drawn.append((image, torch.nn.functional.one_hot(label, 4).float()))
    train = tuple(torch.stack(one) for one in zip(*drawn, strict=True))
    examples = Examples(train, tuple(one[:1, :20] for one in train))
    model = StackedVAE(MODALITIES, 2, expert, weightings, seeds)
    return kind("stack", model, examples, Objective(), EPOCHS, BATCH, 3e-3)


def of_model(trained: StackTask, place: int) -> dict[str, Tensor]:
    """The numbers of one model of a stack."""
    found = {}
    for name, value in trained.model.state_dict().items():
        if not name.startswith("heads"):
            found[name] = value[:, place] if name == "weights" else value[place]
    found["history"] = trained.stack.history[:, :, place]
    return found


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    assert one.keys() == other.keys() and len(one) == 18
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


@pytest.mark.parametrize("expert", [PoE(), MoE()], ids=lambda rule: rule.name)
def test_a_model_of_ninety_is_the_model_alone(expert: Expert, tmp_path: Path) -> None:
    nine = image_label()
    whole = task(expert, list(nine.values()), SEEDS)
    assert len(whole.model) == 90
    begun = of_model(task(expert, list(nine.values()), SEEDS), 17)
    train_stack(whole, tmp_path / "whole")
    assert apart(begun, of_model(whole, 17)) > 1e-2, "it learned"
    for row, (name, weighting) in enumerate(nine.items()):
        seed = (3 * row + 2) % 10
        single = task(expert, [weighting], [seed])
        train_stack(single, tmp_path / f"alone-{row}")
        assert apart(of_model(whole, row * 10 + seed), of_model(single, 0)) < 1e-6, name
    assert apart(of_model(whole, 0), of_model(whole, 10)) > 1e-3, "weightings differ"
    assert apart(of_model(whole, 0), of_model(whole, 1)) > 1e-2, "seeds differ"


def test_other_seeds_beside_it_change_nothing(tmp_path: Path) -> None:
    rules = [GeneratingWeighting("strong"), LearnedWeighting(), LearnedPerSampleWeighting()]
    one, other = task(MoE(), rules, SEEDS[:5]), task(MoE(), rules, (*OTHERS, 3))
    train_stack(one, tmp_path / "one")
    train_stack(other, tmp_path / "other")
    for row in range(3):
        assert apart(of_model(one, row * 5 + 3), of_model(other, row * 5 + 4)) < 1e-6


class Killed(StackTask):
    """Its power fails at a step."""

    at = 7

    def loss(self, *given: object) -> tuple[Tensor, dict[str, float]]:
        if int(self.stack.steps) == self.at:
            raise MemoryError("power")
        return super().loss(*given)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [4, 7])
@pytest.mark.parametrize("expert", [PoE(), MoE()], ids=lambda rule: rule.name)
def test_a_training_that_was_stopped_goes_on_as_if_it_were_not(
    expert: Expert, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = list(LEARNED.values())
    whole = task(expert, rules, (1, 2))
    train_stack(whole, tmp_path / "whole")
    monkeypatch.setattr(Killed, "at", at)
    with pytest.raises(MemoryError):
        train_stack(task(expert, rules, (1, 2), Killed), tmp_path / "cut")
    again = task(expert, rules, (1, 2))
    train_stack(again, tmp_path / "cut")
    for name, value in whole.stack.state_dict().items():
        torch.testing.assert_close(again.stack.state_dict()[name], value, rtol=0, atol=0, equal_nan=True)
    assert int(again.stack.steps) == EPOCHS * COUNT // BATCH

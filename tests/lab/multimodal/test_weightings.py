"""Weights that are learned: they go where the ELBO is highest, which a mixture has at a corner."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Assignment
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective, bounds
from tasvir.lab.multimodal.oracle import LinearGaussian, exact_bounds, line
from tasvir.lab.multimodal.stack_training import Examples, StackTask, noise_of, train_stack
from tasvir.lab.multimodal.weightings.base import Weighting
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting
from tasvir.lab.multimodal.weightings.generated import GeneratedWeighting
from tasvir.lab.multimodal.weightings.generating import GeneratingWeighting
from tasvir.lab.multimodal.weightings.learned import LearnedWeighting
from tasvir.lab.multimodal.weightings.learned_per_sample import LearnedPerSampleWeighting

LEARNED: list[Weighting] = [LearnedWeighting(), LearnedPerSampleWeighting()]


def learn(law: LinearGaussian, model: StackedVAE, assignment: Assignment, steps: int = 300) -> Tensor:
    """Shares [M, N] after the heads alone went up the joint bound, of examples of the law."""
    x = law.sample(200, torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(model.heads.parameters(), lr=0.05)
    for step in range(steps):
        optimizer.zero_grad()
        copies = [one[None] for one in x]
        (
            -bounds(model, copies, Objective(0.0, assignment=assignment), noise_of(model, 0, step)).mean()
        ).backward()
        optimizer.step()
    with torch.no_grad():
        return model.shares(model.encode([one[None] for one in x]))[:, 0]


@pytest.mark.parametrize("rule", [MoE(), PoE()], ids=lambda rule: rule.name)
@pytest.mark.parametrize("weighting", LEARNED, ids=lambda one: one.name)
def test_learned_weights_begin_equal_and_are_recorded(
    weighting: Weighting, rule: Expert, three: LinearGaussian, tmp_path: Path
) -> None:
    x = tuple(one.float().expand(2, -1, -1) for one in three.sample(60, torch.Generator().manual_seed(0)))
    model = three.model(rule, [FixedWeighting(), weighting], (1, 2)).float()
    task = StackTask("learned", model, Examples(x, x), Objective(), 4, 20, 1e-2)
    train_stack(task, tmp_path)
    history = task.stack.history
    torch.testing.assert_close(history.sum(1), torch.ones(5, 4))
    torch.testing.assert_close(history[0], torch.full((3, 4), 1 / 3))
    torch.testing.assert_close(history[:, :, :2], torch.full((5, 3, 2), 1 / 3)), "fixed ones stay"
    assert bool(((history[1:] - history[:-1])[:, :, 2:].abs().amax(1) > 1e-4).all())
    with torch.no_grad():
        shares = model.shares(model.encode([model.spread(one) for one in x])).mean(-1)
    torch.testing.assert_close(history[-1, :, 2:], shares[:, 2:])


@pytest.mark.parametrize("assignment", ["stratified", "sampled", "all"])
def test_a_mixtures_bound_drives_learned_weights_to_the_best_modality(
    assignment: Assignment, three: LinearGaussian
) -> None:
    model = three.model(MoE(), [LearnedWeighting()])
    x = three.sample(200, torch.Generator().manual_seed(1))
    corners = [
        exact_bounds(three.model(MoE(), [FixedWeighting(one)]), x, Objective(0.0, assignment="all"))
        .mean()
        .item()
        for one in ("1,0,0", "0,1,0", "0,0,1")
    ]
    assert max(corners) == corners[1]
    shares = learn(three, model, assignment).mean(-1)
    assert shares[1] > 0.95


def test_a_products_bound_has_learned_weights_within() -> None:
    """A product of precisions 2 and 5 has 2 a + 5 b with a + b = 2; the truth is 6, b = 4 / 3."""
    law = line((1.0, 2.0), (1.0, 1.0))
    model = law.model(PoE(), [LearnedWeighting()])
    shares = learn(law, model, "stratified").mean(-1)
    x = law.sample(200, torch.Generator().manual_seed(1))
    grid = torch.linspace(0.02, 0.98, 97).tolist()
    rows = [FixedWeighting(f"{1 - one},{one}") for one in grid]
    truth = exact_bounds(law.model(PoE(), rows), x, Objective(0.0)).mean(-1)
    best = grid[int(truth.argmax())]
    assert 0.5 < best < 0.9
    assert float(shares[1]) == pytest.approx(best, abs=0.03)


def test_learning_raises_the_bound() -> None:
    """Here precisions are the same for every example, so that weights of each can do little more."""
    law = line((1.0, 1.0), (0.6, 1.5))
    x = law.sample(200, torch.Generator().manual_seed(1))
    found = []
    for weighting in (FixedWeighting(), *LEARNED):
        model = law.model(MoE(), [weighting])
        if model.heads:
            learn(law, model, "all")
        found.append(exact_bounds(model, x, Objective(0.0, assignment="all")).mean().item())
    assert found[0] + 0.1 < found[1] < found[2] + 1e-3


def test_shares_of_examples_read_what_experts_tell() -> None:
    weighting = LearnedPerSampleWeighting()
    head = weighting.network((1, 2), 3, 2)
    experts = Gaussian(torch.randn(3, 2, 5, 2), torch.randn(3, 2, 5, 2))
    kept = torch.full((3, 2, 1), 1 / 3)
    torch.testing.assert_close(weighting.shares(experts, kept, head), kept.expand(3, 2, 5))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    found = weighting.shares(experts, kept, head)
    torch.testing.assert_close(found.sum(0), torch.ones(2, 5))
    assert bool((found.std(-1) > 1e-3).all()), "of each example its own"
    changed = Gaussian(experts.mean.clone(), experts.log_variance)
    changed.mean[:, 1, 3] += 1
    differ = (weighting.shares(changed, kept, head) != found).any(0)
    assert differ.nonzero().tolist() == [[1, 3]], "of nobody else's"


def test_heads_of_a_seed_begin_alike_and_unlike_the_models_networks() -> None:
    one, other = (LearnedPerSampleWeighting().network(seeds, 2, 2) for seeds in ((5, 6), (9, 5)))
    first, second = (next(head.parameters()) for head in (one, other))
    assert torch.equal(first[0], second[1]) and not torch.equal(first[0], first[1])


@pytest.mark.parametrize("kind", [GeneratingWeighting, GeneratedWeighting])
@pytest.mark.parametrize("favours", ["strong", "weak"])
def test_one_step_of_automatic_weights_by_hand(kind: type[GeneratingWeighting], favours: str) -> None:
    """1 generates by 0.1 and 0.3, 2 by 0.2 and 0.4: rows sum to 0.4, 0.6, columns to 0.3, 0.7."""
    divergences = torch.tensor([[0.1, 0.3], [0.2, 0.4]])[..., None]
    first = 0.4 if kind is GeneratingWeighting else 0.3
    first = 1 - first if favours == "strong" else first
    found = kind(favours).updated(torch.tensor([[0.5], [0.5]]), divergences)
    assert found[:, 0].tolist() == pytest.approx([(0.5 + first) / 2, (1.5 - first) / 2])
    same = kind(favours).updated(found, divergences * 0)
    torch.testing.assert_close(same, (found + 0.5) / 2)


@pytest.mark.parametrize("given", ["1,x", "0,0", "-1,2", "inf,1", ""])
def test_ratios_that_are_none_are_refused(given: str) -> None:
    with pytest.raises(SettingError, match="give a number of 0 or more"):
        FixedWeighting(given)


def test_ratios_of_another_number_and_unknown_favourites_are_refused() -> None:
    with pytest.raises(SettingError, match="2 weights for 3 modalities"):
        FixedWeighting("1,2").begin(3)
    with pytest.raises(SettingError, match="strong or weak"):
        GeneratedWeighting("best")

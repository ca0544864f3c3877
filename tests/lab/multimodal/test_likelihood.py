"""Importance sampling against laws that are known: within its error, from below, better with more codes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.mopoe import MoPoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.experts.poe_exact import ExactPoE
from tasvir.lab.multimodal.experts.poe_prior import PoEWithPrior
from tasvir.lab.multimodal.likelihood import conditional_log_likelihood, log_likelihood
from tasvir.lab.multimodal.oracle import LinearGaussian
from tasvir.lab.multimodal.stack_training import noise_of
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting

COUNT = 600
"""Examples: more than are worked on together."""


@pytest.mark.parametrize("of", [(0, 1, 2), (0, 2), (1,)])
def test_the_exact_posterior_gives_the_likelihood_without_error(
    of: tuple[int, ...], wide: LinearGaussian
) -> None:
    x = wide.sample(5, torch.Generator().manual_seed(1))
    model = wide.model(ExactPoE(), [FixedWeighting()], (0, 1))
    given, noise = [one[None] for one in x], noise_of(model, 9, 0)
    found = log_likelihood(model, given, noise, samples=2, of=of, defensive=0.0)
    torch.testing.assert_close(found.nats, wide.log_likelihood(x, of).expand(2, -1))
    assert float(found.error.max()) < 1e-7


@pytest.mark.parametrize("rule", [PoE(), MoE(), MoPoE()], ids=lambda rule: rule.name)
@pytest.mark.parametrize(("of", "defensive"), [((0, 1, 2), 0.0), ((0, 1, 2), 0.5), ((0, 2), 0.5)])
def test_estimates_are_within_their_errors(
    rule: Expert, of: tuple[int, ...], defensive: float, three: LinearGaussian
) -> None:
    x = three.sample(COUNT, torch.Generator().manual_seed(2))
    model = three.model(rule, [FixedWeighting("1,2,1")])
    found = log_likelihood(
        model, [one[None] for one in x], noise_of(model, 9, 0), samples=300, of=of, defensive=defensive
    )
    apart = ((found.nats - three.log_likelihood(x, of)) / found.error)[0]
    assert 0.8 < float(apart.square().mean().sqrt()) < (1.1 if defensive else 1.4)
    assert float((apart.abs() < 3).double().mean()) > 0.97


def test_conditionals_are_within_their_errors(three: LinearGaussian) -> None:
    x = three.sample(COUNT, torch.Generator().manual_seed(2))
    model = three.model(MoE(), [FixedWeighting()])
    found = conditional_log_likelihood(
        model, [one[None] for one in x], noise_of(model, 9, 0), target=(2,), given=(0,), samples=300
    )
    apart = ((found.nats - three.conditional(x, (2,), (0,))) / found.error)[0]
    assert 0.8 < float(apart.square().mean().sqrt()) < 1.2


def test_the_estimate_is_too_low_by_what_it_says_and_less_with_more_codes(three: LinearGaussian) -> None:
    """Many examples alike, so that the mean shows the bias."""
    x = [one.expand(10_000, 1) for one in three.sample(1, torch.Generator().manual_seed(4))]
    truth = float(three.log_likelihood(x, (0, 1, 2))[0])
    model = three.model(MoE(), [FixedWeighting()])
    before = -math.inf
    for samples in (4, 16):
        found = log_likelihood(model, [one[None] for one in x], noise_of(model, 9, 0), samples=samples)
        error = found.mean_error.item()
        assert before + 3 * error < found.mean.item() < truth - 3 * error
        before = found.mean.item()
    assert found.bias.mean().item() == pytest.approx(before - truth, rel=0.3)


def test_a_narrow_proposal_is_defended(wide: LinearGaussian) -> None:
    """The prior counted four times in two codes: at 20 codes its estimate is low by several times as much."""
    x = wide.sample(COUNT, torch.Generator().manual_seed(2))
    model = wide.model(PoEWithPrior("count"), [FixedWeighting()])
    truth = wide.log_likelihood(x, (0, 1, 2)).mean().item()
    own, defended = (
        log_likelihood(
            model, [one[None] for one in x], noise_of(model, 9, 0), samples=20, defensive=one
        ).mean.item()
        for one in (0.0, 0.5)
    )
    assert own < truth and abs(defended - truth) < 0.5 * (truth - own)


def test_the_error_of_a_mean_counts_examples(three: LinearGaussian) -> None:
    """60 sets of 100 examples: their means scatter as each of them says, around the law's entropy."""
    x = three.sample(6000, torch.Generator().manual_seed(5))
    model = three.model(ExactPoE(), [FixedWeighting()], tuple(range(60)))
    sets = [one.view(60, 100, 1) for one in x]
    found = log_likelihood(model, sets, noise_of(model, 9, 0), samples=2, defensive=0.0)
    assert found.mean_error.mean().item() == pytest.approx(found.mean.std().item(), rel=0.25)
    slopes = torch.tensor([1.0, 2.0, 1.5], dtype=torch.float64)
    volume = torch.logdet(torch.outer(slopes, slopes) + torch.eye(3, dtype=torch.float64))
    entropy = 0.5 * volume.item() + 1.5 * math.log(2 * math.pi * math.e)
    assert abs(found.mean.mean().item() + entropy) < 4 * found.mean.std().item() / math.sqrt(60)


def test_scales_of_the_objective_are_no_part_of_the_likelihood(three: LinearGaussian) -> None:
    x = three.sample(3, torch.Generator().manual_seed(1))
    model = three.model(ExactPoE(), [FixedWeighting()])
    model.modalities = tuple(replace(one, scale=7.0) for one in model.modalities)
    given, noise = [one[None] for one in x], noise_of(model, 9, 0)
    found = log_likelihood(model, given, noise, samples=2, defensive=0.0)
    torch.testing.assert_close(found.nats[0], three.log_likelihood(x, (0, 1, 2)))


def test_what_cannot_be_estimated_is_refused(three: LinearGaussian) -> None:
    model = three.model(MoE(), [FixedWeighting()])
    x = [one[None] for one in three.sample(3, torch.Generator().manual_seed(1))]
    noise = noise_of(model, 9, 0)
    with pytest.raises(SettingError, match="give 2 or more"):
        log_likelihood(model, x, noise, samples=1)
    with pytest.raises(SettingError, match="from 0 to below 1"):
        log_likelihood(model, x, noise, defensive=1.0)
    for of in ((), (3,), (0, -1)):
        with pytest.raises(SettingError, match="give some of 0 to 2"):
            log_likelihood(model, x, noise, of=of)
    with pytest.raises(SettingError, match="both asked for and given"):
        conditional_log_likelihood(model, x, noise, target=(0, 1), given=(1,))

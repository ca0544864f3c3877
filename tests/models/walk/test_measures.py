"""The walk's arithmetic, held against arithmetic by hand, SciPy, and the schedulers of diffusers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from scipy import stats

from tasvir.errors import SettingError
from tasvir.models.walk.attention import AttentionSum, grid_of
from tasvir.models.walk.measures import (
    clean_latent,
    guidance_effect,
    noise_facts,
    prediction_of,
    signal_share,
)
from tasvir.models.walk.record import Shown

NOTHING = Shown(b"", 0, 0)


def test_guidance_by_hand() -> None:
    """c = (3, 0), u = (0, 4): so c - u = (3, -4) has the cosine -16 / (5 * 4) with u."""
    effect = guidance_effect(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0]))
    assert (effect.text, effect.empty, effect.gap) == (3.0, 4.0, 5.0)
    assert effect.angle == pytest.approx(90)
    assert effect.turn == pytest.approx(math.degrees(math.acos(-4 / 5)))


def test_tiny_angles_are_not_lost() -> None:
    """acos of a dot product in double precision gives 0 for 1e-9 radians."""
    effect = guidance_effect(torch.tensor([1.0, 1e-9], dtype=torch.double), torch.tensor([1.0, 0.0]))
    assert effect.angle == pytest.approx(math.degrees(1e-9), rel=1e-6)


def test_same_answers_have_no_gap() -> None:
    effect = guidance_effect(torch.ones(3), torch.ones(3))
    assert effect.gap == effect.angle == 0


def test_noise_agrees_with_scipy() -> None:
    noise = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(5))
    facts, values = noise_facts(noise, NOTHING), noise.double().flatten().numpy()
    assert facts.mean == pytest.approx(values.mean())
    assert facts.std == pytest.approx(values.std())
    assert facts.skew == pytest.approx(stats.skew(values))
    assert facts.kurtosis == pytest.approx(stats.kurtosis(values))
    assert facts.distance == pytest.approx(stats.kstest(values, "norm").statistic, abs=1e-9)
    assert facts.critical == pytest.approx(stats.kstwobign.ppf(0.95) / math.sqrt(1024), rel=1e-3)
    assert sum(facts.counts) == 1024
    assert sum(facts.expected) == pytest.approx(1024)


def test_what_is_no_noise_is_found_out() -> None:
    values = torch.rand(4, 16, 16, generator=torch.Generator().manual_seed(5))
    facts = noise_facts(values, NOTHING)
    assert facts.distance > facts.critical


@pytest.mark.parametrize(
    ("scheduler_class", "kind"),
    [
        (DDIMScheduler, "epsilon"),
        (DDIMScheduler, "v_prediction"),
        (DDIMScheduler, "sample"),
        (EulerDiscreteScheduler, "epsilon"),
        (EulerDiscreteScheduler, "v_prediction"),
    ],
)
def test_clean_latent_is_the_schedulers(scheduler_class: Any, kind: str) -> None:
    """diffusers computes x0 within its steps, Euler in terms of sigma; ours from the denoiser's input."""
    extra = {"clip_sample": False} if scheduler_class is DDIMScheduler else {}
    scheduler = scheduler_class(prediction_type=kind, **extra)
    scheduler.set_timesteps(7)
    source = torch.Generator().manual_seed(0)
    sample = torch.randn(1, 4, 8, 8, generator=source) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        given = scheduler.scale_model_input(sample, timestep)
        predicted = torch.randn(1, 4, 8, 8, generator=source)
        stepped = scheduler.step(predicted, timestep, sample)
        ours = clean_latent(given, predicted, signal_share(scheduler, float(timestep)), kind)
        torch.testing.assert_close(ours, stepped.pred_original_sample, rtol=1e-3, atol=1e-4)
        sample = stepped.prev_sample


def test_clean_latent_of_flow_matching() -> None:
    """x = (1 - s) x0 + s e and v = e - x0, put in and got out again at every step."""
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(5)
    source = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(1, 4, 8, 8, generator=source), torch.randn(1, 4, 8, 8, generator=source)
    assert prediction_of(scheduler) == "flow"
    for timestep in scheduler.timesteps:
        scheduler.step(noise - clean, timestep, noise)
        sigma = float(timestep) / 1000
        given = (1 - sigma) * clean + sigma * noise
        ours = clean_latent(given, noise - clean, signal_share(scheduler, float(timestep)), "flow")
        torch.testing.assert_close(ours, clean, rtol=0, atol=1e-3)


def test_unknown_prediction_is_refused() -> None:
    with pytest.raises(SettingError, match="'score'"):
        clean_latent(torch.zeros(1), torch.zeros(1), 0.5, "score")


def test_grids_of_a_unet() -> None:
    assert grid_of(64, 8, 8) == (8, 8)
    assert grid_of(16, 8, 8) == (4, 4)
    assert grid_of(12 * 5, 24, 9) == (12, 5)  # 9 halves to 5


def test_mean_over_grids_sums_to_one() -> None:
    """A 2 x 2 map between two 4 x 4 ones: interpolated, and weighted as one of three."""
    sums = AttentionSum()
    fine = torch.softmax(torch.randn(2, 16, 5, generator=torch.Generator().manual_seed(1)), -1)
    coarse = torch.zeros(1, 4, 5)
    coarse[..., 3] = 1
    sums.add(fine, (4, 4))
    sums.add(fine, (4, 4))
    sums.add(coarse, (2, 2))
    mean = sums.mean()
    assert mean.shape == (5, 4, 4)
    torch.testing.assert_close(mean.sum(0), torch.ones(4, 4))
    expected = (2 * fine.mean(0).T.view(5, 4, 4) + torch.eye(5)[3].view(5, 1, 1)) / 3
    torch.testing.assert_close(mean, expected)
    assert sums.total == 3

"""Blurring diffusion: without blur the VP model, with blur Bayes' rule at every frequency, and learned."""

from __future__ import annotations

import math

import pytest
import torch
from few_steps import learn
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.blurred_steps import LEAST, Blurring
from tasvir.lab.diffusion.frequencies import rates, to_frequencies, to_pixels
from tasvir.lab.diffusion.methods.blurring import BlurringMethod
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.variances import ReverseStep

SHAPE = (3, 1, 6, 4)


def drawn(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_without_blur_a_step_is_ddpms() -> None:
    schedule = CosineSchedule()
    here, there = schedule.level(0.7), schedule.level(0.5)
    x, eps, fresh = drawn(0), drawn(1), drawn(2)
    step = ReverseStep(here, there)
    x0 = (x - here.sigma * eps) / here.alpha
    truth = step.mean(x, x0) + math.sqrt(step.beta_tilde) * to_pixels(to_frequencies(fresh))
    assert torch.allclose(Blurring(schedule, 0.0).back(x, eps, here, there, fresh), truth)


def test_alphas_blur_and_keep_the_mean_colour() -> None:
    blurring = Blurring(CosineSchedule(), 2.0)
    t = torch.tensor([0.3, 0.9])
    alphas = blurring.alphas(t, SHAPE)
    plain = blurring.schedule.alpha(t.double())
    assert torch.allclose(alphas[:, 0, 0, 0], plain)
    width = 2.0 * math.sin(math.pi / 2 * 0.3) ** 2
    share = (1 - LEAST) * math.exp(-float(rates(6, 4)[2, 3]) * width**2 / 2) + LEAST
    assert float(alphas[0, 0, 2, 3]) == pytest.approx(float(plain[0]) * share, rel=1e-6)
    assert bool((alphas[1] <= alphas[0]).all())


def test_a_step_back_is_bayes_rule_at_every_frequency() -> None:
    """q(u_s | u_t, u_0) from the joint Gaussian of u_s and u_t, by conditioning."""
    blurring = Blurring(CosineSchedule(), 2.0)
    here, there = blurring.schedule.level(0.6), blurring.schedule.level(0.45)
    x0, eps = drawn(0), drawn(1)
    x = blurring.noised(x0, torch.full((3,), here.t, dtype=torch.float64), eps)
    mean = to_frequencies(blurring.back(x, eps, here, there, torch.zeros(SHAPE).double()))
    one = to_frequencies(blurring.back(x, eps, here, there, to_pixels(torch.ones(SHAPE).double())))
    late = blurring.alphas(torch.tensor([here.t], dtype=torch.float64), SHAPE)
    early = blurring.alphas(torch.tensor([there.t], dtype=torch.float64), SHAPE)
    covariance = late / early * there.sigma**2
    gain = covariance / here.sigma**2
    u0, u = to_frequencies(x0), to_frequencies(x)
    assert torch.allclose(mean, early * u0 + gain * (u - late * u0), atol=1e-7)
    spread = (there.sigma**2 - gain * covariance).sqrt()
    assert torch.allclose(one - mean, spread.expand(SHAPE), atol=1e-7)


def test_the_last_step_tells_the_picture() -> None:
    blurring = Blurring(CosineSchedule(), 2.0)
    x0, eps = drawn(0), drawn(1)
    here, there = blurring.schedule.level(0.3), blurring.schedule.level(0.0)
    x = blurring.noised(x0, torch.full((3,), 0.3, dtype=torch.float64), eps)
    assert torch.allclose(blurring.back(x, eps, here, there, drawn(2)), x0, atol=1e-7)


def test_it_learns_bright_and_dark_pictures() -> None:
    """Even pictures of brightness -1 or 1: two lumps along one frequency, nothing along the others."""
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (2000, 1, 1, 1), generator=generator) * 2.0 - 1.0
    data = Data("even", "images", signs.expand(-1, 1, 4, 4).contiguous(), signs[:10].expand(-1, 1, 4, 4))
    model = BlurringMethod().model(data, name="mlp", width=64, depth=2)
    before = model.sample(200, 0, steps=30).x
    learn(model, data, 300)
    found = model.sample(200, 0, steps=30).x
    colour = found.mean((1, 2, 3))
    assert float((colour.abs() - 1).abs().mean()) < 0.2
    assert 0.3 < float((colour > 0).float().mean()) < 0.7
    assert float(found.std((2, 3)).mean()) < 0.2 < float(before.std((2, 3)).mean())


def test_less_than_no_blur_is_refused() -> None:
    with pytest.raises(SettingError, match="0 or more"):
        Blurring(CosineSchedule(), -1.0)

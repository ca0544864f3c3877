"""Diffusion in latents: an autoencoder first, or a VAE and its prior by one bound, below a known density."""

from __future__ import annotations

import math

import pytest
import torch
from few_steps import CENTRE, SPREAD, energy_distance, learn, two_lumps
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.latent import LatentMethod
from tasvir.lab.diffusion.methods.lsgm import LsgmMethod, MixedDenoiser
from tasvir.lab.diffusion.samplers.heun import HeunSampler


def bars(n: int = 2000) -> Data:
    """Pictures of 6 x 6 with one bright row and one bright column: 36 numbers that are two."""
    generator = torch.Generator().manual_seed(0)
    row, column = torch.randint(0, 6, (2, n), generator=generator)
    x = torch.full((n, 1, 6, 6), -1.0)
    x[torch.arange(n), 0, row] = 1.0
    x[torch.arange(n), 0, :, column] = 1.0
    return Data("bars", "images", x[100:], x[:100])


def log_density(x: Tensor) -> Tensor:
    """Of the two lumps, by hand."""
    parts = [-(x - sign * CENTRE).square().sum(1) / (2 * SPREAD**2) for sign in (-1, 1)]
    return torch.stack(parts).logsumexp(0) - math.log(2) - math.log(2 * math.pi * SPREAD**2)


def test_the_autoencoder_is_trained_first_and_then_stands_still() -> None:
    data = bars(300)
    model = LatentMethod().model(data, latent=4, first=3, code_width=16, width=16, depth=1)
    generator = torch.Generator().manual_seed(0)

    def touched() -> tuple[bool, bool]:
        model.network.zero_grad(set_to_none=True)
        model.loss(data.train[:64], None, generator).mean().backward()  # type: ignore[no-untyped-call]
        parts = (model.network.autoencoder, model.network.diffusion)
        return tuple(any(one.grad is not None for one in part.parameters()) for part in parts)  # type: ignore

    assert [touched() for _ in range(5)] == [(True, False)] * 3 + [(False, True)] * 2
    z = model.network.autoencoder.encode(data.train[:64])[0]
    assert torch.allclose(model.network.centre, z.mean(0), atol=1e-5)
    assert torch.allclose(model.network.spread, z.std(0), atol=1e-5)


def test_latent_diffusion_draws_bars() -> None:
    data = bars()
    model = LatentMethod().model(data, latent=6, first=250, kl=1e-4, code_width=64, width=48, depth=2)
    learn(model, data, 550)
    found = model.sample(300, 0, steps=20)
    assert found.x.shape == (300, 1, 6, 6) and found.evaluations == 20
    nearest = torch.cdist(found.x.flatten(1), data.test.flatten(1)).min(1).values
    random = torch.cdist(torch.randn(300, 36).sign(), data.test.flatten(1)).min(1).values
    assert float(nearest.median()) < 0.5 * float(random.median())
    heun = model.sample(5, 0, sampler=HeunSampler(), steps=20)
    assert heun.evaluations > 20


def test_the_mixed_score_is_that_of_a_normal_law_until_the_network_says_more() -> None:
    model = LsgmMethod().model(two_lumps(10), code_width=8, width=8, depth=1)
    denoiser = MixedDenoiser(model.network)
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    level = denoiser.schedule.level(0.4)
    with torch.no_grad():
        model.network.mixing.fill_(-40.0)
        assert torch.allclose(denoiser.tell(z, level), level.sigma * z)
        model.network.mixing.fill_(40.0)
        noise = torch.full((5,), -level.half_log_snr / 4)
        assert torch.allclose(denoiser.tell(z, level), model.network.score(z, noise))


def test_the_bound_of_a_linear_vae_with_a_normal_prior_is_its_evidence() -> None:
    """Decoder x = z of deviation s on N(0, I): p(x) = N(0, 1 + s^2); the encoder is made exact."""
    model = LsgmMethod().model(two_lumps(10), code_width=8, width=8, depth=1)
    network, s = model.network, 0.5
    last = model.prior.schedule.level(1e-3)
    posterior = math.sqrt((s**2 / (1 + s**2) - last.sigma**2) / last.alpha**2)

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        return x / (1 + s**2) / last.alpha, torch.full_like(x, posterior)

    network.autoencoder.encode = encode  # type: ignore[method-assign]
    network.autoencoder.decode = lambda z: z  # type: ignore[method-assign]
    with torch.no_grad():
        network.mixing.fill_(-40.0)
        network.log_deviation.fill_(math.log(s))
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) * math.sqrt(1 + s**2)
    truth = -x.square().sum(1) / (2 * (1 + s**2)) - math.log(2 * math.pi * (1 + s**2))
    found = model.bound(x, 0)
    assert found.error is not None
    error = float(found.error.square().mean() / len(x)) ** 0.5
    assert float(found.nats.mean()) == pytest.approx(float(truth.mean()), abs=error)
    assert error < 0.06


def test_lsgm_learns_two_lumps_and_its_bound_stays_below_their_density() -> None:
    data = two_lumps()
    model = LsgmMethod().model(data, code_width=32, width=32, depth=2)
    learn(model, data, 400)
    truth = float(log_density(data.test[:400]).mean())
    normal = -math.log(2 * math.pi * math.e) - 0.5 * math.log((1 + SPREAD**2) ** 2 - 1)
    found = model.bound(data.test[:400], 0)
    assert found.error is not None and not found.exact
    error = float(found.error.square().mean() / 400) ** 0.5
    assert normal < float(found.nats.mean()) < truth + 3 * error
    assert energy_distance(model.sample(500, 0, steps=15).x, data.test[:500]) < 0.06


def test_what_cannot_be_is_refused() -> None:
    data = bars(120)
    with pytest.raises(SettingError, match="first is 0"):
        LatentMethod().model(data, first=0)
    with pytest.raises(SettingError, match="latent numbers"):
        LsgmMethod().model(data, latent=0)
    with pytest.raises(SettingError, match="classes"):
        LsgmMethod().model(data, width=8, depth=1).sample(2, 0, labels=torch.zeros(2).long())

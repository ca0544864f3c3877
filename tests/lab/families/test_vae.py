"""The VAE against closed forms: its KL, its bound where the exact likelihood is known, its law of levels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.vae import VaeFamily, discretised_logistic, gaussian, kl_to_standard

WEIGHTS = torch.tensor([[1.2, 0.0], [0.0, -0.5], [0.9, 0.0]])
SHIFT, SPREAD = torch.tensor([0.3, -0.2, 0.1]), 0.4


def linear(draws: int, off: float) -> tuple[VaeFamily, MultivariateNormal]:
    """x = W z + b + s e with orthogonal columns of W, its exact law, and an encoder off by so much."""
    family = VaeFamily(latent=2, width=4, draws=draws)
    points = torch.zeros(4, 3)
    family.network = family.build(Data("line", "points", points, points))  # type: ignore[assignment]
    decoder, encoder = nn.Linear(2, 3), nn.Linear(3, 4)
    precision = 1 + (WEIGHTS**2).sum(0) / SPREAD**2
    gain = (WEIGHTS / SPREAD**2 / precision).T
    with torch.no_grad():
        decoder.weight.copy_(WEIGHTS)
        decoder.bias.copy_(SHIFT)
        encoder.weight.copy_(torch.cat([gain, torch.zeros(2, 3)]))
        encoder.bias.copy_(torch.cat([-gain @ SHIFT + off, -precision.log() + off]))
        family.network.log_spread.fill_(math.log(SPREAD))
    family.network.decoder, family.network.encoder = decoder, encoder  # type: ignore[assignment]
    exact = MultivariateNormal(SHIFT, WEIGHTS @ WEIGHTS.T + SPREAD**2 * torch.eye(3))
    return family, exact


def test_kl_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    q = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    p = Independent(Normal(torch.zeros(5, 3), torch.ones(5, 3)), 1)
    torch.testing.assert_close(kl_to_standard(mean, log_variance), kl_divergence(q, p))


def test_log_normal_is_that_of_torch() -> None:
    x, mean, log = torch.randn(4, 3), torch.randn(4, 3), torch.randn(3)
    torch.testing.assert_close(gaussian(x, mean, log), Normal(mean, log.exp()).log_prob(x).sum(1))


@pytest.mark.parametrize("draws", [1, 16])
def test_with_the_true_posterior_the_bound_is_the_likelihood(draws: int) -> None:
    family, exact = linear(draws, off=0.0)
    x = exact.sample((20,))
    bound = family.log_prob(x)
    assert not bound.exact and bound.error is not None
    torch.testing.assert_close(bound.nats.float(), exact.log_prob(x), atol=1e-4, rtol=1e-4)
    assert float(bound.error.max()) < 1e-4


def test_with_another_encoder_it_lies_below_and_rises_with_the_draws() -> None:
    x = linear(1, 0.0)[1].sample((200,))
    one, many = (linear(draws, off=0.4)[0].log_prob(x) for draws in (1, 64))
    truth = linear(1, 0.0)[1].log_prob(x).mean()
    assert float(one.nats.mean()) < float(many.nats.mean()) - 0.1
    assert many.error is not None
    assert float(many.nats.mean()) < float(truth) + 3 * float(many.error.mean()) / math.sqrt(200)
    assert float(truth - many.nats.mean()) < 0.1


def test_the_loss_is_minus_the_bound_of_one_draw_in_closed_form() -> None:
    family, exact = linear(1, off=0.4)
    x = exact.sample((1,)).expand(200_000, -1)
    found, _ = family.loss(x, torch.Generator().manual_seed(0))
    mean, log_variance = family.network.encoder(x[:1]).chunk(2, 1)
    away = x[:1] - mean @ WEIGHTS.T - SHIFT
    spread = (WEIGHTS**2 * log_variance.exp()).sum()
    missed = 1.5 * math.log(2 * math.pi * SPREAD**2) + (away.square().sum() + spread) / (2 * SPREAD**2)
    wanted = kl_to_standard(mean, log_variance) + missed
    torch.testing.assert_close(found, wanted[0], atol=0.02, rtol=0)


def test_samples_of_points_have_the_models_own_covariance() -> None:
    family, exact = linear(1, off=0.0)
    drawn = family.sample(40_000, 0).x
    torch.testing.assert_close(torch.cov(drawn.T), exact.covariance_matrix, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("mean", [-1.3, 0.1, 0.97])
def test_the_levels_probabilities_sum_to_one(mean: float) -> None:
    levels = torch.linspace(-1, 1, 17)[:, None]
    logs = discretised_logistic(levels, torch.full((17, 1), mean), torch.tensor([-2.0]), 17)
    torch.testing.assert_close(logs.exp().sum(), torch.tensor(1.0), atol=1e-5, rtol=0)
    inner = torch.sigmoid((levels[8] + 1 / 16 - mean) * math.exp(2.0)) - torch.sigmoid(
        (levels[8] - 1 / 16 - mean) * math.exp(2.0)
    )
    torch.testing.assert_close(logs[8].exp(), inner[0], atol=1e-6, rtol=1e-4)


def test_levels_far_off_let_gradients_through() -> None:
    mean = torch.tensor([[0.9]], requires_grad=True)
    x: Tensor = torch.tensor([[-1.0 + 2 / 16]])
    discretised_logistic(x, mean, torch.tensor([-6.0]), 17).sum().backward()
    assert mean.grad is not None and float(mean.grad) < -100


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="latent 0"):
        VaeFamily(latent=0)

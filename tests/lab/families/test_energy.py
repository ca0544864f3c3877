"""Energies whose law is known: the normaliser, both kinds of chain, and the chains that are kept."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.energy import EnergyFamily, adjusted_langevin, langevin, log_normaliser, slope

SPREAD = 0.7


def bowl(x: Tensor) -> Tensor:
    """Of N(0, SPREAD^2 I)."""
    return x.square().sum(1) / (2 * SPREAD**2)


def made(**options: object) -> EnergyFamily:
    family = EnergyFamily(width=8, chains=64, **options)  # type: ignore[arg-type]
    x = torch.randn(400, 2)
    family.network = family.build(Data("points", "points", x, x))  # type: ignore[assignment]
    return family


def test_the_normaliser_of_a_gaussian() -> None:
    found = log_normaliser(bowl, 6 * SPREAD, 300)
    assert found == pytest.approx(math.log(2 * math.pi * SPREAD**2), abs=1e-6)


def test_its_density_is_whole_on_another_grid() -> None:
    family = made()
    with torch.no_grad():
        for parameter in family.network.body.parameters():
            parameter.mul_(2.0)
    reach = 10 * family.network.radius
    side = ((torch.arange(501) + 0.5) / 501 * 2 - 1) * reach
    bound = family.log_prob(torch.cartesian_prod(side, side))
    assert bound is not None and bound.error is not None and float(bound.error.max()) < 1e-3
    assert float(bound.nats.exp().sum()) * (2 * reach / 501) ** 2 == pytest.approx(1, abs=2e-3)


def test_unadjusted_chains_are_off_by_what_theory_says_and_adjusted_ones_are_not() -> None:
    generator, eps, n = torch.Generator().manual_seed(0), 0.9, 40_000
    begin = SPREAD * torch.randn(n, 1, generator=generator)
    plain = langevin(bowl, begin, 60, eps, generator)
    adjusted, taken = adjusted_langevin(bowl, begin, 60, eps, generator)
    shrunk = 1 - eps**2 / (2 * SPREAD**2)
    biased = eps**2 / (1 - shrunk**2)
    band = 5 * math.sqrt(2 / n)
    assert biased / SPREAD**2 > 1.2, "the step is long enough to tell the two apart"
    assert float(plain.var()) == pytest.approx(biased, rel=band)
    assert float(adjusted.var()) == pytest.approx(SPREAD**2, rel=band)
    assert 0.5 < taken < 1


def test_adjusted_chains_find_the_law_from_far() -> None:
    generator = torch.Generator().manual_seed(0)
    found, _ = adjusted_langevin(bowl, 3 + torch.zeros(20_000, 2), 300, 0.4, generator)
    assert float(found.mean()) == pytest.approx(0, abs=0.02)
    assert float(found.var()) == pytest.approx(SPREAD**2, rel=0.04)


def test_a_slope_is_clipped_and_no_other() -> None:
    x = torch.tensor([[0.1, 0.0], [3.0, 4.0]])
    energy, found = slope(bowl, x, most=1.0)
    torch.testing.assert_close(energy, bowl(x))
    torch.testing.assert_close(found[0], x[0] / SPREAD**2)
    torch.testing.assert_close(found[1], torch.tensor([0.6, 0.8]))


def test_a_step_moves_as_many_chains_as_there_are_examples_and_pulls_energies_apart() -> None:
    family = made(steps=2)
    before = family.network.chains.clone()
    x = torch.randn(16, 2)
    loss, figures = family.loss(x, torch.Generator().manual_seed(0))
    moved = (family.network.chains != before).any(1)
    assert int(moved.sum()) == 16
    drawn = family.network.chains[moved]
    with torch.no_grad():
        low, high = family.network(x), family.network(drawn)
    assert figures["gap"] == pytest.approx(float(low.mean() - high.mean()), abs=1e-5)
    calm = 1e-3 * float(low.square().mean() + high.square().mean())
    assert loss.item() == pytest.approx(figures["gap"] + calm, abs=1e-5)


def test_of_pictures_no_likelihood_is_told_and_noise_is_taken_off_a_sample() -> None:
    family = EnergyFamily(width=8, chains=16, sample_steps=3, noise=0.5)
    x = torch.randn(40, 1, 4, 4).clamp(-1, 1)
    family.network = family.build(Data("pictures", "images", x, x, levels=3))  # type: ignore[assignment]
    assert family.log_prob(x) is None and "16 numbers" in str(family.no_likelihood)
    with torch.no_grad():
        for parameter in family.network.body.parameters():
            parameter.zero_()  # a Gaussian of deviation r: the mean under noise b is (1 - b^2 / r^2) x
    kept = family.sample(5, 0)
    assert kept.evaluations == 3 + 1 + 1
    blur, family.blur = family.blur, 0.0
    plain = family.sample(5, 0).x
    torch.testing.assert_close(kept.x, plain * (1 - blur**2 / family.network.radius**2))


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(SettingError, match="eps is 0"):
        EnergyFamily(eps=0.0)
    with pytest.raises(SettingError, match="steps is 0"):
        EnergyFamily(steps=0)

"""Likelihoods by the probability flow against laws whose density is known."""

from __future__ import annotations

import math

import pytest
import torch
from lab_problems import correlated, line_mixture
from torch import Tensor, nn

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.likelihood import (
    Hutchinson,
    divergence,
    law_terminal,
    log_likelihood,
    moment_matched,
    noise_alone,
)
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser, Preconditioning
from tasvir.lab.diffusion.oracles.base import Law, OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.schedules.base import Level, Schedule
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.sub_vp import SubVpSchedule
from tasvir.lab.diffusion.schedules.ve import VeSchedule


def drawn(law: Law, n: int = 12, seed: int = 0) -> Tensor:
    return law.sample(n, torch.Generator().manual_seed(seed))


def eight() -> MixtureLaw:
    """Three correlated components in eight dimensions."""
    generator = torch.Generator().manual_seed(3)
    means = torch.randn(3, 8, generator=generator, dtype=torch.float64)
    mixed = torch.randn(3, 8, 8, generator=generator, dtype=torch.float64) / 4
    return MixtureLaw(torch.tensor([0.5, 0.3, 0.2]), means, mixed @ mixed.mT + 0.05 * torch.eye(8).double())


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        (KarrasSchedule(80.0), 1e-5),
        (LinearSchedule(), 1e-9),
        (CosineSchedule(), 1e-8),
        (SubVpSchedule(), 1e-4),
        (VeSchedule(1e-5, 20.0), 0.0),
        (StraightSchedule(), 1e-5),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("law", [line_mixture(), correlated()], ids=["mixture", "gaussian"])
def test_it_is_the_laws_own_density(law: Law, schedule: Schedule, end: float) -> None:
    """To the solver's tolerance, for any schedule, when the true terminal density is used."""
    data = drawn(law)
    denoiser = OracleDenoiser(law, schedule)
    level = schedule.level(end)
    exact = law.log_density(level.alpha * data, level.alpha, level.sigma)
    exact = exact + law.dimension * math.log(level.alpha)
    for tolerance in (1e-5, 1e-7):
        found = log_likelihood(
            denoiser, data, end=end, terminal=law_terminal(law), rtol=tolerance, atol=tolerance
        )
        assert found.exact and found.error is None
        assert float((found.nats - exact).abs().max()) < 10 * tolerance


def test_eight_dimensions() -> None:
    law = eight()
    data = drawn(law)
    found = log_likelihood(
        OracleDenoiser(law, KarrasSchedule()),
        data,
        end=1e-5,
        terminal=law_terminal(law),
        rtol=1e-6,
        atol=1e-6,
    )
    assert float((found.nats - law.log_density(data)).abs().max()) < 1e-5


@pytest.mark.parametrize("largest", [20.0, 80.0])
def test_noise_alone_errs_by_the_priors_gap_and_by_nothing_else(largest: float) -> None:
    """The zero-mean prior, not the solver, is what k-diffusion's likelihood gets wrong on this law."""
    law, schedule = line_mixture(), KarrasSchedule(largest)
    data, denoiser = drawn(law), OracleDenoiser(law, schedule)
    alone = log_likelihood(denoiser, data, end=1e-5, rtol=1e-7, atol=1e-7)
    true = log_likelihood(denoiser, data, end=1e-5, terminal=law_terminal(law), rtol=1e-7, atol=1e-7)
    gap = law.log_density(true.noise, 1.0, largest) - noise_alone(true.noise, schedule.level(largest))
    torch.testing.assert_close(true.nats - alone.nats, gap, rtol=0, atol=1e-9)
    torch.testing.assert_close(true.prior_gap, gap, rtol=0, atol=1e-12)
    assert 0.4 / largest < float(gap.abs().max()) < 1 / largest
    assert float(alone.prior_gap.abs().max()) == 0


def test_moments_mend_most_of_the_gap() -> None:
    law, schedule = line_mixture(), KarrasSchedule(20.0)
    data = drawn(law)
    matched = moment_matched(law.sample(20_000, torch.Generator().manual_seed(5)))
    found = log_likelihood(
        OracleDenoiser(law, schedule), data, end=1e-5, terminal=matched, rtol=1e-6, atol=1e-6
    )
    assert float((found.nats - law.log_density(data)).abs().max()) < 1e-3 < float(found.prior_gap.abs().max())


def test_data_of_any_shape_and_of_float32() -> None:
    """A 2-D law told as pictures [1, 1, 2], by a network that is fed the noise level."""

    class Exact(nn.Module):
        def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
            law, sigma = correlated(), float((4 * noise[0].double()).exp())
            told: Tensor = law.denoise(x.flatten(1), 1.0, sigma).reshape(x.shape)
            return told

    class Plain(Preconditioning):
        prediction: Prediction = "x0"

        def factors(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return torch.ones_like(alpha), torch.zeros_like(alpha), torch.ones_like(alpha)

    law, schedule = correlated(), KarrasSchedule(20.0)
    data = drawn(law, 5).reshape(5, 1, 1, 2)
    denoiser = NetworkDenoiser(Exact(), schedule, Plain())
    found = log_likelihood(
        denoiser, data.float(), end=0.01, terminal=lambda x, level: law.log_density(x.flatten(1), 1.0, 20.0)
    )
    assert (found.noise.shape, found.noise.dtype, found.nats.dtype) == (
        data.shape,
        torch.float32,
        torch.float64,
    )
    exact = law.log_density(data.flatten(1), 1.0, 0.01)
    assert float((found.nats - exact).abs().max()) < 2e-3


@pytest.mark.parametrize("kind", ["rademacher", "gaussian"])
def test_probes_have_their_known_mean_and_variance(kind: str) -> None:
    """2 sum_{i != j} S_ij^2 by signs, 2 ||S||^2 by Gaussian numbers, S the symmetric part of a matrix."""
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    probes = Hutchinson(20_000, kind, seed=2).draw(torch.zeros(1, 5, dtype=torch.float64))  # type: ignore[arg-type]
    products = torch.einsum("kbi,ij,kbj->k", probes, matrix, probes)
    even = (matrix + matrix.T) / 2
    variance = 2 * (even**2).sum() - (2 * (even.diagonal() ** 2).sum() if kind == "rademacher" else 0)
    assert float(products.mean()) == pytest.approx(
        float(matrix.trace()), abs=4 * math.sqrt(float(variance) / 20_000)
    )
    assert float(products.var()) == pytest.approx(float(variance), rel=0.06)
    few = probes[:64]
    _, traces = divergence(lambda x: x @ matrix.T, torch.zeros(1, 5, dtype=torch.float64), few)
    torch.testing.assert_close(traces[0], products[:64])
    exact = divergence(lambda x: torch.sin(x @ matrix.T), torch.ones(3, 5, dtype=torch.float64))[1]
    right = (torch.cos(matrix.sum(1)) * matrix.diagonal()).sum()
    torch.testing.assert_close(exact, right.expand(3, 1))


def test_one_dimension_and_round_gaussians_need_no_exact_trace() -> None:
    """Signs have no variance there, so every probe gives the exact likelihood."""
    for law in (line_mixture(), MixtureLaw.gaussian(torch.zeros(3), torch.full((3,), 0.5))):
        data = drawn(law, 4)
        denoiser = OracleDenoiser(law, KarrasSchedule(20.0))
        exact = log_likelihood(denoiser, data, end=1e-3)
        probed = log_likelihood(denoiser, data, end=1e-3, trace=Hutchinson(3))
        assert probed.error is not None and float(probed.error.max()) < 1e-10
        torch.testing.assert_close(probed.nats, exact.nats, rtol=0, atol=1e-4)


def test_the_standard_error_covers_the_truth_and_falls_as_the_root_of_probes() -> None:
    """Of 200 intervals of 95 % about 190 hold the exact value (a t interval of 15 degrees)."""
    law = eight()
    data = drawn(law, 200, seed=4)
    denoiser = OracleDenoiser(law, KarrasSchedule(20.0))
    exact = log_likelihood(denoiser, data, end=1e-3, rtol=1e-4, atol=1e-4)
    few, many = (
        log_likelihood(denoiser, data, end=1e-3, rtol=1e-4, atol=1e-4, trace=Hutchinson(count, seed=7))
        for count in (4, 16)
    )
    assert few.error is not None and many.error is not None
    covered = ((many.nats - exact.nats).abs() < 2.131 * many.error).double().mean()
    assert 0.90 <= float(covered) <= 0.99
    ratio = float(few.error.square().mean() / many.error.square().mean())
    assert ratio == pytest.approx(4, rel=0.25)


def test_tighter_tolerances_cost_more_and_err_less() -> None:
    law = line_mixture()
    data, denoiser = drawn(law), OracleDenoiser(law, LinearSchedule())
    asked, errors = [], []
    for tolerance in (1e-3, 1e-5, 1e-7):
        found = log_likelihood(
            denoiser, data, end=1e-9, terminal=law_terminal(law), rtol=tolerance, atol=tolerance
        )
        asked.append(found.evaluations)
        errors.append(float((found.nats - law.log_density(data)).abs().max()))
    assert asked[0] < asked[1] < asked[2] and errors[0] > 10 * errors[1] > 100 * errors[2]


def test_what_has_no_likelihood_is_told() -> None:
    law = correlated()
    data = drawn(law)

    class Silent(OracleDenoiser):
        def predict(self, x: Tensor, level: Level, target: Prediction) -> Tensor:
            return super().predict(x, level, target).detach()

    class Broken(Denoiser):
        prediction: Prediction = "eps"
        schedule = KarrasSchedule()

        def tell(self, x: Tensor, level: Level) -> Tensor:
            return x * math.nan

    with pytest.raises(SettingError, match="lets no gradients through"):
        log_likelihood(Silent(law, KarrasSchedule()), data, end=1e-3)
    with pytest.raises(NotFiniteError):
        log_likelihood(Broken(), data, end=1e-3)
    weak = OracleDenoiser(law, KarrasSchedule(2.0))
    with pytest.raises(SettingError, match="does not reach noise"):
        log_likelihood(weak, data, end=1e-3)
    found = log_likelihood(weak, data, end=1e-4, terminal=law_terminal(law))
    assert float((found.nats - law.log_density(data)).abs().max()) < 1e-3
    with pytest.raises(SettingError, match="2 or more"):
        Hutchinson(1)

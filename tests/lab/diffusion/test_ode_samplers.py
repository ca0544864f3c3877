"""What every deterministic sampler of the laboratory promises, and what some promise besides."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import pytest
import torch
from lab_ode_walks import LINEAR, created, run, same, starts
from lab_problems import correlated, gaussian_end, line_mixture
from torch import Tensor

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.paths import SPACINGS, path
from tasvir.lab.diffusion.samplers.base import Question, Sampler
from tasvir.lab.diffusion.samplers.dopri5 import Dopri5Sampler
from tasvir.lab.diffusion.samplers.dpm_solver_fast import mixed_orders
from tasvir.lab.diffusion.samplers.paradigms import ParadigmsSampler
from tasvir.lab.diffusion.samplers.singlestep import SinglestepSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

ALL = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]
WALKS = [sampler for sampler in ALL if not sampler.stochastic]
FIXED = [sampler for sampler in WALKS if sampler.evaluations is not None]
each = pytest.mark.parametrize("sampler", WALKS, ids=lambda sampler: sampler.name)
each_fixed = pytest.mark.parametrize("sampler", FIXED, ids=lambda sampler: sampler.name)


class TestPromises:
    """What holds for every deterministic sampler that is installed."""

    @each_fixed
    def test_a_budget_is_used_up(self, sampler: Sampler) -> None:
        """No more than it, and one step more would cost too much; in total as many questions as counted."""

        def cost(steps: int) -> int:
            return run(sampler, path(LINEAR, steps, end=1e-2)).evaluations

        for budget in range(1, 14):
            steps = sampler.steps_for(budget)
            assert (cost(steps) <= budget or steps == 1) and cost(steps + 1) > budget, budget

    @each
    @pytest.mark.parametrize("spacing", SPACINGS)
    def test_all_is_finite_and_ends_in_the_data(self, sampler: Sampler, spacing: str) -> None:
        for steps in (1, 2, 3, 4, 7, 20):
            grid = path(LINEAR, steps, spacing, end=1e-3)
            seen: list[Question] = []
            answers: list[Tensor] = []

            def note(
                asked: int,
                question: Question,
                answer: Tensor,
                seen: list[Question] = seen,
                answers: list[Tensor] = answers,
            ) -> None:
                seen.append(question)
                answers.append(answer)

            x = starts(LINEAR, 1).float()
            denoiser = OracleDenoiser(line_mixture(), LINEAR)
            found = sample(denoiser, sampler, grid, x, gaussian_noise(0), note).x
            assert found.dtype == torch.float32 and all(question.level.sigma > 0 for question in seen)
            guess = denoiser.predict(seen[-1].x, grid.levels[-2], "x0")
            assert seen[-1].level is grid.levels[-2]
            if sampler.name != "straight-ab-3":  # whose last step is its own
                same(found, guess, 1e-4)

    @each
    def test_where_no_data_is_left(self, sampler: Sampler) -> None:
        """Straight paths begin at alpha = 0, where only data and velocity can be told."""
        if sampler.name == "time-shift":
            pytest.skip("it picks times by the spread of x, for models that are wrong")
        schedule, law = StraightSchedule(), correlated()
        grid = path(schedule, 128, "time", end=1e-3, to_data=False)
        x = starts(schedule, 2)
        truth = gaussian_end(law, schedule, x, 1.0, 1e-3)
        worst = float((run(sampler, grid, law, x).x - truth).abs().max())
        assert worst < 0.05

    @each
    def test_neither_x_nor_answers_are_changed(self, sampler: Sampler) -> None:
        x = starts(LINEAR, 1)
        kept = x.clone()
        denoiser = OracleDenoiser(line_mixture(), LINEAR)
        walk = sampler.walk(x, path(LINEAR, 6, end=1e-2), gaussian_noise(0))
        question, pairs = next(walk), []
        with pytest.raises(StopIteration):
            while True:
                answer = denoiser.predict(question.x, question.level, question.wants)
                pairs.append((question.x, question.x.clone(), answer, answer.clone()))
                question = walk.send(answer)
        assert torch.equal(x, kept)
        assert all(torch.equal(a, b) and torch.equal(c, d) for a, b, c, d in pairs)

    @pytest.mark.parametrize(
        "sampler", [s for s in WALKS if isinstance(s, SinglestepSampler)], ids=lambda s: s.name
    )
    def test_single_steps_ask_as_often_as_their_order(self, sampler: Sampler) -> None:
        grid = path(LINEAR, 5, end=1e-2, to_data=False)
        assert run(sampler, grid).evaluations == 5 * sampler.order


class TestBeginning:
    @pytest.mark.parametrize(
        ("name", "extra"),
        [("dpmpp-2m", 0), ("dpmpp-3m", 1), ("ab-3", 1), ("lms", 4), ("unipc-2", 0), ("unipc-3", 2)],
    )
    def test_what_it_costs(self, name: str, extra: int) -> None:
        grid = path(LINEAR, 8, end=1e-2)
        assert run(created(name), grid).evaluations == 8 + extra
        assert run(created(name, start="lower-order"), grid).evaluations == 8

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(SettingError, match="runge-kutta"):
            created("lms", start="euler")
        with pytest.raises(SettingError, match="bh1"):
            created("unipc-2", scale="bh3")


@pytest.mark.parametrize("evaluations", range(40))
def test_fast_uses_any_budget(evaluations: int) -> None:
    orders = mixed_orders(evaluations)
    assert sum(orders) == evaluations and orders == sorted(orders, reverse=True)
    if evaluations:
        assert run(created("dpm-solver-fast"), path(LINEAR, evaluations, end=1e-2)).evaluations == evaluations


class TestAdaptive:
    grid = path(LINEAR, 20, "log-snr", end=1e-2, to_data=False)

    @pytest.mark.parametrize("name", ["dopri5", "dpm-adaptive"])
    def test_the_error_falls_with_the_tolerance(self, name: str) -> None:
        """In proportion or nearly: by 10^3 or more when the tolerance falls by 10^4; and it costs more."""
        truth = run(created("dopri5", rtol=1e-12, atol=1e-13), self.grid).x
        errors, costs = [], []
        for tolerance in (1e-2, 1e-4, 1e-6):
            found = run(created(name, rtol=tolerance, atol=tolerance), self.grid)
            errors.append(float((found.x - truth).abs().max()))
            costs.append(found.evaluations)
        assert costs[0] < costs[1] < costs[2]
        assert errors[0] > 20 * errors[1] > 400 * errors[2], errors
        assert errors[0] > 1e3 * errors[2] and errors[2] < 1e-4, errors

    def test_a_step_that_is_thrown_away_leaves_no_trace(self) -> None:
        """From a first step that is far too long: the same as from a shorter one, but for what was asked."""
        rough = path(LINEAR, 1, end=1e-2, to_data=False)
        one = run(created("dopri5", rtol=1e-9, atol=1e-9), rough)
        other = run(created("dopri5", rtol=1e-9, atol=1e-9), self.grid)
        same(one.x, other.x, 1e-7)
        assert (one.evaluations - 1) % 6 == 0

    def test_what_cannot_be_met_is_said(self) -> None:
        class Impatient(Dopri5Sampler):
            trials: ClassVar[int] = 20

        with pytest.raises(SettingError, match=r"20 trial steps .* allow more than rtol 1e-14"):
            run(Impatient(1e-14, 1e-14), self.grid, x=starts(LINEAR, 1).float())
        with pytest.raises(SettingError, match="positive"):
            created("dopri5", rtol=0.0)


class TestParadigms:
    grid = path(LINEAR, 16, end=1e-2)

    @pytest.mark.parametrize("window", [None, 1, 5])
    def test_without_tolerance_it_is_ddim(self, window: int | None) -> None:
        found = run(ParadigmsSampler(0.0, window), self.grid)
        same(found.x, run(created("ddim"), self.grid).x)
        assert 16 <= found.evaluations <= 16 * 17 / 2

    def test_fewer_sweeps_than_steps(self) -> None:
        """A sweep begins wherever the noise rises again."""
        sigmas: list[float] = []
        grid = path(LINEAR, 64, end=1e-2)
        denoiser = OracleDenoiser(line_mixture(), LINEAR)
        found = sample(
            denoiser, ParadigmsSampler(1e-3), grid, starts(LINEAR, 1), gaussian_noise(0),
            lambda asked, question, answer: sigmas.append(question.level.sigma),
        ).x  # fmt: skip
        sweeps = 1 + sum(after > before for before, after in pairwise(sigmas))
        assert sweeps < 24
        same(found, run(created("ddim"), grid).x, 1e-2)

    def test_senseless_settings_are_refused(self) -> None:
        with pytest.raises(SettingError, match="at least"):
            ParadigmsSampler(window=0)

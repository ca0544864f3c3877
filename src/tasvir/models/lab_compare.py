"""Samplers side by side: how far from the truth they end for how many evaluations.

On an oracle the truth is exact: the end of each start's own probability flow, and fresh samples of the law.
On a trained run it is held-out data; two sets of data are not at distance 0 either, which `floor` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tasvir import registry
from tasvir.errors import NotFiniteError, SettingError, UnknownNameError
from tasvir.lab.data.opening import open_data
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.problems import problem
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.distances import Estimate, energy_distance, mmd, sliced_wasserstein
from tasvir.models.lab_drawing import Wish, draw
from tasvir.models.lab_runs import Run

DISTANCES: dict[str, Callable[[Tensor, Tensor], Estimate]] = {
    "energy": energy_distance,
    "mmd": mmd,
    "sliced-wasserstein": sliced_wasserstein,
}
SCHEDULES: dict[str, tuple[Callable[[], Schedule], float]] = {
    "karras": (KarrasSchedule, 2e-3),
    "linear": (LinearSchedule, 1e-3),
}
"""Schedules for oracles, and the least time that is asked at."""

FLOWS, FLOW_STEP = 100, 0.4
"""Of how many starts the exact flow is followed, and in which steps: the ends are right to 1e-5."""


@dataclass(frozen=True)
class Cell:
    """What one sampler came to with one budget.

    Args:
        sampler: Its name.
        budget: Evaluations that were allowed.
        evaluations: Evaluations that it took, None where it failed.
        distance: Of its samples to the truth.
        error: Standard error of that.
        flow_error: Root mean square, over `FLOWS` samples and all coordinates, of the way to the end of the
            exact flow; None for stochastic samplers and for runs.
        seconds: Of drawing all samples.
        failed: Why there is no number, None where there is.
    """

    sampler: str
    budget: int
    evaluations: int | None = None
    distance: float | None = None
    error: float | None = None
    flow_error: float | None = None
    seconds: float | None = None
    failed: str | None = None


@dataclass(frozen=True)
class Field:
    """What samplers are compared on.

    Args:
        name: Of the run or the oracle.
        reference: Truth to be near to, [n, ...].
        floor: Distance of as many other true examples to it.
        drawn: Draws samples by a sampler with a budget of evaluations.
        ends: Where each of the first samples should be, None where that is not known.
    """

    name: str
    reference: Tensor
    floor: Estimate
    drawn: Callable[[Sampler, int], Sampled]
    ends: Tensor | None = None


def of_oracle(name: str, schedule: str, n: int, seed: int, distance: str) -> Field:
    """An oracle to compare on.

    Raises:
        UnknownNameError: No such oracle, schedule or distance.
        SettingError: Too few samples.
    """
    measure, found = _measure(distance, n), problem(name)
    if schedule not in SCHEDULES:
        raise UnknownNameError(f"no schedule here is called {schedule!r}; known: {', '.join(SCHEDULES)}")
    make, end = SCHEDULES[schedule]
    own = make()
    level = own.level(own.last)
    starts = found.starts(n, level.ratio, seed)
    ends = found.ends(starts[:FLOWS], level.ratio, FLOW_STEP)
    generator = torch.Generator().manual_seed(seed + 1)
    truth, others = (found.law.sample(n, generator) for _ in range(2))

    def drawn(sampler: Sampler, budget: int) -> Sampled:
        grid = path(own, sampler.steps_for(budget), end=end)
        denoiser = OracleDenoiser(found.law, own)
        return sample(denoiser, sampler, grid, starts * level.alpha, gaussian_noise(seed))

    return Field(name, truth, measure(others, truth), drawn, ends)


def of_run(run: Run, root: Path | None, n: int, seed: int, distance: str) -> Field:
    """A trained run to compare on: its data held out, against as many to train with.

    Raises:
        UnknownNameError, RecordError: No such distance; the data are not there, or are damaged.
        SettingError: Too few samples.
    """
    measure = _measure(distance, n)
    data = open_data(run.config.data, root, size=run.config.size)
    truth = data.test[:n]

    def drawn(sampler: Sampler, budget: int) -> Sampled:
        found = draw(run.model, n, seed, Wish(sampler.name, evaluations=budget))
        return Sampled(found.x.cpu(), found.evaluations, found.seconds)

    return Field(str(run.folder), truth, measure(data.train[:n], truth), drawn)


def made(names: Sequence[str]) -> dict[str, Sampler]:
    """Samplers by name.

    Raises:
        UnknownNameError: No such sampler.
        SettingError: No name at all, or a sampler that chooses its evaluations itself.
    """
    if not names:
        raise SettingError("say with --samplers which to compare: see `tasvir list lab.samplers`")
    found = {name: registry.create("lab.samplers", name, Sampler) for name in names}
    for name, one in found.items():
        if one.evaluations is None:
            raise SettingError(f"{name} chooses its evaluations itself and keeps to no budget: leave it out")
    return found


def compare(
    field: Field, samplers: Mapping[str, Sampler], budgets: Sequence[int], distance: str
) -> Iterator[Cell]:
    """A cell for each sampler and budget, as they are done.

    Raises:
        UnknownNameError: No such distance.
    """
    measure = _measure(distance, len(field.reference))
    for name, one in samplers.items():
        for budget in budgets:
            try:
                found = field.drawn(one, budget)
            except (NotFiniteError, SettingError) as problem:
                yield Cell(name, budget, failed=str(problem))
                continue
            away = measure(found.x, field.reference)
            off = None
            if field.ends is not None and not one.stochastic:
                off = float((found.x[: len(field.ends)] - field.ends).square().mean().sqrt())
            yield Cell(name, budget, found.evaluations, away.value, away.error, off, round(found.seconds, 4))


def _measure(distance: str, n: int) -> Callable[[Tensor, Tensor], Estimate]:
    if distance not in DISTANCES:
        raise UnknownNameError(f"no distance is called {distance!r}; known: {', '.join(DISTANCES)}")
    if n < 3:
        raise SettingError(f"{n} samples tell no distance: ask for 3 or more")
    return DISTANCES[distance]

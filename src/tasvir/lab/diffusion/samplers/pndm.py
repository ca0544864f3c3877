"""Pseudo numerical methods (Liu et al. 2022): textbook methods whose mean noise is used in DDIM's transfer.

The transfer phi (equation 11) is exact for constant eps. As the coefficients are those of even steps of t
and the transfer is not linear in t, all of these are of order 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step
from tasvir.lab.diffusion.samplers.transfers import combine
from tasvir.lab.diffusion.schedules.base import Level

ADAMS: dict[int, tuple[float, ...]] = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}
"""Adams-Bashforth on an even grid, the newest answer first."""

WARM = 3
"""Steps by the pseudo Runge-Kutta method before four answers are there."""


class PndmSampler(Sampler):
    """F-PNDM: three steps of pseudo Runge-Kutta (equation 13), then pseudo linear multistep (equation 12).

    n steps cost n + 9 questions, where there are that many.
    """

    name: ClassVar[str] = "pndm"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`."""
        return max(1, (evaluations + 3) // 4, evaluations - 3 * WARM)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        told = deque[Tensor](maxlen=WARM)
        for here, there in path.steps:
            if at_the_edge(here, there):
                x = yield from ddim_step(x, here, there)
            elif len(told) < WARM:
                x, eps = yield from _pseudo_runge_kutta(x, here, there)
                told.appendleft(eps)
            else:
                eps = yield Question(x, here, "eps")
                x = transferred(x, ADAMS[1 + len(told)], (eps, *told), here, there)
                told.appendleft(eps)
        return x


def transferred(
    x: Tensor, shares: Sequence[float], told: Sequence[Tensor], here: Level, there: Level
) -> Tensor:
    """phi of the answers' weighted mean: (alpha_s / alpha_t) x + alpha_s (r_s - r_t) eps."""
    step = there.alpha * (there.ratio - here.ratio)
    return combine(x, there.alpha / here.alpha, [step * share for share in shares], told)


def _pseudo_runge_kutta(
    x: Tensor, here: Level, there: Level
) -> Generator[Question, Tensor, tuple[Tensor, Tensor]]:
    halfway = here.schedule.level((here.t + there.t) / 2)
    first = yield Question(x, here, "eps")
    second = yield Question(transferred(x, (1.0,), (first,), here, halfway), halfway, "eps")
    third = yield Question(transferred(x, (1.0,), (second,), here, halfway), halfway, "eps")
    fourth = yield Question(transferred(x, (1.0,), (third,), here, there), there, "eps")
    shares = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    return transferred(x, shares, (first, second, third, fourth), here, there), first

"""Consistency trajectory models: jumps from any noise level to any lower one (Kim et al. 2023).

G(x, t, s) = (s / t) x + (1 - s / t) g(x, t, s) leads x_t along the flow to x_s. Two jumps to the same place,
one from t and one from u < t after a teacher's steps from t to u, must agree at the end of the way; and g(x,
t, t), where the jump has no length, is a denoiser. The paper's adversarial loss is left out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.flow import Guess, heun_step
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.consistency import noise_levels, pseudo_huber
from tasvir.lab.diffusion.objectives.edm import EdmObjective
from tasvir.lab.diffusion.pupil import pupil_of
from tasvir.lab.diffusion.schedules.base import shaped


def jump_guess(
    denoiser: NetworkDenoiser, x: Tensor, here: Tensor, there: Tensor, labels: Tensor | None = None
) -> Tensor:
    """g(x, t, s) for x [B, ...] at r = ``here`` and for r = ``there`` [B].

    The denoiser's network takes ``until`` (see `TwoTimesNetwork`).
    """
    before, skip, out = denoiser.preconditioning.factors(torch.ones_like(here), here)
    noise, until = ((one.log() / 4).to(x) for one in (here, there))
    told: Tensor = denoiser.network(x * shaped(before, x), noise, labels, until)
    return x * shaped(skip, x) + told * shaped(out, x)


def jump(
    denoiser: NetworkDenoiser, x: Tensor, here: Tensor, there: Tensor, labels: Tensor | None = None
) -> Tensor:
    """G(x, t, s): x brought from ``here`` to ``there``; it stays where it is where they agree."""
    guess = jump_guess(denoiser, x, here, there, labels)
    return guess + (x - guess) * shaped(there / here, x)


class TrajectoryObjective(Objective):
    """Distance of two jumps at the end of the way, and the denoising loss.

    The denoiser's network is a `Pupil`, whose copy makes the targets.

    Args:
        teacher: Whose flow is followed by Heun steps; None = that of the copy's own g(x, t, t).
        least: Where ways end.
        most: Where sampling starts.
        intervals: Of noise levels.
        longest: How many Heun steps there are at most from t to u.
        decay: Of the copy.
        softness: c of `pseudo_huber`, times the root of the numbers an example has.
        denoising: Weight of the denoising loss.
        deviation: Of the data.

    Raises:
        SettingError: Something of it is out of range.
    """

    def __init__(
        self,
        teacher: Guess | None,
        *,
        least: float,
        most: float,
        intervals: int,
        longest: int,
        decay: float,
        softness: float,
        denoising: float,
        deviation: float,
    ) -> None:
        if not 1 <= longest <= intervals or not 0 <= decay < 1 or softness < 0 or denoising < 0:
            raise SettingError(
                f"up to {longest} of {intervals} intervals, decay {decay}, softness {softness}, denoising "
                f"{denoising}: take 1 or more intervals, a decay in [0, 1), and nothing negative"
            )
        self.teacher, self.longest, self.decay, self.denoising = teacher, longest, decay, denoising
        self.softness, self.levels = softness, noise_levels(intervals, least, most)
        self.edm = EdmObjective(deviation)

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        pupil = pupil_of(denoiser)
        pupil.begin_step(self.decay)
        slow = pupil.slow(denoiser)
        consistent = self._consistency(denoiser, slow, data, labels, generator)
        if self.denoising == 0:
            return consistent
        return consistent + self.denoising * self.edm.loss(denoiser, data, labels, generator)

    def _consistency(
        self,
        denoiser: NetworkDenoiser,
        slow: NetworkDenoiser,
        data: Tensor,
        labels: Tensor | None,
        generator: torch.Generator,
    ) -> Tensor:
        n, levels = len(data), self.levels.to(data.device)
        count = int(torch.randint(1, self.longest + 1, (), generator=generator, device=data.device))
        top = torch.randint(count, len(levels), (n,), generator=generator, device=data.device)
        share = torch.rand(n, generator=generator, dtype=torch.float64, device=data.device)
        bottom = (share * (top - count + 1)).long()
        here, there, least = levels[top], levels[bottom], levels[:1].expand(n)
        noise = torch.randn(data.shape, generator=generator, dtype=data.dtype, device=data.device)
        x = data + noise * shaped(here, data)
        with torch.no_grad():
            follow = slow.at if self.teacher is None else self.teacher
            walked = x
            for i in range(count):
                walked = heun_step(follow, walked, levels[top - i], levels[top - i - 1], labels)
            wanted = jump(slow, walked, levels[top - count], there, labels)
            wanted = jump(slow, wanted, there, least, labels)
        found = jump(slow, jump(denoiser, x, here, there, labels), there, least, labels)
        return pseudo_huber(found, wanted, self.softness * math.sqrt(data[0].numel()))

"""Consistency trajectory models (Kim et al. 2023; thesis 4.3.2.5): jumps between any two noise levels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.trajectory import TrajectoryObjective, jump_guess
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.preconditioning import EdmPreconditioning
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.pupil import Pupil
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.teachers import guide_of, teacher_of
from tasvir.lab.diffusion.two_times import TwoTimesNetwork


class GammaSampler(Sampler):
    """Jump to sqrt(1 - g^2) r', then add noise of g r' (Kim et al. 2023, algorithm 3); none in the last step.

    g = 0 goes along the flow, g = 1 is multistep consistency sampling. For jumps, not for denoisers: order 0.

    Args:
        gamma: g.

    Raises:
        SettingError: It is not within 0 and 1.
    """

    name: ClassVar[str] = "gamma"
    order: ClassVar[float] = 0
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, gamma: float = 0.0) -> None:
        if not 0 <= gamma <= 1:
            raise SettingError(f"gamma is {gamma}: it must lie within 0 and 1")
        self.gamma = gamma

    def targets(self, path: Path) -> dict[float, float]:
        """Where each step's jump lands, r by the time it begins at."""
        return {here.t: self._landing(path, there) for here, there in path.steps}

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`; for alpha = 1."""
        for here, there in path.steps:
            landing = self._landing(path, there)
            guess = yield Question(x, here, "x0")
            x = guess + (x - guess) * (landing / here.ratio)
            if landing < there.ratio:
                x = x + noise(x) * math.sqrt(there.ratio**2 - landing**2)
        return x

    def _landing(self, path: Path, there: Level) -> float:
        return there.ratio * (1.0 if there is path.levels[-1] else math.sqrt(1 - self.gamma**2))


class JumpDenoiser(Denoiser):
    """g(x, t, s) of a trajectory model, s known beforehand for every t that is asked at."""

    prediction: Prediction = "x0"

    def __init__(self, inner: NetworkDenoiser, targets: dict[float, float]) -> None:
        self.inner, self.schedule, self.targets = inner, inner.schedule, targets

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`."""
        here, there = (
            torch.full((len(x),), ratio, dtype=torch.float64, device=x.device)
            for ratio in (level.ratio, self.targets[level.t])
        )
        return jump_guess(self.inner, x, here, there, self.inner.labels)


class CtmModel(GaussianModel):
    """Jumps by default; any other sampler walks with the denoiser g(x, t, t) that it is, too."""

    gamma: GammaSampler

    def sample(
        self,
        n: int,
        seed: int,
        *,
        sampler: Sampler | None = None,
        steps: int | None = None,
        labels: Tensor | None = None,
        denoiser: Denoiser | None = None,
    ) -> Sampled:
        """See `GaussianModel.sample`."""
        if denoiser is None and (sampler is None or isinstance(sampler, GammaSampler)):
            sampler = self.gamma if sampler is None else sampler
            denoiser = JumpDenoiser(self.asked(n, labels), sampler.targets(self.path(steps)))
        return super().sample(n, seed, sampler=sampler, steps=steps, labels=labels, denoiser=denoiser)


class CtmMethod(Method):
    """Jumps from any noise level to any lower one, 1 step unless more are asked for; without the GAN part."""

    name: ClassVar[str] = "ctm"
    source: ClassVar[str] = "Kim et al. 2023; thesis 4.3.2.5"
    no_bound: ClassVar[str | None] = "jumps along the flow do not tell its divergence"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        teacher: Model | None = None,
        fresh: bool = False,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        intervals: int = 18,
        longest: int = 3,
        decay: float = 0.9,
        softness: float = 0.03,
        denoising: float = 1.0,
        gamma: float = 0.0,
        **options: Any,
    ) -> CtmModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: For examples of one channel more; None = one made with ``options``.
            teacher: Whose flow is followed; without one, that of the model's own denoiser.
            fresh: Begin with random weights, not with the teacher's.
            sigma_min: Noise level where ways end.
            sigma_max: Where sampling starts.
            intervals: Of noise levels in training.
            longest: Heun steps of the teacher at most.
            decay: Of the copy that makes the targets.
            softness: Of the pseudo-Huber distance.
            denoising: Weight of the denoising loss.
            gamma: Of the sampling walk, see `GammaSampler`.
            options: Of `network_for`.
        """
        inner = network_for(_wider(data), **options) if network is None else network
        told_twice, guide = TwoTimesNetwork(inner), None
        if teacher is not None:
            source = teacher_of(teacher)
            guide = guide_of(source, sigma_min, sigma_max)
            if not fresh:
                told_twice.begin_as(source.network)
        objective = TrajectoryObjective(
            guide,
            least=sigma_min,
            most=sigma_max,
            intervals=intervals,
            longest=longest,
            decay=decay,
            softness=softness,
            denoising=denoising,
            deviation=data.deviation,
        )
        denoiser = NetworkDenoiser(
            Pupil(told_twice, copied=True), KarrasSchedule(sigma_max), EdmPreconditioning(data.deviation)
        )
        sampler = GammaSampler(gamma)
        model = CtmModel(data, denoiser, objective, Drawing(sampler, 1, "karras", sigma_min, to_data=False))
        model.gamma = sampler
        return model


def _wider(data: Data) -> Data:
    """Data of one channel more and no examples: what the network is made for."""
    shape = (data.shape[0] + 1, *data.shape[1:])
    empty = torch.zeros(0, *shape)
    return replace(data, train=empty, test=empty)

"""The model under noise that is not Gaussian: what gamma-noise and mixture-noise have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.noises import NoiseLaw
from tasvir.lab.diffusion.objectives.other_noise import OtherNoiseObjective
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample
from tasvir.lab.diffusion.variances import ReverseStep

StepBack = Callable[[ReverseStep, Tensor, Tensor, torch.Generator], Tensor]
"""(step, x_t, guessed x_0, generator) -> x_s."""


class StepBackSampler(Sampler):
    """Backwards with noise of another law; made for one walk, as it draws from a generator of its own.

    Args:
        back: One step.
        generator: Of its noise.
    """

    name: ClassVar[str] = "step-back"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def __init__(self, back: StepBack, generator: torch.Generator) -> None:
        self.back, self.generator = back, generator

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`; ``noise`` is not asked."""
        for here, there in path.steps:
            x0 = yield Question(x, here, "x0")
            step = ReverseStep(here, there)  # drawn on the CPU, so that every device gets the same
            x = self.back(step, x.cpu(), x0.cpu(), self.generator).to(x)
        return x


class OtherNoiseModel(GaussianModel):
    """A network denoiser under noise of another law.

    Args:
        data: See `GaussianModel`.
        denoiser: See `GaussianModel`.
        law: Of eps.
        back: One step of its own walk; None = DDIM.
        steps: Of a sample, when none are asked for.
    """

    def __init__(
        self, data: Data, denoiser: NetworkDenoiser, law: NoiseLaw, back: StepBack | None, steps: int
    ) -> None:
        super().__init__(data, denoiser, OtherNoiseObjective(law), Drawing(DdimSampler(), steps))
        self.law, self.back, self.gaussian = law, back, False

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
        """See `GaussianModel.sample`.

        Raises:
            SettingError: The sampler adds Gaussian noise, which this model never saw.
        """
        if sampler is not None and sampler.stochastic:
            raise SettingError(
                f"{sampler.name} adds Gaussian noise, and this model knows another: take a sampler without "
                "noise, such as ddim, or leave it out"
            )
        generator, grid = torch.Generator().manual_seed(seed), self.path(steps)
        level = grid.levels[0]
        ratio = torch.tensor(level.ratio, dtype=torch.float64)
        x = self.law.draw(torch.empty((n, *self.shape)), ratio, generator) * level.prior_deviation()
        if sampler is None:
            sampler = self.drawing.sampler if self.back is None else StepBackSampler(self.back, generator)
        asked = self.asked(n, labels) if denoiser is None else denoiser
        was_training = self.network.training
        self.network.eval()
        try:
            place = next(self.network.parameters()).device
            return sample(asked, sampler, grid, x.to(place), gaussian_noise(seed))
        finally:
            self.network.train(was_training)

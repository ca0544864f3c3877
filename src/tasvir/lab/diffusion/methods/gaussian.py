"""The model that most methods are: a network denoiser, an objective, and how samples are drawn.

What DDPM, score SDEs, EDM, VDM and rectified flow differ in is the schedule, what the network tells, which
errors count how much, and the walk; everything else stands here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.methods.base import Bound, Model
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.paths import Path, path
from tasvir.lab.diffusion.samplers.base import Noise, Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample, start
from tasvir.lab.diffusion.schedules.base import Schedule

LABEL_DROPOUT = 0.1
"""Share of examples whose class is hidden in training (Ho and Salimans 2022)."""

Likelihood = Callable[["GaussianModel", Tensor, int], Bound]
"""(model, data, seed) -> what it says of their likelihood."""


@dataclass(frozen=True)
class Drawing:
    """How a method draws samples when it is not told otherwise.

    Args:
        sampler: Which walk.
        steps: How many.
        spacing: A name of `paths.SPACINGS`.
        end: Least time at which the network is asked.
        to_data: Whether a last step goes on to sigma = 0.
    """

    sampler: Sampler
    steps: int
    spacing: str = "time"
    end: float = 1e-3
    to_data: bool = True


class GaussianModel(Model):
    """A network denoiser bound to data.

    Args:
        data: What is learned: shape and classes.
        denoiser: The network under its schedule.
        objective: What it is trained by.
        drawing: How samples are drawn.
        likelihood: How `bound` is found; None = this model has none.
        label_dropout: Share of examples whose class is hidden in training.
    """

    def __init__(
        self,
        data: Data,
        denoiser: NetworkDenoiser,
        objective: Objective,
        drawing: Drawing,
        likelihood: Likelihood | None = None,
        label_dropout: float = LABEL_DROPOUT,
    ) -> None:
        self.shape, self.classes, self.levels = data.shape, data.classes or 0, data.levels
        self.denoiser, self.objective, self.drawing = denoiser, objective, drawing
        self.likelihood, self.label_dropout = likelihood, label_dropout
        self.network = denoiser.network

    gaussian: bool = True
    """Whether its noise is Gaussian; if not, it takes walks without fresh noise alone, and cannot teach."""

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    @property
    def conditional(self) -> bool:
        """Whether the network is told classes."""
        return any(getattr(part, "classes", None) is not None for part in self.network.modules())

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`."""
        if labels is None or not self.conditional:
            return self.objective.loss(self.denoiser, data, None, generator)
        hidden = torch.rand(len(labels), generator=generator, device=labels.device) < self.label_dropout
        return self.objective.loss(self.denoiser, data, labels.masked_fill(hidden, self.classes), generator)

    def path(self, steps: int | None = None, spacing: str | None = None) -> Path:
        """The grid of so many steps; None = the method's own."""
        own = self.drawing
        return path(
            self.schedule,
            own.steps if steps is None else steps,
            own.spacing if spacing is None else spacing,
            end=own.end,
            to_data=own.to_data,
        )

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
        """See `Model.sample`.

        Args:
            n: How many.
            seed: Of the first noise and of the walk's.
            sampler: Which walk; None = the method's own.
            steps: How many; None = the method's own.
            labels: Classes asked for, [n] int64.
            denoiser: Who answers in the model's place: guided, scaled, averaged; of the same schedule.

        Raises:
            SettingError: Classes of a model that knows none, or not n of them; or Gaussian noise for a model
                of another.
        """
        walk = sampler or self.drawing.sampler
        if walk.stochastic and not self.gaussian:
            raise SettingError(
                f"{walk.name} adds Gaussian noise, and this model knows another: take a sampler without "
                "noise, such as ddim"
            )
        grid, noise = self.path(steps), gaussian_noise(seed)
        x = self.begin(n, grid, noise)
        answering = self.asked(n, labels) if denoiser is None else denoiser
        was_training = self.network.training
        self.network.eval()
        try:
            return sample(answering, walk, grid, x, noise)
        finally:
            self.network.train(was_training)

    def begin(self, n: int, grid: Path, noise: Noise) -> Tensor:
        """n examples of nothing but noise at the grid's first level, where the network lies."""
        place = next(self.network.parameters()).device
        return start((n, *self.shape), grid, noise, torch.empty((), device=place))

    def asked(self, n: int, labels: Tensor | None) -> NetworkDenoiser:
        """The denoiser for n examples of classes.

        Raises:
            SettingError: See `sample`.
        """
        if labels is None:
            return self.denoiser.given(None)
        if not self.conditional:
            raise SettingError("this model was not trained with classes: train with conditional=true")
        if len(labels) != n or int(labels.min()) < 0 or int(labels.max()) >= self.classes:
            raise SettingError(f"give {n} classes of 0 to {self.classes - 1}, one for each sample")
        return self.denoiser.given(labels)

    def bound(self, data: Tensor, seed: int) -> Bound | None:
        """See `Model.bound`."""
        return None if self.likelihood is None else self.likelihood(self, data, seed)

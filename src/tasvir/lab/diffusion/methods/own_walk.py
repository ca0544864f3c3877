"""Models whose way to data is their own: they choose no sampler and no class, only how many steps."""

from __future__ import annotations

import time
from abc import abstractmethod

import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled


def count_of(sampler: Sampler | None, steps: int | None, labels: Tensor | None, own: int) -> int:
    """How many steps to take: those asked for, else the model's own.

    Raises:
        SettingError: A sampler or classes, which such a model does not take, or no steps.
    """
    if sampler is not None:
        raise SettingError(f"{sampler.name} is not for this model, which walks its own way: leave it out")
    if labels is not None:
        raise SettingError("this model was not trained with classes: leave labels out")
    if steps is not None and steps < 1:
        raise SettingError(f"{steps} steps: ask for 1 or more")
    return own if steps is None else steps


class OwnWalkModel(Model):
    """A model that says in `walk` how samples come about; a subclass sets ``steps``."""

    steps: int
    """Of a sample, when none are asked for."""

    @abstractmethod
    def walk(self, n: int, steps: int, seed: int) -> Tensor:
        """n samples in the units of `Data`, in so many steps of one evaluation each.

        Raises:
            SettingError: The model cannot do so many steps.
        """

    @torch.no_grad()
    def sample(
        self,
        n: int,
        seed: int,
        *,
        sampler: Sampler | None = None,
        steps: int | None = None,
        labels: Tensor | None = None,
    ) -> Sampled:
        """See `Model.sample`.

        Raises:
            SettingError: A sampler or classes, which it does not take, or steps that it cannot do.
            NotFiniteError: Samples came out as NaN or infinity.
        """
        count, began = count_of(sampler, steps, labels, self.steps), time.perf_counter()
        x = self.walk(n, count, seed)
        if not bool(torch.isfinite(x).all()):
            raise NotFiniteError(
                f"samples are not finite after {count} evaluations: train longer, or take more steps"
            )
        return Sampled(x, count, time.perf_counter() - began)

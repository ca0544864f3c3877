"""What a generative family is: it fits data, draws samples, and says what it can of their likelihood."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.training.configuration import WEIGHTS
from tasvir.lab.training.loop import Report, fit
from tasvir.lab.training.settings import LoopSettings, Recipe


@dataclass(frozen=True)
class FitCost:
    """What a fit took.

    Args:
        seconds: Of CPU time of the process, all threads together.
        steps: Of the optimiser.
        parameters: Numbers that were learnt.
    """

    seconds: float
    steps: int
    parameters: int


class Family(ABC):
    """A family of generative models, bound to data by `fit`. One file each, and one entry-point line."""

    name: ClassVar[str]
    source: ClassVar[str]
    """Who proposed it: authors, year, and the thesis' section."""
    kinds: ClassVar[tuple[Kind, ...]] = ("points", "images")
    """What data it takes."""
    no_likelihood: str | None = None
    """Why `log_prob` gives None, None where it gives something; `build` may settle it by the data."""
    recipe: ClassVar[Recipe] = Recipe(average_decay=0.999, examples="examples")
    """How its training goes."""
    batch: int = 256
    lr: float = 2e-3
    """Examples a step and peak learning rate unless asked otherwise; `build` may settle them by the data."""

    network: nn.Module

    @abstractmethod
    def build(self, data: Data) -> nn.Module:
        """The small network that suits the data, untrained; keeps what must be known of them."""

    @abstractmethod
    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """One number with gradients to the network, of a batch in `Data`'s units; figures for the curve."""

    @abstractmethod
    def sample(self, n: int, seed: int) -> Sampled:
        """n samples in the units of `Data`, how often a network was run for them, and how long it took."""

    def log_prob(self, x: Tensor, seed: int = 0) -> Bound | None:
        """Log-likelihood of examples [N, ...] in nats or a bound of it; None: see ``no_likelihood``."""
        return None

    def fit(self, data: Data, settings: LoopSettings, report: Report | None = None) -> FitCost:
        """Learn from data; weights, curve and checkpoint come into the settings' folder.

        Args:
            data: Of a kind that it takes.
            settings: Budget, seed, place; resumable.
            report: See `tasvir.lab.training.loop.fit`.

        Raises:
            SettingError: Data of another kind.
            RecordError, OutputError, NotFiniteError, KeyboardInterrupt: See `tasvir.lab.training.loop.fit`.
        """
        if data.kind not in self.kinds:
            raise SettingError(
                f"{self.name} learns {' and '.join(self.kinds)}, and {data.name} are {data.kind}"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = self.build(data).train()
        began, task = time.process_time(), _FamilyTask(self, data)
        fit(task, settings, report, recipe=self.recipe)
        count = sum(parameter.numel() for parameter in self.network.parameters())
        return FitCost(time.process_time() - began, task.steps, count)


class _FamilyTask:
    """A family and its data, as the loop wants them."""

    def __init__(self, family: Family, data: Data) -> None:
        self.family, self.data, self.steps = family, data, 0
        self.name, self.lr, self.batch = family.name, family.lr, family.batch

    def network(self) -> nn.Module:
        return self.family.network

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        self.steps += 1
        chosen = torch.from_numpy(rng.integers(len(self.data.train), size=batch))
        return self.family.loss(self.data.train[chosen], noise)

    def finish(self, out: Path) -> None:
        self.family.network.eval()
        tensors: dict[str, Any] = dict(self.family.network.state_dict())
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, out / WEIGHTS)

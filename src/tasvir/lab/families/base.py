"""What a generative family is: it fits data, draws samples, and says what it can of their likelihood."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tasvir.errors import RecordError, SettingError
from tasvir.lab.data.base import Data, Kind
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.keeping import FitCost, Kept, agree, read_kept
from tasvir.lab.training.checkpoints import stored_state
from tasvir.lab.training.configuration import WEIGHTS, DataFacts
from tasvir.lab.training.loop import Report, fit
from tasvir.lab.training.settings import LoopSettings, Recipe


class Family(ABC):
    """A family of generative models, bound to data by `fit` or `open`. One file each, one entry-point line.

    Every parameter of a family's constructor is an option, and an attribute of the same name.
    """

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
        """The small network that suits the data, untrained; keeps what must be known of them.

        What it works out from the data is a buffer of the network and so is kept with the weights; buffers of
        real numbers are averaged as weights are.
        """

    @abstractmethod
    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """One number with gradients to the network, of a batch in `Data`'s units; figures for the curve."""

    @abstractmethod
    def sample(self, n: int, seed: int) -> Sampled:
        """n samples in the units of `Data`, how often a network was run for them, and how long it took."""

    def log_prob(self, x: Tensor, seed: int = 0) -> Bound | None:
        """What it says of examples [N, ...] in nats, exactly or as a bound; None: see ``no_likelihood``.

        Of points and of pictures without levels the density in the units of `Data`; of pictures of known
        levels the probability of the levels, with its bits a dimension.
        """
        return None

    def options(self) -> dict[str, Any]:
        """What it was made with."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def fit(self, data: Data, settings: LoopSettings, report: Report | None = None) -> FitCost:
        """Learn from data; weights, curve and checkpoint come into the settings' folder.

        Args:
            data: Of a kind that it takes.
            settings: Budget, seed, place; resumable. Families are fitted on the CPU, which their networks are
                made for, and dtype "auto" is float32: densities need the digits.
            report: See `tasvir.lab.training.loop.fit`.

        Raises:
            SettingError: Data of another kind, another device, or a resumed fit was begun otherwise.
            RecordError, OutputError, NotFiniteError, KeyboardInterrupt: See `tasvir.lab.training.loop.fit`.
        """
        if data.kind not in self.kinds:
            raise SettingError(
                f"{self.name} learns {' and '.join(self.kinds)}, and {data.name} are {data.kind}"
            )
        if settings.device not in ("auto", "cpu"):
            raise SettingError(f"device is {settings.device!r}: families are fitted on the CPU, leave it out")
        if settings.dtype == "auto":
            settings = replace(settings, dtype="float32")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = self.build(data).train()
        task, out = _FamilyTask(self, data), settings.out
        stored_state(out, task.name, settings.resume)  # no run of something else is written over
        asked = Kept(self.name, self.options(), data.name, DataFacts.of(data), settings.seed)
        agree(out, asked)
        fit(task, settings, report, recipe=self.recipe)
        state = stored_state(out, task.name, resume=True)
        assert state is not None
        count = sum(parameter.numel() for parameter in self.network.parameters())
        cost = FitCost(state["elapsed"], state["step"], state["step"] * state["begun_with"]["batch"], count)
        replace(asked, cost=cost).write(out)
        return cost

    def open(self, folder: Path, data: Data) -> FitCost:
        """Be what was fitted there to the same data, ready to sample; tells what the fit took.

        Raises:
            RecordError: No fit is there, it is not over, or its weights do not fit.
            SettingError: It is of another family, of other data or other options.
        """
        kept = read_kept(folder)
        if kept.cost is None:
            raise RecordError(f"the fit in {folder} is not over: let it end by resuming it")
        agree(folder, Kept(self.name, self.options(), data.name, DataFacts.of(data), kept.seed))
        with torch.random.fork_rng(devices=[]):
            self.network = self.build(data)
        try:
            self.network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as problem:
            raise RecordError(
                f"the weights in {folder} cannot be read ({problem}): remove that folder to fit it again"
            ) from problem
        self.network.eval()
        return kept.cost


class _FamilyTask:
    """A family and its data, as the loop wants them."""

    def __init__(self, family: Family, data: Data) -> None:
        self.family, self.data, self.name = family, data, f"{family.name} of {data.name}"
        self.lr, self.batch = family.lr, family.batch

    def network(self) -> nn.Module:
        return self.family.network

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        chosen = torch.from_numpy(rng.integers(len(self.data.train), size=batch))
        return self.family.loss(self.data.train[chosen], noise)

    def finish(self, out: Path) -> None:
        self.family.network.eval()
        tensors: dict[str, Any] = dict(self.family.network.state_dict())
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, out / WEIGHTS)

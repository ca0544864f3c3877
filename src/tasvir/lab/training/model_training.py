"""Training of a model of the laboratory: batches of its data, the loop's steps, weights with their config."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.training.configuration import WEIGHTS, RunConfig
from tasvir.lab.training.looking import Looking
from tasvir.lab.training.loop import Report, fit
from tasvir.lab.training.settings import LoopSettings, Recipe


class ModelTask:
    """A model and its data, as the loop wants them.

    Args:
        model: On its device.
        data: To train with.
        config: How the run was begun.
        looking: Draws the last samples.
    """

    def __init__(self, model: Model, data: Data, config: RunConfig, looking: Looking) -> None:
        self.model, self.data, self.config, self.looking = model, data, config, looking
        self.name, self.lr, self.batch = config.method, config.lr, config.batch
        self.device = next(model.network.parameters()).device

    def network(self) -> nn.Module:
        """See `Task`."""
        return self.model.network

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        """See `Task`: the model's loss on examples drawn with replacement."""
        chosen = torch.from_numpy(rng.integers(len(self.data.train), size=batch))
        labels = None if self.data.train_labels is None else self.data.train_labels[chosen].to(self.device)
        if self.device.type != "cpu":  # methods draw where the data lie
            seed = int(torch.randint(2**62, (), generator=noise))
            noise = torch.Generator(self.device).manual_seed(seed)
        loss = self.model.loss(self.data.train[chosen].to(self.device), labels, noise).mean()
        return loss, {"loss": float(loss.detach())}

    def finish(self, out: Path) -> None:
        """See `Task`: weights, their hash in config.json, and samples."""
        self.model.network.eval()
        tensors = {key: value.contiguous().clone() for key, value in self.model.network.state_dict().items()}
        part = out / f"{WEIGHTS}.part"
        save_file(tensors, part)
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        part.replace(out / WEIGHTS)
        replace(self.config, weights_sha256=digest).write(out)
        self.looking.draw("final.png")


def recipe_of(config: RunConfig) -> Recipe:
    """How the loop shall go.

    Raises:
        SettingError: A number is out of its range.
    """
    return Recipe(
        average_decay=config.average_decay,
        decay_from=config.decay_from,
        examples="pictures" if config.facts.kind == "images" else "examples",
    )


def train_model(
    model: Model,
    data: Data,
    config: RunConfig,
    settings: LoopSettings,
    recipe: Recipe,
    *,
    look_minutes: float = 2.0,
    report: Report | None = None,
) -> Path:
    """Train a model until the budget is spent; the folder then holds weights, config, curve and samples.

    Args:
        model: Fresh, on its device.
        data: What it was bound to.
        config: How the run was or is begun.
        settings: Budget and place.
        recipe: What `recipe_of` gave.
        look_minutes: Between two pictures of samples; 0 = at the end alone.
        report: See `fit`.

    Raises:
        RecordError, SettingError, OutputError, NotFiniteError, KeyboardInterrupt: See `fit`.
    """
    looking = Looking(model, data.kind, data.shape, settings.out, look_minutes)
    return fit(ModelTask(model, data, config, looking), settings, report, recipe=recipe, on_the_way=looking)

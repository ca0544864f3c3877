"""Training of a stack: all its models take their steps together, each on the batches of its seed.

The sum of the models' losses is differentiated: no model's gradient holds anything of another's. Nothing is
clipped or averaged, which would couple them. After each epoch the automatic weightings look at what
modalities generate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tasvir.lab.multimodal.dice import NOISE, ORDER, Dice
from tasvir.lab.multimodal.divergences import Estimator, cross_divergences
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Noise, Objective, bounds
from tasvir.lab.training.loop import Report, fit
from tasvir.lab.training.memory import keep_freed_memory
from tasvir.lab.training.settings import LoopSettings, Recipe

LOOKED_AT = 100
"""Training examples that automatic weightings look at."""
POINTS = 20
"""Of the curve of the held-out bound, at most."""


@dataclass(frozen=True)
class Examples:
    """Data of every seed.

    Args:
        train: [G, N, d_m] a modality: what each seed learns from.
        test: [G or 1, N', d_m] a modality, never learnt from.
        test_labels: [N'] int64, or None.
    """

    train: tuple[Tensor, ...]
    test: tuple[Tensor, ...]
    test_labels: Tensor | None = None

    def __len__(self) -> int:
        return self.train[0].shape[1]


class TrainingStack(nn.Module):
    """A stack with what must outlive a kill: steps done, weights after each epoch, the held-out bound.

    Args:
        model: S models.
        epochs: How many there will be.
    """

    steps: Tensor
    history: Tensor
    curve: Tensor

    def __init__(self, model: StackedVAE, epochs: int) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("history", model.weights.expand(epochs + 1, *model.weights.shape).clone())
        self.register_buffer("curve", torch.zeros(min(POINTS, epochs), len(model)))


class StackTask:
    """A stack and its data, as the loop wants them.

    Args:
        name: Of the run.
        model: S models.
        examples: Of its seeds.
        objective: What is maximised.
        epochs: Through the training examples.
        batch: Examples a step, of each model.
        lr: Peak learning rate.
        estimator: Of the divergences that automatic weightings go by.
        looked_at: Training examples that they look at.
    """

    def __init__(
        self,
        name: str,
        model: StackedVAE,
        examples: Examples,
        objective: Objective,
        epochs: int,
        batch: int,
        lr: float,
        estimator: Estimator = "thesis",
        looked_at: int = LOOKED_AT,
    ) -> None:
        self.name, self.examples, self.objective = name, examples, objective
        self.epochs, self.batch, self.lr = epochs, batch, lr
        self.estimator, self.looked_at = estimator, looked_at
        self.stack = TrainingStack(model, epochs)
        self.model = model
        self.device = model.weights.device
        self._drawn: tuple[int, Tensor] | None = None

    @property
    def steps_of_epoch(self) -> int:
        """The last examples of an order that fill no batch are left out."""
        return max(1, len(self.examples) // self.batch)

    def network(self) -> nn.Module:
        """See `Task`."""
        return self.stack

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        """See `Task`; draws are the seeds' own, not the loop's."""
        step = int(self.stack.steps)
        epoch, place = divmod(step, self.steps_of_epoch)
        if place == 0:
            self._look(epoch)
        chosen = self._order(epoch)[:, place * batch : (place + 1) * batch]
        x = [self._batch(one, chosen) for one in self.examples.train]
        found = bounds(self.model, x, self.objective, noise_of(self.model, NOISE, step)).mean(1)
        self.stack.steps += 1
        return -found.sum(), {"bound": float(found.detach().mean())}

    def finish(self, out: Path) -> None:
        """See `Task`: the last look; weights are the loop's own checkpoint."""
        self._look(self.epochs)

    def _order(self, epoch: int) -> Tensor:
        """In which order each seed's examples come in an epoch, [G, N]; drawn once for all its steps."""
        if self._drawn is None or self._drawn[0] != epoch:
            order = Dice(self.model.seeds, ORDER, epoch, self.device).order(len(self.examples))
            self._drawn = (epoch, order)
        return self._drawn[1]

    def _batch(self, values: Tensor, chosen: Tensor) -> Tensor:
        """Examples [G, N, d] by [G, B], handed to every model: [S, B, d]."""
        picked = values[torch.arange(len(chosen), device=self.device)[:, None], chosen]
        return self.model.spread(picked)

    @torch.no_grad()
    def _look(self, epoch: int) -> None:
        """After an epoch: weights anew, and at times the held-out bound."""
        automatic = any(one.needs_divergences for one in self.model.weightings)
        if epoch and (automatic or self.model.heads):
            few = [self.model.spread(one[:, : self.looked_at]) for one in self.examples.train]
            if automatic:
                update_weights(self.model, cross_divergences(self.model, few, self.estimator))
            self.model.keep_learned(few)
        self.stack.history[epoch] = self.model.weights
        points = len(self.stack.curve)
        point = epoch * points // self.epochs - 1
        if epoch and point != (epoch - 1) * points // self.epochs - 1:
            test = [one[:, :1000].expand(len(self.model.seeds), -1, -1) for one in self.examples.test]
            held = bounds(
                self.model,
                [self.model.spread(one) for one in test],
                self.objective,
                noise_of(self.model, NOISE + 1, 0),
            )
            self.stack.curve[point] = held.mean(1)


def noise_of(model: StackedVAE, stream: int, step: int) -> Noise:
    """Draws of a stack's seeds for `bounds`, the same for every weighting."""
    dice = Dice(model.seeds, stream, step, model.weights.device)

    def draw(count: int, batch: int) -> tuple[Tensor, Tensor]:
        normal = model.spread(dice.normal(count, batch, model.latent))
        return normal.transpose(0, 1), model.spread(dice.uniform(batch))

    return draw


def update_weights(model: StackedVAE, divergences: Tensor) -> None:
    """Let every weighting have its shares anew, of divergences [M, M, S]."""
    for place, weighting in enumerate(model.weightings):
        own = model.of(place)
        model.weights[:, own] = weighting.updated(model.weights[:, own], divergences[:, :, own])


def train_stack(
    task: StackTask, out: Path, *, seed: int = 0, threads: int | None = None, report: Report | None = None
) -> Path:
    """Train a stack to its last epoch, or go on with what is in ``out``.

    Args:
        task: Model and data.
        out: Folder of checkpoints and curve.
        seed: Kept with the run; the models' seeds are their own.
        threads: CPU threads, None = torch's choice.
        report: See `fit`.

    Raises:
        RecordError, OutputError, NotFiniteError, KeyboardInterrupt: See `fit`.
    """
    keep_freed_memory()
    settings = LoopSettings(
        out=out,
        steps=task.epochs * task.steps_of_epoch,
        seed=seed,
        dtype="float32",
        resume=True,
        threads=threads,
    )
    recipe = Recipe(
        warm_up_steps=0,
        decay_from=0.8,
        gradient_clip=float("inf"),
        average_decay=0.0,
        examples="examples",
        fused=True,
    )
    return fit(task, settings, report, recipe=recipe)

"""A classifier of noisy examples, which guidance by a gradient needs, trained in seconds.

Trained on (x_t, class) with cross-entropy it tells p(class | x_t); on real and generated examples as two
classes it is the discriminator of Kim et al. (2023), whose logit is log p(x_t) / q(x_t).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.guidance.gradient import LogValue
from tasvir.lab.diffusion.networks.embedding import Embedding
from tasvir.lab.diffusion.networks.mlp import MlpBlock
from tasvir.lab.diffusion.schedules.base import Level, Schedule, shaped


class NoisyClassifier(nn.Module):
    """A perceptron over x_t and its noise level.

    Args:
        shape: Of one example.
        classes: How many.
        schedule: Under which x_t is noisy.
        deviation: Of the data, so that what enters is of unit variance at every level.
        width: Features.
        depth: Blocks.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        schedule: Schedule,
        deviation: float = 1.0,
        width: int = 64,
        depth: int = 2,
    ) -> None:
        super().__init__()
        self.schedule, self.deviation = schedule, deviation
        self.embedding = Embedding(width)
        self.enter = nn.Linear(torch.Size(shape).numel(), width)
        self.blocks = nn.ModuleList(MlpBlock(width) for _ in range(depth))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Logits [B, classes] of x [B, ...] at times [B]."""
        alpha, sigma = self.schedule.alpha(times), self.schedule.sigma(times)
        scale = (alpha**2 * self.deviation**2 + sigma**2).rsqrt()
        told = self.embedding(((sigma / alpha).log() / 4).clamp(-10, 10).float(), None)
        hidden = self.enter((x * shaped(scale, x)).flatten(1).float())
        for block in self.blocks:
            hidden = block(hidden, told)
        logits: Tensor = self.leave(hidden)
        return logits

    def _at(self, x: Tensor, level: Level) -> Tensor:
        return self.forward(x, torch.full((len(x),), level.t, dtype=torch.float64, device=x.device))

    def log_prob(self, labels: Tensor) -> LogValue:
        """log p(label | x_t) for classes [B] int64: classifier guidance."""

        def value(x: Tensor, level: Level) -> Tensor:
            logs = self._at(x, level).log_softmax(1)
            return logs.gather(1, labels[:, None]).squeeze(1).to(x)

        return value

    def log_ratio(self) -> LogValue:
        """log p(1 | x_t) - log p(0 | x_t), with real examples as class 1: discriminator guidance."""

        def value(x: Tensor, level: Level) -> Tensor:
            logits = self._at(x, level)
            return (logits[:, 1] - logits[:, 0]).to(x)

        return value


def trained_classifier(
    data: Tensor,
    labels: Tensor,
    schedule: Schedule,
    *,
    smallest: float = 1e-2,
    steps: int = 400,
    batch: int = 256,
    rate: float = 2e-3,
    seed: int = 0,
) -> NoisyClassifier:
    """Train a classifier on noisy examples.

    Args:
        data: [N, ...], clean.
        labels: [N] int64.
        schedule: Of the denoiser that is to be guided.
        smallest: Least time that it sees, as a share of the schedule's span.
        steps: Of Adam, with a rate that falls to 0 as a cosine.
        batch: Examples a step.
        rate: Learning rate.
        seed: Of weights, times and noise.

    Raises:
        SettingError: Not one label for each example.
    """
    if labels.shape != (len(data),):
        raise SettingError(f"{tuple(labels.shape)} labels for {len(data)} examples: give one for each")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = NoisyClassifier(tuple(data.shape[1:]), int(labels.max()) + 1, schedule, float(data.std()))
    optimiser = torch.optim.Adam(network.parameters(), rate)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    span = schedule.last - schedule.first
    for _ in range(steps):
        chosen = torch.randint(len(data), (batch,), generator=generator)
        share = smallest + (1 - smallest) * torch.rand(batch, generator=generator, dtype=torch.float64)
        times = schedule.first + span * share
        clean = data[chosen]
        noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype)
        x = clean * shaped(schedule.alpha(times), clean) + noise * shaped(schedule.sigma(times), clean)
        loss = nn.functional.cross_entropy(network(x, times), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
    return network.eval().requires_grad_(False)


def trained_discriminator(
    real: Tensor, generated: Tensor, schedule: Schedule, **settings: Any
) -> NoisyClassifier:
    """A discriminator of real [N, ...] from generated [M, ...] examples; settings as `trained_classifier`."""
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(generated))]).long()
    return trained_classifier(torch.cat([real, generated.to(real)]), labels, schedule, **settings)

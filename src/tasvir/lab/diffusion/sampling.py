"""Answers a sampler's walk with a denoiser: the one place where evaluations are counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler

OnAnswer = Callable[[int, Question, Tensor], None]
"""Takes how many questions were answered so far, the last of them and its answer."""


@dataclass(frozen=True)
class Sampled:
    """Samples and what they cost.

    Args:
        x: [B, ...].
        evaluations: How often the denoiser was asked (NFE), each time for the whole batch.
        seconds: Wall time.
    """

    x: Tensor
    evaluations: int
    seconds: float


def gaussian_noise(seed: int) -> Noise:
    """Standard normal noise of a seed, drawn on the CPU so that every device gets the same."""
    generator = torch.Generator().manual_seed(seed)

    def draw(like: Tensor) -> Tensor:
        drawn = torch.randn(like.shape, generator=generator, dtype=torch.float64)
        return drawn.to(device=like.device, dtype=like.dtype)

    return draw


def start(shape: tuple[int, ...], path: Path, noise: Noise, like: Tensor | None = None) -> Tensor:
    """Noise of the path's first level: N(0, sigma^2), the prior of every schedule here.

    Raises:
        SettingError: The path begins where noise alone does not stand for x_t.
    """
    empty = torch.empty(shape) if like is None else torch.empty(shape, dtype=like.dtype, device=like.device)
    return noise(empty) * path.levels[0].prior_deviation()


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    sampler: Sampler,
    path: Path,
    x: Tensor,
    noise: Noise,
    on_answer: OnAnswer | None = None,
) -> Sampled:
    """Walk from x to a sample.

    Args:
        denoiser: Who answers.
        sampler: Who asks.
        path: Through which levels.
        x: x_t at the path's first level, [B, ...].
        noise: For stochastic samplers.
        on_answer: Called after each evaluation: progress, trajectories.

    Raises:
        SettingError: The denoiser is of another schedule, or tells something of another shape.
        NotFiniteError: Samples came out as NaN or infinity.
    """
    if denoiser.schedule is not path.schedule:
        raise SettingError(
            "the path is of another schedule than the denoiser: make it from denoiser.schedule"
        )
    began, asked = time.perf_counter(), 0
    walk = sampler.walk(x, path, noise)
    question = next(walk)
    while True:
        answer = denoiser.predict(question.x, question.level, question.wants)
        asked += 1
        if answer.shape != question.x.shape:
            raise SettingError(f"the denoiser answered {tuple(answer.shape)} to {tuple(question.x.shape)}")
        if on_answer is not None:
            on_answer(asked, question, answer)
        try:
            question = walk.send(answer)
        except StopIteration as stop:
            return Sampled(_finite(stop.value, asked), asked, time.perf_counter() - began)


def _finite(x: Tensor, asked: int) -> Tensor:
    """The samples, if they are all finite; one look at the end costs no waiting in between."""
    broken = int((~torch.isfinite(x)).flatten(1).any(1).sum()) if x.numel() else 0
    if broken:
        raise NotFiniteError(
            f"{broken} of {len(x)} samples are not finite after {asked} evaluations: the network gave NaN "
            "or infinity, or the steps are too large for this sampler: take more or another one"
        )
    return x

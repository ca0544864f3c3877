"""Degradations without noise, and the two ways back: what cold diffusion is (Bansal et al. 2022).

D(x, t) leaves x alone at t = 0 and leaves of it at t = 1 what can be drawn from a law that is stated. A
restorer R guesses x out of D(x, t). The naive way is x_s = D(R(x_t), s); the improved one is x_s = x_t -
D(R(x_t), t) + D(R(x_t), s), in which R's errors cancel wherever D is nearly x + t e.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from tasvir.lab.diffusion.frequencies import kept, to_frequencies, to_pixels
from tasvir.lab.diffusion.schedules.base import shaped

Restore = Callable[[Tensor, Tensor], Tensor]
"""(x_t [B, ...], t [B]) -> guess of x_0."""
Way = Literal["improved", "naive"]


class Degradation(ABC):
    """D(x, t) for t of 0 to 1."""

    @abstractmethod
    def end(self, like: Tensor, colours: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of what D(x, 1) is, of the shape of ``like`` [B, ...].

        Args:
            like: On the CPU.
            colours: [2, C], mean and standard deviation of the mean of every channel over a picture.
            generator: Of the draws.
        """

    @abstractmethod
    def apply(self, x: Tensor, t: Tensor, end: Tensor) -> Tensor:
        """D(x, t) of examples [B, ...] at times [B]; ``end`` is what it comes to, where it can choose."""

    def completed(self, x: Tensor, guess: Tensor, t: Tensor, end: Tensor) -> Tensor:
        """What D comes to if ``guess`` was degraded to x: ``end``, where x does not tell."""
        return end


class InterpolationDegradation(Degradation):
    """(1 - t) x + t z, z an example of another law; the improved way guesses z anew with x.

    z is stripes of any direction and width for pictures, and uniform on a square of variance 1 for points.
    """

    def end(self, like: Tensor, colours: Tensor, generator: torch.Generator) -> Tensor:
        """See `Degradation.end`; ``colours`` are not needed."""
        if like.ndim == 2:
            return (2 * torch.rand(like.shape, generator=generator) - 1) * math.sqrt(3)
        turn, phase, waves = torch.rand(3, len(like), 1, 1, 1, generator=generator)
        rows, columns = (torch.linspace(0, 1, n) for n in like.shape[-2:])
        along = rows[:, None] * (math.pi * turn).sin() + columns * (math.pi * turn).cos()
        return torch.sin(2 * math.pi * ((1 + 2 * waves) * along + phase)).expand(like.shape)

    def apply(self, x: Tensor, t: Tensor, end: Tensor) -> Tensor:
        """See `Degradation.apply`."""
        share = shaped(t, x)
        return (1 - share) * x + share * end

    def completed(self, x: Tensor, guess: Tensor, t: Tensor, end: Tensor) -> Tensor:
        """See `Degradation.completed`: z out of x and the guess, or else guesses would only be averaged."""
        share = shaped(t, x)
        return (x - (1 - share) * guess) / share


class _ToColour(Degradation):
    """What ends in one even colour, which is drawn from the normal law of the data's mean colours."""

    def end(self, like: Tensor, colours: Tensor, generator: torch.Generator) -> Tensor:
        """See `Degradation.end`."""
        drawn = torch.randn(*like.shape[:2], 1, 1, generator=generator)
        mean, spread = colours.cpu()[:, :, None, None]
        even: Tensor = mean + spread * drawn
        return even.expand(like.shape)


class BlurDegradation(_ToColour):
    """Gaussian blur of side * t^2 pixels; of the slowest frequency 0.7 % are left at t = 1."""

    def apply(self, x: Tensor, t: Tensor, end: Tensor) -> Tensor:
        """See `Degradation.apply`; ``end`` is not needed."""
        blur = max(x.shape[-2:]) * t.double() ** 2
        return to_pixels(to_frequencies(x) * kept(blur, tuple(x.shape)).to(x))


class PixelationDegradation(_ToColour):
    """Means of squares that double in size, up to the whole picture."""

    def apply(self, x: Tensor, t: Tensor, end: Tensor) -> Tensor:
        """See `Degradation.apply`; ``end`` is not needed."""
        doublings = math.ceil(math.log2(max(x.shape[-2:])))
        times = (t * doublings - 1e-6).ceil().long()
        result = x.clone()
        for number in times.unique().tolist():
            if number:
                high, wide = (max(1, round(side / 2**number)) for side in x.shape[-2:])
                small = torch.nn.functional.adaptive_avg_pool2d(x[times == number], (high, wide))
                result[times == number] = torch.nn.functional.interpolate(small, size=x.shape[-2:])
        return result


DEGRADATIONS: dict[str, type[Degradation]] = {
    "interpolation": InterpolationDegradation,
    "blur": BlurDegradation,
    "pixelation": PixelationDegradation,
}


def restored(
    restore: Restore, degradation: Degradation, x: Tensor, end: Tensor, times: Sequence[float], way: Way
) -> Tensor:
    """Back along falling times (Bansal et al. 2022, algorithms 1 and 2); R is asked at all but the last.

    Args:
        restore: R.
        degradation: D.
        x: D(x_0, t) at the first time, [B, ...].
        end: What D was to come to.
        times: From 1 to 0.
        way: improved or naive.
    """
    for here, there in pairwise(times):
        t, s = (torch.full((len(x),), one, device=x.device) for one in (here, there))
        guess = restore(x, t)
        if way == "naive":
            x = degradation.apply(guess, s, end)
        else:
            end = degradation.completed(x, guess, t, end)
            x = x - degradation.apply(guess, t, end) + degradation.apply(guess, s, end)
    return x

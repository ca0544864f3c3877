"""Wear and tear on rendered pictures, so that the oracle also reads pictures of a generator it never saw.

Each effect is one function of pictures [N, 3, H, W] in [-1, 1] and a torch generator; labels stay as they
are, because no effect moves anything by more than two pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

CLEAN = 0.4
"""Share of pictures that stay as rendered."""


@torch.no_grad()
def wear(pictures: Tensor, seed: int) -> Tensor:
    """Worn copies of pictures; CLEAN of them untouched, on the others each effect with its own chance."""
    noise = torch.Generator().manual_seed(seed)
    worn = torch.rand(len(pictures), generator=noise) >= CLEAN
    result = pictures.clone()
    for effect, chance in EFFECTS:
        chosen = (
            (worn & (torch.rand(len(pictures), generator=noise) < chance)).nonzero()[:, 0].to(pictures.device)
        )
        if len(chosen):
            with torch.autocast(pictures.device.type, enabled=False):
                result[chosen] = effect(result[chosen], noise)
    return result.clamp_(-1, 1)


def _uniform(low: float, high: float, shape: tuple[int, ...], noise: torch.Generator, like: Tensor) -> Tensor:
    return (low + (high - low) * torch.rand(shape, generator=noise)).to(like)


def _number(low: float, high: float, noise: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=noise))


def shift_colors(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """A gain for the whole picture and a slowly varying colour cast."""
    cast = _uniform(-0.14, 0.14, (len(pictures), 3, 4, 4), noise, pictures)
    gain = _uniform(0.85, 1.12, (len(pictures), 1, 1, 1), noise, pictures)
    return pictures * gain + F.interpolate(cast, pictures.shape[2:], mode="bilinear")


def warp(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """A smooth displacement of at most two pixels."""
    number, _, height, width = pictures.shape
    reach = 4.0 / width
    cells = 5 if torch.rand((), generator=noise) < 0.5 else 12
    moves = _uniform(-reach, reach, (number, 2, cells, cells), noise, pictures)
    moves = F.interpolate(moves, (height, width), mode="bilinear").permute(0, 2, 3, 1)
    still = torch.eye(2, 3, device=pictures.device).expand(number, 2, 3)
    grid = F.affine_grid(still, [number, 1, height, width], align_corners=False)
    return F.grid_sample(pictures, grid + moves, padding_mode="border", align_corners=False)


def blur(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """A Gaussian of 0.4 to 1.6 pixels, or its opposite: too sharp, with halos."""
    soft = _gaussian(pictures, _number(0.4, 1.6, noise))
    if torch.rand((), generator=noise) < 0.25:
        return pictures + _number(0.3, 1.2, noise) * (pictures - soft)
    return soft


def _gaussian(pictures: Tensor, sigma: float) -> Tensor:
    kernel = torch.exp(-0.5 * (torch.arange(-3.0, 4.0) / sigma) ** 2)
    shares: list[float] = (kernel / kernel.sum()).tolist()
    height, width = pictures.shape[2:]
    padded = F.pad(pictures, (3, 3, 3, 3), mode="replicate")
    rows = torch.zeros_like(padded[:, :, 3:-3])
    for step, share in enumerate(shares):
        rows.add_(padded[:, :, step : step + height], alpha=share)
    soft = torch.zeros_like(pictures)
    for step, share in enumerate(shares):
        soft.add_(rows[:, :, :, step : step + width], alpha=share)
    return soft


def smudge(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """Up to three soft spots of 2 to 7 pixels in colours of the picture."""
    number, _, height, width = pictures.shape
    rows, columns = (torch.arange(side, device=pictures.device).float() for side in (height, width))
    for _ in range(1 + int(torch.randint(3, (), generator=noise))):
        place = _uniform(0, 1, (number, 2), noise, pictures)
        radius = _uniform(2, 7, (number, 1), noise, pictures)
        across = torch.exp(-(((columns - place[:, :1] * width) / radius) ** 2))
        along = torch.exp(-(((rows - place[:, 1:] * height) / radius) ** 2))
        spot = (2 * along[:, :, None] * across[:, None]).clamp(max=1)[:, None]
        taken = torch.randint(height * width, (number, 1, 1), generator=noise).to(pictures.device)
        color = pictures.flatten(2).gather(2, taken.expand(number, 3, 1))[..., None]
        pictures = pictures + spot * (color - pictures)
    return pictures


def resample(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """Down to 40 to 75 % of the size and up again."""
    small = F.interpolate(pictures, scale_factor=_number(0.4, 0.75, noise), mode="bilinear", antialias=True)
    return F.interpolate(small, pictures.shape[2:], mode="bilinear")


def patch(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """Blocks of 8 or 16 pixels with their own cast, some of them flattened towards their mean."""
    side = 8 if torch.rand((), generator=noise) < 0.5 else 16
    cells = pictures.shape[2] // side
    cast = _uniform(-0.16, 0.16, (len(pictures), 3, cells, cells), noise, pictures)
    cast = cast * (torch.rand((len(pictures), 1, cells, cells), generator=noise) < 0.4).to(pictures)
    flat = _uniform(0.2, 0.7, (len(pictures), 1, cells, cells), noise, pictures)
    flat = flat * (torch.rand(flat.shape, generator=noise) < 0.12).to(pictures)
    means = F.avg_pool2d(pictures, side)
    cast, flat, means = (F.interpolate(values, scale_factor=side) for values in (cast, flat, means))
    return pictures + cast + flat * (means - pictures)


def shake(pictures: Tensor, noise: torch.Generator) -> Tensor:
    """White noise, half of the time coarse (two pixels)."""
    number, _, height, width = pictures.shape
    strength = _uniform(0.02, 0.16, (number, 1, 1, 1), noise, pictures)
    coarse = 2 if torch.rand((), generator=noise) < 0.5 else 1
    grain = torch.randn((number, 3, height // coarse, width // coarse), generator=noise).to(pictures)
    return pictures + strength * (F.interpolate(grain, scale_factor=coarse) if coarse > 1 else grain)


EFFECTS: tuple[tuple[Callable[[Tensor, torch.Generator], Tensor], float], ...] = (
    (smudge, 0.35),
    (warp, 0.45),
    (resample, 0.25),
    (blur, 0.4),
    (patch, 0.35),
    (shift_colors, 0.5),
    (shake, 0.35),
)

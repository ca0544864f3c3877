"""Laws whose truth is known, and rules by name."""

from __future__ import annotations

import pytest
import torch

from tasvir.lab.multimodal.oracle import LinearGaussian, line


@pytest.fixture
def three() -> LinearGaussian:
    """Three numbers of one code; their precisions are 1, 4 and 2.25."""
    return line((1.0, 2.0, 1.5), (1.0, 1.0, 1.0))


@pytest.fixture
def wide() -> LinearGaussian:
    """Three modalities of 2, 3 and 4 numbers of two codes; maps have orthogonal columns."""
    generator = torch.Generator().manual_seed(5)
    maps = []
    for width in (2, 3, 4):
        drawn = torch.randn(width, 2, generator=generator, dtype=torch.float64)
        maps.append(torch.linalg.qr(drawn).Q * torch.tensor([0.7, 1.6], dtype=torch.float64) * width)
    offsets = tuple(torch.randn(width, generator=generator, dtype=torch.float64) for width in (2, 3, 4))
    return LinearGaussian(tuple(maps), offsets, (0.5, 1.0, 2.0))


@pytest.fixture
def skew() -> LinearGaussian:
    """Two modalities of 1 and 4 numbers of three codes, no map orthogonal."""
    generator = torch.Generator().manual_seed(6)
    maps = tuple(torch.randn(width, 3, generator=generator, dtype=torch.float64) for width in (1, 4))
    offsets = tuple(torch.randn(width, generator=generator, dtype=torch.float64) for width in (1, 4))
    return LinearGaussian(maps, offsets, (0.8, 1.3))

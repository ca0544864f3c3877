"""FID, KID and inception score against torchmetrics and scipy on the same features.

    pip install torchmetrics scipy
    python benchmarks/sets_against_torchmetrics.py

torchmetrics is no dependency: its FID takes a feature extractor of one's own, here one that hands its input
through, and its kernel distance and score are functions. Printed: every pair of figures and their relative
difference; the exit code tells whether all are below 1e-5.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import poly_mmd

from tasvir.lab.distances import frechet_distance, inception_scores, squared_mmd

BOUND = 1e-5


class Through(nn.Module):
    """Hands features through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width

    def forward(self, features: Tensor) -> Tensor:
        return features


def main() -> None:
    worst = 0.0
    for n, m, d in ((500, 400, 64), (3000, 2500, 256), (60, 50, 128)):
        dice = np.random.default_rng(d)
        x = dice.standard_normal((n, d)) @ dice.standard_normal((d, d)) / d**0.5 + 0.2
        y = dice.standard_normal((m, d))
        size = min(n, m)
        print(f"{n} and {m} pictures, {d} features")
        worst = max(
            worst,
            _shown("FID, torchmetrics", frechet_distance(x, y), _fid(x, y)),
            _shown("FID, scipy", frechet_distance(x, y), _by_root(x, y)) if min(n, m) > d else 0.0,
            _shown("KID", squared_mmd(x[:size], y[:size]), float(poly_mmd(_t(x[:size]), _t(y[:size])))),
        )
    chances = np.random.default_rng(0).dirichlet(np.full(40, 0.1), 300)
    score = InceptionScore(feature=Through(40), splits=1)
    score.set_dtype(torch.float64)
    score.update(torch.from_numpy(np.log(chances + 1e-300)))
    worst = max(worst, _shown("IS", float(inception_scores(chances, 1)[0]), float(score.compute()[0])))
    print(f"worst relative difference {worst:.1e}, bound {BOUND:.0e}")
    sys.exit(worst > BOUND)


def _t(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values)


def _fid(x: np.ndarray, y: np.ndarray) -> float:
    metric = FrechetInceptionDistance(feature=Through(x.shape[1]))
    metric.set_dtype(torch.float64)
    metric.update(_t(y), real=True)
    metric.update(_t(x), real=False)
    return float(metric.compute())


def _by_root(x: np.ndarray, y: np.ndarray) -> float:
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return float(
        ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * sqrtm(first @ second).real)
    )


def _shown(name: str, ours: float, theirs: float) -> float:
    difference = abs(ours - theirs) / max(abs(theirs), 1e-12)
    print(f"  {name:18} {ours:14.8f} {theirs:14.8f}  {difference:.1e}")
    return difference


if __name__ == "__main__":
    main()

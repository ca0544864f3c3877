"""The Fréchet distance of Gaussians that have the moments of two sets. Numpy alone, float64.

|mu_x - mu_y|^2 + Tr(S_x + S_y - 2 (S_x S_y)^(1/2)) (Dowson & Landau 1982): the squared W2 of those Gaussians;
of features of a network it is FID (Heusel et al. 2017), after which thesis 4.3.3 compares models.
"""

from __future__ import annotations

import numpy as np

from tasvir.lab.distances.arrays import Estimate, Matrix

Moments = tuple[Matrix, Matrix]
BLOCKS = 10
"""Pieces of which one at a time is left out for the interval of a Fréchet distance."""
T_BLOCKS = 2.2621571627409915
"""Two-sided 95 % quantile of Student's t with BLOCKS - 1 degrees of freedom."""


def frechet_distance(x: Matrix, y: Matrix) -> float:
    """|mu_x - mu_y|^2 + Tr(S_x + S_y - 2 (S_x S_y)^(1/2)), 0 or more.

    With S_x = A'A the trace of the root is the sum of the singular values of A B', which are no more than
    there are pictures or features: exact and quick for few pictures, where a matrix root is neither.

    Args:
        x: [n, d] features, n at least 2.
        y: [m, d].
    """
    return _between(_moments(x), _moments(y))


def _between(first: Moments, second: Moments) -> float:
    (mean_x, root_x), (mean_y, root_y) = first, second
    cross = np.linalg.svd(root_x @ root_y.T, compute_uv=False).sum()
    spread = (root_x**2).sum() + (root_y**2).sum() - 2 * cross
    return float(max(((mean_x - mean_y) ** 2).sum() + spread, 0.0))


def _moments(x: Matrix) -> Moments:
    """The mean, and a matrix A of at most d rows with A'A = the covariance (divisor n - 1)."""
    mean = x.mean(0)
    centred = (x - mean) / np.sqrt(len(x) - 1)
    if len(x) <= x.shape[1]:
        return mean, centred
    return mean, np.asarray(np.linalg.qr(centred, mode="r"), dtype=np.float64)


def frechet_jackknife(x: Matrix, y: Matrix, *, seed: int = 0) -> Estimate:
    """`frechet_distance` with the standard error and bias of a block jackknife over x (Kunsch 1989).

    A bootstrap would not do: drawing pictures twice lowers the rank of the covariance and so raises the
    distance. Ten random blocks; one at a time is left out.

    Args:
        x: [n, d], n at least 2 * BLOCKS.
        y: [m, d], taken as given.
        seed: Of the blocks.
    """
    other = _moments(y)
    whole = _between(_moments(x), other)
    blocks = np.array_split(np.random.default_rng(seed).permutation(len(x)), BLOCKS)
    left = np.array([_between(_moments(np.delete(x, block, axis=0)), other) for block in blocks])
    error = np.sqrt((BLOCKS - 1) / BLOCKS * ((left - left.mean()) ** 2).sum())
    return Estimate(whole, float(error), float((BLOCKS - 1) * (left.mean() - whole)))

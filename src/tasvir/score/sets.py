"""How far sets of features are apart, and how varied a set of class probabilities is. Numpy alone, float64.

Fréchet distance of Gaussians (Dowson & Landau 1982; as FID, Heusel et al. 2017), unbiased squared maximum
mean discrepancy with a cubic kernel (as KID, Binkowski et al. 2018), inception score (Salimans et al. 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasvir.score.statistics import Z95

Matrix = NDArray[np.float64]
Moments = tuple[Matrix, Matrix]
BLOCKS = 10
"""Pieces of which one at a time is left out for the interval of a Fréchet distance."""
T_BLOCKS = 2.2621571627409915
"""Two-sided 95 % quantile of Student's t with BLOCKS - 1 degrees of freedom."""
ROWS = 512
"""Rows of a kernel matrix that are in memory together."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with what is known of its error.

    Args:
        value: The figure.
        error: Its standard error, or None.
        bias: What the jackknife takes for its bias, or None.
    """

    value: float
    error: float | None = None
    bias: float | None = None


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


def kernel(x: Matrix, y: Matrix) -> Matrix:
    """(x.y / d + 1)^3, [n, m]."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def squared_mmd(x: Matrix, y: Matrix) -> float:
    """Unbiased squared maximum mean discrepancy; 0 on average for equal distributions, and so often below.

    Args:
        x: [n, d], n at least 2.
        y: [m, d], m at least 2.
    """
    n, m = len(x), len(y)
    own = [(values.sum() - np.trace(values)) for values in (kernel(x, x), kernel(y, y))]
    return float(own[0] / (n * (n - 1)) + own[1] / (m * (m - 1)) - 2 * kernel(x, y).mean())


def subset_mmds(x: Matrix, y: Matrix, size: int, subsets: int = 100, *, seed: int = 0) -> Matrix:
    """`squared_mmd` of random subsets of either set, drawn without replacement; [subsets].

    Where both sets are as small as a subset all subsets are the same.
    """
    if size == len(x) == len(y):
        return np.full(subsets, squared_mmd(x, y))
    dice = np.random.default_rng(seed)
    return np.array(
        [
            squared_mmd(
                x[dice.choice(len(x), size, replace=False)], y[dice.choice(len(y), size, replace=False)]
            )
            for _ in range(subsets)
        ]
    )


def mmd_error(x: Matrix, y: Matrix) -> float:
    """Standard error of `squared_mmd` of whole sets by the jackknife over either (Arvesen 1969).

    Args:
        x: [n, d], n at least 3.
        y: [m, d], m at least 3.
    """
    x_rows, x_cross = _row_sums(x, y)
    y_rows, y_cross = _row_sums(y, x)
    return float(np.sqrt(_left_out(x_rows, x_cross, len(y)) + _left_out(y_rows, y_cross, len(x))))


def _row_sums(x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    """For each x: the sum of its kernel with all other x, and with all y."""
    own, cross = [], []
    for start in range(0, len(x), ROWS):
        some = x[start : start + ROWS]
        within = kernel(some, x)
        own.append(within.sum(1) - within[np.arange(len(some)), start + np.arange(len(some))])
        cross.append(kernel(some, y).sum(1))
    return np.concatenate(own), np.concatenate(cross)


def _left_out(rows: Matrix, cross: Matrix, others: int) -> float:
    """Variance of the discrepancy over which picture is left out."""
    n = len(rows)
    own = (rows.sum() - 2 * rows) / ((n - 1) * (n - 2))
    left = own - 2 * (cross.sum() - cross) / ((n - 1) * others)
    return float((n - 1) / n * ((left - left.mean()) ** 2).sum())


def inception_scores(probabilities: Matrix, splits: int, *, seed: int = 0) -> Matrix:
    """exp(mean KL(p(class | picture) || p(class))) of each of so many random splits; 1 to classes.

    A split of k pictures scores k at most.

    Args:
        probabilities: [n, classes], rows that sum to 1.
        splits: At most n.
        seed: Of the order in which they are split.
    """
    order = np.random.default_rng(seed).permutation(len(probabilities))
    return np.array([_inception(probabilities[part]) for part in np.array_split(order, splits)])


def _inception(p: Matrix) -> float:
    share = p.mean(0)
    terms = np.zeros_like(p)
    np.divide(p, share, out=terms, where=p > 0)  # where p > 0, so is the mean
    np.log(terms, out=terms, where=p > 0)
    return float(np.exp(max((p * terms).sum(1).mean(), 0.0)))


def around(value: float, error: float, width: float = Z95) -> tuple[float, float]:
    """value -+ width * error."""
    return value - width * error, value + width * error

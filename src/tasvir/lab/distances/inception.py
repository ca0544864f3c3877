"""How varied a set of class probabilities is: the inception score (Salimans et al. 2016). Numpy, float64."""

from __future__ import annotations

import numpy as np

from tasvir.lab.distances.arrays import Matrix


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

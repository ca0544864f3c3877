"""Handwritten digits of 8 x 8 pixels and 17 grey levels that come with scikit-learn: nothing to download.

1797 pictures of the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998).
"""

from __future__ import annotations

import numpy as np
import torch

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.data.bytes_to_numbers import scaled

LEVELS, TEST = 17, 297
SEED = 1998
"""Of the split, which has no published form."""


def read() -> Data:
    """1500 digits to train and 297 to test with, [N, 1, 8, 8].

    Raises:
        SettingError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as problem:
        raise SettingError(
            f"digits come with scikit-learn, which is not installed ({problem}): pip install 'tasvir[lab]'"
        ) from problem
    found = load_digits()
    order = torch.from_numpy(np.random.default_rng(SEED).permutation(len(found.target)))
    pictures = scaled(torch.from_numpy(found.images), LEVELS)[:, None][order]
    labels = torch.from_numpy(found.target).long()[order]
    return Data(
        name="digits",
        kind="images",
        train=pictures[TEST:].contiguous(),
        test=pictures[:TEST].contiguous(),
        train_labels=labels[TEST:],
        test_labels=labels[:TEST],
        classes=10,
        levels=LEVELS,
    )

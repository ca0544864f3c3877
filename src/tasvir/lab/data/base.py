"""What data are to the laboratory: tensors, and what one must know of them to state a likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Kind = Literal["points", "images", "tokens", "sphere"]


@dataclass(frozen=True)
class Data:
    """Examples to train and to test with.

    Args:
        name: As the user names it: "2d:moons", "digits", "mnist".
        kind: points [N, D] of unit scale; images [N, C, H, W] in -1 to 1; tokens [N, L] int64; sphere
            [N, 3] of length 1.
        train: Examples to train with.
        test: Examples that are never trained with.
        train_labels: [N] int64 of classes, or None.
        test_labels: The same of the test examples.
        classes: How many classes there are, None without labels.
        levels: Values that a number can take (256: pixels of 8 bits, at -1 + 2 k / 255; vocabulary of
            tokens); None for real numbers. Bits a dimension are stated only where this is known.
        deviation: Standard deviation of all numbers of ``train``, which methods scale by; found out unless
            given. A trained model is opened without its examples, and this with it.
    """

    name: str
    kind: Kind
    train: Tensor
    test: Tensor
    train_labels: Tensor | None = None
    test_labels: Tensor | None = None
    classes: int | None = None
    levels: int | None = None
    deviation: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.deviation) and self.kind != "tokens" and self.train.numel() > 1:
            object.__setattr__(self, "deviation", float(self.train.std()))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example."""
        return tuple(self.train.shape[1:])

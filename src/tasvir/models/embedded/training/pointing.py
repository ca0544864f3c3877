"""Teaching words where to look: a noun's first look at the picture shall fall on the patches that show it.

Answers say little about which patch an answer hangs on, so attention finds things late. Here half of the
heads are told: a word that names a kind looks at that kind's patches, and at the class token where there is
none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasvir.models.embedded.recogniser_labels import KINDS
from tasvir.models.embedded.words import table
from tasvir.world.catalogue import catalogue
from tasvir.world.scene import Scene

HEADS = 2
"""So many heads are told where to look; the others look where they like."""
LEAST = 1e-4
"""Probability below which a look is not punished further."""


class Pointing:
    """Listens to a cross-attention and compares its looks with where things are.

    Args:
        attention: Of transformers' BLIP, the module that returns its probabilities second.
    """

    def __init__(self, attention: nn.Module) -> None:
        self._looks: Tensor | None = None
        attention.register_forward_hook(self._listen)

    def _listen(self, _module: nn.Module, _arguments: tuple[Any, ...], found: tuple[Tensor, Tensor]) -> None:
        self._looks = found[1]

    def loss(self, words: Tensor, scenes: Sequence[Scene], labels: NDArray[np.int64]) -> Tensor:
        """Mean surprise at where nouns look, in nats.

        Args:
            words: [N, T] tokens that were just read beside the pictures.
            scenes: Of the N pictures.
            labels: [N, patches] kind that each patch shows, another number where it shows none.
        """
        if self._looks is None:
            raise RuntimeError("nothing was looked at yet")
        looks = self._looks[:, :HEADS].float().mean(1)
        kinds = torch.from_numpy(_kind_of_word()).to(words.device)[words]
        shown = torch.from_numpy(labels).to(words.device)[:, None, :] == kinds[..., None]
        there = torch.from_numpy(_present(scenes)).to(words.device).gather(1, kinds.clamp(min=0))
        asked = (kinds >= 0) & (shown.any(-1) | ~there)
        found = torch.where(there, (looks[..., 1:] * shown).sum(-1), looks[..., 0])
        return -found.clamp(min=LEAST).log()[asked].mean()


@cache
def _kind_of_word() -> NDArray[np.int64]:
    """Number in KINDS of each token, -1 of those that name no kind."""
    kinds = np.full(len(table()), -1, np.int64)
    for kind in catalogue().values():
        for form in (kind.name, kind.plural):
            kinds[table()[form]] = KINDS.index(kind.name)
    return kinds


def _present(scenes: Sequence[Scene]) -> NDArray[np.bool_]:
    """[N, kinds] whether a scene holds a kind."""
    return np.array([[kind in {thing.kind for thing in scene.things} for kind in KINDS] for scene in scenes])

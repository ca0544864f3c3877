"""Sequences of tokens whose law is known, and digits as tokens: for diffusion over discrete data.

A Markov chain's entropy is a sum of its transitions' entropies, so how far a model's bound lies above it is
known to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import UnknownNameError
from tasvir.lab.data import digits
from tasvir.lab.data.base import Data

CHAINS = ("markov", "pairs")
"""Laws of tokens that are known."""
NAMES = (*CHAINS, "digits")
TRAIN, TEST = 20_000, 2_000
SEED = 2021
GREYS = 4
"""Grey levels of digits as tokens."""


@dataclass(frozen=True)
class Chain:
    """A Markov chain over tokens.

    Args:
        first: [K] probabilities of the first token.
        step: [K, K] probabilities of the next one, a row for each token before.
        length: L, tokens in a sequence.
    """

    first: Tensor
    step: Tensor
    length: int

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """[n, L] int64."""
        tokens = [torch.multinomial(self.first, n, replacement=True, generator=generator)]
        for _ in range(self.length - 1):
            tokens.append(torch.multinomial(self.step[tokens[-1]], 1, generator=generator)[:, 0])
        return torch.stack(tokens, 1)

    def log_probability(self, tokens: Tensor) -> Tensor:
        """Nats of sequences [N, L]: [N]."""
        told = self.first.log()[tokens[:, 0]]
        for one, other in zip(tokens[:, :-1].T, tokens[:, 1:].T, strict=True):
            told = told + self.step.log()[one, other]
        return told

    def entropy(self) -> float:
        """Nats of a whole sequence, exact."""
        share, total = self.first, _entropy(self.first)
        for _ in range(self.length - 1):
            total += float((share * torch.special.entr(self.step).sum(1)).sum())
            share = share @ self.step
        return total

    def table(self) -> Tensor:
        """Probability of every sequence, [K] * L; for short ones."""
        table = self.first
        for _ in range(self.length - 1):
            table = table[..., None] * self.step
        return table


def chain(name: str) -> Chain:
    """The law of tokens by name: markov (6 values, length 12) or pairs (4 values, length 2).

    Raises:
        UnknownNameError: No such law.
    """
    if name == "markov":
        values = 6
        away = (torch.arange(values)[:, None] - torch.arange(values)[None]).abs()
        step = torch.exp(-1.5 * away.double()) + 0.01
        step[:, 0] += 0.15  # so that it is not its own mirror
        step /= step.sum(1, keepdim=True)
        return Chain(torch.tensor([0.4, 0.1, 0.1, 0.1, 0.1, 0.2], dtype=torch.float64), step, 12)
    if name == "pairs":
        step = torch.full((4, 4), 0.05, dtype=torch.float64) + 0.8 * torch.eye(4, dtype=torch.float64).roll(
            1, 1
        )
        return Chain(torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64), step, 2)
    raise UnknownNameError(f"no law of tokens is called {name!r}; known: markov, pairs")


def read(name: str) -> Data:
    """Tokens to train and to test with.

    Args:
        name: One of `NAMES`: "digits" are 8 x 8 pixels of 4 grey levels, row by row.

    Raises:
        UnknownNameError: No such data.
        SettingError: scikit-learn is not installed, where digits come from.
    """
    if name not in NAMES:
        known = ", ".join(f"tokens:{one}" for one in NAMES)
        raise UnknownNameError(f"no tokens are called {name!r}; known: {known}")
    if name == "digits":
        found = digits.read()
        return Data(
            name="tokens:digits",
            kind="tokens",
            train=_greys(found.train),
            test=_greys(found.test),
            train_labels=found.train_labels,
            test_labels=found.test_labels,
            classes=found.classes,
            levels=GREYS,
        )
    law, generator = chain(name), torch.Generator().manual_seed(SEED)
    drawn = law.sample(TRAIN + TEST, generator)
    return Data(
        name=f"tokens:{name}", kind="tokens", train=drawn[:TRAIN], test=drawn[TRAIN:], levels=len(law.first)
    )


def _greys(pictures: Tensor) -> Tensor:
    """Pictures in -1 to 1 as tokens of `GREYS` levels, [N, L]."""
    return ((pictures.flatten(1) + 1) / 2 * GREYS).long().clamp(max=GREYS - 1)


def _entropy(share: Tensor) -> float:
    return float(torch.special.entr(share).sum())

"""Which combinations are held out from all training: the pairs in splits.toml, and whether a scene holds one.

A training scene holds none of them; a prompt of the suite needs at least one. So a picture of it tests
whether a model composes what it has seen apart.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from tasvir.world.scene import Placed

Split = Literal["train", "heldout", "any"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The held-out combinations, each in list form and as a table for constant-time look-up.

    Args:
        pairs: Unordered pairs of kinds.
        attributes: (colour or surface, kind).
        partners: For each kind, the kinds it never meets in training (empty for most).
        refused: For each kind, the colours and surfaces it never wears in training.
    """

    pairs: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...]
    partners: Mapping[str, frozenset[str]]
    refused: Mapping[str, frozenset[str]]

    def separates(self, kind: str, other: str) -> bool:
        """Whether two kinds are a held-out pair."""
        return other in self.partners.get(kind, ())

    def refuses(self, kind: str, attribute: str | None) -> bool:
        """Whether a colour or surface of a kind is held out."""
        return attribute in self.refused.get(kind, ())


@cache
def heldout() -> HeldOut:
    """What splits.toml holds out."""
    table = tomllib.loads(files(__package__).joinpath("splits.toml").read_text("utf-8"))
    pairs = tuple((str(a), str(b)) for a, b in table["pairs"])
    attributes = tuple((str(attribute), str(kind)) for attribute, kind in table["attributes"])
    both_ways = pairs + tuple((b, a) for a, b in pairs)
    return HeldOut(
        pairs,
        attributes,
        _grouped(both_ways),
        _grouped(tuple((kind, attribute) for attribute, kind in attributes)),
    )


def found_in(things: Sequence[Placed]) -> tuple[tuple[str, str], ...]:
    """All held-out combinations in a scene's things, each once: kind pairs and (attribute, kind)."""
    return found_among([(thing.kind, (thing.color, thing.surface)) for thing in things])


def found_among(things: Sequence[tuple[str, Sequence[str | None]]]) -> tuple[tuple[str, str], ...]:
    """The same for things given as (kind, its colour and surface; None = not stated)."""
    table = heldout()
    found: list[tuple[str, str]] = []
    for index, (kind, attributes) in enumerate(things):
        found += [(a, kind) for a in attributes if a is not None and table.refuses(kind, a)]
        found += [(kind, other) for other, _ in things[index + 1 :] if table.separates(kind, other)]
    return tuple(dict.fromkeys(found))


def _grouped(items: tuple[tuple[str, str], ...]) -> Mapping[str, frozenset[str]]:
    keys = {key for key, _ in items}
    return MappingProxyType({key: frozenset(value for k, value in items if k == key) for key in keys})

"""The kinds of things and the colours of the picture world, read from catalogue.toml and palette.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from tasvir.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing; the fields are explained at the head of catalogue.toml.

    Lengths are fractions of the picture's side (``height``) or of the thing's own box (``grip``, ``ride``,
    ``top``, ``under``, ``inside``); None where the kind cannot be used so.
    """

    name: str
    category: str
    color: str
    plural: str
    aspect: float
    height: float
    poses: tuple[str, ...] = ()
    directional: bool = False
    surfaces: bool = False
    zone: str = "any"
    holdable: bool = False
    grip: tuple[float, float] | None = None
    ride: float | None = None
    top: float | None = None
    under: float | None = None
    inside: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Shades:
    """A colour as three sRGB hex strings: its main tone, a darker and a lighter one."""

    main: str
    dark: str
    light: str


@cache
def catalogue() -> Mapping[str, Kind]:
    """All kinds by name, in the file's order."""
    tables = tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text("utf-8"))
    return MappingProxyType({name: _kind(name, table) for name, table in tables.items()})


@cache
def palette() -> Mapping[str, Shades]:
    """All colours by name, in the file's order."""
    tables = tomllib.loads(files(__package__).joinpath("palette.toml").read_text("utf-8"))
    return MappingProxyType({name: Shades(**table) for name, table in tables.items()})


def kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        UnknownNameError: The catalogue has no such kind.
    """
    try:
        return catalogue()[name]
    except KeyError:
        raise UnknownNameError(
            f"the picture world has no {name!r}; it has {', '.join(catalogue())}"
        ) from None


def _kind(name: str, table: dict[str, Any]) -> Kind:
    values: dict[str, Any] = {"plural": f"{name}s"}
    values |= {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Kind(name=name, **values)

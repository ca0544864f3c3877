"""Turns what was typed for `tasvir bench` into what a run is asked for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasvir.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    from tasvir.models.opening import Opening

MAX_SEED = 2**32 - 1


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read "0-3", "7" or "0,2,5-9".

    Raises:
        SettingError: Not whole numbers, or a range that ends before it begins.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})\s*(?:-\s*(\d{1,10})\s*)?", part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not low <= high <= MAX_SEED or high - low >= 10_000:
            raise SettingError(f"--seeds {text!r}: expected numbers or ranges such as 0-3 or 0,2,5")
        found += range(low, high + 1)
    return tuple(dict.fromkeys(found))


def parse_sweeps(texts: Sequence[str]) -> tuple[dict[str, Any], ...] | None:
    """Read NAME=VALUE,VALUE given any number of times: every value with every value of the others.

    Raises:
        SettingError: Nothing that can be swept, or a value of another kind.
    """
    axes: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or name.strip() not in _READ:
            raise SettingError(
                f"--sweep {text!r}: expected NAME=VALUE,VALUE with NAME one of {', '.join(_READ)}, such as "
                "steps=4,8,16"
            )
        try:
            read = [_READ[name.strip()](value.strip()) for value in values.split(",")]
        except ValueError as problem:
            kind = "whole numbers" if name.strip() == "steps" else "numbers"
            raise SettingError(f"--sweep {text!r}: expected {kind} with commas between them") from problem
        axes.setdefault(name.strip(), []).extend(read)
    if not axes:
        return None
    return tuple(dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values()))


def parse_side(text: str) -> int | str:
    """Read a size: "128", or "128x192"; one number where it is square.

    Raises:
        SettingError: Not in whole pixels, 16 to 4096.
    """
    from tasvir.app.cli.arguments import parse_size

    try:
        width, height = parse_size(f"{text}x{text}" if re.fullmatch(r"\s*\d+\s*", text) else text)
    except SettingError as problem:
        raise SettingError(f"size {text!r}: expected 128 or 128x192, in pixels, 16 to 4096 each") from problem
    return width if width == height else f"{width}x{height}"


def _name(text: str) -> str:
    from tasvir.generate.samplers import find_sampler

    find_sampler(text)
    return text


_READ: dict[str, Callable[[str], Any]] = {"size": parse_side, "steps": int, "scale": float, "sampler": _name}


def parse_models(
    texts: Sequence[str], derived: Sequence[str], known: Mapping[str, dict[str, Any]], opening: Opening
) -> dict[str, dict[str, Any]]:
    """Columns by name, as run.json keeps them.

    Args:
        texts: SPEC or NAME=SPEC.
        derived: NAME=OTHER.
        known: Columns that the run has already.
        opening: How they are opened.

    Raises:
        UnknownNameError: No such generator, guide, method or model.
        SettingError: Two columns of one name.
    """
    from tasvir.bench.models import BenchModel, parse_named

    origins = dict(_origin(text) for text in derived)
    found: dict[str, BenchModel] = {}
    for text in texts:
        name, spec = parse_named(text)
        if name in found and found[name].spec != spec:
            raise SettingError(f"two models are called {name!r}: give them names, NAME=SPEC")
        found[name] = BenchModel(name, spec, opening, {}, origins.get(name))
    for name, other in origins.items():
        missing = [one for one in (name, other) if one not in found and one not in known]
        if missing:
            there = ", ".join({**known, **found}) or "none"
            raise UnknownNameError(
                f"--derived {name}={other}: the run has no model {missing[0]!r}; it has: {there}"
            )
    again = {name: {**known[name], "derived_from": origins[name]} for name in origins if name not in found}
    return again | {name: model.to_dict() for name, model in found.items()}


def _origin(text: str) -> tuple[str, str]:
    name, equals, other = text.rpartition("=")
    if not equals or not name.strip() or not other.strip() or name.strip() == other.strip():
        raise SettingError(f"--derived {text!r}: expected NAME=OTHER, two models of the run")
    return name.strip(), other.strip()

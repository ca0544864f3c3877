"""A value with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval; either is None where there is none, and the reason says why."""

    value: float | None
    interval: tuple[float, float] | None = None
    reason: str = ""

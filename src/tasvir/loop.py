"""What the loop of pipeline.py is told and what it tells: switches, events, seeds, and which attempt is
best."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tasvir.errors import SettingError
from tasvir.records import Attempt, Trace, Usage

MAX_ROUNDS = 50
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Switches:
    """The two knobs of the loop, its seed and its ablations.

    Args:
        rounds: K, the most revisions and the most redesigns, 1 to 50.
        good: Score at which the loop stops, 1 to 5.
        seed: 0 to 2**32 - 1.
        guided: False draws once from the text alone.
        revise: Go over the plan before drawing.
        judging: Judge each picture; without it the last picture is shown.
        redesign: Redesign and draw again.

    Raises:
        SettingError: A number out of its range.
    """

    rounds: int = 5
    good: int = 5
    seed: int = 0
    guided: bool = True
    revise: bool = True
    judging: bool = True
    redesign: bool = True

    def __post_init__(self) -> None:
        for name, least, most in (("rounds", 1, MAX_ROUNDS), ("good", 1, 5), ("seed", 0, MAX_SEED)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise SettingError(f"{name} is {value!r}: give a whole number from {least} to {most}")


@dataclass(frozen=True, slots=True)
class Event:
    """A step begins ("plan", "revise", "draw", "judge", "redesign"), the loop has ended ("finished"), or an
    error breaks it off ("failed").

    Args:
        step: Which step.
        index: Revision number for "revise"; for "finished" and "failed" how many pictures there are; else the
            attempt worked for.
        trace: Everything up to here; valid and ready to be saved.
    """

    step: str
    index: int
    trace: Trace


def best_index(attempts: Sequence[Attempt]) -> int | None:
    """The best-judged attempt, the earlier of equals; the last where none was judged; None where there is
    none."""
    scores = [(attempt.verdict.score, attempt.index) for attempt in attempts if attempt.verdict is not None]
    if scores:
        return max(scores, key=lambda pair: pair[0])[1]
    return len(attempts) - 1 if attempts else None


class Spender(Protocol):
    """Who keeps count of its calls."""

    usage: Usage
    repairs: int


def spent(*guides: Spender | None) -> tuple[Usage, int]:
    """What guides have used together, and their repair rounds; one that has two roles counts once."""
    each = list({id(guide): guide for guide in guides if guide is not None}.values())
    return sum((guide.usage for guide in each), Usage()), sum(guide.repairs for guide in each)


def attempt_seed(seed: int, index: int) -> int:
    """The seed of an attempt, 0 to 2**32 - 1: the user's own for the first, a hash of both for the rest.

    So a layout that is drawn again looks different, and attempt 0 has the noise of a plain draw with the same
    seed.
    """
    digest = hashlib.sha256(f"tasvir attempt {seed} {index}".encode()).digest()
    return seed if index == 0 else int.from_bytes(digest[:4], "big")

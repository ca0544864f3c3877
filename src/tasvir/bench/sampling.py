"""Chooses some of a suite's prompts: a seeded sample, and the first so many.

A prompt's rank is the SHA-256 of seed and id; a sample takes the lowest ranks. So a sample hangs neither on
the order of the suite nor on a library's generator, and a larger sample of a seed holds every smaller one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from tasvir.errors import SettingError
from tasvir.records import SuitePrompt

Entry = TypeVar("Entry")


def choose(
    prompts: Sequence[SuitePrompt], sample: str | None = None, seed: int = 0, limit: int | None = None
) -> list[SuitePrompt]:
    """Some of the prompts, in the suite's order.

    Args:
        prompts: All of them; ids are unique.
        sample: "N-per-category" or "N" (of all); where there are fewer, all of them. None = no sampling.
        seed: What the sample is drawn from.
        limit: Of what is left, only so many, taken from the categories in turn. None = no limit.

    Raises:
        SettingError: Another form of sample, or a number below 1.
    """
    chosen = list(prompts)
    if sample is not None:
        match = re.fullmatch(r"(\d{1,9})(-per-category)?", sample.strip())
        if match is None or int(match[1]) == 0:
            raise SettingError(
                f"--sample {sample!r}: expected N-per-category or N, e.g. 1-per-category or 50"
            )
        groups = by_category(prompts, lambda entry: entry.category) if match[2] else [chosen]
        chosen = [entry for group in groups for entry in _drawn(group, int(match[1]), seed)]
    if limit is not None:
        if limit < 1:
            raise SettingError(f"--limit {limit}: give a number from 1")
        chosen = in_turns(_in_order(chosen, prompts), lambda entry: entry.category)[:limit]
    return _in_order(chosen, prompts)


def in_turns(entries: Sequence[Entry], category: Callable[[Entry], str]) -> list[Entry]:
    """The first of every category, then the second of every category, and so on."""
    groups = by_category(entries, category)
    longest = max(map(len, groups), default=0)
    return [group[index] for index in range(longest) for group in groups if index < len(group)]


def by_category(entries: Sequence[Entry], category: Callable[[Entry], str]) -> list[list[Entry]]:
    """The entries of each category, the categories in the order in which they first come."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(category(entry), []).append(entry)
    return list(groups.values())


def _drawn(group: Sequence[SuitePrompt], count: int, seed: int) -> list[SuitePrompt]:
    return sorted(group, key=lambda entry: hashlib.sha256(f"{seed}:{entry.id}".encode()).digest())[:count]


def _in_order(chosen: Sequence[SuitePrompt], prompts: Sequence[SuitePrompt]) -> list[SuitePrompt]:
    ids = {entry.id for entry in chosen}
    return [entry for entry in prompts if entry.id in ids]

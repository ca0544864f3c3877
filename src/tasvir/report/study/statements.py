"""How sentences are made: a key, names, and numbers that are references; nothing else can be said."""

from __future__ import annotations

from collections.abc import Iterable

from tasvir.report.study.values import Listed, Message, Name, Ref, Slot, Statement, Value


def say(key: str, among: Iterable[str] = (), /, **slots: Slot) -> Statement:
    """A statement; what it names by reference is its evidence, and so is what it chose among.

    Args:
        key: Of the catalogue.
        among: Ids of the values, or of whole sheets, that the claim was read from besides.
        slots: What stands in the places.
    """
    message = Message(key, dict(slots))
    return Statement(message, tuple(dict.fromkeys([*_refs(message), *among])))


def names(texts: Iterable[str]) -> Listed:
    return Listed(tuple(map(Name, texts)))


def interval_of(value: Value) -> Message:
    """ "95 % interval 0.1 to 0.2", or that there is none."""
    if value.low is None or value.high is None:
        return Message("part.no_interval")
    return Message("part.interval", {"low": Ref(value.id, "low"), "high": Ref(value.id, "high")})


def _refs(slot: Slot) -> Iterable[str]:
    if isinstance(slot, Ref):
        yield slot.id
    elif isinstance(slot, Message):
        for inner in slot.slots.values():
            yield from _refs(inner)
    elif isinstance(slot, Listed):
        for item in slot.items:
            yield from _refs(item)

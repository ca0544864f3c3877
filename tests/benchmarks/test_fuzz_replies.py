"""Broken replies of every kind end as a record that keeps its rules, or as a `ReplyError`."""

from __future__ import annotations

import importlib
import random
import time
from types import ModuleType

import pytest

from tasvir.records import Layout


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("fuzz_replies")


def test_nothing_but_records_and_reply_errors(module: ModuleType) -> None:
    found, seconds = module.fuzz(2_100, seed=1)
    assert len(seconds) == 2_100 and all(sum(counts.values()) == 100 for counts in found.values())
    assert found["good"] == {"at once": 100}
    for kind in ("cut off", "numbers in quotes", "too many", "deeply nested", "no JSON"):
        assert set(found[kind]) <= {"ReplyError", "at once"} and found[kind]["ReplyError"] >= 75, kind
    for kind in ("thousandths", "pixels of the picture", "pixels of another canvas"):
        assert set(found[kind]) == {"ReplyError"}, kind
    for kind in ("percent", "x, y, w, h", "swapped corners"):
        assert found[kind]["read in another format"] > 0, kind
    assert found["in prose or fences"]["at once"] > 50
    assert set().union(*found.values()) == {"at once", "repaired", "read in another format", "ReplyError"}


def test_a_hostile_reply_takes_no_longer_than_its_length_allows(module: ModuleType) -> None:
    """The slowest that is known: objects in objects up to where the decoder gives up, hundreds of times."""
    for reply in ('{"a":' * 16_000, '{"objects":' * 900 + "1" + "}" * 450, '{"' * 49_000, "[{" * 40_000):
        start = time.process_time()
        assert module.outcome(module.Scripted([reply] * 3), "redesign") == "ReplyError"
        assert time.process_time() - start < 5


def test_another_exception_is_told_with_the_replies(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(guide: object, skill: str) -> Layout:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(module, "asked", fail)
    with pytest.raises(RuntimeError, match=r"case 0, good, plan: KeyError\('a fault of ours'\) from '\{"):
        module.fuzz(1, seed=0)


def test_a_broken_layout_would_be_caught(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "asked", lambda guide, skill: Layout())
    with pytest.raises(RuntimeError, match="AssertionError"):
        module.fuzz(1, seed=0)


def test_every_kind_can_be_made_again(module: ModuleType) -> None:
    for make in module.KINDS.values():
        assert make(random.Random("a"), "plan") == make(random.Random("a"), "plan")

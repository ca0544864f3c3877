"""Samples of a suite: seeded, independent of its order, nested, spread over its categories."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from tasvir.bench.sampling import choose, in_turns
from tasvir.errors import SettingError
from tasvir.records import SuitePrompt
from tasvir.world.suite import CATEGORIES, world_suite

PROMPTS = [SuitePrompt(f"{letter}{number}", "a dog", letter) for number in range(9) for letter in "abc"][:-2]


def ids(chosen: list[SuitePrompt]) -> list[str]:
    return [entry.id for entry in chosen]


def test_one_a_category_is_the_one_of_the_lowest_hash() -> None:
    expected = {
        letter: min(
            (entry.id for entry in PROMPTS if entry.category == letter),
            key=lambda name: hashlib.sha256(f"7:{name}".encode()).hexdigest(),
        )
        for letter in "abc"
    }
    assert set(ids(choose(PROMPTS, "1-per-category", 7))) == set(expected.values())


def test_a_sample_hangs_on_its_seed_and_not_on_the_suites_order() -> None:
    one = ids(choose(PROMPTS, "2-per-category", 7))
    assert one == ids(choose(PROMPTS, "2-per-category", 7))
    assert sorted(one) == sorted(ids(choose(PROMPTS[::-1], "2-per-category", 7)))
    assert len({tuple(ids(choose(PROMPTS, "2-per-category", seed))) for seed in range(20)}) > 15
    assert Counter(entry.category for entry in choose(PROMPTS, "2-per-category")) == dict.fromkeys("abc", 2)


def test_a_larger_sample_holds_the_smaller_and_the_order_is_the_suites() -> None:
    before: set[str] = set()
    for count in range(1, 30):
        chosen = ids(choose(PROMPTS, str(count), 3))
        assert len(chosen) == min(count, len(PROMPTS)) and before <= set(chosen)
        assert chosen == [entry.id for entry in PROMPTS if entry.id in set(chosen)]
        before = set(chosen)
    assert ids(choose(PROMPTS, "100-per-category")) == ids(PROMPTS)


def test_every_prompt_is_drawn_about_equally_often() -> None:
    counts = Counter(name for seed in range(3000) for name in ids(choose(PROMPTS, "5", seed)))
    assert set(counts) == set(ids(PROMPTS))
    assert all(500 < count < 700 for count in counts.values())  # 600 expected, deviation 22


def test_a_limit_takes_the_categories_in_turn() -> None:
    assert ids(choose(PROMPTS, limit=4)) == ["a0", "b0", "c0", "a1"]
    assert len(choose(PROMPTS, "2-per-category", 1, limit=3)) == 3
    assert {entry.category for entry in choose(PROMPTS, "2-per-category", 1, limit=3)} == set("abc")
    assert ids(choose(PROMPTS)) == ids(PROMPTS)


def test_turns_of_the_world_suite() -> None:
    suite = world_suite()
    turns = in_turns(suite, lambda entry: entry.category)
    assert [entry.category for entry in turns[:14]] == [*CATEGORIES, *CATEGORIES, *CATEGORIES[:2]]
    by_category = {name: [entry for entry in suite if entry.category == name] for name in CATEGORIES}
    assert turns[:14] == [by_category[name][turn] for turn in range(3) for name in CATEGORIES][:14]
    assert sorted(entry.id for entry in turns) == sorted(entry.id for entry in suite)


@pytest.mark.parametrize("sample", ["", "0", "0-per-category", "-1", "one", "1-per-prompt", "1.5"])
def test_other_forms_of_sample_are_refused(sample: str) -> None:
    with pytest.raises(SettingError, match="expected N-per-category or N"):
        choose(PROMPTS, sample)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(SettingError, match="from 1"):
        choose(PROMPTS, limit=0)

"""The built-in suite comes in by the same door as a stranger's."""

from __future__ import annotations

from collections import Counter

from tasvir import registry
from tasvir.bench.base import Suite


def test_the_world_suite_is_a_plugin_with_unique_ids() -> None:
    prompts = registry.create("suites", "world", Suite).prompts()
    assert len({prompt.id for prompt in prompts}) == len(prompts) == 600
    assert set(Counter(prompt.category for prompt in prompts).values()) == {100}

"""Remembered texts: the same numbers as without, encoded once, and nothing left behind on the encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tasvir.models.hub.loading import open_pipeline
from tasvir.models.hub.text_memory import TextMemory
from tasvir.models.load import LoadSettings


@pytest.fixture
def pipeline(tiny: Callable[[str], Path]) -> Any:
    return open_pipeline(str(tiny("sd")), LoadSettings(device="cpu"))


def encoded(pipeline: Any, *texts: str) -> torch.Tensor:
    ids = pipeline.tokenizer(list(texts), padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        return pipeline.text_encoder(ids, attention_mask=None)[0]


def test_a_text_is_encoded_once_to_the_very_same_numbers(pipeline: Any) -> None:
    dog, cat = encoded(pipeline, "a dog"), encoded(pipeline, "a cat")
    memory = TextMemory(pipeline)
    with memory.at_work():
        first = encoded(pipeline, "a dog", "a cat", "a dog")
        second = encoded(pipeline, "a cat")
    assert torch.equal(first, torch.cat([dog, cat, dog])) and torch.equal(second, cat)
    assert (memory.misses, memory.hits) == (2, 2)


def test_what_is_done_to_an_answer_does_not_reach_the_memory(pipeline: Any) -> None:
    memory = TextMemory(pipeline)
    with memory.at_work():
        encoded(pipeline, "a dog").zero_()
        assert encoded(pipeline, "a dog").abs().sum() > 0


def test_encoders_are_left_as_they_were_even_after_an_error(pipeline: Any) -> None:
    memory = TextMemory(pipeline)
    with pytest.raises(KeyboardInterrupt), memory.at_work():
        assert "forward" in vars(pipeline.text_encoder)
        raise KeyboardInterrupt
    assert "forward" not in vars(pipeline.text_encoder)
    own = pipeline.text_encoder.forward
    pipeline.text_encoder.forward = own  # as offloading does
    with memory.at_work():
        pass
    assert vars(pipeline.text_encoder)["forward"] is own


def test_the_longest_unused_goes_when_it_gets_too_much(pipeline: Any) -> None:
    memory = TextMemory(pipeline)
    with memory.at_work():
        encoded(pipeline, "one")
    a_text = memory._bytes
    small = TextMemory(pipeline, most_bytes=2 * a_text)
    with small.at_work():
        for text in ("one", "two", "one", "three", "one", "two"):
            encoded(pipeline, text)
    assert (small.misses, small.hits) == (4, 2)  # "two" was dropped for "three"
    assert small._bytes <= 2 * a_text


def test_other_masks_are_other_texts(pipeline: Any) -> None:
    ids = pipeline.tokenizer("a dog", padding="max_length", max_length=77, return_tensors="pt").input_ids
    memory = TextMemory(pipeline)
    with memory.at_work(), torch.no_grad():
        for mask in (torch.ones_like(ids), (ids != 513).long()):
            pipeline.text_encoder(ids, attention_mask=mask)
    assert (memory.misses, memory.hits) == (2, 0)

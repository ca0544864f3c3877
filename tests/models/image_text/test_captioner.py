"""BLIP's captions through our loader against transformers by hand, on the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from transformers import AutoProcessor, BlipForConditionalGeneration

from tasvir.errors import HubError
from tasvir.models.image_text.captioner import BEAMS, LONGEST, open_captioner

Saved = Callable[[str], Path]


def test_captions_are_those_of_beam_search_by_hand(saved: Saved, pictures: list[Image.Image]) -> None:
    captioner = open_captioner(str(saved("captioner")))
    got = captioner.caption(pictures)
    network = BlipForConditionalGeneration.from_pretrained(saved("captioner")).eval()
    processor = AutoProcessor.from_pretrained(saved("captioner"))
    for picture, text in zip(pictures, got, strict=True):
        seen = processor(images=picture, return_tensors="pt")
        tokens = network.generate(**seen, num_beams=BEAMS, max_new_tokens=LONGEST)
        assert processor.decode(tokens[0], skip_special_tokens=True).strip() == text
    assert len(set(got)) > 1 and captioner.caption(pictures) == got
    assert captioner.caption([]) == []
    assert captioner.identity["beams"] == BEAMS


def test_a_model_of_another_kind_is_refused(saved: Saved) -> None:
    with pytest.raises(HubError):
        open_captioner(str(saved("clip")))

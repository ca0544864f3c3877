"""BLIP's answers through our loader against transformers by hand, on the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, BlipForQuestionAnswering

from tasvir.errors import HubError, SettingError
from tasvir.models.image_text.answerer import open_answerer

Saved = Callable[[str], Path]
ASKED = ["a dog?", "is there a red car in the picture?", "how many cats are there?"]


def test_probabilities_are_those_of_one_step_by_hand(saved: Saved, pictures: list[Image.Image]) -> None:
    got = open_answerer(str(saved("answerer"))).answer_probabilities(pictures, ASKED, ("yes", "no", "2"))
    network = BlipForQuestionAnswering.from_pretrained(saved("answerer")).eval()
    processor = AutoProcessor.from_pretrained(saved("answerer"))
    words = [processor.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no", "2")]
    for picture, question, row in zip(pictures, ASKED, got, strict=True):
        inputs = processor(images=picture, text=question, return_tensors="pt")
        step = network.generate(**inputs, max_new_tokens=1, return_dict_in_generate=True, output_logits=True)
        assert np.abs(step.logits[0][0].softmax(-1)[words].numpy() - row).max() < 1e-5
    assert np.ptp(got) > 1e-4


def test_another_size_interpolates_positions_and_is_told(saved: Saved, pictures: list[Image.Image]) -> None:
    """The tiny model looks at 32 pixels in patches of 8; here at 64."""
    folder = saved("answerer")
    answerer = open_answerer(str(folder), size=64)
    got = answerer.answer_probabilities(pictures, ASKED)
    network = BlipForQuestionAnswering.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    words = [processor.tokenizer.convert_tokens_to_ids(word) for word in ("yes", "no")]
    for picture, question, row in zip(pictures, ASKED, got, strict=True):
        inputs = processor(
            images=picture, text=question, return_tensors="pt", size={"height": 64, "width": 64}
        )
        assert inputs["pixel_values"].shape[-2:] == (64, 64)
        step = network.generate(
            **inputs,
            interpolate_pos_encoding=True,
            max_new_tokens=1,
            return_dict_in_generate=True,
            output_logits=True,
        )
        assert np.abs(step.logits[0][0].softmax(-1)[words].numpy() - row).max() < 1e-5
    native = open_answerer(str(folder))
    assert np.abs(native.answer_probabilities(pictures, ASKED) - got).max() > 1e-4
    assert native.identity != answerer.identity
    with pytest.raises(SettingError, match="multiples of 8"):
        open_answerer(str(folder), size=60)


def test_an_answer_does_not_hang_on_what_else_is_asked(saved: Saved, pictures: list[Image.Image]) -> None:
    answerer = open_answerer(str(saved("answerer")))
    together = answerer.answer_probabilities([*pictures, pictures[0]], [*ASKED, ASKED[1]])
    alone = [answerer.answer_probabilities([p], [q]) for p, q in zip(pictures, ASKED, strict=True)]
    assert np.abs(together[:3] - np.concatenate(alone)).max() < 1e-5
    assert np.abs(together[3] - answerer.answer_probabilities([pictures[0]], [ASKED[1]])).max() < 1e-5
    assert np.abs(together[3] - together[0]).max() > 1e-6  # the question counts


def test_transformers_blip_looks_at_padding_which_is_why_lengths_are_kept_apart(
    saved: Saved, pictures: list[Image.Image]
) -> None:
    """When this fails, transformers heeds the mask: `_of_one_length` may then batch what is padded."""
    network = BlipForQuestionAnswering.from_pretrained(saved("answerer")).eval()
    words = torch.randn(1, 4, 32, generator=torch.Generator().manual_seed(0))
    begin, mask = torch.tensor([[2]]), torch.tensor([[1, 1, 0, 0]])
    with torch.no_grad():
        masked = network.text_decoder(begin, encoder_hidden_states=words, encoder_attention_mask=mask).logits
        unmasked = network.text_decoder(begin, encoder_hidden_states=words).logits
        short = network.text_decoder(begin, encoder_hidden_states=words[:, :2]).logits
    assert torch.equal(masked, unmasked)
    assert not torch.allclose(masked, short, atol=1e-3)


def test_answers_must_be_single_known_words(saved: Saved, pictures: list[Image.Image]) -> None:
    answerer = open_answerer(str(saved("answerer")))
    for word in ("of course", "perhaps"):
        with pytest.raises(SettingError, match=word):
            answerer.answer_probabilities(pictures[:1], ASKED[:1], ("yes", word))
    with pytest.raises(ValueError, match="3 pictures, but 1"):
        answerer.answer_probabilities(pictures, ASKED[:1])
    assert answerer.answer_probabilities([], []).shape == (0, 2)
    assert answerer.truncated("dog " * 60) and not answerer.truncated("dog")


def test_a_model_of_another_kind_is_refused(saved: Saved) -> None:
    with pytest.raises(HubError):
        open_answerer(str(saved("clip")))

"""A frozen CLIP tower as the text encoder: numbers by hand, padding changes nothing, it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, PreTrainedTokenizerFast

from tasvir.errors import WeightsError
from tasvir.lab.training.checkpoints import begin_from
from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
from tasvir.models.embedded.clip_text import ClipTextEncoder
from tasvir.models.embedded.training.generator import GeneratorTask

WORDS = ("a", "ball", "car", "dog", "red")
PAD, BEGIN, END, UNKNOWN = range(4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLIP tower with a tokenizer of whole words."""
    out = tmp_path_factory.mktemp("clip")
    vocabulary = {word: number for number, word in enumerate(("<pad>", "<bos>", "<eos>", "<unk>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(out)
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=12, bos_token_id=BEGIN, eos_token_id=END,
        pad_token_id=PAD, projection_dim=16,
    )  # fmt: skip
    CLIPTextModelWithProjection(config).save_pretrained(out)
    return out


@pytest.fixture(scope="module")
def encoder(folder: Path) -> ClipTextEncoder:
    return ClipTextEncoder.from_clip(folder, width=192).eval()


def test_numbers_by_hand(encoder: ClipTextEncoder) -> None:
    # clip's numbers plus 1, between its begin and end; 0 pads
    expected = [[2, 5, 9, 8, 3], [2, 4, 3, 0, 0], [0, 0, 0, 0, 0]]
    assert encoder.tokenize(["a red dog", "zebra", ""]).tolist() == expected


def test_what_is_beyond_the_tower_is_cut_and_told(encoder: ClipTextEncoder) -> None:
    text = "a red ball a red car a red ball dog zebra"
    assert encoder.tokenize([text]).shape == (1, 12)
    assert encoder.unread(text) == ("zebra",)
    assert encoder.unread("a red dog", limit=4) == ("dog",)
    assert encoder.tokenize(["a red dog"], limit=4).shape == (1, 4)


def test_states_are_the_towers_own_and_padding_changes_nothing(
    folder: Path, encoder: ClipTextEncoder
) -> None:
    tower = CLIPTextModelWithProjection.from_pretrained(folder).eval()
    states = tower(input_ids=torch.tensor([[BEGIN, 4, 8, 7, END]])).last_hidden_state
    with torch.no_grad():
        alone, mask = encoder.encode_prompts(encoder.tokenize(["a red dog"]))
        padded, _ = encoder.encode_prompts(encoder.tokenize(["a red dog", "a red dog a red dog"]))
        torch.testing.assert_close(alone, encoder.project(states))
        torch.testing.assert_close(alone[0], padded[0, : alone.shape[1]])
        phrases = encoder.encode_phrases(encoder.tokenize(["a red dog", ""])[None])
        torch.testing.assert_close(phrases[0, 0], encoder.phrase(states[0, -1]))
    assert mask.all() and phrases.shape == (1, 2, 192)


def test_a_generator_learns_with_it_and_leaves_the_tower_alone(folder: Path, tmp_path: Path) -> None:
    task = GeneratorTask(torch.device("cpu"), 0, EmbeddedAutoencoder(width=8), folder, "sea")
    loss, _ = task.loss(np.random.default_rng(0), torch.Generator().manual_seed(0), 4)
    loss.backward()
    assert isinstance(task.text_encoder, ClipTextEncoder)
    assert all(parameter.grad is None for parameter in task.text_encoder.tower.parameters())
    assert task.text_encoder.project.weight.grad is not None
    assert {task._scene(np.random.default_rng(seed)).background for seed in range(5)} == {"sea"}
    task.finish(tmp_path)
    again = GeneratorTask(torch.device("cpu"), 1, EmbeddedAutoencoder(width=8), folder)
    taken = begin_from(again.network(), tmp_path / "pipeline")
    assert taken == len(task.network().state_dict())


def test_a_folder_without_a_clip_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="tasvir train encoder"):
        ClipTextEncoder.from_clip(tmp_path)

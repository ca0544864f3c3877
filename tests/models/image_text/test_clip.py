"""CLIP through our loader against transformers by hand, on the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from tasvir.errors import HubError, NotShippedError, UnknownNameError
from tasvir.models.embedded import weights
from tasvir.models.image_text.clip import open_clip
from tasvir.models.load import LoadSettings

Saved = Callable[[str], Path]


def test_the_cosines_are_those_of_transformers_by_hand(saved: Saved, pictures: list[Image.Image]) -> None:
    texts = ["a dog", "two red cats left of a bus", "x"]
    clip = open_clip(str(saved("clip")))
    got = clip.embed_pictures(pictures) @ clip.embed_texts(texts).T
    network, processor = (
        CLIPModel.from_pretrained(saved("clip")),
        CLIPProcessor.from_pretrained(saved("clip")),
    )
    with torch.no_grad():
        out = network(**processor(text=texts, images=pictures, padding=True, return_tensors="pt"))
    by_hand = (out.logits_per_image / network.logit_scale.exp()).detach().numpy()
    assert np.abs(got - by_hand).max() < 1e-5
    assert np.ptp(by_hand) > 0.01


def test_an_over_long_text_is_cut_but_keeps_its_end(saved: Saved) -> None:
    clip = open_clip(str(saved("clip")))
    long, whole, short = ("a " * number for number in (200, 75, 74))
    assert clip.truncated(long) and not clip.truncated(whole) and clip.truncated(whole + "a")
    assert np.allclose(clip.embed_texts([long]), clip.embed_texts([whole]), atol=1e-6)
    assert not np.allclose(clip.embed_texts([long]), clip.embed_texts([short]), atol=1e-3)


def test_what_else_is_in_a_batch_makes_no_difference(saved: Saved, pictures: list[Image.Image]) -> None:
    clip = open_clip(str(saved("clip")))
    texts = [f"{'dog ' * (1 + n % 9)}{n}" for n in range(70)]
    whole = clip.embed_texts(texts)
    assert whole.shape == (70, clip.width) and whole.dtype == np.float32
    assert np.allclose(
        whole[[0, 69]], np.concatenate([clip.embed_texts([texts[n]]) for n in (0, 69)]), atol=1e-5
    )
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    assert clip.embed_pictures([]).shape == (0, clip.width) == clip.embed_texts([]).shape


@pytest.mark.parametrize("wrong", ["grey", "array", "tensor"])
def test_only_rgb_pictures_are_looked_at(saved: Saved, pictures: list[Image.Image], wrong: str) -> None:
    picture = pictures[0]
    given = {
        "grey": picture.convert("L"),
        "array": np.asarray(picture) / 255,
        "tensor": torch.zeros(3, 8, 8),
    }
    with pytest.raises(TypeError, match="PIL picture in RGB"):
        open_clip(str(saved("clip"))).embed_pictures([given[wrong]])  # type: ignore[list-item]


def test_the_identity_tells_weights_and_settings_but_no_path(saved: Saved) -> None:
    folder = saved("clip")
    identity = open_clip(str(folder)).identity
    assert identity["weights"] == {"model.safetensors": weights._digest(folder / "model.safetensors")}
    assert identity["processor"]["image"]["size"] == {"shortest_edge": 32}
    assert identity["dtype"] == "float32" and identity["model"] == "clip"
    assert str(folder.parent) not in repr(identity)


def test_models_that_are_not_there_or_of_another_kind(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownNameError, match="no such folder"):
        open_clip(str(tmp_path / "nowhere"))
    with pytest.raises(HubError, match="BlipModel"):
        open_clip(str(saved("captioner")))
    with pytest.raises(HubError, match="owner/absent"):
        open_clip("owner/absent", LoadSettings(local_only=True))
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    weights.forget()
    with pytest.raises(NotShippedError, match="encoder"):
        open_clip("embedded")


def test_siglip_gets_the_filled_up_texts_that_it_was_trained_on(
    tmp_path: Path, pictures: list[Image.Image]
) -> None:
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipProcessor

    from tasvir.models.embedded.words import table, tokenizer

    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**size, "vocab_size": len(table()), "max_position_embeddings": 16}
    torch.manual_seed(0)
    network = SiglipModel(
        SiglipConfig(text_config=text, vision_config={**size, "image_size": 32, "patch_size": 8})
    ).eval()
    processor = SiglipProcessor(SiglipImageProcessorPil(size={"height": 32, "width": 32}), tokenizer(16))
    network.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    texts = ["a dog", "two red cats left of a bus"]
    clip = open_clip(str(tmp_path))
    inputs = processor(text=texts, images=pictures, padding="max_length", max_length=16, return_tensors="pt")
    with torch.no_grad():
        out = network(**inputs)
    by_hand = (out.logits_per_image - network.logit_bias) / network.logit_scale.exp()
    got = clip.embed_pictures(pictures) @ clip.embed_texts(texts).T
    assert np.abs(got - by_hand.detach().numpy()).max() < 1e-5
    assert clip.width == 32

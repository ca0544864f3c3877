"""Encoder, answerer and captioner: trained a few steps, measured, shipped, and loaded as public models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from tasvir.lab.training.loop import fit
from tasvir.models.embedded import weights
from tasvir.models.embedded.image_text_networks import LONGEST_QUESTION, mask_crossed, new_answerer
from tasvir.models.embedded.training import TrainSettings, image_text_figures, ship
from tasvir.models.embedded.training.answerer import AnswererTask
from tasvir.models.embedded.training.captioner import CaptionerTask
from tasvir.models.embedded.training.encoder import TWINS, EncoderTask, written
from tasvir.models.embedded.training.questions import short_questions
from tasvir.models.embedded.words import BEGIN, END, table
from tasvir.models.image_text.answerer import open_answerer
from tasvir.models.image_text.captioner import open_captioner
from tasvir.models.image_text.clip import open_clip
from tasvir.score.statistics import mean_interval
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene

CPU = torch.device("cpu")
TASKS: dict[str, Any] = {"encoder": EncoderTask, "answerer": AnswererTask, "captioner": CaptionerTask}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("HELD_OUT", 6), ("REDRAWN", 4), ("AMONG", 3)):
        monkeypatch.setattr(image_text_figures, name, number)


def test_questions_of_a_picture_are_read_together_as_if_they_were_alone() -> None:
    task = AnswererTask(CPU, 0, None, None)
    rng = np.random.default_rng(0)
    asked = [question for _ in range(2) for question in short_questions(sample_scene(rng), rng, 3)]
    tokens = torch.randn(2, 65, 192, generator=torch.Generator().manual_seed(0))
    alone = []
    with torch.no_grad():
        together, _, words = task._answered(tokens, asked)
        for number, question in enumerate(asked):
            ids = torch.tensor([task.tokenizer(question.text)["input_ids"]])
            seen = task.model.text_encoder(ids, encoder_hidden_states=tokens[number // 3][None])
            said = task.model.text_decoder(
                torch.tensor([[BEGIN]]), encoder_hidden_states=seen.last_hidden_state
            ).logits[:, -1]
            alone.append(float(F.cross_entropy(said, torch.tensor([table()[question.answer]]))))
    assert float(together) == pytest.approx(float(np.mean(alone)), abs=1e-4)
    assert words.shape[0] == 2 and (words[:, 0] == BEGIN).all() and (words == END).sum() == len(asked)


def test_with_its_cross_attention_mended_blip_heeds_the_mask() -> None:
    torch.manual_seed(0)
    model = new_answerer().eval()
    mask_crossed(model)
    words = torch.randn(1, 4, 192)
    begin, mask = torch.tensor([[BEGIN]]), torch.tensor([[1, 1, 0, 0]])
    with torch.no_grad():
        masked = model.text_decoder(begin, encoder_hidden_states=words, encoder_attention_mask=mask).logits
        short = model.text_decoder(begin, encoder_hidden_states=words[:, :2]).logits
        whole = model.text_decoder(begin, encoder_hidden_states=words).logits
    assert torch.allclose(masked, short, atol=1e-5)
    assert not torch.allclose(masked, whole, atol=1e-4)


def test_false_twins_stand_behind_their_captions() -> None:
    rng = np.random.default_rng(0)
    scenes = [sample_scene(rng) for _ in range(20)]
    texts = written(scenes, rng)
    assert len(texts) == 20 * (1 + TWINS)
    for number in range(20):
        assert texts[number] not in (texts[number + 20 * (1 + twin)] for twin in range(TWINS))
    shared = [len({*texts[n].split()} & {*texts[n + 20].split()}) / len(texts[n].split()) for n in range(20)]
    assert np.mean(shared) > 0.6


@pytest.mark.parametrize("name", TASKS)
def test_from_a_run_to_a_model_that_the_public_loader_opens(
    name: str, tmp_path: Path, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "weights"))
    weights.forget()
    run = fit(
        TASKS[name](CPU, 0, None, None), TrainSettings(tmp_path / "run", steps=2, batch=2, dtype="float32")
    )
    shipped = ship(name, run)
    assert sorted(path.name for path in shipped.iterdir() if "generation" not in path.name) == [
        "config.json", "figures.json", "model.safetensors", "processor_config.json", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    figures = json.loads((shipped / "figures.json").read_text())
    assert figures["training"]["steps"] == 2 and figures["training"]["recipe"]["PATCH_WEIGHT"] > 0
    picture = Image.fromarray(render(sample_scene(np.random.default_rng(0))))
    if name == "encoder":
        assert figures["heldout"]["picture_to_text"]["recall_at_1"]["n"] == 6
        model = open_clip("embedded")
        assert model.embed_texts(["a red car"]).shape == model.embed_pictures([picture]).shape == (1, 128)
        assert model.identity["model"] == "embedded"
        assert model.truncated("dog " * 63) and not model.truncated("dog " * 62)
    elif name == "answerer":
        assert figures["heldout"]["true_beats_twin"]["all"]["n"] > 20
        answers = open_answerer("embedded").answer_probabilities(
            [picture], ["a dog?"], ("yes", "no", "2", "red")
        )
        assert answers.shape == (1, 4) and 0 < answers.sum() <= 1
    else:
        assert figures["heldout"]["exact"]["n"] == 6
        written_words = re.findall(r"\w+", open_captioner("embedded").caption([picture])[0])
        assert set(written_words) <= set(table())


def test_shares_have_the_intervals_that_scores_have() -> None:
    marks = [True] * 7 + [False] * 3
    found = image_text_figures.share(marks)
    assert found is not None
    wanted = mean_interval([float(mark) for mark in marks])
    assert (found["share"], found["low"], found["high"]) == pytest.approx(wanted, abs=1e-4)
    assert image_text_figures.share([]) is None and LONGEST_QUESTION == 80


def test_recall_counts_ties_against_the_true_one() -> None:
    same = np.ones((6, 2), np.float32)
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(image_text_figures, "AMONG", 3)
        assert image_text_figures._retrieval(same, same)["recall_at_1"]["share"] == 0
        alike = np.eye(6, dtype=np.float32)
        assert image_text_figures._retrieval(alike, alike)["recall_at_1"]["share"] == 1
        turned = alike[[1, 0, 2, 3, 5, 4]]
        assert image_text_figures._retrieval(turned, alike)["recall_at_1"]["share"] == pytest.approx(
            1 / 3, abs=1e-3
        )

"""Models in this process, with random weights: they see pictures, follow the seed, say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from tests.models.mllm.conftest import picture
from transformers import AutoConfig

from tasvir.errors import HubError, SettingError
from tasvir.models.load import LoadSettings
from tasvir.models.mllm.client import MllmClient
from tasvir.models.mllm.endpoints import endpoint
from tasvir.models.mllm.local import LocalModel, open_local
from tasvir.models.mllm.messages import Message
from tasvir.models.mllm.question import Question
from tasvir.models.service import ServiceSettings
from tasvir.models.tiny.multimodal import save_gemma3, save_qwen2_5_vl

SAVERS: dict[str, Callable[[Path], Path]] = {"gemma3": save_gemma3, "qwen2_5_vl": save_qwen2_5_vl}
RED, BLUE = picture((255, 0, 0), (60, 40)), picture((0, 0, 255), (60, 40))
TOKENS = 6


@pytest.fixture(scope="module", params=SAVERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SAVERS[request.param](tmp_path_factory.mktemp(request.param))


def _say(model: LocalModel, *images: bytes, temperature: float | None = 0.0, seed: int | None = 1) -> str:
    messages = (Message("system", "Be brief."), Message("user", "What is it?", images))
    asked = Question(endpoint("transformers", "m"), messages, None, temperature, TOKENS, seed)
    return model.answer(asked).text


@pytest.fixture
def model(folder: Path) -> LocalModel:
    return open_local(str(folder), LoadSettings(device="cpu"))


def test_a_client_asks_it_counts_and_keeps(folder: Path, tmp_path: Path) -> None:
    settings = ServiceSettings(replies=tmp_path, budget=0.0, max_tokens=TOKENS)
    client = MllmClient("transformers", str(folder), settings, LoadSettings(device="cpu"))
    reply = client.ask([Message("user", "What is it?", (RED,))], seed=1)
    assert 0 < reply.output_tokens <= TOKENS
    assert reply.input_tokens > len("What is it?")  # a token a byte, and the picture's
    assert (reply.model, reply.money, reply.replayed) == (str(folder), 0.0, False)
    again = client.ask([Message("user", "What is it?", (RED,))], seed=1)
    assert (again.text, again.replayed) == (reply.text, True)
    assert reply.text.strip()


def test_it_sees_the_pictures_and_their_order(model: LocalModel) -> None:
    said = [_say(model), _say(model, RED), _say(model, BLUE), _say(model, RED, BLUE), _say(model, BLUE, RED)]
    assert len(set(said)) == 5


def test_the_likeliest_answer_hangs_on_nothing_but_the_question(folder: Path) -> None:
    model = LocalModel(str(folder), LoadSettings(device="cpu"))  # was never asked anything
    alone, seen = _say(model), _say(model, RED)
    assert _say(model, seed=2) == alone  # after a picture, and with another seed
    assert _say(model, RED, seed=None) == seen
    assert _say(model, temperature=None) == alone  # these models' own way is the likeliest token


def test_sampling_follows_the_seed_and_leaves_the_worlds_own_alone(model: LocalModel) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    said = {seed: _say(model, RED, temperature=1.5, seed=seed) for seed in (1, 2, 3)}
    assert len(set(said.values())) == 3
    assert _say(model, RED, temperature=1.5, seed=2) == said[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_qwen_is_told_where_each_part_of_a_picture_is(tmp_path: Path) -> None:
    """The same logits as with positions that are worked out by hand (Qwen2-VL, section 2.1)."""
    model = LocalModel(str(save_qwen2_5_vl(tmp_path)), LoadSettings(device="cpu"))
    encoded = model._inputs.encode((Message("user", "Hi", (picture(size=(84, 56)),)),))
    kinds = encoded["mm_token_type_ids"][0].tolist()
    # a token for 28 x 28 pixels: 2 rows of 3
    assert sum(kinds) == 6
    start = kinds.index(1)
    after = len(kinds) - start - 6
    rows, columns = [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]
    text = list(range(start))
    # text goes on behind the largest position in the picture
    rest = [start + 3 + number for number in range(after)]
    positions = [
        text + [start] * 6 + rest,
        text + [start + row for row in rows] + rest,
        text + [start + column for column in columns] + rest,
    ]
    plain = {
        name: encoded[name] for name in ("input_ids", "attention_mask", "pixel_values", "image_grid_thw")
    }
    with torch.no_grad():
        ours = model._network(**encoded).logits
        by_hand = model._network(**plain, position_ids=torch.tensor(positions)[:, None]).logits
        as_text = model._network(**plain).logits
    torch.testing.assert_close(ours, by_hand)
    assert not torch.allclose(ours, as_text)


def test_a_placeholder_in_the_words_is_not_taken_for_a_picture(tmp_path: Path) -> None:
    model = LocalModel(str(save_qwen2_5_vl(tmp_path)), LoadSettings(device="cpu"))
    asked = (Message("user", "What does <|image_pad|> mean?"),)
    with pytest.raises(SettingError, match="show 0 pictures but speak of 1"):
        model.answer(Question(endpoint("transformers", "m"), asked, None, 0.0, TOKENS, None))


def test_a_template_without_system_messages_says_so(tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path)
    template = "{{ raise_exception('no system messages here') }}"
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(SettingError, match="cannot show these messages: no system messages here"):
        _say(LocalModel(str(folder), LoadSettings(device="cpu")))


def test_forks_share_the_weights(folder: Path) -> None:
    assert open_local(str(folder), LoadSettings(device="cpu")) is open_local(
        str(folder), LoadSettings(device="cpu")
    )


def test_precision_is_that_of_the_settings(tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path)
    half = LocalModel(str(folder), LoadSettings(device="cpu", dtype="bfloat16"))
    assert {parameter.dtype for parameter in half._network.parameters()} == {torch.bfloat16}
    assert isinstance(_say(half, RED), str)
    whole = LocalModel(str(folder), LoadSettings(device="cpu"))
    assert {parameter.dtype for parameter in whole._network.parameters()} == {torch.float32}


def _only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _text_only(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"}))


def _remote_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "stranger", "auto_map": {"AutoConfig": "stranger.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "stranger.py").write_text("raise SystemExit('it ran')")


def _nothing(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_only_pickle, "only safetensors are read"),
        (_text_only, "no model that reads pictures and writes text"),
        (_remote_code, "--trust-remote-code runs it"),
        (_nothing, "cannot be opened"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(damage: Any, words: str, tmp_path: Path) -> None:
    folder = save_gemma3(tmp_path)
    damage(folder)
    with pytest.raises(HubError, match=words):
        LocalModel(str(folder), LoadSettings(device="cpu"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [(GatedRepoError, "terms to be accepted"), (RepositoryNotFoundError, "no such model on the hub")],
)
def test_what_the_hub_refuses_says_what_to_do(
    kind: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("cannot load") from kind.__new__(kind)

    monkeypatch.setattr(AutoConfig, "from_pretrained", refuse)
    with pytest.raises(HubError, match=words):
        LocalModel("owner/name", LoadSettings(device="cpu"))


def test_a_model_that_is_nowhere_says_so() -> None:
    with pytest.raises(HubError, match="it is not on this disk; leave out --local-only"):
        LocalModel("nobody/has-this", LoadSettings(device="cpu", local_only=True))

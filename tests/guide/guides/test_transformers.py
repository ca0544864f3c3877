"""A guide in this process: a tiny model with random weights is asked for real, and what it says is noise."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tasvir import registry
from tasvir.errors import NotStoredError, ReplyError
from tasvir.guide.base import MAX_REPAIR_ROUNDS, Guide
from tasvir.guide.guides.transformers import TransformersGuide
from tasvir.models.load import LoadSettings
from tasvir.models.service import ServiceSettings
from tasvir.models.tiny.multimodal import save_gemma3
from tasvir.records import Picture, Prompt

CALLS = 1 + MAX_REPAIR_ROUNDS


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_gemma3(tmp_path_factory.mktemp("gemma3"))


def picture() -> Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 10, 10)).save(buffer, "PNG")
    return Picture(buffer.getvalue(), 32, 24)


def opened(tiny: Path, replies: Path, replay: bool = False) -> TransformersGuide:
    service = ServiceSettings(replies=replies, max_tokens=8, replay=replay)
    load = LoadSettings(device="cpu")
    guide = registry.create(
        "guides", f"transformers:{tiny}", Guide, load=load, service=service, shots=0, pictures=0
    )
    assert isinstance(guide, TransformersGuide)
    return guide


def test_noise_is_a_reply_error_after_repairs_and_every_call_is_counted(tiny: Path, tmp_path: Path) -> None:
    guide = opened(tiny, tmp_path)
    assert guide.label == f"transformers:{tiny}" and not guide.waits
    with pytest.raises(ReplyError, match="no complete JSON object") as caught:
        guide.plan(Prompt("a dog"), seed=1)
    assert caught.value.reply
    assert (guide.repairs, guide.usage.calls, guide.usage.money) == (MAX_REPAIR_ROUNDS, CALLS, 0.0)
    assert guide.usage.input_tokens > 100 * CALLS and guide.usage.output_tokens <= 8 * CALLS
    with pytest.raises(ReplyError):
        guide.judge(Prompt("a dog"), picture())
    assert guide.usage.calls == 2 * CALLS
    fresh = guide.fork()
    assert (fresh.usage.calls, fresh.repairs) == (0, 0)


def test_kept_answers_are_replayed_and_others_are_not_asked(tiny: Path, tmp_path: Path) -> None:
    first = opened(tiny, tmp_path).ask("what is this?", picture())
    guide = opened(tiny, tmp_path, replay=True)
    assert guide.ask("what is this?", picture()) == first
    assert (guide.usage.calls, guide.usage.replayed, guide.usage.input_tokens) == (1, 1, 0)
    with pytest.raises(NotStoredError):
        guide.ask("and what is that?", picture())

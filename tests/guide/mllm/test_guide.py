"""A guide at a hosted service: what goes over the wire in each protocol, and what it is counted as."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tasvir import registry
from tasvir.errors import ReplyError, SettingError
from tasvir.guide.base import Guide
from tasvir.models.service import ServiceSettings
from tasvir.records import Attempt, Box, Layout, Picture, Prompt, Thing, Verdict

if TYPE_CHECKING:
    from mllm_server import MllmServer

PROMPT = Prompt("a red car")
LAYOUT = Layout((Thing("a red car", Box(0.1, 0.2, 0.6, 0.8)),), "street")
ANSWERS = {
    "plan": json.dumps({"objects": [{"phrase": "a red car", "box": [0.1, 0.2, 0.6, 0.8]}]}),
    "judge": '{"reasoning": "no car", "score": 1, "missing": ["a red car"]}',
}
NAMES = {"openai": "gpt-4o", "google": "gemini-2.5-flash", "anthropic": "claude-sonnet-4-6"}


def picture(shade: int) -> Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 0, 0)).save(buffer, "PNG")
    return Picture(buffer.getvalue(), 32, 24)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MllmServer]:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    from mllm_server import MllmServer

    with MllmServer(lambda question: ANSWERS["plan"], key="a-key") as running:
        for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.setenv(name, "a-key")
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("OPENAI_BASE_URL", running.openai_address)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", running.address)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.address)
        yield running


def opened(provider: str, folder: Path, **options: object) -> Guide:
    service = ServiceSettings(replies=folder, retries=0)
    return registry.create("guides", f"{provider}:{NAMES[provider]}", Guide, service=service, **options)


@pytest.mark.parametrize("provider", NAMES)
def test_a_redesign_in_each_protocol(provider: str, server: MllmServer, tmp_path: Path) -> None:
    guide = opened(provider, tmp_path, pictures=1)
    assert guide.label == f"{provider}:{NAMES[provider]}" and guide.waits
    attempts = [Attempt(i, LAYOUT, picture(i), Verdict(2, "", ("wheels",))) for i in range(3)]
    assert guide.redesign(PROMPT, attempts, seed=9) == Layout(LAYOUT.things)
    asked = server.questions[0]
    assert (asked.protocol, asked.model, len(server.questions)) == (provider, NAMES[provider], 1)
    assert [said.role for said in asked.messages] == ["system", "user"]
    assert asked.messages[1].images == (picture(1).png, picture(2).png)
    assert '"missing": ["wheels"]' in asked.messages[1].text
    assert asked.schema is not None and set(asked.schema["properties"]) == {
        "reasoning", "objects", "background", "overlaps",
    }  # fmt: skip
    assert asked.seed == (None if provider == "anthropic" else 9)
    assert (guide.usage.calls, guide.usage.replayed) == (1, 0)
    assert guide.usage.input_tokens == asked.tokens
    assert guide.usage.output_tokens == len(ANSWERS["plan"].split())
    assert guide.usage.money is not None and guide.usage.money > 0


def test_a_judge_is_shown_the_picture_and_the_prompt_alone(server: MllmServer, tmp_path: Path) -> None:
    server.answer = lambda question: ANSWERS["judge"]
    guide = opened("openai", tmp_path, shots=0)
    assert guide.judge(PROMPT, picture(5)) == Verdict(1, "no car", ("a red car",))
    asked = server.questions[0]
    assert asked.messages[1].images == (picture(5).png,) and "box" not in asked.messages[1].text
    assert asked.schema is not None and set(asked.schema["properties"]) == {"reasoning", "score", "missing"}


def test_a_question_has_no_schema(server: MllmServer, tmp_path: Path) -> None:
    server.answer = lambda question: "a street"
    assert opened("openai", tmp_path).ask("where is it?", picture(5)) == "a street"
    assert server.questions[0].schema is None and len(server.questions[0].messages[1].images) == 1


def test_problems_go_back_as_turns_and_all_calls_are_counted(server: MllmServer, tmp_path: Path) -> None:
    server.answer = lambda question: f"I have been told {len(question.messages)} things"
    guide = opened("anthropic", tmp_path)
    with pytest.raises(ReplyError):
        guide.plan(PROMPT, seed=0)
    assert [len(question.messages) for question in server.questions] == [2, 4, 4]
    assert server.questions[2].messages[2].text == "I have been told 4 things"
    assert "no complete JSON object with 'objects'" in server.questions[1].text
    assert (guide.repairs, guide.usage.calls) == (2, 3)
    assert guide.usage.input_tokens == sum(question.tokens for question in server.questions)


def test_another_template_is_another_question(server: MllmServer, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "plan.md").write_text("Mine.\n=== user ===\n{{ request }}")
    for _ in range(2):
        opened("openai", tmp_path / "kept").plan(PROMPT, seed=0)
    assert len(server.questions) == 1
    opened("openai", tmp_path / "kept", templates=str(tmp_path / "own")).plan(PROMPT, seed=0)
    assert len(server.questions) == 2 and server.questions[1].messages[0].text == "Mine."


def test_two_forks_count_apart_and_a_broken_option_is_told(server: MllmServer, tmp_path: Path) -> None:
    guide = opened("openai", tmp_path)
    one, other = guide.fork(), guide.fork()
    one.plan(PROMPT, seed=0)
    other.plan(PROMPT, seed=0)
    assert (guide.usage.calls, one.usage.replayed, other.usage.replayed) == (0, 0, 1)
    with pytest.raises(SettingError, match="pictures is -1"):
        opened("openai", tmp_path, pictures=-1)

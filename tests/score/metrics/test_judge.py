"""The judge as a metric: levels, scales, what cannot be read and what it cost, at a local service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasvir import registry
from tasvir.errors import ServiceError, SettingError
from tasvir.models.load import LoadSettings
from tasvir.models.mllm import connection
from tasvir.models.service import ServiceSettings
from tasvir.records import Picture, SuitePrompt
from tasvir.score.base import Metric, recipe_hash
from tasvir.score.metrics import judge
from tasvir.score.metrics.judge import JudgeMetric
from tasvir.score.phrases import Chunker

if TYPE_CHECKING:
    from mllm_server import MllmServer

Grey = Callable[..., Picture]
PROMPT = SuitePrompt("0", "a red ball and a dog", "color", {"phrases": ["a red ball", "a dog"]})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MllmServer]:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    from mllm_server import MllmServer

    with MllmServer(key="a-key") as running:
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("OPENAI_BASE_URL", running.openai_address)
        yield running
    connection._http.cache_clear()


def made(folder: Path, name: str = "judge", **options: Any) -> Metric:
    service = ServiceSettings(replies=folder, retries=0)
    return registry.create("metrics", f"{name}:openai:gpt-4o", Metric, service=service, **options)


def verdict(score: object) -> str:
    return json.dumps({"reasoning": f"level {score}", "score": score, "missing": []})


def test_levels_of_three_seeds_and_their_scales(server: MllmServer, tmp_path: Path, grey: Grey) -> None:
    server.answer = lambda question: verdict([5, 4, 2][question.seed])
    score = made(tmp_path).measure([PROMPT], [grey(1)])[0]
    assert score.value == pytest.approx((5 + 4 + 2) / 3 / 5)
    assert score.details["levels"] == [5, 4, 2] and score.details["unread"] == 0
    assert score.details["usage"]["calls"] == 3 and score.details["usage"]["money"] > 0
    assert score.name == "judge:openai:gpt-4o"
    again = made(tmp_path, "judge-linear").measure([PROMPT], [grey(1)])[0]
    assert again.value == pytest.approx((4 + 3 + 1) / 3 / 4)
    assert again.details["usage"]["replayed"] == 3 and len(server.questions) == 3


def test_what_cannot_be_read_is_counted_and_never_a_level(
    server: MllmServer, tmp_path: Path, grey: Grey
) -> None:
    """An unreadable reply is sent back; the second time the question is the same and the store answers."""
    server.answer = lambda question: verdict(4) if question.seed == 1 else "a fine picture, 10 of 10"
    score = made(tmp_path).measure([PROMPT], [grey(1)])[0]
    assert score.value == pytest.approx(4 / 5)
    assert score.details["levels"] == [4] and score.details["unread"] == 2
    assert len(server.questions) == 2 + 1 + 2
    server.answer = lambda _question: "no"
    silent = made(tmp_path).measure([PROMPT], [grey(2)])[0]
    assert silent.value is None and "could be read as a level" in silent.reason
    assert silent.details["unread"] == 3


def test_a_service_that_fails_is_no_score(server: MllmServer, tmp_path: Path, grey: Grey) -> None:
    from mllm_server import Fault

    server.answer = lambda _question: verdict(4)
    server.faults.extend([Fault(status=400)] * 6)
    with pytest.raises(ServiceError):
        made(tmp_path).measure([PROMPT], [grey(1)])


def test_many_pictures_are_asked_at_once_and_come_back_in_order(
    server: MllmServer, tmp_path: Path, grey: Grey
) -> None:
    levels = {grey(n).png: n for n in (1, 2, 3, 4, 5)}
    server.answer = lambda question: verdict(levels[question.messages[-1].images[0]])
    metric = made(tmp_path, repeats=1)
    pictures = [grey(n) for n in (3, 1, 5, 2, 4)]
    scores = metric.measure([PROMPT] * 6, [*pictures, Picture(b"no picture", 1, 1)])
    assert [score.value for score in scores] == pytest.approx([0.6, 0.2, 1.0, 0.4, 0.8, None])
    assert metric.waits and "can be opened" in scores[-1].reason


def test_the_rubric_of_t2i_compbench_asks_phrase_by_phrase(
    server: MllmServer, tmp_path: Path, grey: Grey
) -> None:
    """Two phrases on 4 levels: the mean level over the phrases, over 4."""

    def answer(question: Any) -> str:
        asked = json.loads(question.text.partition("```json")[2].partition("```")[0])["prompt"]
        return json.dumps({"reasoning": "so", "score": 4 if '"a red ball"' in asked else 1})

    server.answer = answer
    metric = made(tmp_path, rubric="t2i-compbench", repeats=1)
    score = metric.measure([PROMPT], [grey(1)])[0]
    assert score.value == pytest.approx((4 + 1) / 2 / 4)
    assert score.details["levels"] == [2.5] and len(server.questions) == 2
    whole = SuitePrompt("1", "a dog left of a ball", "spatial")
    server.answer = lambda _question: '{"reasoning": "so", "score": 5}'
    assert metric.measure([whole], [grey(1)])[0].value == 1.0
    assert "left, right" in server.questions[-1].text
    server.answer = lambda _question: '{"reasoning": "so", "score": 7}'
    beyond = metric.measure([whole], [grey(2)])[0]
    assert beyond.value is None and "from 1 to 5" in beyond.reason


def test_a_prompt_outside_the_guides_language_is_missing(grey: Grey) -> None:
    metric = JudgeMetric("embedded")
    score = metric.measure([SuitePrompt("0", "qwrtz over the moon")], [grey(1, (128, 128))])[0]
    assert score.value is None and "cannot read the prompt" in score.reason


def test_a_model_in_this_process_is_told_with_its_temperature_and_precision(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    judges = [
        JudgeMetric(f"transformers:{tmp_path}", LoadSettings(dtype=dtype), ServiceSettings(temperature=heat))
        for dtype, heat in (("float32", 0.0), ("bfloat16", 0.0), ("float32", 0.7))
    ]
    assert len({recipe_hash(metric.recipe) for metric in judges}) == 3


def test_a_rubric_s_phrases_are_told_with_where_they_come_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def recipes() -> list[str]:
        return [recipe_hash(made(tmp_path, rubric=name).recipe) for name in ("thesis", "t2i-compbench")]

    before = recipes()
    monkeypatch.setattr(judge, "open_chunker", lambda _choice: Chunker("another", str.split))
    after = recipes()
    assert before[0] == after[0] and before[1] != after[1]


def test_the_recipe_tells_rubric_repeats_and_scale(tmp_path: Path) -> None:
    metrics = [
        made(tmp_path),
        made(tmp_path, "judge-linear"),
        made(tmp_path, repeats=5),
        made(tmp_path, rubric="t2i-compbench"),
    ]
    assert len({recipe_hash(metric.recipe) for metric in metrics}) == 4
    assert metrics[0].recipe["guide"] == "openai:gpt-4o"
    services = [ServiceSettings(), ServiceSettings(max_tokens=9), ServiceSettings(temperature=0.7)]
    judges = [JudgeMetric("openai:gpt-4o", service=service) for service in services]
    assert len({recipe_hash(metric.recipe) for metric in judges}) == 3
    with pytest.raises(SettingError, match="at least once"):
        JudgeMetric("embedded", repeats=0)
    with pytest.raises(SettingError, match="t2i-compbench"):
        JudgeMetric("embedded", rubric="mine")

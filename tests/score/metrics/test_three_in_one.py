"""3-in-1: which scores are averaged, by hand, with parts that say what they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from tasvir import registry
from tasvir.errors import RecordError, SettingError
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.metrics.three_in_one import ThreeInOneMetric, about_what
from tasvir.score.metrics.three_in_one_upstream import ThreeInOneUpstreamMetric
from tasvir.world.description import Claim, Description, Entity

TEXT = "the red ball is left of the furry dog"


class Part(Metric):
    """Says one value, and remembers what it was asked."""

    name: ClassVar[str] = "part"
    values: ClassVar[dict[str, float | None]] = {
        "b-vqa": 0.8, "spatial-2d": 0.6, "clip-score": 0.3, "b-vqa-upstream": 0.5, "spatial-2d-upstream": 0.0,
    }  # fmt: skip
    made: ClassVar[dict[str, Part]] = {}

    def __init__(self, choice: str) -> None:
        self.choice, self.asked = choice, list[str]()
        self.made[choice] = self

    @property
    def label(self) -> str:
        return self.choice

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        self.asked += [prompt.text for prompt in prompts]
        value = self.values[self.choice.partition(":")[0]]
        return [Score(self.label, value, "" if value is not None else "no relation") for _ in pictures]


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(_kind: str, choice: str, _base: Any, **_options: Any) -> Part:
        return Part(choice)

    monkeypatch.setattr(registry, "create", create)
    monkeypatch.setattr(Part, "made", {})


def prompt(about: str) -> SuitePrompt:
    return SuitePrompt(about, TEXT, "complex", {"complex": about})


def test_the_mean_of_what_a_prompt_calls_for(grey: Callable[..., Picture]) -> None:
    prompts = [prompt("spatial"), prompt("action"), prompt("spatial-action")]
    scores = ThreeInOneMetric("q+d+c").measure(prompts, [grey(1)] * 3)
    assert [score.value for score in scores] == pytest.approx(
        [(0.6 + 0.8) / 2, (0.3 + 0.8) / 2, (0.6 + 0.3 + 0.8) / 3]
    )
    assert set(Part.made) == {"b-vqa:q", "spatial-2d:d", "clip-score:c"}
    assert Part.made["clip-score:c"].asked == ["the ball is left of the dog"] * 2
    assert Part.made["b-vqa:q"].asked == [TEXT] * 3


def test_the_official_parts_have_the_official_defects(grey: Callable[..., Picture]) -> None:
    score = ThreeInOneUpstreamMetric("embedded").measure([prompt("spatial")], [grey(1)])[0]
    assert score.value == pytest.approx((0.0 + 0.5) / 2)


def test_a_missing_part_is_a_missing_whole(
    grey: Callable[..., Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Part.values, "spatial-2d", None)
    spatial, action = ThreeInOneMetric("embedded").measure(
        [prompt("spatial"), prompt("action")], [grey(1)] * 2
    )
    assert spatial.value is None and "no relation" in spatial.reason
    assert spatial.details["parts"]["attributes"][0] == 0.8
    assert action.value == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("relations", "about"),
    [
        (["left of"], "spatial"),
        (["holding"], "action"),
        (["left of", "holding"], "spatial-action"),
        ([], "action"),
    ],
)
def test_a_description_tells_what_it_is_about(relations: list[str], about: str) -> None:
    claims = tuple(Claim(name, 0, 1) for name in relations)
    facts = {"description": Description((Entity("girl"), Entity("kite")), claims).to_dict()}
    assert about_what(SuitePrompt("", "", facts=facts)) == about


def test_a_text_tells_it_by_its_relation() -> None:
    assert about_what(SuitePrompt("", TEXT)) == "spatial"
    assert about_what(SuitePrompt("", "the dog chased the cat")) == "action"
    with pytest.raises(RecordError, match="spatial-action"):
        about_what(SuitePrompt("", TEXT, facts={"complex": "both"}))


def test_three_models_are_named() -> None:
    with pytest.raises(SettingError, match=r"ANSWERER\+DETECTOR\+ENCODER"):
        ThreeInOneMetric("a+b")

"""Every reply passes one door: tolerant of wrapping, strict about content, at most two repair rounds."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasvir.errors import ReplyError
from tasvir.guide.base import Guide, Request
from tasvir.guide.replies import parse_layout_reply, parse_redesign_reply, parse_verdict_reply
from tasvir.records import Attempt, Box, Layout, Picture, Prompt, Thing, Verdict

PROMPT = Prompt("a red car")
PICTURE = Picture(b"", 1, 1)
GOOD = json.dumps({"objects": [{"phrase": "a red car", "box": [0.1, 0.2, 0.6, 0.8]}], "background": "street"})
LAYOUT = Layout((Thing("a red car", Box(0.1, 0.2, 0.6, 0.8)),), "street")


class Script(Guide):
    """Says what it was told to say, and remembers what it was asked."""

    name = "script"

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []

    def reply(self, request: Request, *, seed: int) -> str:
        self.requests.append(request)
        return self.replies.pop(0)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! The set {{car}} goes left.\n```\n{GOOD}\n```\nAnything else? {{}}",
        f'First draft: {{"objects": []}} but better: {GOOD}',
    ],
    ids=["bare", "fenced", "prose", "draft first"],
)
def test_a_layout_is_found_in_its_wrapping(text: str) -> None:
    assert Script(text).plan(PROMPT, seed=0) == LAYOUT


def test_problems_are_quoted_back_and_counted() -> None:
    guide = Script('{"objects": [{"phrase": "two dogs", "box": ["0.1", 0.2, 0.6, 0.8]}]}', "no JSON", GOOD)
    assert guide.plan(PROMPT, seed=0) == LAYOUT
    assert guide.repairs == 2
    first, second, third = guide.requests
    assert first.problems == () and first.previous == ""
    assert second.problems == ("objects[0].box[0] must be a number, got the text '0.1'",)
    assert "'objects'" in third.problems[0] and third.previous == "no JSON"


def test_after_two_repair_rounds_it_is_an_error_that_keeps_the_reply() -> None:
    guide = Script("a", "b", "c", GOOD)
    with pytest.raises(ReplyError, match=r"script.*'plan'") as caught:
        guide.plan(PROMPT, seed=0)
    assert caught.value.reply == "c" and len(guide.requests) == 3


def test_clipping_is_noted_and_not_sent_back() -> None:
    guide = Script('{"objects": [{"phrase": "a dog", "box": [0.5, 0.2, 1.01, 0.8]}]}')
    assert guide.plan(PROMPT, seed=0).things[0].box.x1 == 1.0
    assert guide.repairs == 0 and "clipped" in guide.notes[0]


def test_geometry_that_breaks_the_rules_is_sent_back() -> None:
    parsed = parse_layout_reply('{"objects": [{"phrase": "a dog", "box": [0.5, 0.2, 1.5, 0.8]}]}')
    assert "x1 = 1.5 lies outside" in parsed.problems[0]


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"0.5"', "true", "null", "[0]"])
def test_what_is_no_number_is_a_problem(value: str) -> None:
    assert parse_layout_reply(f'{{"objects": [{{"phrase": "a", "box": [0, 0, {value}, 1]}}]}}').problems


def test_replies_are_bounded() -> None:
    row = {"phrase": "a dog", "box": [0, 0, 1, 1]}
    assert "at most 64" in parse_layout_reply(json.dumps({"objects": [row] * 65})).problems[0]
    assert "characters" in parse_layout_reply(" " * 200_000 + GOOD).problems[0]
    many = parse_layout_reply(json.dumps({"objects": [{"phrase": "x", "box": ["0"] * 4}] * 60}))
    assert len(many.problems) == 20


def test_deep_nesting_and_cut_replies_are_problems() -> None:
    for text in ('{"objects": ' + "[" * 50_000, GOOD[:-3], "{" * 50_000):
        assert parse_layout_reply(text).problems


def test_an_empty_redesign_says_aligned() -> None:
    attempts = [Attempt(0, LAYOUT, PICTURE)]
    guide = Script('{"reasoning": "all there", "objects": []}', GOOD)
    assert guide.redesign(PROMPT, attempts, seed=1) is None
    assert guide.requests[0].layout == LAYOUT and guide.requests[0].attempts == tuple(attempts)
    assert guide.redesign(PROMPT, attempts, seed=1) == LAYOUT


def test_a_broken_redesign_is_not_taken_for_aligned() -> None:
    assert parse_redesign_reply("it is fine").problems
    assert parse_layout_reply('{"objects": []}').problems


def test_a_plan_may_be_a_background_alone() -> None:
    assert parse_layout_reply('{"objects": [], "background": "a park"}').record == Layout(background="a park")


def test_a_verdict() -> None:
    text = 'Reasoning first. {"reasoning": "no dog\\u001b[0m", "score": 3, "missing": ["a dog"]}'
    assert Script(text).judge(PROMPT, PICTURE) == Verdict(3, "no dog[0m", ("a dog",))


@pytest.mark.parametrize("score", ["0", "6", "4.5", '"4"', "true", "null", "NaN"])
def test_scores_outside_the_rubric_are_problems(score: str) -> None:
    assert "from 1 to 5" in parse_verdict_reply(f'{{"score": {score}}}').problems[0]


def test_revise_shows_the_layout() -> None:
    guide = Script(GOOD)
    assert guide.revise(PROMPT, LAYOUT, seed=0) == LAYOUT
    assert (guide.requests[0].skill, guide.requests[0].layout) == ("revise", LAYOUT)


@given(st.text() | st.text(alphabet='{}[]",:0objectsre'))
def test_no_text_makes_the_parsers_fall(text: str) -> None:
    for parse in (parse_layout_reply, parse_redesign_reply, parse_verdict_reply):
        parsed = parse(text)  # type: ignore[operator]
        assert parsed.problems or parsed.record is not None

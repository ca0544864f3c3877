"""Few-shot examples: nearness by hand, deterministic ties, ours are sound, broken files are told."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tasvir.errors import SettingError
from tasvir.guide.mllm.examples import OURS, Examples, nearness
from tasvir.guide.replies import parse_layout_reply, parse_redesign_reply, parse_verdict_reply
from tasvir.layout import RepairReport, check
from tasvir.records import Layout

THING = {"objects": [{"phrase": "a dog", "box": [0.1, 0.1, 0.5, 0.5]}]}


def write(folder: Path, **prompts: str) -> Path:
    for name, prompt in prompts.items():
        (folder / f"{name}.json").write_text(json.dumps({"prompt": prompt, "layout": THING}))
    return folder


def asked(examples: Examples, prompt: str) -> list[str]:
    return [json.loads(turns["request"])["prompt"] for turns in examples.nearest(prompt, "plan")]


def test_nearness_by_hand() -> None:
    # grams: "red car" -> red, car, "red car"; "red dog" -> red, dog, "red dog"; only "red" is in both
    rare, common = math.log(3 / 2) + 1, 1.0
    length = math.sqrt(2 * rare**2 + common**2)
    first, second = nearness("red car", ["red car", "red dog"])
    assert first == pytest.approx(1) and second == pytest.approx(common**2 / length**2)
    assert nearness("blue sky", ["red car"]) == [0.0]
    assert nearness("", ["red car"]) == [0.0] and nearness("x", []) == []


def test_word_order_counts_by_pairs_of_words() -> None:
    first, second = nearness("a dog on a cat", ["a cat on a dog", "a dog on a cat"])
    assert second > first


def test_the_nearest_are_taken_and_the_nearest_stands_last(tmp_path: Path) -> None:
    folder = write(tmp_path, a="a ship at sea", b="a red car", c="a red car left of a dog", d="a blue kite")
    assert asked(Examples(folder, 2), "a red car left of a cat") == ["a red car", "a red car left of a dog"]


def test_ties_go_by_file_name_and_few_are_fixed(tmp_path: Path) -> None:
    folder = write(tmp_path, b="one", a="two", c="three")
    assert asked(Examples(folder, 2), "nothing alike") == ["one", "two"]
    assert sorted(asked(Examples(folder, 8), "nothing alike")) == ["one", "three", "two"]
    assert asked(Examples(folder, 0), "one") == []


def test_ours_serve_every_skill_and_their_replies_are_good_replies() -> None:
    examples = Examples(None, 99)
    parsers = {"plan": parse_layout_reply, "revise": parse_layout_reply, "judge": parse_verdict_reply}
    for skill, parse in {**parsers, "redesign": parse_redesign_reply}.items():
        turns = examples.nearest("a dog", skill)
        assert 6 <= len(turns) == len(list(OURS.glob("*.json")))
        for turn in turns:
            parsed = parse(turn["reply"])  # type: ignore[operator]
            assert not parsed.problems and not parsed.notes
            assert not isinstance(parsed.record, Layout) or check(parsed.record) == RepairReport()
            assert bool(turn["shows"]) == (skill in ("judge", "redesign"))


def test_ours_show_every_score_and_one_redesign_that_ends_the_work() -> None:
    examples = Examples(None, 99)
    verdicts = [json.loads(turns["reply"]) for turns in examples.nearest("a dog", "judge")]
    assert {verdict["score"] for verdict in verdicts} == {1, 2, 3, 4, 5}
    assert all((verdict["score"] == 5) == (verdict["missing"] == []) for verdict in verdicts)
    redesigns = [json.loads(turns["reply"]) for turns in examples.nearest("a dog", "redesign")]
    assert sum(reply["objects"] == [] for reply in redesigns) == 1


def test_an_example_with_a_layout_alone_serves_planning_alone(tmp_path: Path) -> None:
    examples = Examples(write(tmp_path, a="a dog"))
    assert len(examples.nearest("a dog", "plan")) == 1
    assert [examples.nearest("a dog", skill) for skill in ("revise", "judge", "redesign", "ask")] == [[]] * 4


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "cannot be read"),
        ("[" * 100_001, "larger than"),
        ("[]", "must be an object"),
        ('{"prompt": "a dog"}', "must be an object"),
        (json.dumps({"prompt": "a dog", "layout": THING, "lay": 1}), "must be an object"),
        (json.dumps({"prompt": 3, "layout": THING}), "must be texts"),
        (json.dumps({"prompt": "a dog", "layout": {"objects": 3}}), "'objects' must be a list"),
        (json.dumps({"prompt": "a dog", "layout": THING, "verdict": {"score": 9}}), "from 1 to 5"),
        (
            json.dumps({"prompt": "a", "layout": {"objects": [{"phrase": "a", "box": [0, 0, 2, 1]}]}}),
            "x1 = 2 lies outside",
        ),
    ],
)
def test_a_broken_file_is_told_by_name(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(SettingError, match=rf"(?s)bad\.json.*{what}"):
        Examples(tmp_path)


def test_no_files_and_wrong_numbers(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no JSON files"):
        Examples(tmp_path)
    with pytest.raises(SettingError, match="shots is -1"):
        Examples(None, -1)

"""B-VQA in its three forms: products by hand with a question model that says what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasvir.models.image_text.answerer import open_answerer
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, SuitePrompt
from tasvir.score.metrics.b_vqa import BVqaMetric, question_of
from tasvir.score.metrics.b_vqa_naive import BVqaNaiveMetric
from tasvir.score.metrics.b_vqa_upstream import BVqaUpstreamMetric
from tasvir.world.description import Description, Entity

Grey = Callable[..., Picture]
CPU = LoadSettings(device="cpu")
PROMPT = SuitePrompt("0", "a red ball and a dog", facts={"phrases": ["a red ball", "a dog"]})


def test_the_value_is_the_product_over_phrases(scripted: Callable[..., Any], grey: Grey) -> None:
    scripted(
        {
            (1, "a red ball?"): {"yes": 0.6, "no": 0.2},
            (1, "a dog?"): {"yes": 0.1, "no": 0.3},
        }
    )
    score = BVqaMetric("scripted").measure([PROMPT], [grey(1)])[0]
    assert score.value == pytest.approx(0.75 * 0.25)
    assert score.details["phrases"] == [["a red ball", 0.75], ["a dog", 0.25]]
    assert score.details["min"] == 0.25 and score.details["source"] == "facts"
    assert score.details["geometric_mean"] == pytest.approx((0.75 * 0.25) ** 0.5, abs=1e-6)
    assert "a dog (0.25)" in score.reason


def test_equal_questions_are_asked_once_and_all_together(scripted: Callable[..., Any], grey: Grey) -> None:
    answerer = scripted({(n, ""): {"yes": 0.5, "no": 0.5} for n in (1, 2)})
    BVqaMetric("scripted").measure([PROMPT] * 4, [grey(1), grey(2), grey(1), grey(1)])
    assert sorted(answerer.asked) == [(n, q) for n in (1, 2) for q in ("a dog?", "a red ball?")]


def test_upstream_rounds_and_stops_after_eight(scripted: Callable[..., Any], grey: Grey) -> None:
    scripted({(1, ""): {"yes": 0.87654321, "no": 0.12345679}})
    many = SuitePrompt("0", "", facts={"phrases": [f"thing {n}" for n in range(10)]})
    official = BVqaUpstreamMetric("scripted").measure([many], [grey(1)])[0]
    mended = BVqaMetric("scripted").measure([many], [grey(1)])[0]
    assert official.value == pytest.approx(0.8765**8, rel=1e-9)
    assert mended.value == pytest.approx(0.87654321**10, rel=1e-6)


def test_no_phrases_are_full_marks_upstream_and_missing_here(
    scripted: Callable[..., Any], grey: Grey
) -> None:
    scripted({})
    bare = SuitePrompt("0", "slowly, again", facts={"phrases": []})
    official = BVqaUpstreamMetric("scripted").measure([bare], [grey(1)])[0]
    assert official.value == 1 and "official code says 1" in official.reason
    mended = BVqaMetric("scripted").measure([bare], [grey(1)])[0]
    assert mended.value is None and "no noun phrase" in mended.reason


def test_what_must_be_absent_is_asked_for_by_upstream_alone(scripted: Callable[..., Any], grey: Grey) -> None:
    """A true picture of "a park without dogs": the official code wants a dog in it."""
    answers = {"a park?": {"yes": 0.9, "no": 0.1}, "dogs?": {"yes": 0.1, "no": 0.9}}
    scripted({(1, question): row for question, row in answers.items()})
    facts = {"description": Description((), (), (Entity("dog"),), "park").to_dict()}
    prompt = SuitePrompt("0", "a park without dogs", facts=facts)
    assert BVqaMetric("scripted", chunker="rules").measure([prompt], [grey(1)])[0].value == pytest.approx(0.9)
    official = BVqaUpstreamMetric("scripted", chunker="rules").measure([prompt], [grey(1)])[0]
    assert official.value == pytest.approx(0.9 * 0.1)


def test_upstream_skips_four_phrases_exactly(scripted: Callable[..., Any], grey: Grey) -> None:
    answerer = scripted({(1, ""): {"yes": 1.0, "no": 0.0}})
    phrases = ["a cat", "the left", "top", "the right", "the side", "side", "a hat"]
    BVqaUpstreamMetric("scripted").measure([SuitePrompt("", "", facts={"phrases": phrases})], [grey(1)])
    assert [question for _, question in answerer.asked] == ["a cat?", "side?", "a hat?"]


def test_naive_asks_the_whole_text(scripted: Callable[..., Any], grey: Grey) -> None:
    scripted({(1, "a red ball and a dog?"): {"yes": 0.2, "no": 0.6}})
    assert BVqaNaiveMetric("scripted").measure([PROMPT], [grey(1)])[0].value == pytest.approx(0.25)


def test_the_official_form_of_a_question() -> None:
    assert question_of('The "Big" Dog (#1): really!*;~.') == "the big dog 1 really?"
    assert question_of(" ".join(["word"] * 60)) == " ".join(["word"] * 50) + "?"


def test_a_model_that_rules_out_both_answers_gives_no_value(scripted: Callable[..., Any], grey: Grey) -> None:
    scripted({(1, ""): {"yes": 0.0, "no": 0.0}})
    for metric in (BVqaMetric("scripted"), BVqaUpstreamMetric("scripted"), BVqaNaiveMetric("scripted")):
        score = metric.measure([PROMPT], [grey(1)])[0]
        assert score.value is None and "neither yes nor no" in score.reason


def test_a_model_of_transformers_is_asked_by_the_same_rule(
    saved: Callable[[str], Path], noisy: Callable[..., Picture]
) -> None:
    folder = str(saved("answerer"))
    metric = BVqaMetric(folder, CPU)
    score = metric.measure([PROMPT], [noisy(1)])[0]
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(noisy(1).png)).convert("RGB")
    rows = open_answerer(folder, CPU).answer_probabilities([image, image], ["a red ball?", "a dog?"])
    by_hand = [float(yes) / (float(yes) + float(no)) for yes, no in rows]
    assert score.value == pytest.approx(by_hand[0] * by_hand[1], rel=1e-4)
    assert metric.recipe["answerer"]["weights"] and metric.recipe["phrases"][0] == "facts"

"""VQAScore and Soft-TIFA: one question, and many, by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasvir.records import Picture, SuitePrompt
from tasvir.score.metrics.soft_tifa import SoftTifaMetric
from tasvir.score.metrics.vqa_score import VqaScoreMetric
from tasvir.world.description import Claim, Description, Entity

Grey = Callable[..., Picture]
DESCRIPTION = Description((Entity("ball", count=2), Entity("dog")), (Claim("left of", 1, 0),))
PROMPT = SuitePrompt("0", "a dog left of two balls", facts={"description": DESCRIPTION.to_dict()})


def test_vqa_score_asks_one_question_in_its_template(scripted: Callable[..., Any], grey: Grey) -> None:
    question = 'Does this figure show "a dog left of two balls"? Please answer yes or no.'
    scripted({(1, question): {"yes": 0.3, "no": 0.1}, (2, question): {"yes": 0.0, "no": 0.0}})
    good, neither = VqaScoreMetric("scripted").measure([PROMPT] * 2, [grey(1), grey(2)])
    assert good.value == pytest.approx(0.75)
    assert neither.value is None and neither.reason


def test_soft_tifa_is_the_geometric_mean_of_the_right_answers(
    scripted: Callable[..., Any], grey: Grey
) -> None:
    scripted(
        {
            (1, "is there a ball?"): {"yes": 0.8, "no": 0.2},
            (1, "how many balls are there?"): {"2": 0.2, "3": 0.1, "1": 0.1, "yes": 0.6},
            (1, "is there a dog?"): {"yes": 0.9, "no": 0.1},
            (1, "is the dog left of the balls?"): {"yes": 0.1, "no": 0.3},
        }
    )
    score = SoftTifaMetric("scripted").measure([PROMPT], [grey(1)])[0]
    right = [0.8, 0.5, 0.9, 0.25]
    assert score.value == pytest.approx((0.8 * 0.5 * 0.9 * 0.25) ** 0.25, rel=1e-5)
    assert score.details["arithmetic_mean"] == pytest.approx(sum(right) / 4, abs=1e-6)
    assert [row[3] for row in score.details["questions"]] == pytest.approx(right, abs=1e-6)
    assert [row[2] for row in score.details["questions"]] == ["object", "count", "object", "relation"]
    assert "is the dog left of the balls? yes (0.25)" in score.reason


def test_an_absence_is_right_where_the_answer_is_no(scripted: Callable[..., Any], grey: Grey) -> None:
    scripted({(1, "is there a dog?"): {"yes": 0.2, "no": 0.6}})
    facts = {"description": Description((), (), (Entity("dog"),)).to_dict()}
    score = SoftTifaMetric("scripted").measure([SuitePrompt("", "no dogs", facts=facts)], [grey(1)])[0]
    assert score.value == pytest.approx(0.75)


def test_nothing_to_ask_is_missing(scripted: Callable[..., Any], grey: Grey) -> None:
    scripted({})
    score = SoftTifaMetric("scripted").measure([SuitePrompt("", "slowly", facts={"phrases": []})], [grey(1)])[
        0
    ]
    assert score.value is None and "no noun phrase" in score.reason

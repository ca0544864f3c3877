"""The benchmark tells a judge that knows from one that does not; its table adds up."""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tasvir.guide.base import Guide, Request


class Indifferent(Guide):
    """Always gives 3, and notes what it was asked."""

    name = "indifferent"

    def __init__(self) -> None:
        self.seen: list[Request] = []

    def reply(self, request: Request, *, seed: int) -> str:
        self.seen.append(request)
        return json.dumps({"score": 3})


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("judge_against_truth")


def test_a_judge_that_knows_the_shares_is_told_from_one_that_does_not(module: ModuleType) -> None:
    cases = list(module.cases(24, "both", 0))
    rows = [module.judge_case(Indifferent(), case, 0) for case in cases]
    blind = module.figures(rows, 0, seed=0)
    assert blind["spearman"] == {
        "rho": None,
        "reason": "the first gives every picture the same value",
        "n": 24,
    }
    knowing = [replace(row, score=1 + round(4 * row.share)) for row in rows]
    figures = module.figures(knowing, unread=2, seed=0)
    low, high = figures["spearman"]["interval_95"]
    assert figures["spearman"]["rho"] > 0.9 and low > 0.8 and high <= 1.0
    assert figures["texts_not_read"] == 2
    assert sum(sum(row.values()) for row in figures["scores_by_true_share"].values()) == 24
    assert figures["of_all_true_score_5"] == {"share": 1.0, "n": sum(case.share == 1.0 for case in cases)}


def test_pictures_are_graded_repeatable_and_of_the_stated_share(module: ModuleType) -> None:
    first, again = (list(module.cases(30, "suite", 5)) for _ in range(2))
    assert [case.share for case in first] == [case.share for case in again]
    assert all((a.pixels == b.pixels).all() for a, b in zip(first, again, strict=True))
    shares = np.array([case.share for case in first])
    # a fifth is left true and the others are aimed evenly at 0 to 1: no quarter may be empty or take all
    counts = np.histogram(shares, [0, 0.25, 0.5, 0.75, 1.001])[0]
    assert counts.min() >= 1 and counts.max() <= 20
    assert all((case.share == 1.0) == (not case.corruptions) for case in first)


def test_the_judge_sees_the_case_s_own_pixels_and_text(module: ModuleType) -> None:
    case = next(iter(module.cases(1, "captions", 1)))
    judge = Indifferent()
    assert module.judge_case(judge, case, 0).score == 3
    (request,) = judge.seen
    assert (request.prompt.text, request.layout, request.attempts) == (case.text, None, ())
    assert request.picture is not None
    with Image.open(io.BytesIO(request.picture.png)) as shown:
        assert (np.asarray(shown) == case.pixels).all()

"""The simulation of intervals and tests finds what is wrong with wrong ones."""

from __future__ import annotations

import importlib
import json
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("interval_coverage")


def test_a_wrong_truth_is_not_held(module: ModuleType) -> None:
    draw, truth = module.MEANS["normal"]
    rng = np.random.default_rng(0)
    assert module.mean_coverage(draw, truth, 30, 200, 300, rng) > 0.85
    assert module.mean_coverage(draw, truth + 1, 30, 200, 300, rng) < 0.05
    draw, truth, pictures = module.SHARES["four alike yes or no, 0.5"]
    assert module.share_coverage(draw, truth, pictures, 30, 200, rng) > 0.85
    assert module.share_coverage(draw, truth + 0.4, pictures, 30, 200, rng) < 0.05


def test_a_difference_is_no_false_alarm(module: ModuleType) -> None:
    rng = np.random.default_rng(0)
    draw = module.DIFFERENCES["equal models, normal"]
    assert module.false_alarms(draw, 30, 200, 300, rng) < 0.12
    assert module.false_alarms(lambda *asked: draw(*asked) + 1, 30, 200, 300, rng) > 0.9
    assert module.false_alarms(module.pictures_as_prompts, 30, 200, 300, rng) > 0.15


def test_pictures_of_a_prompt_are_as_alike_as_said(module: ModuleType) -> None:
    pictures = module.alike(np.random.default_rng(1), 20, 500)
    assert np.corrcoef(pictures[:, 0].ravel(), pictures[:, 1].ravel())[0, 1] == pytest.approx(0.7, abs=0.02)
    assert pictures.var() == pytest.approx(1, abs=0.05)


def test_it_tells_every_figure(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    module.main(["--runs", "8", "--draws", "50", "--sizes", "10", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert set(told["coverage of means"]) == set(module.MEANS)
    assert set(told["coverage of shares"]) == set(module.SHARES)
    assert set(told["false alarms"]) == {*module.DIFFERENCES, "any of six pairs, Holm"}

"""What captions claim, read and checked: arithmetic by hand."""

from __future__ import annotations

import importlib

import pytest

from tasvir.world.scene import Placed, Scene

SCENE = Scene((Placed("ball", (0.6, 0.6, 0.8, 0.8), "red"), Placed("cat", (0.1, 0.6, 0.4, 0.9), "black")))


def test_captions_count_whole_and_claim_by_claim() -> None:
    texts = ["a black cat left of a red ball", "a black cat left of a blue ball", "cat cat of", "a cat"]
    found = importlib.import_module("caption_truth").truth(texts, [SCENE] * 4)
    assert found["readable"]["share"] == 0.75 and found["readable"]["n"] == 4
    assert found["all_true"]["share"] == 0.5
    # a cat, black, a ball, red, left of; the same with blue; a cat
    assert found["claims_true"]["n"] == 11
    assert found["claims_true"]["share"] == pytest.approx(10 / 11, abs=1e-4)

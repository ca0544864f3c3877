"""Views of a cosine, models joined by "+", and equal things computed once."""

from __future__ import annotations

import pytest

from tasvir.errors import SettingError, UnknownNameError
from tasvir.score.batches import once
from tasvir.score.model_names import several
from tasvir.score.views import VIEWS, view


def test_views_of_a_cosine() -> None:
    assert view("clip_cosine", 0.318) == 0.318
    assert view("clipscore_w2.5", 0.318) == pytest.approx(0.795)
    assert view("clip_x100", 0.318) == pytest.approx(31.8)
    assert [view(name, -0.1) for name in VIEWS] == pytest.approx([-0.1, 0.0, -10.0])
    with pytest.raises(UnknownNameError, match="clip_x100"):
        view("clip", 0.3)


def test_models_are_joined_by_a_plus() -> None:
    roles = ("CAPTIONER", "ENCODER")
    assert several("m", "embedded", roles) == ("embedded", "embedded")
    assert several("m", "a/b + c", roles) == ("a/b", "c")
    for wrong in ("a", "a+b+c", "", "+b"):
        with pytest.raises(SettingError, match="needs 2 models"):
            several("m", wrong, roles)


def test_equal_items_are_computed_once_and_come_back_in_order() -> None:
    calls: list[list[str]] = []

    def lengths(texts: list[str]) -> list[int]:
        calls.append(texts)
        return [len(text) for text in texts]

    assert once(["ab", "c", "ab", "def"], lengths) == [2, 1, 2, 3]
    assert calls == [["ab", "c", "def"]]
    assert once([], lengths) == [] and len(calls) == 1
    assert once(["ab", "AB"], lengths, key=str.lower) == [2, 2]

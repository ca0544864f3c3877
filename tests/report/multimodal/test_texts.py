"""The page's texts: complete in both languages, every claim and open point said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

from tasvir.report.languages import read_texts
from tasvir.report.multimodal import files
from tasvir.report.multimodal.claims import CLAIMS
from tasvir.report.multimodal.words import Words


def every(language: str) -> Iterator[tuple[str, Any]]:
    for section, keys in read_texts("multimodal", language).items():
        for key, text in keys.items():
            yield f"{section}.{key}", text


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_languages_have_the_same_keys_and_places() -> None:
    english, turkish = dict(every("en")), dict(every("tr"))
    assert list(english) == list(turkish), "in the same order, so that they can be read side by side"
    for key, text in english.items():
        if isinstance(text, list):
            assert len(text) == len(turkish[key]), key
        else:
            assert places(text) == places(turkish[key]), key
            assert text.strip() and turkish[key].strip()


def test_no_ending_hangs_on_a_place() -> None:
    for language in ("en", "tr"):
        for key, text in every(language):
            if isinstance(text, str):
                assert not re.search(r"\}['’]?[^\W\d_]", text), f"{language}: {key}: {text}"


def test_every_claim_says_what_it_is_and_what_is_measured() -> None:
    wanted = list(dict.fromkeys(one.id for one in CLAIMS))
    for language in ("en", "tr"):
        texts = read_texts("multimodal", language)
        assert list(texts["claim"]) == list(texts["measured"]) == wanted
        assert len(set(texts["claim"].values())) == len(wanted)


def test_every_text_is_used() -> None:
    """Asked for by its key somewhere, or by a section whose keys are names."""
    folder = Path(files.__file__).parent
    sources = [*folder.glob("*.py"), *(folder.parent / "templates").glob("multimodal.*")]
    source = "".join(path.read_text("utf-8") for path in sources)
    named = {
        "modality",
        "expert",
        "data",
        "figure",
        "weighting",
        "claim",
        "measured",
        "unknown",
        "verdict",
        "section",
        "picture",
    }
    for full, _ in every("en"):
        section, _, key = full.partition(".")
        assert section in named or full in source or re.search(rf'"{re.escape(key)}"', source), full


def test_names_of_rows_and_numbers() -> None:
    english, turkish = Words("en"), Words("tr")
    two, three = ("image", "label"), ("x1", "x2", "x3")
    assert (
        english.weighting("fixed:1,1", two) == english.weighting("fixed:2,2,2", three) == "equal (classical)"
    )
    assert english.weighting("fixed:1,3", two) == "label × 3"
    assert turkish.weighting("fixed:2,1", two) == "görüntü × 2"
    assert turkish.weighting("fixed:1,1,2", three) == "3. kip × 2"
    assert english.weighting("fixed:1,2,3", three) == "fixed:1,2,3"
    assert turkish.weighting("generated:weak", two) == "üretilemeyen"
    assert english.weighting("some-plugin:x", two) == "some-plugin:x"
    assert english.data("idx:/home/me/marks/") == "idx:marks"
    assert turkish.signed(-0.01234) == "−0,0123" and english.signed(0.5, 1) == "+0.5"
    assert turkish.interval((-0.5, 0.25), 2) == "[−0,50; +0,25]"
    assert english.p(1e-9) == "< 0.001" and english.p(None) == "–" == english.number(float("nan"))

"""The study's texts: the same in every language but for words and the way that numbers are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from tasvir.errors import SettingError
from tasvir.report.languages import LANGUAGES
from tasvir.report.study import page
from tasvir.report.study.numbers import NUMBERS
from tasvir.report.study.values import Listed, Message, Name, Ref, Value, digits_for, index_of, value_id
from tasvir.report.study.words import COUNTED, Words, catalogue

FORMS = {"en": {"one", "other"}, "tr": set(), "zh": set()}
"""Forms that a counted text has; none where nouns stay as they are after a number."""


def forms(text: Any) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def every(language: str) -> Iterator[tuple[str, Any]]:
    for section, keys in catalogue(language).items():
        for key, text in keys.items():
            yield f"{section}.{key}", text


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_languages_have_the_same_keys_and_places(language: str) -> None:
    english, other = dict(every("en")), dict(every(language))
    assert list(other) == list(english), "in the same order, so that they can be read side by side"
    for key, text in english.items():
        wanted = {frozenset(places(form)) for form in forms(text)}
        assert len(wanted) == 1, f"{key}: its forms have different places"
        for form in forms(other[key]):
            assert places(form) == set(*wanted), f"{language}: {key}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_the_language_s_own(language: str) -> None:
    """English needs two wherever a number counts a noun; elsewhere there is one text."""
    for key, text in every(language):
        if isinstance(text, dict):
            assert set(text) == FORMS[language], f"{language}: {key}"
            assert all(COUNTED in places(form) for form in forms(text)), f"{language}: {key}"
    if not FORMS[language]:
        return
    counted = r"(prompts?|pictures?|models?|pairs? of|seeds?|person|people|suites?|metrics?|ratings?)\b"
    nouns = re.compile(rf"\{{count\}} {counted}")
    single = [key for key, text in every(language) if isinstance(text, str) and nouns.search(text)]
    assert single == []
    others = re.compile(rf"\{{(?!count|pairs)\w+\}} {counted}")
    second = [key for key, text in every(language) for form in forms(text) if others.search(form)]
    assert second == [], "a second number in a sentence has no form of its own"


@pytest.mark.parametrize("language", ["en", "tr"])
def test_no_ending_hangs_on_a_place(language: str) -> None:
    """What would be right after one name or number is wrong after the next: "3'ü", "5'i"."""
    for key, text in every(language):
        for form in forms(text):
            assert not re.search(r"\}['’]?[^\W\d_]", form), f"{language}: {key}: {form}"


def test_every_text_is_used() -> None:
    """Asked for by name somewhere, or by a section's name and a key that is made up."""
    folder = Path(page.__file__).parent
    sources = [*folder.glob("*.py"), *(folder.parent / "templates").glob("study.*")]
    source = "".join(path.read_text("utf-8") for path in sources)
    whole = {"metric", "section", "sheet", "run", "list"}  # by names of plugins, sections, sheets, counts
    made_up = {
        "lead": ("stable", "unstable"), "sweep": ("rising", "peak"), "people": ("gap", "no_gap"),
        "cannot": ("one_", "few_", "undrawn"), "future": ("one_", "few_", "undrawn"),
    }  # fmt: skip
    unused = []
    for full, _ in every("en"):
        section, _, key = full.partition(".")
        asked = rf'["\'\.]{section}\.{key}\b|(?:view|words)\.{key}\b|t\.{section}\.{key}\b'
        if section in whole or re.search(asked, source):
            continue
        if section in ("word", "view") and re.search(rf'"{key}"', source):
            continue
        if not key.startswith(made_up.get(section, ("\0",))):
            unused.append(full)
    assert unused == []


def test_unknown_language() -> None:
    with pytest.raises(SettingError, match="expected one of en, tr, zh"):
        Words("fr", {})


@pytest.mark.parametrize(
    ("language", "value", "written"),
    [
        ("en", Value("v", 0.12345), "0.123"),
        ("tr", Value("v", 0.12345), "0,123"),
        ("zh", Value("v", -0.12345), "−0.123"),
        ("en", Value("v", 1234567, "count"), "1,234,567"),
        ("tr", Value("v", 1234567, "count"), "1.234.567"),
        ("tr", Value("v", 1234.5, digits=1), "1.234,5"),
        ("en", Value("v", -0.0004), "0.000"),
        ("en", Value("v", 0.03, "difference"), "+0.030"),
        ("en", Value("v", 0.0, "difference"), "0.000"),
        ("tr", Value("v", -0.03, "difference"), "−0,030"),
        ("en", Value("v", 0.456, "share"), "46\u00a0%"),
        ("tr", Value("v", 0.456, "share"), "%46"),
        ("zh", Value("v", 0.456, "share"), "46%"),
        ("tr", Value("v", 0.00001, "p"), "< 0,001"),
        ("en", Value("v", 0.0123, "p"), "0.012"),
        ("tr", Value("v", 0.06432, "seconds"), "0,064 sn"),
        ("en", Value("v", 12.345, "seconds"), "12.3 s"),
        ("zh", Value("v", 123.45, "seconds"), "123 秒"),
        ("en", Value("v", 3 * 2**29, "bytes"), "1.50 GiB"),
        ("en", Value("v", None, reason="why"), "–"),
        ("en", Value("v", float("inf")), "–"),
    ],
)
def test_numbers(language: str, value: Value, written: str) -> None:
    assert NUMBERS[language].write(value) == written


def test_intervals_and_parts() -> None:
    value = Value("v", -0.5, "difference", 2, -0.75, 0.25, 12)
    assert NUMBERS["en"].interval(value) == "[−0.75, +0.25]"
    assert NUMBERS["tr"].interval(value) == "[−0,75; +0,25]"
    assert NUMBERS["tr"].interval(Value("v", 1.0)) == ""
    assert NUMBERS["en"].write(value, absolute=True) == "0.50"
    assert NUMBERS["en"].write(value, "n") == "12"


def test_forms_follow_the_number() -> None:
    values = {name: Value(name, number, "count") for name, number in (("none", 0), ("one", 1), ("two", 2))}
    said = [
        Words("en", values)(Message("method.seeds", {"count": Ref(name)})).rpartition("with ")[2]
        for name in values
    ]
    assert said == ["0 seeds.", "1 seed.", "2 seeds."]


def test_lists() -> None:
    def listed(language: str, *names: str) -> str:
        return Words(language, {})(Listed(tuple(map(Name, names))))

    assert listed("en", "a", "b", "c") == "a, b and c"
    assert listed("tr", "a", "b", "c") == "a, b ve c"
    assert listed("zh", "a", "b", "c") == "a、b 和 c"
    assert (listed("en", "a"), listed("en")) == ("a", "")


def test_braces_in_names_are_only_letters() -> None:
    message = Message("aim.derived", {"model": Name("{0.__class__}"), "base": Name("{base}")})
    assert Words("en", {})(message) == "{0.__class__} was fine-tuned from {base}."


def test_ids_tell_names_with_slashes_apart() -> None:
    assert value_id("a/b", "c") != value_id("a", "b/c")
    with pytest.raises(ValueError, match="two values have the id"):
        from tasvir.report.study.values import Sheet

        index_of([Sheet("s", Message("sheet.run"), (Name("h"),), ((Value("x", 1),), (Value("x", 2),)))])


def test_digits_show_two_of_the_interval() -> None:
    assert [digits_for([width]) for width in (0.2, 0.04, 0.0069, 3.0, 40.0)] == [2, 3, 4, 1, 0]
    assert digits_for([None, 0.0]) == 3

"""The published files give the published numbers of prompts, categories and facts, however written."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tasvir import registry
from tasvir.bench.base import Suite
from tasvir.bench.importing import add_suite, estimated_tokens
from tasvir.bench.published import published_suites
from tasvir.bench.suites.t2i_compbench import NUMBERS, numbers_in
from tasvir.errors import RecordError, SettingError, UnknownNameError
from tasvir.records import SuitePrompt


def imported(name: str, source: Path, root: Path, **options: Any) -> tuple[Any, tuple[SuitePrompt, ...]]:
    told = add_suite(name, str(source), root=root, **options)
    return told, registry.create("suites", name, Suite, folder=root).prompts()


def test_drawbench(public: Path, tmp_path: Path) -> None:
    told, prompts = imported("drawbench", public / "drawbench", tmp_path)
    assert (told.rows, len(told.categories), told.warnings) == (200, 11, ())
    assert told.version and any("categories taken off" in note for note in told.notes)
    assert Counter(entry.category for entry in prompts)["Gary Marcus et al."] == 10  # 10 with a space behind
    assert all(entry.text == entry.text.strip() for entry in prompts)
    assert any("ö" in entry.text for entry in prompts)


def test_geneval(public: Path, tmp_path: Path) -> None:
    told, prompts = imported("geneval", public / "geneval", tmp_path)
    assert (told.rows, len(told.categories), told.warnings) == (553, 6, ())
    assert prompts[200].id == "00200"
    counting = [entry for entry in prompts if entry.category == "counting"]
    for entry in counting:  # n are wanted, and there must be fewer than n + 1
        (wanted,), (most,) = entry.facts["include"], entry.facts["exclude"]
        assert (wanted["class"], wanted["count"] + 1) == (most["class"], most["count"])
    for entry in (entry for entry in prompts if entry.category == "position"):
        first, second = entry.facts["include"]
        relation, target = second["position"]
        assert (
            target == 0 and f"{second['class']} {relation} a" in entry.text and first["class"] in entry.text
        )
    assert sum("color" in thing for entry in prompts for thing in entry.facts["include"]) == 294


def test_parti(public: Path, tmp_path: Path) -> None:
    told, prompts = imported("parti", public / "parti" / "PartiPrompts.tsv", tmp_path)
    assert (told.rows, len(told.categories), told.warnings) == (1632, 12, ())
    assert len({entry.facts["challenge"] for entry in prompts}) == 11
    assert sum("note" in entry.facts for entry in prompts) == 190
    assert any('"' in entry.text for entry in prompts), "quotation marks are letters here"


def test_t2i_compbench(public: Path, tmp_path: Path) -> None:
    told, prompts = imported("t2i-compbench", public / "t2i-compbench", tmp_path)
    assert (told.rows, told.warnings, told.version) == (2400, (), "color since 2025-09-03")
    assert told.categories == dict.fromkeys(published_suites()["t2i-compbench"].categories, 300)
    assert sum("CR LF" in note for note in told.notes) == 6
    assert not any("\r" in entry.text for entry in prompts)
    facts = Counter((entry.category, name) for entry in prompts for name in entry.facts)
    assert facts == {
        ("spatial", "relation"): 300,
        ("3d-spatial", "relation"): 300,
        ("numeracy", "numbers"): 300,
        ("complex", "complex"): 300,
    }
    assert Counter(entry.facts["complex"] for entry in prompts if entry.category == "complex") == {
        "action": 212, "spatial": 58, "spatial-action": 30
    }  # fmt: skip
    relations = Counter(entry.facts["relation"]["name"] for entry in prompts if "relation" in entry.facts)
    assert relations == {
        "on the top of": 56, "on the right of": 56, "on the bottom of": 52, "on the left of": 51,
        "on side of": 37, "next to": 24, "near": 24, "in front of": 102, "behind": 83, "hidden by": 115,
    }  # fmt: skip


def test_what_relations_and_numbers_say_is_the_text(public: Path, tmp_path: Path) -> None:
    """Put together again with their articles, the parts are the prompt; numbers are those of its words."""
    _, prompts = imported("t2i-compbench", public / "t2i-compbench", tmp_path)
    for entry in prompts:
        if "relation" in entry.facts:
            told = entry.facts["relation"]
            words = entry.text.replace(" an ", " ").replace(" a ", " ").removeprefix("a ").removeprefix("an ")
            assert f"{told['subject']} {told['name']} {told['object']}" == words
    lists = 0
    for entry in (entry for entry in prompts if "numbers" in entry.facts):
        parts = [part.split() for part in re.split(r", and |, | and ", entry.text)]
        if all(len(part) == 2 for part in parts):  # a mere list: another way to read it
            lists += 1
            numbers = list(entry.facts["numbers"].items())
            assert [NUMBERS[count] for count, _ in parts] == [count for _, count in numbers]
            assert all(same(noun, singular) for (_, noun), (singular, _) in zip(parts, numbers, strict=True))
    assert lists > 100


def same(noun: str, singular: str) -> bool:
    """Whether a noun may be the plural of another, as far as beginnings tell."""
    return noun[:1] == singular[:1] and (noun[:2] == singular[:2] or noun in ("men", "mice", "people"))


def test_numbers_are_words_before_nouns() -> None:
    nouns = {"cup": "cup", "cups": "cup", "mouse": "mouse", "mice": "mouse", "table": "table"}
    text = "Three cups, a mouse and eight mice sat on the round table near two spoons"
    assert numbers_in(text.replace("a mouse and ", ""), nouns) == {"cup": 3, "mouse": 8}
    assert numbers_in("An apple, one cup and a table", nouns) == {"cup": 1, "table": 1}
    assert numbers_in("cups of mice", nouns) == {}


def test_one_category_of_t2i_compbench_is_a_suite(public: Path, tmp_path: Path) -> None:
    add_suite("t2i-compbench", str(public / "t2i-compbench"), root=tmp_path)
    one = registry.create("suites", "t2i-compbench:3d_spatial", Suite, folder=tmp_path)
    assert one.label == "t2i-compbench:3d-spatial"
    assert {entry.category for entry in one.prompts()} == {"3d-spatial"} and len(one.prompts()) == 300
    assert one.provenance["rows"] == 300 and one.provenance["licence"] == "MIT"
    with pytest.raises(UnknownNameError, match="did you mean 'color'"):
        registry.create("suites", "t2i-compbench:colour", Suite, folder=tmp_path)


def test_other_ends_of_lines_are_the_same_version(public: Path, tmp_path: Path) -> None:
    for file in (public / "t2i-compbench").glob("*.txt"):
        text = file.read_bytes().replace(b"\r\n", b"\n")
        (tmp_path / file.name).write_bytes(text if text.endswith(b"\n") else text + b"\n")
    told = add_suite("t2i-compbench", str(tmp_path), root=tmp_path / "suites")
    assert told.version and not told.warnings
    assert sum("not byte for byte" in note for note in told.notes) == 12
    assert not any("CR LF" in note for note in told.notes)


def test_a_changed_prompt_is_another_version_and_a_lost_one_an_error(public: Path, tmp_path: Path) -> None:
    rows = (public / "geneval" / "evaluation_metadata.jsonl").read_text().splitlines()
    changed = json.loads(rows[0]) | {"prompt": "a drawing of a kettle"}
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join([json.dumps(changed), *rows[1:]]))
    told = add_suite("geneval", str(file), root=tmp_path)
    assert told.version is None and "not those of a version that is known" in told.warnings[0]
    file.write_text("\n".join(rows[1:-1]))
    message = "category 'single_object' has 79 prompts, published are 80; .*--accept"
    with pytest.raises(SettingError, match=message):
        add_suite("geneval", str(file), root=tmp_path)
    told = add_suite("geneval", str(file), root=tmp_path, accept=True)
    assert told.rows == 551 and len(told.warnings) == 2


def test_part_of_a_suite_needs_to_be_accepted(public: Path, tmp_path: Path) -> None:
    file = public / "t2i-compbench" / "color_val.txt"
    with pytest.raises(SettingError, match="category 'shape' has 0 prompts, published are 300"):
        add_suite("t2i-compbench", str(file), root=tmp_path)
    told, prompts = imported("t2i-compbench", file, tmp_path, accept=True)
    assert told.rows == 300 and {entry.category for entry in prompts} == {"color"}


def test_prompts_that_come_twice_are_told(public: Path, tmp_path: Path) -> None:
    rows = (public / "parti" / "PartiPrompts.tsv").read_text().splitlines()
    rows[2] = rows[1]
    (tmp_path / "PartiPrompts.tsv").write_text("\n".join(rows) + "\n")
    told, prompts = imported("parti", tmp_path / "PartiPrompts.tsv", tmp_path)
    assert any(note.startswith("1 prompts come more than once") for note in told.notes)
    assert len({entry.id for entry in prompts}) == 1632


def test_tokens_are_estimated_about_right(public: Path, tmp_path: Path) -> None:
    """CLIP's tokenizer makes at most 14 tokens of GenEval's prompts and 34 of T2I-CompBench's."""
    for name, most in (("geneval", 14), ("t2i-compbench", 34)):
        _, prompts = imported(name, public / name, tmp_path)
        assert max(estimated_tokens(entry.text) for entry in prompts) == most
    _, prompts = imported("parti", public / "parti", tmp_path)
    assert [estimated_tokens(entry.text) > 77 for entry in prompts].count(True) == 1


def test_what_was_imported_is_guarded(public: Path, tmp_path: Path) -> None:
    told, _ = imported("geneval", public / "geneval", tmp_path)
    file = told.folder / "prompts.jsonl"
    file.write_text(file.read_text().replace('"text": "', '"text": "not ', 1))
    with pytest.raises(RecordError, match=r"was changed after it was imported.*import it again"):
        registry.create("suites", "geneval", Suite, folder=tmp_path).prompts()
    (told.folder / "about.json").write_text("{")
    with pytest.raises(RecordError, match="damaged"):
        registry.create("suites", "geneval", Suite, folder=tmp_path).prompts()


def test_the_files_here_are_those_that_are_known(public: Path) -> None:
    """The checksums in the package are those of the files, not of what was made of them."""
    known = {sha for suite in published_suites().values() for file in suite.files for sha in file.sha256}
    files = ["drawbench/drawbench.tsv", "geneval/evaluation_metadata.jsonl", "parti/PartiPrompts.tsv"]
    files += [f"t2i-compbench/{file.name}" for file in published_suites()["t2i-compbench"].files]
    assert all(hashlib.sha256((public / name).read_bytes()).hexdigest() in known for name in files)

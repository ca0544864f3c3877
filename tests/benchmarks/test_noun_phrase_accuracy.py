"""Agreement by hand, on two prompts of our own; and the shipped answers hold no prompt's text."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from tasvir.score.phrases import open_chunker


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("noun_phrase_accuracy")


def row(line: int, text: str, phrases: list[list[int]]) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return json.dumps({"file": "own.txt", "line": line, "sha256": digest, "phrases": phrases})


def test_agreement_precision_and_recall_by_hand(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["A green kettle, and a fox.", "A man sees a balloon rise"]
    (tmp_path / "own.txt").write_text("\r\n".join(texts), "utf-8")
    answers = tmp_path / "answers.jsonl"
    answers.write_text(row(1, texts[0], [[0, 3], [4, 6]]) + "\n" + row(2, texts[1], [[0, 2], [3, 5]]) + "\n")
    monkeypatch.setattr(module, "ANSWERS", answers)
    figures = module.measure(tmp_path, open_chunker("rules"))
    assert figures["agree"][0] == 0.5 and figures["n"] == 2 and figures["wrong"] == [["own.txt", 2]]
    assert open_chunker("rules").chunk(texts[1]) == ["a man", "a balloon rise"]
    assert figures["precision"] == figures["recall"] == 3 / 4
    (tmp_path / "own.txt").write_text("\n".join(["another", texts[1]]), "utf-8")
    with pytest.raises(SystemExit, match="line 1"):
        module.measure(tmp_path, open_chunker("rules"))


def test_the_shipped_answers_are_places_not_texts(module: ModuleType) -> None:
    rows = [json.loads(line) for line in module.ANSWERS.read_text("utf-8").splitlines()]
    assert len(rows) == 90 and len({(one["file"], one["line"]) for one in rows}) == 90
    assert all(set(one) == {"file", "line", "sha256", "phrases"} for one in rows)

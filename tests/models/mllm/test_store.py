"""Kept answers: what is in a file, damaged ones, many writers, a folder that cannot be written."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.models.mllm.conftest import Opened, picture

from tasvir.errors import OutputError, RecordError
from tasvir.models.mllm.endpoints import endpoint
from tasvir.models.mllm.messages import Message, Reply
from tasvir.models.mllm.question import Question
from tasvir.models.mllm.store import ReplyStore

if TYPE_CHECKING:
    from mllm_server import MllmServer

REPLY = Reply("Grüße, 世界 \N{DROMEDARY CAMEL}", "gpt-4o-2024-08-06", 12, 34, 0.5, 1.25, replayed=False)


def _question(text: str = "What?") -> Question:
    messages = (Message("system", "Be brief."), Message("user", text, (picture(),)))
    return Question(endpoint("http", "//localhost:1/v1#m"), messages, {"type": "object"}, 0.0, 100, 7)


def _only_file(folder: Path) -> Path:
    (path,) = folder.rglob("*.json")
    return path


def test_a_kept_answer_can_be_read_by_people_and_holds_no_picture(tmp_path: Path) -> None:
    ReplyStore(tmp_path).put(_question(), REPLY)
    path = _only_file(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    assert content["question"] == {
        "provider": "http", "model": "m", "address": "http://localhost:1/v1", "opened": None,
        "messages": [
            {"role": "system", "text": "Be brief.", "images": []},
            {"role": "user", "text": "What?", "images": [hashlib.sha256(picture()).hexdigest()]},
        ],
        "schema": {"type": "object"}, "temperature": 0.0, "max_tokens": 100, "seed": 7,
    }  # fmt: skip
    canonical = json.dumps(content["question"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert path.stem == hashlib.sha256(canonical.encode()).hexdigest()
    assert path.parent.name == path.stem[:2]
    assert content["reply"]["text"] == REPLY.text
    assert datetime.fromisoformat(content["date"]).tzinfo is not None


def test_what_is_read_back_is_what_was_kept(tmp_path: Path) -> None:
    store = ReplyStore(tmp_path)
    store.put(_question(), REPLY)
    assert store.get(_question()) == Reply(REPLY.text, REPLY.model, 12, 34, 0.0, 1.25, replayed=True)
    assert store.get(_question("Where?")) is None


def test_half_characters_in_an_answer_do_not_stop_it_from_being_kept(tmp_path: Path) -> None:
    store = ReplyStore(tmp_path)
    store.put(_question(), Reply("a\ud800b", "m", 1, 1, None, 0.1, replayed=False))
    kept = store.get(_question())
    assert kept is not None
    assert kept.text == "a\ud800b"


def _cut(content: dict[str, Any]) -> str:
    return json.dumps(content)[:-20]


def _other_question(content: dict[str, Any]) -> str:
    content["question"]["seed"] = 8
    return json.dumps(content)


def _no_text(content: dict[str, Any]) -> str:
    del content["reply"]["text"]
    return json.dumps(content)


def _wrong_kind(content: dict[str, Any]) -> str:
    content["reply"]["input_tokens"] = "12"
    return json.dumps(content)


@pytest.mark.parametrize(
    "damage",
    [_cut, _other_question, _no_text, _wrong_kind, lambda _: "", lambda _: "[]", lambda _: "\x00" * 40],
    ids=["cut", "question", "text", "kind", "empty", "list", "zeros"],
)
def test_a_damaged_file_is_named_and_its_question_asked_anew(
    damage: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ReplyStore(tmp_path)
    store.put(_question(), REPLY)
    path = _only_file(tmp_path)
    path.write_text(damage(json.loads(path.read_text("utf-8"))), "utf-8")
    assert store.get(_question()) is None
    assert f"{path}: cannot be read as a kept answer" in caplog.text
    assert "asked anew" in caplog.text
    with pytest.raises(RecordError, match="delete it and ask again without --replay"):
        ReplyStore(tmp_path, strict=True).get(_question())
    store.put(_question(), REPLY)
    assert store.get(_question()) is not None


def test_a_damaged_answer_is_paid_again_and_mended(
    opened: Opened, server: MllmServer, tmp_path: Path
) -> None:
    client = opened()
    client.ask([Message("user", "once")])
    _only_file(tmp_path).write_text("{")
    assert not client.ask([Message("user", "once")]).replayed
    assert client.ask([Message("user", "once")]).replayed
    assert len(server.questions) == 2


def test_many_writers_of_one_answer_leave_one_whole_file(tmp_path: Path) -> None:
    def write(number: int) -> None:
        store = ReplyStore(tmp_path)
        store.put(_question(), Reply(str(number) * 50_000, "m", 1, 1, None, 0.1, replayed=False))
        assert store.get(_question()) is not None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [_only_file(tmp_path).name]


WRITER = """
import sys
from pathlib import Path
from tasvir.models.mllm.endpoints import endpoint
from tasvir.models.mllm.messages import Message, Reply
from tasvir.models.mllm.question import Question
from tasvir.models.mllm.store import ReplyStore

store = ReplyStore(Path(sys.argv[1]), strict=True)
for number in range(50):
    question = Question(endpoint("openai", "m"), (Message("user", str(number)),), None, 0.0, 9, None)
    store.put(question, Reply(sys.argv[2] * 5000, "m", 1, 1, None, 0.1, False))
    print(len(store.get(question).text))
"""


def test_processes_that_share_a_folder_never_see_half_a_file(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), letter], stdout=subprocess.PIPE, text=True
        )
        for letter in "ab"
    ]
    for writer in writers:
        lines, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        assert lines.split() == ["5000"] * 50


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="give another folder with --replies"):
        ReplyStore(tmp_path / "replies").put(_question(), REPLY)


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "replies").write_text("")
    with pytest.raises(OutputError, match="give another folder with --replies"):
        ReplyStore(tmp_path / "replies").put(_question(), REPLY)

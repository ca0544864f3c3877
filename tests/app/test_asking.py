"""ask, serve guide, guide copy, and plan and judge with the flags of services."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from PIL import Image
from typer.testing import CliRunner

from tasvir import registry
from tasvir.app.cli.main import app
from tasvir.guide.base import Guide, Request
from tasvir.models.service import ServiceSettings


class Asked(Guide):
    """Keeps how it was opened and what it was asked."""

    name = "openai"
    opened: ClassVar[dict[str, Any]] = {}
    requests: ClassVar[list[tuple[Request, int]]] = []

    def __init__(
        self, model: str, service: ServiceSettings, shots: int = 3, examples: str | None = None
    ) -> None:
        type(self).opened = {"model": model, "service": service, "shots": shots, "examples": examples}
        type(self).requests = []

    def reply(self, request: Request, *, seed: int) -> str:
        type(self).requests.append((request, seed))
        if request.skill == "ask":
            return "a red square"
        if request.skill == "judge":
            return '{"score": 2, "reasoning": "no dog", "missing": ["a dog"]}'
        return '{"objects": [{"phrase": "a dog", "box": [0.1, 0.1, 0.5, 0.5]}]}'


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> type[Asked]:
    monkeypatch.setattr(registry, "load", lambda kind, choice: Asked)
    return Asked


@pytest.fixture
def square(tmp_path: Path) -> Path:
    Image.new("RGB", (32, 32), (255, 0, 0)).save(tmp_path / "square.png")
    return tmp_path / "square.png"


def test_ask_shows_the_picture_and_prints_the_answer(
    runner: CliRunner, asked: type[Asked], square: Path
) -> None:
    result = runner.invoke(app, ["ask", "what is it?", str(square), "--guide", "openai:m", "--seed", "3"])
    assert (result.exit_code, result.stdout) == (0, "a red square\n")
    request, seed = asked.requests[0]
    assert (request.skill, request.prompt.text, seed) == ("ask", "what is it?", 3)
    assert request.picture is not None and request.picture.width == 32
    assert runner.invoke(app, ["ask", "who?", "--guide", "openai:m"]).stdout == "a red square\n"
    assert asked.requests[0][0].picture is None


def test_an_answer_commands_no_terminal_and_can_be_written(
    runner: CliRunner, asked: type[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "two:\n\ta \x1b[2Jdog\x9b\ud800 \N{WOMAN}\u200d\N{PERSONAL COMPUTER}"
    monkeypatch.setattr(asked, "reply", lambda self, request, seed: answer)
    result = runner.invoke(app, ["ask", "who?", "--guide", "openai:m"])
    assert (result.exit_code, result.stdout) == (
        0, "two:\n\ta [2Jdog \N{WOMAN}\u200d\N{PERSONAL COMPUTER}\n"
    )  # fmt: skip


def test_ask_without_a_guide_or_picture(runner: CliRunner, asked: type[Asked], tmp_path: Path) -> None:
    assert runner.invoke(app, ["ask", "who?"]).exit_code == 2
    missing = runner.invoke(app, ["ask", "who?", str(tmp_path / "no.png"), "--guide", "openai:m"])
    assert (missing.exit_code, "cannot read the picture" in missing.stderr) == (2, True)


def test_flags_reach_the_guide(runner: CliRunner, asked: type[Asked], square: Path, tmp_path: Path) -> None:
    flags = ["--budget", "2.5", "--replies", str(tmp_path), "--replay", "--timeout", "7", "--set", "shots=1"]
    service = ServiceSettings(budget=2.5, replies=tmp_path, replay=True, timeout=7.0)
    commands = {
        "plan": ["plan", "a dog", "--guide", "openai:m", "--json"],
        "judge": ["judge", str(square), "a dog", "--judge", "openai:m"],
        "ask": ["ask", "who?", "--guide", "openai:m"],
    }
    for name, command in commands.items():
        result = runner.invoke(app, [*command, *flags])
        assert result.exit_code == 0, (name, result.stderr)
        assert asked.opened == {"model": "m", "service": service, "shots": 1, "examples": None}, name


def test_a_guide_that_answers_no_questions_says_so(runner: CliRunner) -> None:
    result = runner.invoke(app, ["ask", "who?", "--guide", "embedded"])
    assert (result.exit_code, "answers no free questions" in result.stderr) == (2, True)


def test_wrong_options_and_names_are_told(runner: CliRunner) -> None:
    wrong = runner.invoke(app, ["plan", "a dog", "--guide", "openai:m", "--set", "shot=1"])
    assert (wrong.exit_code, "examples, pictures, shots, templates" in wrong.stderr) == (2, True)
    typo = runner.invoke(app, ["plan", "a dog", "--guide", "opennai:m"])
    assert (typo.exit_code, "did you mean 'openai'" in typo.stderr) == (2, True)
    none = runner.invoke(app, ["plan", "a dog", "--guide", "google"])
    assert (none.exit_code, "google:MODEL" in none.stderr) == (2, True)


def test_copies_can_be_used_at_once(runner: CliRunner, tmp_path: Path) -> None:
    copied = runner.invoke(app, ["guide", "copy", str(tmp_path / "mine")])
    assert copied.exit_code == 0 and "--set templates=" in copied.stdout
    own = tmp_path / "mine"
    (own / "templates" / "plan.md").write_text("{{ oops }}")
    flags = ["--set", f"templates={own / 'templates'}", "--set", f"examples={own / 'examples'}"]
    broken = runner.invoke(app, ["plan", "a dog", "--guide", "openai:m", *flags])
    assert (broken.exit_code, "plan.md, line 1 is broken" in broken.stderr) == (2, True)
    again = runner.invoke(app, ["guide", "copy", str(own)])
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_serve_answers_and_stops_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tasvir.app.cli.main", "serve", "guide", "--port", "0"]
    variables = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[3]
        question = {"model": "embedded", "messages": [{"role": "user", "content": "a red car"}]}
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(question), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert json.loads(answer["choices"][0]["message"]["content"])["objects"]
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert told.startswith("plan  ") and told.endswith("stopped\n") and "Traceback" not in told

"""What the documents show is true: code runs, commands and options exist, links lead somewhere.

A comment before a fenced block says what the block is for:
    doctest: run                    executed, all blocks of a file in one program
    doctest: compile                needs weights or a service: only compiled
    doctest: write PATH             a new file under src/tasvir/world
    doctest: append PATH            the end of a file under src/tasvir/world
    doctest: insert PATH before T   a block before the line that begins with T, in a file under src/tasvir
    doctest: insert PATH in T       a block at the end of the table that begins with T
Blocks that change files are applied to a copy of the package, and the file's program runs on that copy.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

from tasvir.app.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(
    r"(?:<!-- doctest: (?P<order>[^>]+?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words of its doctest comment, and its text."""

    language: str
    order: tuple[str, ...]
    code: str


def blocks(page: Path) -> list[Block]:
    found = BLOCK.finditer(page.read_text("utf-8"))
    return [Block(m["language"], tuple((m["order"] or "").split()), m["code"]) for m in found]


def program(page: Path) -> str:
    return "\n".join(block.code for block in blocks(page) if block.order == ("run",))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_python_blocks_compile(page: Path) -> None:
    for number, block in enumerate(blocks(page)):
        if block.language == "python" and block.order[:1] != ("insert",):
            compile(block.code, f"{page.name}, block {number}", "exec")


@pytest.mark.parametrize(
    "page", [p for p in PAGES if program(p)], ids=[i for i, p in zip(IDS, PAGES, strict=True) if program(p)]
)
def test_marked_blocks_run(page: Path, tmp_path: Path) -> None:
    edits = [block for block in blocks(page) if block.order[:1] in (("write",), ("append",), ("insert",))]
    source = ROOT / "src"
    if edits:
        source = tmp_path / "src"
        shutil.copytree(
            ROOT / "src", source, ignore=shutil.ignore_patterns("weights", "__pycache__", "*.egg-info")
        )
    for block in edits:
        apply(block, source / "tasvir")
    script = tmp_path / "page.py"
    script.write_text(program(page), "utf-8")
    command = [sys.executable, "-W", "error", str(script)]
    variables = os.environ | {"PYTHONPATH": str(source)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=variables, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def apply(block: Block, package: Path) -> None:
    """Do to the package's copy what the block is marked with."""
    verb, name, *place = block.order
    path = package / name if verb == "insert" else package / "world" / name
    if verb == "write":
        assert not path.exists(), f"{name} exists already"
        path.write_text(block.code, "utf-8")
        return
    old = path.read_text("utf-8")
    if verb == "append":
        path.write_text(old + block.code, "utf-8")
        return
    lines = old.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if re.match(rf"{re.escape(place[1])}\b", line)]
    assert len(starts) == 1, f"{name} has {len(starts)} lines that begin with {place[1]}"
    at = starts[0]
    if place[0] == "in":
        at = next(number for number in range(at + 1, len(lines)) if lines[number].strip() in (")", "}"))
    path.write_text("".join([*lines[:at], block.code, *lines[at:]]), "utf-8")


def commands(page: Path) -> list[str]:
    """Lines of indented or fenced blocks, and spans of code, that begin with `tasvir `."""
    text = page.read_text("utf-8")
    spans = re.findall(r"`(tasvir [^`\n]+)`", text)
    lines = [match.strip() for match in re.findall(r"^(?:    |\t)?(tasvir \S.*)$", text, re.M)]
    return [line for line in (*spans, *lines) if "..." not in line and "from " not in line[:12]]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_options_exist(page: Path) -> None:
    for line in commands(page):
        check_command(line)


def check_command(line: str) -> None:
    command = typer.main.get_command(app)
    words = shlex.split(line, comments=True)[1:]
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{line!r}: there is no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in words:
        if re.match(r"--?[a-z]", word):
            assert word.partition("=")[0] in known | {"--help"}, f"{line!r}: no option {word}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name}: {target} is not there"


def test_commands_are_found_and_wrong_ones_refused() -> None:
    found = [line for page in PAGES for line in commands(page)]
    assert len(found) > 20
    with pytest.raises(AssertionError, match="no command"):
        check_command("tasvir paint a-cat")
    with pytest.raises(AssertionError, match="no option"):
        check_command("tasvir generate 'a cat' --prettier")

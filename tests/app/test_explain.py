"""`tasvir explain`: what it writes, what it says, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from tasvir.app.cli.explain import parse_show
from tasvir.app.cli.main import app
from tasvir.errors import SettingError
from tasvir.generate.generators import embedded
from tasvir.models.quiet import quiet

PROMPT = "a red car left of a dog"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tiny_pipeline: Any) -> None:
    """The embedded generator with few and random weights."""
    monkeypatch.setattr(embedded, "EmbeddedGenerator", lambda device: SimpleNamespace(pipeline=tiny_pipeline))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, tiny_v1: Any, tiny_v2: Any) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("models")
    with quiet():
        for name, pipeline in (("v1", tiny_v1), ("v2", tiny_v2)):
            pipeline.save_pretrained(str(root / name))
    return f"diffusers:{root / 'v1'}", f"diffusers:{root / 'v2'}"


def test_embedded_page(runner: CliRunner, tiny: None, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = runner.invoke(app, ["explain", PROMPT, "--steps", "3", "--language", "tr", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert f"page  {out / 'walk.html'}" in result.output
    assert sorted(path.name for path in out.iterdir()) == ["walk.html", "walk.json"]
    assert '<html lang="tr">' in (out / "walk.html").read_text("utf-8")
    told = json.loads((out / "walk.json").read_text("utf-8"))
    assert (told["model"], told["steps"], told["scale"]) == ("embedded", 3, 3.0)


def test_layout_reaches_the_model(runner: CliRunner, tiny: None, tmp_path: Path) -> None:
    layout = tmp_path / "layout.json"
    layout.write_text(json.dumps({"things": [{"phrase": "a dog", "box": [0.2, 0.2, 0.6, 0.8]}]}))
    command = [
        "explain",
        PROMPT,
        "--steps",
        "2",
        "--layout",
        str(layout),
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    result = runner.invoke(app, command)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["walks"][0]["layout"] is True
    assert told["walks"][0]["attention"]["others"]["boxes"] > 0.01
    assert told["pages"] == [str(tmp_path / "out" / "walk.html")]


def test_two_models_from_folders(runner: CliRunner, folders: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [
        "explain",
        PROMPT,
        "--model",
        folders[0],
        "--against",
        folders[1],
        "--steps",
        "2",
        "--show",
        "2",
    ]
    result = runner.invoke(
        app, [*command, "--scale", "4", "--seed", "9", "--device", "cpu", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    names = {path.name for path in out.iterdir()}
    assert names == {
        f"{name}.{end}" for name in ("side-by-side", "walk-1", "walk-2") for end in ("html", "json")
    }
    facts = json.loads((out / "side-by-side.json").read_text("utf-8"))["facts"]
    assert facts["vocabulary"] == {"first": [514], "second": [516], "differs": True}
    assert facts["scale"] == {"first": [4.0], "second": [4.0], "differs": False}
    told = json.loads((out / "walk-2.json").read_text("utf-8"))
    assert [step["number"] for step in told["trail"] if step["previews"]] == [2]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--model", "gligen:sd14"], "expected embedded or diffusers:NAME"),
        (["--against", "diffusers:"], "expected embedded or diffusers:NAME"),
        (["--against", "diffusers:sd21", "--layout", "x.json"], "diffusers:sd21 reads no layouts"),
        (["--show", "0"], "expected step numbers"),
        (["--show", "1,99"], "no step 99 to show"),
        (["--language", "fr"], "expected one of en, tr, zh"),
        (["--model", "diffusers:no-such-thing"], "no model is called 'no-such-thing'"),
    ],
)
def test_what_cannot_be_done_is_said(
    runner: CliRunner, tiny: None, tmp_path: Path, more: list[str], said: str
) -> None:
    result = runner.invoke(app, ["explain", PROMPT, *more, "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_steps_to_show() -> None:
    assert parse_show(" 5,1, 16,1") == (1, 5, 16)
    for text in ("", "1,,2", "-1", "a", "1.5", "²"):
        with pytest.raises(SettingError, match="expected step numbers"):
            parse_show(text)

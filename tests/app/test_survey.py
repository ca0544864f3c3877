"""`tasvir survey`: tables for people, JSON for programs, and plain words for what cannot be."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tasvir.app.cli.main import app


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["survey", *words])


def test_figures_of_a_category_and_a_year() -> None:
    said = run("cifar10", "--category", "space projection", "--year", "2021")
    assert said.exit_code == 0
    assert "LSGM (FID)" in said.stdout and "2.1" in said.stdout and "EDM " not in said.stdout


def test_json_is_json_alone() -> None:
    rows = json.loads(run("imagenet64", "--json").stdout)
    assert len(rows) == 24 and rows[0]["model"] == "VDM++" and rows[0]["work"]["year"] == 2023
    works = json.loads(run("--implemented", "--json").stdout)
    assert works and all(work["implemented"] for work in works)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mnist"], "known: cifar10"),
        (["--category", "nonsense"], "known: foundation"),
        (["--year", "later"], "write 2022"),
        (["--year", "2023-2020"], "after the last"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2 and said in result.stderr


def test_open_ended_years() -> None:
    early = json.loads(run("--year", "-2019", "--json").stdout)
    assert [work["name"] for work in early] == ["NCSN"]
    late = json.loads(run("--year", "2023-", "--json").stdout)
    assert late and all(work["year"] == 2023 for work in late)

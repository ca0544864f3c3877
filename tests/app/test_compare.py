"""`tasvir compare` on the folder of a run: what it prints is what the comparison says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from results_builder import build_results, metric_info
from run_builder import write_run
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.score.comparing import compare

METRICS = (metric_info("up"), metric_info("down", higher_is_better=False))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared") / "run"
    results = build_results(
        {"good": 0.7, "fair": 0.5, "twin": 0.7},
        metrics=METRICS,
        prompts=30,
        raters=("ada", "mae"),
        missing=0.1,
    )
    write_run(folder, results)
    return folder


def test_the_tables_say_what_the_comparison_says(runner: CliRunner, run: Path) -> None:
    told = runner.invoke(app, ["compare", str(run), "--draws", "500"])
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert "up on made, higher is better; 30 prompts x 2 seeds" in lines
    assert "down on made, lower is better; 30 prompts x 2 seeds" in lines
    rows = [line.split() for line in lines]
    as_json = json.loads(runner.invoke(app, ["compare", str(run), "--draws", "500", "--json"]).stdout)
    for table in as_json["tables"]:
        for mean in table["overall"]["means"]:
            low, high = mean["interval"]
            figures = [f"{mean['value']:.4f}", f"{low:.4f}", "to", f"{high:.4f}", str(mean["n_prompts"])]
            assert any(row[:1] == [mean["model"]] and " ".join(figures) in " ".join(row) for row in rows)
        for pair in table["overall"]["pairs"]:
            said = {"first": f"{pair['first']} is better", "second": f"{pair['second']} is better"}
            verdict = said.get(pair["verdict"], "within noise")
            start = f"{pair['first']} - {pair['second']} {verdict} {pair['difference']:.4f}"
            (row,) = (" ".join(row) for row in rows if " ".join(row).startswith(start))
            assert f" {pair['mde']:.4f} {pair['wins']} {pair['ties']} {pair['losses']}" in row
    assert "good - twin within noise" in " ".join(" ".join(row) for row in rows)
    assert any(line.startswith("raters: Krippendorff's alpha (ordinal) 0.") for line in lines)
    assert "up with rating" in told.output


def test_json_is_the_comparison(runner: CliRunner, run: Path) -> None:
    from tasvir.bench.reading import load_results

    told = runner.invoke(
        app, ["compare", str(run), "--metrics", "up", "--draws", "500", "--seed", "3", "--json"]
    )
    expected = compare(load_results(run), metrics=["up"], draws=500, seed=3).to_dict()
    assert json.loads(told.stdout) == json.loads(json.dumps(expected))


def test_by_category_and_of_some_models(runner: CliRunner, run: Path) -> None:
    asked = ["compare", str(run), "--models", "good", "--models", "fair", "--draws", "500"]
    told = runner.invoke(app, [*asked, "--by", "category"])
    for category in ("colour", "count", "space"):
        assert f"up: {category}, 10 prompts" in told.output
    assert "twin" not in told.output
    assert "colour" not in runner.invoke(app, asked).output


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--models", "goof"], "no model 'goof'; it has: good, fair, twin"),
        (["--metrics", "fid"], "no metric 'fid'; it has: up, down"),
        (["--by", "seed"], "results can be told apart by category"),
    ],
)
def test_what_is_not_there_is_an_error(runner: CliRunner, run: Path, more: list[str], says: str) -> None:
    told = runner.invoke(app, ["compare", str(run), *more])
    assert told.exit_code == 2
    assert says in told.stderr


def test_no_run_is_an_error(runner: CliRunner, tmp_path: Path) -> None:
    told = runner.invoke(app, ["compare", str(tmp_path)])
    assert told.exit_code == 1
    assert "holds no run" in told.stderr


def test_a_sweep_marks_its_knee(runner: CliRunner, tmp_path: Path) -> None:
    sweep = [{"steps": steps} for steps in (2, 100)]
    write_run(tmp_path / "run", build_results({"good": 0.8}, prompts=12, sweep=sweep))
    told = runner.invoke(app, ["compare", str(tmp_path / "run"), "--draws", "500"])
    rows = [line.split() for line in told.output.splitlines()]
    assert "score while steps varies: good on made" in told.output
    assert any(row[:3] == ["100", "best,", "knee"] for row in rows)


def test_a_run_without_metrics_says_so(runner: CliRunner, tmp_path: Path) -> None:
    write_run(tmp_path / "run", build_results(metrics=()))
    told = runner.invoke(app, ["compare", str(tmp_path / "run")])
    assert told.exit_code == 0
    assert "nothing to compare: no metric of single pictures" in told.output
    assert "seconds a picture in this run" in told.output

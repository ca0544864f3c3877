"""`tasvir rate` on a run: people's ratings reach the comparison and the report."""

from __future__ import annotations

import csv
import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.bench.reading import load_results
from tasvir.score.comparing import compare
from tasvir.score.comparison import RATING


@pytest.fixture
def run(runner: CliRunner, bench_plugins: Any, tmp_path: Path) -> Path:
    words = "few --models painter b=painter:blue --metrics redness --seeds 0-2"
    result = runner.invoke(app, ["bench", *words.split(), "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    return tmp_path / "run"


def test_synthetic_raters_reach_the_comparison_and_the_report(
    runner: CliRunner, run: Path, tmp_path: Path
) -> None:
    """Two raters see redness as the metric does, with errors; agreement and correlation say so."""
    rng = np.random.default_rng(0)
    cells = load_results(run).cells
    file = tmp_path / "ratings.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        table = csv.writer(opened)
        table.writerow(["rater", "suite", "prompt", "picture", "value"])
        for cell in cells:
            red = cell.scores["redness"].value or 0.0
            for rater in ("Ada", "Bo"):
                level = min(max(round(1 + 4 * red + float(rng.normal(0, 0.4))), 1), 5)
                table.writerow([rater, cell.suite, cell.prompt, cell.picture, level])
    result = runner.invoke(app, ["rate", str(run), "--import", str(file)])
    assert result.exit_code == 0 and "48 new ratings" in result.output
    assert "0 new ratings" in runner.invoke(app, ["rate", str(run), "--import", str(file)]).output
    comparison = compare(load_results(run), draws=200)
    (agreement,) = comparison.agreement
    assert agreement.n_ratings == 48 and len(agreement.raters) == 2 and (agreement.alpha.value or 0) > 0.5
    told = {(one.first, one.second): one for one in comparison.correlations}["redness", RATING]
    assert told.n_pictures == 24 and (told.pooled_tau.value or 0) > 0.5
    result = runner.invoke(app, ["report", str(run), "--format", "md", "--out", str(tmp_path / "report")])
    assert result.exit_code == 0, result.output
    assert "Krippendorff" in (tmp_path / "report" / "report.md").read_text("utf-8")
    out = tmp_path / "out.csv"
    assert runner.invoke(app, ["rate", str(run), "--export", str(out)]).exit_code == 0
    assert len(out.read_text("utf-8").splitlines()) == 49


def test_the_command_serves_until_it_is_stopped_and_keeps_what_it_was_told(run: Path) -> None:
    command = [sys.executable, "-m", "tasvir.app.cli.main", "rate", str(run), "--no-browser"]
    process = subprocess.Popen(
        [*command, "--rater", "Ada", "--sample", "6"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = urlsplit(process.stdout.readline().split()[2])
        connection = http.client.HTTPConnection("127.0.0.1", url.port or 0, timeout=30)
        connection.request("GET", f"{url.path}items?rater=Ada")
        items = json.loads(connection.getresponse().read())["items"]
        assert len(items) == 6
        body = json.dumps({"rater": "Ada", "id": items[0]["id"], "value": 3})
        connection.request("POST", f"{url.path}rate", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "stopped" in said
    assert [(one.rater, one.value) for one in load_results(run).ratings] == [("Ada", 3)]


def test_what_cannot_be_done_is_said(runner: CliRunner, run: Path, tmp_path: Path) -> None:
    both = runner.invoke(app, ["rate", str(run), "--export", "a", "--import", "b"])
    assert both.exit_code == 2 and "either" in both.output
    assert runner.invoke(app, ["rate", str(run), "--rater", "=x"]).exit_code == 2
    assert runner.invoke(app, ["rate", str(tmp_path / "none")]).exit_code == 1

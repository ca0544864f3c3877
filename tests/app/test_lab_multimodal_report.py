"""`tasvir lab multimodal report` as typed."""

from __future__ import annotations

import json
from pathlib import Path

from multimodal_results import GAUSSIAN_POE, build_table, write_tables
from typer.testing import CliRunner

from tasvir.app.cli.main import app


def test_a_study_is_written_up_beside_its_tables(tmp_path: Path) -> None:
    write_tables(tmp_path, [build_table(GAUSSIAN_POE, seeds=2)])
    asked = ["lab", "multimodal", "report", str(tmp_path)]
    done = CliRunner().invoke(app, [*asked, "--language", "tr", "--json"])
    assert done.exit_code == 0, done.output
    files = [Path(one) for one in json.loads(done.output)["files"]]
    assert files == [tmp_path / "report" / f"multimodal.{end}" for end in ("tr.html", "tr.md", "json")]
    assert "poe" in files[2].read_text("utf-8") and '<html lang="tr">' in files[0].read_text("utf-8")
    again = CliRunner().invoke(app, asked)
    assert again.exit_code == 0 and again.output.count("MiB") == 5

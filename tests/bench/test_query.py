"""SQL over a run gives what Python makes of the same results."""

from __future__ import annotations

import builtins
import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from results_builder import build_results, metric_info
from run_builder import write_run
from typer.testing import CliRunner

from tasvir.app.cli.main import app
from tasvir.bench.query import TABLES, export_parquet, query_run
from tasvir.errors import OutputError, PluginError, RecordError, SettingError
from tasvir.results import RunResults

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, RunResults]:
    results = build_results(
        metrics=(metric_info("a"), metric_info("b")),
        prompts=6,
        sweep=({"steps": 2}, {"steps": 4}),
        missing=0.2,
        undrawn=0.2,
        raters=("ada", "mae"),
    )
    return tmp_path / "run", write_run(tmp_path / "run", results)


def test_means_are_those_of_the_cells(run: tuple[Path, RunResults]) -> None:
    folder, results = run
    answer = query_run(
        folder,
        "SELECT model, metric, CAST(settings->>'steps' AS INT) AS steps, avg(value), count(value), count(*) "
        "FROM results GROUP BY ALL ORDER BY ALL",
    )
    expected = []
    for model in ("fair", "good"):
        for metric in "ab":
            for steps in (2, 4):
                cells = [c for c in results.cells if (c.model, c.settings["steps"]) == (model, steps)]
                values = [
                    float(c.scores[metric].value)
                    for c in cells
                    if metric in c.scores and c.scores[metric].value is not None
                ]
                mean = pytest.approx(fmean(values), abs=1e-12)
                expected.append((model, metric, steps, mean, len(values), len(cells)))
    assert answer.columns[:3] == ("model", "metric", "steps")
    assert list(answer.rows) == expected


def test_every_cell_has_its_reason(run: tuple[Path, RunResults]) -> None:
    folder, results = run
    answer = query_run(folder, "SELECT reason, count(*) FROM results WHERE value IS NULL GROUP BY ALL")
    undrawn = 2 * sum(cell.picture is None for cell in results.cells)
    missing = sum(score.value is None for cell in results.cells for score in cell.scores.values())
    assert dict(answer.rows) == {"no memory": undrawn, "the reply could not be read": missing}


def test_texts_and_figures_pass_unchanged(tmp_path: Path) -> None:
    from dataclasses import replace

    results = build_results(prompts=1, seeds=(0,))
    text = "güzel \"kırmızı\" 'top' \\ \n 漢 \t{}"
    prompts = {key: replace(prompt, text=text) for key, prompt in results.prompts.items()}
    cells = tuple(
        replace(cell, seed=2**40 + index, seconds=0.1 + 2**-40) for index, cell in enumerate(results.cells)
    )
    write_run(tmp_path, replace(results, prompts=prompts, cells=cells))
    answer = query_run(tmp_path, "SELECT text, seed, seconds FROM results ORDER BY seed")
    assert answer.rows == ((text, 2**40, 0.1 + 2**-40), (text, 2**40 + 1, 0.1 + 2**-40))


def test_parquet_holds_every_table(run: tuple[Path, RunResults], tmp_path: Path) -> None:
    folder, results = run
    out = tmp_path / "tables"
    paths = export_parquet(folder, out)
    assert [path.stem for path in paths] == list(TABLES)
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{table}.parquet" for table in TABLES)
    for table in TABLES:
        told = query_run(folder, f"SELECT * FROM {table} ORDER BY ALL")
        found = duckdb.sql(f"SELECT * FROM '{out / table}.parquet' ORDER BY ALL")
        assert tuple(found.fetchall()) == told.rows
        assert tuple(found.columns) == told.columns
    assert len(query_run(folder, "SELECT * FROM ratings").rows) == len(results.ratings)
    assert export_parquet(folder, out) == paths


def test_a_query_changes_nothing(run: tuple[Path, RunResults]) -> None:
    folder, _ = run
    assert query_run(folder, "DELETE FROM scores").rows
    assert query_run(folder, "SELECT count(*) > 0 FROM scores").rows == ((True,),)


def test_what_cannot_be_asked_is_told(run: tuple[Path, RunResults], tmp_path: Path) -> None:
    folder, _ = run
    with pytest.raises(SettingError, match=r'(?s)"nope" not found.*the tables are results, suites'):
        query_run(folder, "SELECT nope FROM results")
    with pytest.raises(RecordError, match="holds no run"):
        query_run(tmp_path / "other", "SELECT 1")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write to the folder"):
        export_parquet(folder, tmp_path / "file" / "out")


def test_without_duckdb_it_says_how_to_get_it(
    run: tuple[Path, RunResults], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "duckdb":
            raise ModuleNotFoundError("No module named 'duckdb'", name="duckdb")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "duckdb", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginError, match=r"pip install 'tasvir\[duckdb\]'"):
        query_run(run[0], "SELECT 1")


def test_the_command(run: tuple[Path, RunResults], tmp_path: Path) -> None:
    folder = str(run[0])
    sql = "SELECT model, count(*) AS n, 1.5::DECIMAL(4, 1) AS half FROM cells GROUP BY ALL ORDER BY ALL"
    told = CliRunner().invoke(app, ["query", folder, sql])
    assert told.output == "model   n  half\nfair   24   1.5\ngood   24   1.5\n(2 rows)\n"
    told = CliRunner().invoke(app, ["query", folder, sql, "--json"])
    assert json.loads(told.output) == [{"model": name, "n": 24, "half": 1.5} for name in ("fair", "good")]
    told = CliRunner().invoke(app, ["query", folder, "SELECT model FROM models WHERE false"])
    assert told.exit_code == 2
    told = CliRunner().invoke(app, ["query", folder, "SELECT name FROM models WHERE false"])
    assert told.output == "name\n(0 rows)\n"
    told = CliRunner().invoke(app, ["query", folder, "--parquet", str(tmp_path / "out")])
    assert len(told.output.splitlines()) == len(TABLES)
    for wrong in ([folder], [folder, sql, "--parquet", str(tmp_path)]):
        told = CliRunner().invoke(app, ["query", *wrong])
        assert told.exit_code == 2
        assert "give either a query" in told.output


def test_a_run_at_a_url_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasvir.bench.place import Place
    from tasvir.bench.store import RunStore

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    url = (tmp_path / "there").as_uri()
    write_run(Place(url).folder, build_results(prompts=2))
    with RunStore(Place(url).folder) as store:
        Place(url).push(store)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    told = CliRunner().invoke(app, ["query", url, "SELECT count(*) AS n FROM cells"])
    assert told.output == "n\n8\n(1 row)\n"

"""What a run left behind is read back as it was told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest
from results_builder import build_results, metric_info
from run_builder import make_png, picture_key, with_pictures, write_asked, write_run

from tasvir.bench.reading import load_results
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import CellRow, ScoreRow, score_key
from tasvir.errors import RecordError
from tasvir.records import Score, SetScore, SuitePrompt
from tasvir.results import MetricInfo, RunResults, SetFigure

FID = MetricInfo("fid", {"metric": "fid", "version": 1}, "0" * 16, False, (0.0, None), of_sets=True)

NOTHING_ASKED = '{"format": "tasvir-run/1", "suites": [], "models": [], "metrics": [], "sweeps": [{}]}'


def everything() -> RunResults:
    """Sweep, missing scores, undrawn cells, derived models, ratings, speeds, set figures, odd texts."""
    results = build_results(
        {"plain": 0.7, "tuned": 0.5},
        metrics=(metric_info("a"), metric_info("b", higher_is_better=False), FID),
        prompts=4,
        sweep=({"steps": 4}, {"steps": 2, "size": 64}),
        missing=0.2,
        undrawn=0.2,
        raters=("ada", "mae"),
        derived={"tuned": "plain"},
    )
    cells = []
    for cell in results.cells:
        scores = {name: score for name, score in cell.scores.items() if name != "fid"}
        story = {"layout": None, "verdict": {"score": 4, "reason": "güzel “"}} if cell.picture else {}
        cells.append(replace(cell, scores=scores, story=story))
    prompts = {
        key: replace(prompt, text=f"{prompt.text} — kırmızı 'top'", facts={"numbers": {"ball": 2}})
        for key, prompt in results.prompts.items()
    }
    figures = tuple(
        SetFigure(
            "fid", "made", model, {"steps": 4}, SetScore("fid", 12.5, 7, 0.5, (11.0, 14.0), "", {"k": 1})
        )
        for model in ("plain", "tuned")
    )
    return replace(results, cells=tuple(cells), prompts=prompts, set_figures=figures)


def test_what_was_told_is_read_back(tmp_path: Path) -> None:
    told = write_run(tmp_path / "run", everything())
    assert any(cell.picture is None for cell in told.cells)
    assert any(score.value is None for cell in told.cells for score in cell.scores.values())
    found = load_results(tmp_path / "run")
    order = {model.name: place for place, model in enumerate(told.models)}
    steps = {4: 0, 2: 1}
    expected = sorted(
        told.cells, key=lambda c: (c.suite, c.prompt, order[c.model], steps[c.settings["steps"]], c.seed)
    )
    assert list(found.cells) == expected
    for name in ("suites", "prompts", "models", "metrics", "set_figures", "ratings", "speeds"):
        assert getattr(found, name) == getattr(told, name), name
    assert list(found.prompts) == list(told.prompts)
    assert found.about["format"] == "tasvir-run/1"


def test_a_picture_that_serves_two_cells_is_kept_and_scored_once(tmp_path: Path) -> None:
    prompt = SuitePrompt("1", "a dog")
    results = build_results({"one": 0.5, "two": 0.5}, prompts=1, seeds=(0,))
    results = replace(results, prompts={("made", "1"): prompt})
    with RunStore(tmp_path) as store:
        store.add_prompts("made", {}, [prompt])
        for info in results.models:
            store.add_model(info)
        store.add_metric(results.metrics[0])
        store.add_cells([CellRow("made", "1", name, 0, {}, "the key") for name in ("one", "two")])
        sha256 = store.add_picture("the key", make_png("x"))
        recipe = results.metrics[0].recipe_hash
        store.add_scores([ScoreRow(sha256, prompt, recipe, Score("score", 0.5))])
        assert store.has_scores([score_key(sha256, prompt, recipe)])
    write_asked(tmp_path, results)
    cells = load_results(tmp_path).cells
    assert [(cell.model, cell.picture, cell.scores["score"].value) for cell in cells] == [
        ("one", sha256, 0.5),
        ("two", sha256, 0.5),
    ]


def test_another_recipe_or_other_facts_are_another_score(tmp_path: Path) -> None:
    results = write_run(tmp_path, build_results(prompts=2))
    with RunStore(tmp_path) as store:
        changed = replace(results.metrics[0], recipe={"version": 2}, recipe_hash="f" * 16)
        store.add_metric(changed)
    assert all(not cell.scores for cell in load_results(tmp_path).cells)
    with RunStore(tmp_path) as store:
        store.add_metric(results.metrics[0])
        assert all(cell.scores for cell in load_results(tmp_path).cells)
        first = next(iter(results.prompts.values()))
        store.add_prompts("made", {}, [replace(first, facts={"phrases": ["a dog"]})])
    scored = {cell.prompt: bool(cell.scores) for cell in load_results(tmp_path).cells}
    assert scored == {prompt.id: prompt != first for prompt in results.prompts.values()}


def test_a_set_s_figure_is_shown_only_of_the_pictures_of_now(tmp_path: Path) -> None:
    told = write_run(tmp_path, everything())
    undrawn = next(c for c in told.cells if c.picture is None and c.settings == {"steps": 4})
    with RunStore(tmp_path) as store:
        store.add_picture(picture_key(undrawn), make_png("late"))
    shown = {(figure.model, figure.score.n) for figure in load_results(tmp_path).set_figures}
    assert shown == {(model.name, 7) for model in told.models if model.name != undrawn.model}


def test_a_run_at_work_is_read_and_says_what_is_not_there_yet(tmp_path: Path) -> None:
    results, _ = with_pictures(build_results(prompts=2, seeds=(0,)))
    with RunStore(tmp_path) as store:
        write_asked(tmp_path, results)
        assert load_results(tmp_path).cells == ()
        store.add_prompts("made", {}, results.prompts.values())
        store.add_cells([CellRow(c.suite, c.prompt, c.model, 0, {}, picture_key(c)) for c in results.cells])
        found = load_results(tmp_path)
        assert {cell.reason for cell in found.cells} == {"not drawn yet"}
        cell = found.cells[0]
        store.add_metric(results.metrics[0])
        sha256 = store.add_picture(picture_key(cell), make_png("x"))
        store.add_failure(picture_key(found.cells[1]), "draw", "out of memory")
        key = score_key(sha256, results.prompts[cell.key], results.metrics[0].recipe_hash)
        store.add_failure(key, "score", "the service is gone")
        found = load_results(tmp_path)
        assert found.cells[0].scores == {"score": Score("score", None, "the service is gone")}
        assert found.cells[1].reason == "out of memory"


def test_pictures_that_are_gone_or_cut_short_are_missing(tmp_path: Path) -> None:
    told = write_run(tmp_path, build_results(prompts=2, seeds=(0,)))
    gone, short, *whole = told.cells
    (tmp_path / str(gone.path)).unlink()
    (tmp_path / str(short.path)).write_bytes((tmp_path / str(short.path)).read_bytes()[:40])
    found = {(c.prompt, c.model): c for c in load_results(tmp_path).cells}
    for cell in (gone, short):
        read = found[cell.prompt, cell.model]
        assert read.picture is None and not read.scores and "gone or cut short" in read.reason
    assert all(found[cell.prompt, cell.model] == cell for cell in whole) and whole


def test_what_is_not_asked_for_is_not_shown(tmp_path: Path) -> None:
    results = write_run(tmp_path, build_results(prompts=3))
    asked = json.loads((tmp_path / "run.json").read_text())
    asked["models"] = asked["models"][:1]
    asked["suites"][0]["prompts"] = ["p002", "p000"]
    (tmp_path / "run.json").write_text(json.dumps(asked))
    found = load_results(tmp_path)
    assert [(cell.prompt, cell.seed) for cell in found.cells] == [
        ("p002", 0),
        ("p002", 1),
        ("p000", 0),
        ("p000", 1),
    ]
    assert {cell.model for cell in found.cells} == {results.models[0].name}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no run"),
        ("{", "cannot be read"),
        ("[]", "not of the format"),
        ('{"format": "tasvir-run/2"}', "not of the format tasvir-run/1"),
        ('{"format": "tasvir-run/1", "suites": [{"label": "x"}]}', "no usable list 'suites'"),
        (
            '{"format": "tasvir-run/1", "suites": [{"label": "x", "prompts": 5}]}',
            "no usable list 'suites'",
        ),
        ('{"format": "tasvir-run/1", "suites": [5]}', "no usable list 'suites'"),
        (
            '{"format": "tasvir-run/1", "suites": [], "models": [], "metrics": [], "sweeps": [{}]}',
            "store.sqlite",
        ),
    ],
)
def test_a_folder_that_is_no_run_says_why(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RecordError, match=message):
        load_results(tmp_path)


def test_many_cells_are_read_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)  # writing them is not what is timed
    metrics = tuple(metric_info(name) for name in "abcd")
    told = write_run(tmp_path, build_results(metrics=metrics, prompts=600, seeds=(0,)))
    started = process_time()
    found = load_results(tmp_path)
    assert process_time() - started < 2
    assert found.cells == told.cells

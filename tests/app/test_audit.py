"""`tasvir audit` from end to end with metrics of microseconds: made, scored, gone on with, amended, shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner, Result

from tasvir import registry
from tasvir.app.cli.main import app
from tasvir.bench.reading import load_results
from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.base import Metric

Audit = Callable[..., Result]


class Reading(Metric):
    """Stands for the oracle: what a drawn picture shows hangs on its prompt alone."""

    name: ClassVar[str] = "predicates"

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        shares = [1.0 if len(prompt.text) % 2 else 0.5 for prompt in prompts]
        return [Score(self.name, float(share == 1), "", {"share": share}) for share in shares]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def audit(runner: CliRunner, bench_plugins: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    load = registry.load
    monkeypatch.setattr(
        registry,
        "load",
        lambda kind, name: Reading if (kind, name) == ("metrics", "predicates") else load(kind, name),
    )

    def run(words: str, code: int = 0) -> Result:
        result = runner.invoke(app, ["audit", *words.split(), "--out", str(out)])
        assert result.exit_code == code, result.output
        return result

    return run


def test_rendered_pictures_are_scored_and_written_up(audit: Audit, out: Path) -> None:
    result = audit("--metrics redness --judges scripted --scenes 3 --pictures rendered --repeats 2 --json")
    told = json.loads(result.stdout)
    (part,) = told["parts"]
    results = load_results(out / "rendered")
    assert part["n_prompts"] == 3 and part["n_pictures"] == len(results.cells) > 9
    metrics = {one["metric"]: one for one in part["metrics"]}
    assert set(metrics) == {"redness", "judge:scripted"}
    judge = metrics["judge:scripted"]["asking"]
    assert judge["n_questions"] == 2 * part["n_pictures"] and judge["n_unread"] == 0
    assert metrics["redness"]["asking"]["equal"]["value"] == 1.0
    assert metrics["redness"]["asking"]["n_repeated"] == min(16, part["n_pictures"])
    assert told == json.loads((out / "audit.json").read_text("utf-8"))
    for name in ("audit.html", "audit.md"):
        page = (out / name).read_text("utf-8")
        assert "judge:scripted" in page and "missing thing" in page
    page = (out / "audit.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == part["n_pictures"]
    assert not re.search(r"<script|https?://|@import", page)
    value = metrics["redness"]["twins"]["above"]["value"]
    assert f"{value:.1%}" in page and f"{value:.1%}" in (out / "audit.md").read_text("utf-8")


def test_the_same_command_makes_nothing_twice_and_more_metrics_ask_only_those(
    audit: Audit, out: Path, bench_plugins: Any
) -> None:
    audit("--metrics redness --scenes 2 --pictures rendered")
    first = load_results(out / "rendered")
    bench_plugins.Redness.measured.clear()
    audit("--metrics redness --scenes 2 --pictures rendered")
    assert bench_plugins.Redness.measured == [] and load_results(out / "rendered") == first
    audit("--judges scripted --scenes 2 --pictures rendered")
    again = load_results(out / "rendered")
    assert [metric.name for metric in again.metrics] == ["redness", "judge:scripted"]
    assert [cell.picture for cell in again.cells] == [cell.picture for cell in first.cells]
    audit("--metrics redness --scenes 3 --pictures rendered")
    more = load_results(out / "rendered")
    assert {cell.prompt for cell in more.cells} - {cell.prompt for cell in first.cells} == {"audit-0002"}
    assert all(cell in more.cells for cell in again.cells)


def test_another_seed_needs_another_folder(audit: Audit) -> None:
    audit("--metrics redness --scenes 1 --pictures rendered")
    result = audit("--metrics redness --scenes 1 --pictures rendered --seed 1", code=2)
    assert "seed was 0, now 1" in result.output and "--out" in result.output


def test_drawn_pictures_are_held_against_what_the_oracle_reads(audit: Audit, out: Path) -> None:
    result = audit("--metrics redness --scenes 12 --pictures generated --models painter --json")
    (part,) = json.loads(result.stdout)["parts"]
    assert part["name"] == "generated" and part["n_pictures"] == 12
    assert [one["metric"] for one in part["metrics"]] == ["redness"]  # the oracle is not its own pupil
    results = load_results(out / "generated")
    shares = [cell.scores["predicates"].details["share"] for cell in results.cells]
    assert part["ratings"][4] == sum(share == 1 for share in shares) > 0
    assert len({results.prompts[cell.key].category for cell in results.cells}) == 6


def test_a_run_that_the_oracle_has_read_is_audited_as_it_is(
    audit: Audit, runner: CliRunner, tmp_path: Path, bench_plugins: Any
) -> None:
    run = ["bench", "world", "--models", "painter", "--limit", "12", "--metrics", "redness"]
    for more in ([], ["predicates"]):
        assert runner.invoke(app, [*run, *more, "--out", str(tmp_path / "run")]).exit_code == 0
        drawn = len(bench_plugins.Painter.drawn)
        result = audit(f"--run {tmp_path / 'run'} --json", code=0 if more else 2)
        assert len(bench_plugins.Painter.drawn) == drawn
        if not more:
            assert "--metrics predicates" in result.output
    (part,) = json.loads(result.stdout)["parts"]
    assert (part["name"], part["n_pictures"]) == ("generated", 12)
    assert [one["metric"] for one in part["metrics"]] == ["redness"]


def test_what_a_service_did_not_answer_is_told_and_tried_again(audit: Audit, bench_plugins: Any) -> None:
    words = "--metrics judging --scenes 60 --pictures generated --models painter"
    assert any("dog" in prompt for prompt in _texts(60))
    result = audit(words, code=1)
    assert "the service is down" in result.output
    bench_plugins.Judging.mended = True
    try:
        assert "the service is down" not in audit(words).output
    finally:
        bench_plugins.Judging.mended = False


def _texts(count: int) -> list[str]:
    from tasvir.bench.sampling import choose
    from tasvir.bench.suites.world import WorldSuite

    return [prompt.text for prompt in choose(WorldSuite().prompts(), limit=count)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--pictures drawn", "rendered, generated or both"),
        ("--metrics nothing", "nothing"),
        ("--metrics redness --set colour=3", "none of these models has that option"),
    ],
)
def test_what_cannot_be_done_is_said(audit: Audit, words: str, message: str) -> None:
    assert message in audit(words, code=2).output

"""`tasvir bench` from end to end: drawn, scored, resumed, amended, told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from tasvir import registry
from tasvir.app.cli.main import app
from tasvir.bench.reading import load_results
from tasvir.errors import ServiceError
from tasvir.guide.base import Guide, Request
from tasvir.results import RunResults

Bench = Callable[..., Result]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def bench(runner: CliRunner, bench_plugins: Any, out: Path) -> Bench:
    def run(words: str, code: int = 0) -> Result:
        result = runner.invoke(app, ["bench", *words.split(), "--out", str(out)])
        assert result.exit_code == code, result.output
        return result

    return run


def made(results: RunResults) -> dict[tuple[str, str, int], str | None]:
    return {(cell.prompt, cell.model, cell.seed): cell.picture for cell in results.cells}


def test_a_matrix_is_drawn_and_scored_by_one_command(bench: Bench, out: Path, bench_plugins: Any) -> None:
    result = bench(
        "few --models painter b=painter:blue --metrics redness counting --seeds 0-1 --batch 3 --json"
    )
    results = load_results(out)
    assert len(results.cells) == 4 * 2 * 2 and all(cell.picture for cell in results.cells)
    assert [model.name for model in results.models] == ["painter", "b"]
    assert [metric.name for metric in results.metrics] == ["redness", "counting"]
    assert bench_plugins.Painter.opened == ["plain", "blue"]
    seeds = {cell.seed: cell.story["provenance"]["seed"] for cell in results.cells if cell.prompt == "few-1"}
    assert len(set(seeds.values())) == 2 and set(seeds) == {0, 1}
    for cell in results.cells:
        assert cell.scores["redness"].value == pytest.approx(cell.story["provenance"]["seed"] % 256 / 255)
    assert [(figure.model, figure.score.value) for figure in results.set_figures] == [
        ("painter", 8),
        ("b", 8),
    ]
    told = json.loads(result.stdout)
    assert told["pictures"] == {"painter": 8, "b": 8} and told["failures"] == []
    means = {row["model"]: row["value"] for row in told["means"]}
    by_prompt = [cell.scores["redness"].value for cell in results.cells if cell.model == "b"]
    assert means["b"] == pytest.approx(sum(by_prompt) / 8)  # type: ignore[arg-type]
    assert {speed.model: (speed.n, speed.batch) for speed in results.speeds} == {
        "painter": (8, 3),
        "b": (8, 3),
    }


def test_models_share_the_seed_of_a_prompt_and_prompts_do_not(bench: Bench, out: Path) -> None:
    bench("few --models painter b=painter:blue")
    seeds = {(cell.prompt, cell.model): cell.story["provenance"]["seed"] for cell in load_results(out).cells}
    assert all(seeds[prompt, "painter"] == seeds[prompt, "b"] for prompt, _ in seeds)
    assert len(set(seeds.values())) == 4


def test_the_same_command_makes_nothing_twice_and_opens_nothing(
    bench: Bench, out: Path, bench_plugins: Any
) -> None:
    bench("few --models painter --metrics redness counting")
    before = load_results(out)
    for record in (bench_plugins.Painter.opened, bench_plugins.Painter.drawn, bench_plugins.Redness.measured):
        record.clear()
    bench("few --models painter --metrics redness counting")
    bench("")
    assert bench_plugins.Painter.opened == bench_plugins.Painter.drawn == []
    assert bench_plugins.Redness.measured == []
    assert load_results(out) == before


def test_a_run_is_amended_by_asking_for_more(bench: Bench, out: Path, bench_plugins: Any) -> None:
    bench("few --models painter --metrics redness --limit 2")
    drawn = bench_plugins.Painter.drawn
    warm_up = 2
    assert len(drawn) == 2 + warm_up
    first = made(load_results(out))
    bench("few --seeds 0-1 --metrics judging", code=1)  # all four prompts and another seed; dogs fail
    results = load_results(out)
    assert len(drawn) == 2 + warm_up + 6
    assert first.items() <= made(results).items() and len(results.cells) == 8
    bench("--models b=painter:blue --derived b=painter --sweep steps=2,3", code=1)
    results = load_results(out)
    assert len(results.cells) == 4 * 2 * 2 * 3  # settings as they are, and two more
    assert {json.dumps(cell.settings) for cell in results.cells} == {"{}", '{"steps": 2}', '{"steps": 3}'}
    assert [model.derived_from for model in results.models] == [None, "painter"]
    assert all("redness" in cell.scores for cell in results.cells)


def test_what_a_service_did_not_answer_is_asked_again(bench: Bench, out: Path, bench_plugins: Any) -> None:
    result = bench("few --models painter --metrics judging", code=1)
    assert "2 x judging: ServiceError: the service is down" in result.output
    scores = {cell.prompt: cell.scores["judging"] for cell in load_results(out).cells}
    assert (scores["few-0"].value, scores["few-1"].value) == (0.5, None)
    assert scores["few-1"].reason == "ServiceError: the service is down"
    bench_plugins.Judging.mended = True
    bench("")
    assert all(cell.scores["judging"].value == 0.5 for cell in load_results(out).cells)


def test_a_budget_used_up_by_a_metric_is_told_and_gone_on_with(
    bench: Bench, out: Path, bench_plugins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_plugins.Judging, "spent", True)
    monkeypatch.setattr(bench_plugins.Judging, "mended", True)
    result = bench("few --models painter --metrics judging redness", code=1)
    assert "stopped  judging: the budget is used up" in result.output
    cells = load_results(out).cells
    assert all("judging" not in cell.scores and "redness" in cell.scores for cell in cells)
    monkeypatch.setattr(bench_plugins.Judging, "spent", False)
    bench("")
    assert all(cell.scores["judging"].value == 0.5 for cell in load_results(out).cells)


def test_what_failed_under_an_older_recipe_is_no_failure_of_today(
    bench: Bench, bench_plugins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench("few --models painter --metrics judging", code=1)
    monkeypatch.setattr(bench_plugins.Judging, "mended", True)
    monkeypatch.setattr(bench_plugins.Judging, "version", 2)
    result = bench("")
    assert "judging: its recipe has changed since" in result.output


def test_a_failing_prompt_fails_alone_and_is_tried_again(bench: Bench, out: Path, bench_plugins: Any) -> None:
    bench_plugins.Few.texts = ("a red car", "a broken dog", "a ball")
    result = bench("few --models painter --metrics redness", code=1)
    assert "1 x painter: SettingError: this prompt cannot be drawn" in result.output
    cells = {cell.prompt: cell for cell in load_results(out).cells}
    assert cells["few-1"].picture is None
    assert cells["few-1"].reason == "SettingError: this prompt cannot be drawn"
    assert cells["few-0"].scores["redness"].value is not None


def test_a_blocked_picture_has_no_score_but_the_reason(bench: Bench, out: Path, bench_plugins: Any) -> None:
    bench_plugins.Few.texts = ("a red car", "an unsafe dog")
    bench("few --models painter --metrics redness")
    cells = {cell.prompt: cell for cell in load_results(out).cells}
    score = cells["few-1"].scores["redness"]
    assert cells["few-1"].picture is not None
    assert (score.value, score.reason) == (None, "taken for unsafe")
    assert bench_plugins.Redness.measured == ["few-0"]


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    bench: Bench, out: Path, bench_plugins: Any
) -> None:
    def interrupt(drawn: int) -> None:
        if drawn >= 4:  # two of the warming up, two of the run
            raise KeyboardInterrupt

    bench_plugins.Painter.before_drawing = staticmethod(interrupt)
    result = bench("few --models painter --metrics redness --batch 2", code=130)
    assert "the same command goes on from here" in result.output
    first = {key: picture for key, picture in made(load_results(out)).items() if picture}
    assert len(first) == 2
    bench_plugins.Painter.before_drawing = staticmethod(lambda drawn: None)
    bench("few --models painter --metrics redness --batch 2")
    results = load_results(out)
    assert first.items() <= made(results).items() and all(made(results).values())
    assert all(cell.scores["redness"].value is not None for cell in results.cells)


@pytest.mark.parametrize("damage", ["gone", "cut short", "altered"])
def test_a_lost_picture_is_drawn_again(bench: Bench, out: Path, damage: str) -> None:
    bench("few --models painter")
    cell = load_results(out).cells[0]
    assert cell.path is not None
    file = out / cell.path
    whole = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:-3] if damage == "cut short" else whole[:-3] + b"abc")
    # what keeps its length is found out when it is read, and told
    bench("--metrics redness", code=1 if damage == "altered" else 0)
    bench("")
    assert file.read_bytes() == whole
    assert all(cell.scores["redness"].value is not None for cell in load_results(out).cells)


def test_guided_columns_and_their_rivals_of_equal_cost(bench: Bench, out: Path, bench_plugins: Any) -> None:
    spec = "painter+{}:scripted"
    models = [spec.format(name) for name in ("best-of-n", "best-of-3", "guide", "layout")]
    bench(f"few --models {' '.join(models)} --limit 2")
    cells = {(cell.prompt, cell.model): cell for cell in load_results(out).cells}
    for prompt in ("few-0", "few-1"):
        loop = cells[prompt, models[2]].story
        assert loop["pictures"] == len(loop["scores"]) and loop["verdict"]["score"] == 5
        assert cells[prompt, models[0]].story["pictures"] == loop["pictures"]
        assert cells[prompt, models[1]].story["pictures"] == 3
        assert cells[prompt, models[3]].story["pictures"] == 1
        assert cells[prompt, models[3]].story["layout"]["things"][0]["phrase"] == "a red car"
    assert bench_plugins.Painter.opened == ["plain"]  # all four share it


@pytest.mark.parametrize("code", ["the same", "another"])
def test_what_was_on_its_way_is_taken_up_by_the_code_that_drew_it_alone(
    bench: Bench, bench_plugins: Any, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    guide, drawn = registry.load("guides", "scripted"), bench_plugins.Painter.drawn
    answer = guide.reply

    def silent(self: Guide, request: Request, *, seed: int) -> str:
        if request.skill == "judge":
            raise ServiceError("no answer")
        return str(answer(self, request, seed=seed))

    monkeypatch.setattr(guide, "waits", True)
    monkeypatch.setattr("tasvir.bench.models.drawing_code", lambda: "the same")
    with monkeypatch.context() as patched:
        patched.setattr(guide, "reply", silent)
        bench("few --models painter+guide:scripted --limit 1", code=1)
    drawn.clear()
    monkeypatch.setattr("tasvir.bench.models.drawing_code", lambda: code)
    bench("")
    warm_up, redesigned, first = 1, 1, 1
    assert len(drawn) == warm_up + redesigned + first * (code == "another")


def test_other_weights_under_a_name_need_another_name(bench: Bench, bench_plugins: Any) -> None:
    bench("few --models painter")
    bench_plugins.Painter.weights = {"plain": "others"}
    result = bench("few --models painter", code=2)
    assert "the run's model 'painter' is another one by now" in result.output
    assert "NAME=SPEC" in result.output


def test_pictures_of_other_code_are_drawn_anew(
    bench: Bench, bench_plugins: Any, monkeypatch: pytest.MonkeyPatch, out: Path
) -> None:
    bench("few --models painter --limit 2")
    drawn = len(bench_plugins.Painter.drawn)
    monkeypatch.setattr("tasvir.bench.models.drawing_code", lambda: "another")
    result = bench("")
    assert "the code that draws has changed since" in result.output
    assert len(bench_plugins.Painter.drawn) == drawn + 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("worl --models painter", "did you mean 'world'"),
        ("few --models panter", "no generator is called 'panter'"),
        ("few --models painter+gude:scripted", "no method is called 'gude'; did you mean 'guide'"),
        ("few --models painter+guide", "say who guides"),
        (
            "few --models painter --metrics predicate",
            "no metric is called 'predicate'; did you mean 'predicates'",
        ),
        ("few --models painter --metrics unopenable", "this metric cannot be opened"),
        ("few --models painter+best-of-n:scripted", "add that to --models"),
        ("few --models painter --seeds 3-1", "--seeds '3-1'"),
        ("few --models painter --sweep speed=1", "--sweep 'speed=1'"),
        ("few --models painter --sweep steps=0,5", "steps is 0"),
        ("few --models painter --sample some", "--sample 'some'"),
        ("few --models painter --derived painter=other", "no model 'other'"),
        ("few --models a=painter a=painter:blue", "two models are called 'a'"),
        ("few --models painter --set colour=3", "--set colour=..."),
        ("few --models painter --engine steam", "no engine is called 'steam'"),
        ("few", "no models to draw by yet"),
        ("", "has no prompts to draw yet"),
        ("few --models --batch 2", "--models needs a value"),
        ("few --models =painter", "expected NAME=SPEC"),
        ("few --models a=", "expected NAME=SPEC"),
        ("few --models painter --sweep size=8", "size '8': expected 128 or 128x192"),
        ("few --models painter --size abc", "size 'abc'"),
        ("few --models painter --sweep steps=", "expected whole numbers"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_drawn(
    bench: Bench, out: Path, bench_plugins: Any, words: str, message: str
) -> None:
    result = bench(words, code=2)
    assert message in " ".join(result.output.split())
    assert bench_plugins.Painter.drawn == []
    assert not (out / "run.json").exists()


@pytest.mark.parametrize("words", ["", "few"])
def test_a_folder_without_a_run_stays_as_it_was(bench: Bench, out: Path, words: str) -> None:
    bench(words, code=2)
    assert not out.exists()


def test_a_model_that_cannot_be_opened_is_told_and_the_others_go_on(bench: Bench, out: Path) -> None:
    bench("few --models painter:unopenable painter", code=1)
    cells = load_results(out).cells
    assert {cell.reason for cell in cells if cell.model == "painter:unopenable"} == {
        "SettingError: this model cannot be opened"
    }
    assert all(cell.picture for cell in cells if cell.model == "painter")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("few --models painter --steps 3", "steps was None, now 3"),
        ("few --models painter --set tint=3", "options was {}, now {'tint': '3'}"),
        ("few --metrics redness --set power=2", "options was {}, now {'power': '2'}"),
        ("few --metrics loaded --dtype float16", "'dtype': 'auto'"),
    ],
)
def test_contradictions_are_told(bench: Bench, more: str, message: str) -> None:
    bench("few --models painter --metrics redness loaded")
    result = bench(more, code=2)
    assert message in " ".join(result.output.split())


def test_an_option_goes_to_the_plugins_that_have_it(bench: Bench, out: Path) -> None:
    bench("few --models painter --metrics redness --set tint=3 --set power=2")
    results = load_results(out)
    assert results.metrics[0].recipe["power"] == 2
    assert results.models[0].identity["options"] == {"tint": "3"}
    bench("")  # each is opened again as it was


def test_a_metric_is_opened_again_as_it_was(bench: Bench, out: Path) -> None:
    bench("few --models painter --metrics loaded --dtype float16")
    bench("")
    assert load_results(out).metrics[0].recipe["dtype"] == "float16"


def test_a_changed_prompt_under_an_id_that_is_taken_is_told(bench: Bench, bench_plugins: Any) -> None:
    bench("few --models painter")
    bench_plugins.Few.texts = ("a red car", "another dog")
    result = bench("few --models painter", code=2)
    assert "prompt 'few-1' of suite 'few' was 'a dog'" in " ".join(result.output.split())


def test_a_suite_without_prompts_is_told(bench: Bench, bench_plugins: Any) -> None:
    bench_plugins.Few.texts = ()
    assert "has no prompts" in bench("few --models painter", code=2).output


def test_folders_of_others_are_left_alone(bench: Bench, out: Path) -> None:
    out.mkdir()
    (out / "letters.txt").write_text("dear all")
    assert "holds other files and no run" in bench("few --models painter", code=1).output
    (out / "run.json").write_text('{"guide": "embedded"}')
    assert "not of the format" in " ".join(bench("few --models painter", code=1).output.split())


def test_one_process_at_a_time(bench: Bench, out: Path) -> None:
    out.mkdir()
    with FileLock(out / "run.lock"):
        assert "another process is at work" in bench("few --models painter", code=2).output


def test_a_full_disk_ends_the_run_with_a_word_and_loses_nothing(
    bench: Bench, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasvir.bench.picture_files import PictureFiles

    write = PictureFiles.write
    written: list[bytes] = []

    def full(self: PictureFiles, png: bytes) -> str:
        written.append(png)
        if len(written) > 2:
            from tasvir.errors import OutputError

            raise OutputError("cannot keep a picture: No space left on device; make room")
        return write(self, png)

    monkeypatch.setattr(PictureFiles, "write", full)
    assert "No space left on device" in bench("few --models painter --batch 2", code=1).output
    assert sum(cell.picture is not None for cell in load_results(out).cells) == 2
    monkeypatch.setattr(PictureFiles, "write", write)
    bench("")
    assert all(cell.picture for cell in load_results(out).cells)


def test_list_options_take_words_and_may_be_repeated(bench: Bench, out: Path) -> None:
    bench("few --models painter b=painter:blue --models c=painter:c --metrics redness --metrics counting")
    results = load_results(out)
    assert [model.name for model in results.models] == ["painter", "b", "c"]
    assert [metric.name for metric in results.metrics] == ["redness", "counting"]

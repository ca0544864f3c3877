"""Scoring kept pictures anew: nothing is drawn, only what the metric says changes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tasvir.bench import kept
from tasvir.bench.evaluation import Models, evaluate_world, rescore
from tasvir.bench.lines import append_line, replace_lines
from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.models.embedded import weights
from tasvir.records import Layout, Picture, Prompt, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.world.description import Description
from tasvir.world.suite import world_suite


class CountingGenerator(Generator):
    """Paints red how many pictures it has drawn before."""

    name = "counting"
    native_size = (128, 128)

    def __init__(self) -> None:
        self.drawn = 0

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        pictures = []
        for _ in seeds:
            buffer = io.BytesIO()
            Image.new("RGB", settings.size, (self.drawn, 0, 0)).save(buffer, "PNG")
            pictures.append(Picture(buffer.getvalue(), *settings.size))
            self.drawn += 1
        return pictures


class MuteGuide(Guide):
    name = "mute"

    def reply(self, request: Request, *, seed: int) -> str:
        return json.dumps({"reasoning": "", "objects": [{"phrase": "a dog", "box": [0.1, 0.1, 0.5, 0.5]}]})


class ParityMetric(Metric):
    """Right where the red is ``parity`` modulo 2; remembers what was asked of which description."""

    name = "parity"

    def __init__(self, parity: int) -> None:
        self.parity = parity
        self.asked: list[Description] = []

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        self.asked += [Description.from_dict(prompt.facts["description"]) for prompt in prompts]
        reds = [Image.open(io.BytesIO(picture.png)).getpixel((0, 0))[0] for picture in pictures]
        return [
            Score(self.name, float(red % 2 == self.parity), details={"size": [picture.width, picture.height]})
            for red, picture in zip(reds, pictures, strict=True)
        ]


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of weights, each file with one letter."""
    root = tmp_path / "weights"
    for name in ("generator/a.json", "recogniser/b.json", "oracle/c.json", "oracle/figures.json"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    weights.seal(root)
    monkeypatch.setenv(weights.VARIABLE, str(root))
    return root


def change(root: Path, name: str) -> None:
    (root / name).write_text('{"changed": true}')
    weights.seal(root)
    weights.forget()


def run(out: Path, parity: int = 0) -> Models:
    models = Models(CountingGenerator(), MuteGuide(), ParityMetric(parity))
    evaluate_world(["unguided", "layout"], limit=2, out=out, models=models)
    return models


def drawn(models: Models) -> int:
    assert isinstance(models.generator, CountingGenerator)
    return models.generator.drawn


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def test_rescoring_reads_the_kept_pictures_and_changes_only_what_scores(
    shipped: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(out)
    before = lines(out)
    assert [row["correct"] for row in before] == [True, False, True, False]
    change(shipped, "oracle/c.json")
    metric, told = ParityMetric(1), []
    result = rescore(out, metric=metric, on_progress=told.append)
    after = lines(out)
    assert list(result.rows) == after
    assert [row["correct"] for row in after] == [False, True, False, True]
    assert [row["details"] for row in after] == [{"size": [128, 128]}] * 4
    suite = {entry.id: entry.description for entry in world_suite()}
    assert metric.asked == [suite[row["id"]] for row in before]
    assert len(told) == 2 and told[0] == f"1/2  {before[0]['text']}"
    same = ("id", "arm", "seed", "text", "category", "pictures", "seconds", "judged")
    assert [[row[key] for key in same] for row in after] == [[row[key] for key in same] for row in before]
    for old, new in zip(before, after, strict=True):
        changed = {key for key in old["models"] if old["models"][key] != new["models"][key]}
        assert changed == {"oracle"}


def test_another_oracle_asks_for_rescoring_and_then_goes_on(shipped: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out)
    change(shipped, "oracle/c.json")
    with pytest.raises(SettingError, match=r"scored by .*oracle.*--rescore, which draws nothing"):
        run(out)
    rescore(out, metric=ParityMetric(0))
    assert drawn(run(out)) == 0


@pytest.mark.parametrize("name", ["generator/a.json", "recogniser/b.json"])
def test_other_drawing_weights_need_another_folder(shipped: Path, tmp_path: Path, name: str) -> None:
    run(tmp_path / "run")
    change(shipped, name)
    with pytest.raises(SettingError, match="name another folder"):
        run(tmp_path / "run")
    rescore(tmp_path / "run", metric=ParityMetric(0))  # does not make them today's drawing
    with pytest.raises(SettingError, match="name another folder"):
        run(tmp_path / "run")


@pytest.mark.parametrize("name", ["oracle/figures.json", "oracle/agreement.json"])
def test_what_is_only_said_of_the_oracle_changes_no_score(shipped: Path, tmp_path: Path, name: str) -> None:
    run(tmp_path / "run")
    change(shipped, name)
    assert drawn(run(tmp_path / "run")) == 0


def test_the_shipped_agreement_is_part_of_the_result(shipped: Path, tmp_path: Path) -> None:
    figures = {"agreement": 0.5, "interval": [0.2, 0.8], "kappa": None, "n": 8}
    (shipped / "oracle" / "agreement.json").write_text(json.dumps(figures))
    weights.seal(shipped)
    weights.forget()
    run(tmp_path / "run")
    result = rescore(tmp_path / "run", metric=ParityMetric(0))
    assert result.to_dict()["agreement"] == figures
    assert result.to_text().endswith("Cohen's kappa none, n 8")


def test_an_unfinished_line_is_left_out(shipped: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out)
    with (out / "results.jsonl").open("a") as file:
        file.write('{"id": "spatial-0')
    rescore(out, metric=ParityMetric(0))
    assert len(lines(out)) == 4


def test_a_missing_picture_or_another_suite_changes_nothing(shipped: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(out)
    file = out / "results.jsonl"
    before = file.read_text()
    last = lines(out)[-1]
    picture = out / "pictures" / last["arm"] / f"{last['id']}.png"
    kept_bytes = picture.read_bytes()
    for damage in (b"", b"no picture"):
        picture.write_bytes(damage)
        with pytest.raises(RecordError, match=rf"{picture.name} is missing or damaged"):
            rescore(out, metric=ParityMetric(1))
    picture.write_bytes(kept_bytes)
    assert file.read_text() == before
    replace_lines(out / kept.RESULTS, [*lines(out)[:-1], {**last, "text": "another text"}])
    with pytest.raises(RecordError, match=rf"prompt {last['id']} is no longer the suite's"):
        rescore(out, metric=ParityMetric(1))
    assert [row["correct"] for row in lines(out)] == [True, False, True, False]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no results to score anew"):
        rescore(tmp_path, metric=ParityMetric(0))
    assert list(tmp_path.iterdir()) == []


def test_new_rows_replace_the_old_ones_whole_or_not_at_all(tmp_path: Path) -> None:
    append_line(tmp_path / kept.RESULTS, {"id": "old"})
    (tmp_path / "results.jsonl.new").mkdir()  # stands in the way of writing
    with pytest.raises(OutputError, match="choose another with --out"):
        replace_lines(tmp_path / kept.RESULTS, [{"id": "new"}])
    assert lines(tmp_path) == [{"id": "old"}]


class SilentGuide(Guide):
    """Gives no usable reply to one prompt."""

    name = "silent"

    def reply(self, request: Request, *, seed: int) -> str:
        if request.prompt.text == world_suite()[0].text:
            return "I would rather not."
        return json.dumps({"reasoning": "", "objects": [{"phrase": "a dog", "box": [0.1, 0.1, 0.5, 0.5]}]})


def test_a_prompt_without_a_usable_reply_is_wrong_and_the_others_go_on(tmp_path: Path) -> None:
    models = Models(CountingGenerator(), SilentGuide(), ParityMetric(0))
    result = evaluate_world(["layout"], limit=6, out=tmp_path, models=models)
    silent = [row for row in result.rows if kept.FAILED in row["details"]]
    assert [row["text"] for row in silent] == [world_suite()[0].text]
    assert (silent[0]["correct"], silent[0]["pictures"]) == (False, 0)
    assert "no usable reply" in silent[0]["details"][kept.FAILED]
    assert len(result.rows) == 6
    assert "without a picture, for want of a usable reply of the guide: 1" in result.to_text()
    again = rescore(tmp_path, metric=ParityMetric(0))
    assert next(row for row in again.rows if row["id"] == silent[0]["id"])["correct"] is False

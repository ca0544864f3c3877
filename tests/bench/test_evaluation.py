"""The evaluation by arms on scripted models: equal budgets, equal noise, results that are never mixed."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tasvir.bench.evaluation import Models, evaluate_world, rescore
from tasvir.errors import OutputError, SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.records import Layout, Picture, Prompt, Score, SuitePrompt
from tasvir.score.base import Metric


class TwiceGuide(Guide):
    """Is never content, and says after two pictures that nothing is left to change."""

    name = "twice"

    def reply(self, request: Request, *, seed: int) -> str:
        if request.skill == "judge":
            assert request.picture is not None
            return json.dumps({"reasoning": "", "score": 1 + request.picture.provenance["seed"] % 4})
        side = 0.4 + 0.1 * len(request.attempts)
        things = [{"phrase": "a dog", "box": [0.1, 0.1, side, side]}]
        return json.dumps({"reasoning": "", "objects": things if len(request.attempts) < 2 else []})


class CountingGenerator(Generator):
    """Remembers what it was asked: (whether there was a layout, the seed)."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[tuple[bool, int]] = []

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        self.asked += [(layout is not None, seed) for layout, seed in zip(layouts, seeds, strict=True)]
        buffer = io.BytesIO()
        Image.new("RGB", settings.size).save(buffer, "PNG")
        return [Picture(buffer.getvalue(), *settings.size, {"seed": seed}) for seed in seeds]


class EvenMetric(Metric):
    """Right where the picture's seed is even."""

    name = "even"

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        return [Score(self.name, float(picture.provenance["seed"] % 2 == 0)) for picture in pictures]


@pytest.fixture
def models() -> Models:
    return Models(CountingGenerator(), TwiceGuide(), EvenMetric())


def asked_of(models: Models) -> list[tuple[bool, int]]:
    assert isinstance(models.generator, CountingGenerator)
    return models.generator.asked


def test_the_baseline_draws_as_often_as_the_loop_and_starts_from_the_same_noise(models: Models) -> None:
    result = evaluate_world(("best-of-n", "loop", "unguided"), limit=1, models=models)
    pictures = {row["arm"]: row["pictures"] for row in result.rows}
    assert pictures == {"loop": 2, "unguided": 1, "best-of-n": 2}
    guided = [seed for with_layout, seed in asked_of(models) if with_layout]
    unguided, *plain = [seed for with_layout, seed in asked_of(models) if not with_layout]
    assert plain == guided
    assert unguided == guided[0]


def test_prompts_do_not_share_their_noise(models: Models) -> None:
    evaluate_world(("unguided",), limit=60, models=models)
    assert len({seed for _, seed in asked_of(models)}) == 60


def test_a_stopped_run_goes_on_and_a_torn_line_is_drawn_again(models: Models, tmp_path: Path) -> None:
    evaluate_world(("unguided",), limit=3, models=models, out=tmp_path)
    lines = (tmp_path / "results.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "results.jsonl").write_text("".join(lines[:2]) + lines[2][:30])
    whole = evaluate_world(("unguided",), limit=4, models=models, out=tmp_path)
    assert len(asked_of(models)) == 3 + 2
    again = evaluate_world(("unguided",), limit=4, models=models, out=tmp_path)
    assert len(asked_of(models)) == 3 + 2
    assert sorted(row["id"] for row in again.rows) == sorted(row["id"] for row in whole.rows)
    even = sum(seed % 2 == 0 for seed in {seed for _, seed in asked_of(models)})
    assert again.to_dict()["arms"]["unguided"]["correct"] == even / 4


def test_results_of_other_models_or_seeds_are_never_mixed(models: Models, tmp_path: Path) -> None:
    evaluate_world(("unguided",), limit=1, models=models, out=tmp_path)
    with pytest.raises(SettingError, match="results of seed 0, not 1"):
        evaluate_world(("unguided",), limit=1, models=models, out=tmp_path, seed=1)
    with pytest.raises(SettingError, match=r"counting.*embedded.*name another folder"):
        evaluate_world(("unguided",), limit=1, out=tmp_path)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_drawn(
    models: Models, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="choose another with --out"):
        evaluate_world(("unguided",), limit=1, models=models, out=tmp_path / "file" / "a")
    assert asked_of(models) == []


class BlockedGenerator(CountingGenerator):
    """A safety checker blocks every picture."""

    name = "blocked"

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        drawn = super().draw(prompts, layouts, seeds, settings)
        return [replace(picture, provenance={**picture.provenance, "blocked": "unsafe"}) for picture in drawn]


def test_blocked_pictures_are_no_failures_of_the_model(tmp_path: Path) -> None:
    models = Models(BlockedGenerator(), TwiceGuide(), EvenMetric())
    result = evaluate_world(("unguided",), limit=3, models=models, out=tmp_path)
    assert [row["correct"] for row in result.rows] == [None] * 3
    assert all(row["details"] == {"blocked": "unsafe"} for row in result.rows)
    assert result.to_dict()["arms"]["unguided"]["correct"] is None
    again = rescore(tmp_path, metric=EvenMetric())
    assert [row["correct"] for row in again.rows] == [None] * 3

"""The evaluation with models that follow a script: what each arm asks, draws and shows, how it is summed up.

The generator writes into a picture what it was drawn from: red = 100 x the first box's left edge (0 without a
layout), green = the seed's last byte. The judge and the metric read that.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tasvir.bench.evaluation import ARMS, BEST_OF_6, BEST_OF_N, Models, evaluate_world
from tasvir.bench.result import Result
from tasvir.bench.sampling import in_turns
from tasvir.errors import RecordError, SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.loop import attempt_seed
from tasvir.records import Layout, Picture, Prompt, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.world.description import Description
from tasvir.world.suite import world_suite

RIGHT, WRONG = 0.5, 0.25


def written(picture: Picture) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture.png)) as image:
        red, green, _ = image.convert("RGB").getpixel((0, 0))
    return red, green


class WritingGenerator(Generator):
    name = "writing"

    def __init__(self) -> None:
        self.drawn: list[tuple[str, bool, int]] = []

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        pictures = []
        for prompt, layout, seed in zip(prompts, layouts, seeds, strict=True):
            self.drawn.append((prompt.text, layout is not None, seed))
            red = round(100 * layout.things[0].box.x0) if layout else 0
            buffer = io.BytesIO()
            Image.new("RGB", settings.size, (red, seed % 256, 0)).save(buffer, "PNG")
            pictures.append(Picture(buffer.getvalue(), *settings.size))
        return pictures


class ReadingGuide(Guide):
    """Plans wrongly but for ``known`` prompts, redesigns rightly, and sees what is right."""

    name = "reading"

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.known = known
        self.asked: list[str] = []

    def reply(self, request: Request, *, seed: int) -> str:
        self.asked.append(request.skill)
        if request.skill == "judge":
            assert request.picture is not None
            return json.dumps({"reasoning": "read", "score": judged(*written(request.picture))})
        right = request.skill == "redesign" or request.prompt.text in self.known
        done = request.skill == "redesign" and request.layout and request.layout.things[0].box.x0 == RIGHT
        x0 = RIGHT if right else WRONG
        objects = [] if done else [{"phrase": "a dog", "box": [x0, 0.2, x0 + 0.3, 0.6]}]
        return json.dumps({"reasoning": "", "objects": objects})


def judged(red: int, green: int) -> int:
    return (5 if red == 50 else 2) if red else 1 + green % 4


class ReadingMetric(Metric):
    """1 for pictures of the right layout; cannot score ``blind`` descriptions."""

    name = "reading"

    def __init__(self, blind: Sequence[Description] = ()) -> None:
        self.blind = blind

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        if prompts and Description.from_dict(prompts[0].facts["description"]) in self.blind:
            return [Score(self.name, None, "cannot see") for _ in pictures]
        return [Score(self.name, float(written(picture)[0] == 50)) for picture in pictures]


def models(known: Sequence[str] = (), blind: Sequence[Description] = ()) -> Models:
    return Models(WritingGenerator(), ReadingGuide(known), ReadingMetric(blind))


FIRST = in_turns(world_suite(), lambda entry: entry.category)[:6]


def drawn(tools: Models) -> list[tuple[str, bool, int]]:
    assert isinstance(tools.generator, WritingGenerator)
    return tools.generator.drawn


def asked(tools: Models) -> list[str]:
    assert isinstance(tools.guide, ReadingGuide)
    return tools.guide.asked


@pytest.mark.parametrize(
    ("arm", "skills", "pictures", "correct"),
    [
        ("unguided", [], 1, False),
        ("layout", ["plan"], 1, False),
        ("revised", ["plan", "revise"], 1, False),
        ("aligned", ["plan", "revise", "redesign", "redesign"], 2, True),
        ("loop-unrevised", ["plan", "judge", "redesign", "judge"], 2, True),
        ("loop", ["plan", "revise", "judge", "redesign", "judge"], 2, True),
    ],
)
def test_each_arm_takes_its_steps(arm: str, skills: list[str], pictures: int, correct: bool) -> None:
    tools = models()
    (row,) = evaluate_world([arm], limit=1, models=tools).rows
    assert asked(tools) == skills
    assert (row["pictures"], row["correct"], row["arm"]) == (pictures, correct, arm)
    assert [guided for _, guided, _ in drawn(tools)] == [arm != "unguided"] * pictures
    assert row["judged"] == (5 if "judge" in skills else None)


def test_every_arm_has_a_case_above() -> None:
    assert set(ARMS) == {"unguided", "layout", "revised", "aligned", "loop-unrevised", "loop"}


def test_all_arms_draw_a_prompt_first_from_the_same_seed() -> None:
    tools = models()
    evaluate_world(["unguided", "layout", "loop"], limit=2, seed=9, models=tools)
    seeds: dict[str, list[int]] = {}
    for text, _, seed in drawn(tools):
        seeds.setdefault(text, []).append(seed)
    for first, second, third, _ in seeds.values():
        assert first == second == third


def test_best_of_n_draws_what_the_loop_drew_and_shows_the_best_judged() -> None:
    tools = models(known=[FIRST[0].text])  # there the loop is content with its first picture
    rows = evaluate_world([BEST_OF_N, "loop"], limit=6, models=tools).rows
    by_arm = {arm: [row for row in rows if row["arm"] == arm] for arm in ("loop", BEST_OF_N)}
    assert [row["pictures"] for row in by_arm["loop"]] == [1, 2, 2, 2, 2, 2]
    assert [row["pictures"] for row in by_arm[BEST_OF_N]] == [1, 2, 2, 2, 2, 2]
    for entry, row in zip(FIRST, by_arm[BEST_OF_N], strict=True):
        seeds = [seed for text, guided, seed in drawn(tools) if text == entry.text and not guided]
        assert seeds == [attempt_seed(seeds[0], index) for index in range(row["pictures"])]
        assert row["judged"] == max(judged(0, seed) for seed in seeds)
    guided = [seed for text, layout, seed in drawn(tools) if text == FIRST[1].text and layout]
    plain = [seed for text, layout, seed in drawn(tools) if text == FIRST[1].text and not layout]
    assert guided == plain


def test_best_of_n_keeps_the_earlier_of_equals(tmp_path: Path) -> None:
    tools = models()
    rows = evaluate_world(["loop", BEST_OF_N], limit=6, out=tmp_path, models=tools).rows
    ties = 0
    for row in (row for row in rows if row["arm"] == BEST_OF_N):
        seeds = [seed for text, guided, seed in drawn(tools) if text == row["text"] and not guided]
        marks = [judged(0, seed) for seed in seeds]
        ties += marks[0] == marks[1]
        shown = Picture((tmp_path / "pictures" / BEST_OF_N / f"{row['id']}.png").read_bytes(), 128, 128)
        assert written(shown)[1] == seeds[marks.index(max(marks))] % 256
    assert ties


def test_best_of_6_draws_the_most_that_the_loop_may_draw_and_needs_no_loop() -> None:
    tools = models()
    (row,) = evaluate_world([BEST_OF_6], limit=1, models=tools).rows
    seeds = [seed for _, _, seed in drawn(tools)]
    assert seeds == [attempt_seed(seeds[0], index) for index in range(6)]
    assert (row["pictures"], row["judged"]) == (6, max(judged(0, seed) for seed in seeds))
    stubborn = models()
    stubborn.guide.reply = lambda request, seed: (  # type: ignore[method-assign]
        json.dumps({"reasoning": "", "score": 1})
        if request.skill == "judge"
        else json.dumps(
            {"reasoning": "", "objects": [{"phrase": "a dog", "box": [0, 0, 0.3 + seed % 9 / 20, 0.5]}]}
        )
    )
    (loop,) = evaluate_world(["loop"], limit=1, models=stubborn).rows
    assert loop["pictures"] == 6
    assert [seed for _, _, seed in drawn(stubborn)] == seeds


def test_a_stopped_evaluation_goes_on_where_it_ended(tmp_path: Path) -> None:
    arms = ["unguided", "loop", BEST_OF_N]
    whole = evaluate_world(arms, limit=3, out=tmp_path, models=models())
    file = tmp_path / "results.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 9
    file.write_bytes(b"".join(lines[:5]) + lines[5][:40])  # killed while it wrote the second best-of-n
    tools = models()
    rest = evaluate_world(arms, limit=3, out=tmp_path, models=tools)
    assert [text for text, _, _ in drawn(tools)] == [FIRST[1].text] * 2 + [FIRST[2].text] * 5

    def timeless(result: Result) -> list[dict[str, Any]]:
        rows = [{**row, "seconds": 0} for row in result.rows]
        return sorted(rows, key=lambda row: (row["id"], row["arm"]))

    assert timeless(rest) == timeless(whole)
    again = models()
    assert timeless(evaluate_world(arms, limit=3, out=tmp_path, models=again)) == timeless(whole)
    assert drawn(again) == []


def test_fewer_arms_or_prompts_of_a_finished_evaluation_are_read_from_it(tmp_path: Path) -> None:
    evaluate_world(["unguided", "loop"], limit=4, out=tmp_path, models=models())
    tools = models()
    result = evaluate_world(["loop"], limit=2, out=tmp_path, models=tools)
    assert [(row["id"], row["arm"]) for row in result.rows] == [(entry.id, "loop") for entry in FIRST[:2]]
    assert drawn(tools) == []


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text('{"id": "spatial-000"}\n')
    with pytest.raises(RecordError, match="not a result"):
        evaluate_world(["unguided"], limit=1, out=tmp_path, models=models())


def test_parts_cover_every_prompt_exactly_once() -> None:
    whole = evaluate_world(["unguided"], limit=11, models=models()).rows
    parts = [evaluate_world(["unguided"], limit=11, part=(i, 3), models=models()).rows for i in range(3)]
    assert sorted(row["id"] for part in parts for row in part) == sorted(row["id"] for row in whole)
    assert [len(part) for part in parts] == [4, 4, 3]
    seconds = {row["id"]: row for part in parts for row in part}
    assert all({**seconds[row["id"]], "seconds": 0} == {**row, "seconds": 0} for row in whole)


@pytest.mark.parametrize(
    ("arms", "part", "message"),
    [
        (["lop"], (0, 1), "unknown arm 'lop': expected .*loop.*best-of-n"),
        ([BEST_OF_N], (0, 1), "ask for the loop too"),
        (["loop"], (2, 2), "part is 2/2"),
        (["loop"], (0, 0), "part is 0/0"),
    ],
)
def test_wrong_questions_are_refused(arms: list[str], part: tuple[int, int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        evaluate_world(arms, part=part, models=models())


def rows_of(arm: str, corrects: Sequence[bool | None], category: str = "spatial") -> list[dict[str, Any]]:
    return [
        {
            "id": f"{category}-{number:03}",
            "category": category,
            "arm": arm,
            "seed": 0,
            "text": "",
            "correct": correct,
            "pictures": number + 1,
            "seconds": float(number),
        }
        for number, correct in enumerate(corrects)
    ]


def test_sums_by_hand() -> None:
    rows = rows_of("loop", [True, True, True, False]) + rows_of("loop", [True, False], "count")
    figures = Result(tuple(rows)).to_dict()["arms"]["loop"]
    assert (figures["correct"], figures["n"]) == (pytest.approx(4 / 6), 6)
    shares = {name: (share["correct"], share["n"]) for name, share in figures["categories"].items()}
    assert shares == {"spatial": (0.75, 4), "count": (0.5, 2)}
    assert figures["pictures"] == pytest.approx((1 + 2 + 3 + 4 + 1 + 2) / 6)
    assert figures["seconds_median"] == 1.0  # of 0 0 1 1 2 3
    low, high = figures["interval"]
    assert 0 < low < 4 / 6 < high < 1


def test_differences_are_paired_by_prompt() -> None:
    """loop - unguided on four shared prompts: 1, 0, 1, -1; a fifth that only the loop drew does not count."""
    rows = rows_of("loop", [True, True, True, False, True]) + rows_of("unguided", [False, True, False, True])
    (name, figures), *others = Result(tuple(rows)).to_dict()["differences"].items()
    half = 1.959964 * math.sqrt(11 / 12 / 4)
    assert (name, others, figures["mean"], figures["n"]) == ("loop - unguided", [], 0.25, 4)
    assert figures["interval"] == pytest.approx([0.25 - half, 0.25 + half])


def test_one_pair_has_no_difference_and_one_arm_none() -> None:
    assert Result((*rows_of("loop", [True]), *rows_of("layout", [True]))).to_dict()["differences"] == {}
    assert Result(tuple(rows_of("layout", [True, False]))).to_dict()["differences"] == {}


def test_what_could_not_be_scored_is_missing_and_not_wrong() -> None:
    tools = models(blind=[FIRST[1].description])
    told: list[str] = []
    result = evaluate_world(["loop", "unguided"], limit=3, models=tools, on_progress=told.append)
    assert [row["correct"] for row in result.rows if row["arm"] == "loop"] == [True, None, True]
    figures = result.to_dict()
    assert (figures["arms"]["loop"]["correct"], figures["arms"]["loop"]["n"]) == (1.0, 2)
    assert figures["differences"]["loop - unguided"]["n"] == 2
    assert "loop ??  unguided ??" in told[1] and "loop ok  unguided --" in told[0]


def test_an_arm_without_any_score_says_so() -> None:
    result = Result(tuple(rows_of("loop", [None, None])))
    assert result.to_dict()["arms"]["loop"]["correct"] is None
    assert "nothing was scored" in result.to_text()


def test_the_table_tells_each_figure() -> None:
    rows = rows_of("loop", [True, True, True, False]) + rows_of("unguided", [False, True, False, True])
    lines = Result(tuple(rows), {"predicate_error": 0.0123}).to_text().splitlines()
    assert lines[1].split()[:2] == ["loop", "0.750"] and lines[1].endswith("spatial 0.75")
    assert lines[2].split()[:2] == ["unguided", "0.500"]
    assert lines[3].startswith("loop - unguided: +0.250, 95 % interval [-0.688, +1.188], n 4")
    assert lines[4].startswith("loop / unguided: 1.50, no 95 % interval (") and lines[4].endswith(", n 4")
    assert lines[5:] == ["oracle's own error on rendered scenes: 0.012"]
    assert Result(tuple(rows)).to_text().endswith("not measured")


def test_the_shipped_agreement_with_a_person_is_told() -> None:
    figures = {"agreement": 0.9, "interval": [0.82, 0.95], "kappa": 0.75, "n": 100}
    text = Result(tuple(rows_of("loop", [True])), {}, figures).to_text().splitlines()[-1]
    assert text.startswith("oracle's agreement with a person: 0.900, 95 % interval [0.820, 0.950]")
    assert text.endswith("kappa 0.75, n 100")


def test_the_ratio_is_of_the_prompts_that_both_drew() -> None:
    """45 of 60 to 30 of 60; the loop's further prompts do not count."""
    rows = rows_of("loop", [True, True, True, False] * 15 + [False] * 20)
    rows += rows_of("unguided", [True, False] * 30)
    data = Result(tuple(rows)).to_dict()
    figures = data["ratios"]["loop / unguided"]
    low, high = figures["interval"]
    assert (figures["ratio"], figures["n"], figures["reason"]) == (1.5, 60, "")
    assert 1.0 < low < 1.5 < high < 2.2
    assert (
        f"loop / unguided: 1.50, 95 % interval [{low:.2f}, {high:.2f}], n 60" in Result(tuple(rows)).to_text()
    )


def test_a_ratio_to_nothing_says_so() -> None:
    rows = (*rows_of("loop", [True, True]), *rows_of("unguided", [False, False]))
    figures = Result(rows).to_dict()["ratios"]["loop / unguided"]
    assert (figures["ratio"], figures["interval"]) == (None, None)
    assert "loop / unguided: none (the mean to divide by is 0), n 2" in Result(rows).to_text()
    assert Result(tuple(rows_of("loop", [True, True]))).to_dict()["ratios"] == {}


def test_results_are_ready_for_json() -> None:
    result = evaluate_world(["unguided"], limit=1, models=models())
    assert json.loads(json.dumps(result.to_dict()))["rows"][0]["id"] == FIRST[0].id


class MuteGuide(ReadingGuide):
    """Plans and judges, but has no usable redesign."""

    def reply(self, request: Request, *, seed: int) -> str:
        return "no" if request.skill == "redesign" else super().reply(request, seed=seed)


def test_what_was_drawn_stands_where_the_guide_fails_later() -> None:
    tools = models()
    failing = replace(tools, guide=MuteGuide())
    result = evaluate_world(["loop"], limit=1, models=failing)
    assert [row["pictures"] for row in result.rows] == [1]
    assert result.rows[0]["correct"] is False

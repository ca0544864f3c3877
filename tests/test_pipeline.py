"""The loop against table 6.1: a scripted guide, a generator that paints boxes, every path counted by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from tasvir.errors import LayoutError, PluginError, PromptError, ReplyError, SettingError, UnknownNameError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.loop import Event, attempt_seed
from tasvir.pipeline import generate
from tasvir.records import Attempt, Box, Layout, Picture, Prompt, Thing

TEXT = "a red car left of a dog"


def boxed(x0: float) -> Layout:
    return Layout((Thing("a red car", Box(x0, 0.2, round(x0 + 0.3, 2), 0.6)),))


def as_reply(layout: Layout | None) -> str:
    things = layout.things if layout else ()
    return json.dumps({"objects": [{"phrase": t.phrase, "box": t.box.as_tuple()} for t in things]})


class ScriptedGuide(Guide):
    """Answers each skill from its own list; the last answer of a list is repeated."""

    name = "scripted"

    def __init__(
        self,
        *,
        plans: Sequence[Layout] = (boxed(0.0),),
        revisions: Sequence[Layout] = (boxed(0.0),),
        scores: Sequence[int] = (5,),
        redesigns: Sequence[Layout | None] = (boxed(0.5),),
    ) -> None:
        verdicts = [json.dumps({"reasoning": "seen", "score": score}) for score in scores]
        self.replies = {
            "plan": [as_reply(layout) for layout in plans],
            "revise": [as_reply(layout) for layout in revisions],
            "judge": verdicts,
            "redesign": [as_reply(layout) for layout in redesigns],
        }
        self.asked: list[str] = []
        self.seeds: list[int] = []

    def reply(self, request: Request, *, seed: int) -> str:
        replies = self.replies[request.skill]
        reply = replies[min(self.asked.count(request.skill), len(replies) - 1)]
        self.asked.append(request.skill)
        self.seeds.append(seed)
        return reply


class PaintedBoxes(Generator):
    """Noise from the seed, each box painted red."""

    name = "painted"

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.layouts: list[Layout | None] = []

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        self.seeds += seeds
        self.layouts += layouts
        return [self._paint(layout, seed, settings) for layout, seed in zip(layouts, seeds, strict=True)]

    def _paint(self, layout: Layout | None, seed: int, settings: DrawSettings) -> Picture:
        width, height = settings.size
        pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
        for thing in layout.things if layout else ():
            x0, y0, x1, y1 = thing.box.as_tuple()
            pixels[int(y0 * height) : int(y1 * height), int(x0 * width) : int(x1 * width)] = (255, 0, 0)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return Picture(file.getvalue(), width, height, {"seed": seed})


def scores(attempts: Sequence[Attempt]) -> list[int | None]:
    return [attempt.verdict.score if attempt.verdict else None for attempt in attempts]


def test_a_good_first_picture_ends_the_loop() -> None:
    guide = ScriptedGuide(scores=[5])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes())
    assert guide.asked == ["plan", "revise", "judge"]
    assert (trace.finished, trace.best_index, scores(trace.attempts)) == ("good", 0, [5])


def test_revision_stops_when_the_layout_stays_the_same() -> None:
    guide = ScriptedGuide(plans=[boxed(0.0)], revisions=[boxed(0.1), boxed(0.2), boxed(0.2), boxed(0.3)])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes())
    assert trace.drafts == (boxed(0.0), boxed(0.1), boxed(0.2), boxed(0.2))
    assert trace.attempts[0].layout == boxed(0.2)


def test_revision_stops_after_k_rounds() -> None:
    guide = ScriptedGuide(revisions=[boxed(0.1), boxed(0.2), boxed(0.3), boxed(0.4)])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes(), rounds=3)
    assert guide.asked.count("revise") == 3 and trace.attempts[0].layout == boxed(0.3)


def test_k_rounds_draw_k_plus_one_pictures_and_judge_all() -> None:
    guide = ScriptedGuide(scores=[1, 2, 3, 2], redesigns=[boxed(0.1), boxed(0.2), boxed(0.3)])
    generator = PaintedBoxes()
    trace = generate(TEXT, guide=guide, generator=generator, rounds=3)
    assert scores(trace.attempts) == [1, 2, 3, 2]
    assert (trace.finished, trace.best_index) == ("rounds", 2)
    assert guide.asked == ["plan", "revise", *["judge", "redesign"] * 3, "judge"]
    assert generator.layouts == [boxed(0.0), boxed(0.1), boxed(0.2), boxed(0.3)]


def test_ties_keep_the_earlier() -> None:
    trace = generate(TEXT, guide=ScriptedGuide(scores=[2, 4, 4, 3]), generator=PaintedBoxes(), rounds=3)
    assert trace.best_index == 1


def test_a_lower_stopping_score_stops_sooner() -> None:
    trace = generate(TEXT, guide=ScriptedGuide(scores=[2, 3, 5]), generator=PaintedBoxes(), good=3)
    assert (trace.finished, len(trace.attempts)) == ("good", 2)


def test_an_empty_redesign_ends_the_loop() -> None:
    guide = ScriptedGuide(scores=[4], redesigns=[boxed(0.3), None])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes())
    assert (trace.finished, len(trace.attempts), trace.best_index) == ("aligned", 2, 0)


def test_a_layout_drawn_again_gives_another_picture() -> None:
    guide = ScriptedGuide(scores=[1], redesigns=[boxed(0.0)])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes(), rounds=2)
    assert len({attempt.layout for attempt in trace.attempts}) == 1
    assert len({attempt.picture.png for attempt in trace.attempts}) == 3


def test_equal_seeds_give_equal_pictures_and_others_do_not() -> None:
    def pngs(seed: int) -> list[bytes]:
        guide = ScriptedGuide(scores=[1])
        trace = generate(TEXT, guide=guide, generator=PaintedBoxes(), seed=seed, rounds=2)
        return [attempt.picture.png for attempt in trace.attempts]

    assert pngs(7) == pngs(7)
    assert not set(pngs(7)) & set(pngs(8))


def test_attempt_seeds() -> None:
    assert attempt_seed(7, 0) == 7
    drawn = {attempt_seed(seed, index) for seed in range(50) for index in range(1, 20)}
    assert len(drawn) == 50 * 19 and all(0 <= seed < 2**32 for seed in drawn)


def test_table_5_1_layout() -> None:
    guide = ScriptedGuide()
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes(), revise=False, judging=False, redesign=False)
    assert guide.asked == ["plan"]
    assert (trace.finished, trace.best_index, scores(trace.attempts)) == ("single", 0, [None])


def test_table_5_2_self_correction() -> None:
    guide = ScriptedGuide(revisions=[boxed(0.1)])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes(), judging=False, redesign=False)
    assert guide.asked == ["plan", "revise", "revise"] and trace.attempts[0].layout == boxed(0.1)


def test_table_5_3_alignment_shows_the_last_picture() -> None:
    guide = ScriptedGuide(redesigns=[boxed(0.1), boxed(0.2), None])
    trace = generate(TEXT, guide=guide, generator=PaintedBoxes(), judging=False)
    assert guide.asked == ["plan", "revise", "redesign", "redesign", "redesign"]
    assert (trace.finished, trace.best_index, scores(trace.attempts)) == ("aligned", 2, [None] * 3)


def test_judging_alone() -> None:
    trace = generate(TEXT, guide=ScriptedGuide(scores=[2]), generator=PaintedBoxes(), redesign=False)
    assert (trace.finished, scores(trace.attempts)) == ("single", [2])


def test_plain_text_to_image() -> None:
    generator = PaintedBoxes()
    trace = generate(TEXT, generator=generator, guided=False, seed=3)
    assert (trace.finished, scores(trace.attempts), generator.layouts) == ("single", [None], [None])
    assert generator.seeds == [3] and trace.settings["guide"] is None


def test_plain_is_judged_only_by_a_named_judge() -> None:
    trace = generate(TEXT, generator=PaintedBoxes(), guided=False, judge=ScriptedGuide(scores=[2]))
    assert (trace.finished, scores(trace.attempts)) == ("single", [2])


def test_another_judge_than_the_planner() -> None:
    guide, judge = ScriptedGuide(scores=[5]), ScriptedGuide(scores=[3, 5])
    trace = generate(TEXT, guide=guide, judge=judge, generator=PaintedBoxes())
    assert scores(trace.attempts) == [3, 5]
    assert "judge" not in guide.asked and judge.asked == ["judge", "judge"]


def test_a_given_layout_replaces_planning() -> None:
    guide, generator = ScriptedGuide(), PaintedBoxes()
    trace = generate(TEXT, guide=guide, generator=generator, layout=boxed(0.4))
    assert guide.asked == ["judge"] and generator.layouts == [boxed(0.4)] and trace.drafts == (boxed(0.4),)


def test_a_given_layout_is_checked() -> None:
    with pytest.raises(LayoutError):
        generate(TEXT, guide=ScriptedGuide(), generator=PaintedBoxes(), layout=boxed(0.9))


def test_events_tell_each_step_with_a_valid_trace() -> None:
    events: list[Event] = []
    guide = ScriptedGuide(scores=[1, 5])
    generate(TEXT, guide=guide, generator=PaintedBoxes(), on_event=events.append)
    assert [(event.step, event.index) for event in events] == [
        ("plan", 0),
        ("revise", 1),
        ("draw", 0),
        ("judge", 0),
        ("redesign", 1),
        ("draw", 1),
        ("judge", 1),
        ("finished", 2),
    ]
    assert [len(event.trace.attempts) for event in events] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert events[-1].trace.finished == "good"
    assert all(json.loads(event.trace.to_json()) for event in events)


@pytest.mark.parametrize(("stop_at", "pictures"), [("plan", 0), ("judge", 1), ("redesign", 1)])
def test_ctrl_c_keeps_what_was_drawn(stop_at: str, pictures: int) -> None:
    def stop(event: Event) -> None:
        if event.step == stop_at:
            raise KeyboardInterrupt

    trace = generate(TEXT, guide=ScriptedGuide(scores=[1]), generator=PaintedBoxes(), on_event=stop)
    assert (trace.finished, len(trace.attempts)) == ("interrupted", pictures)
    assert trace.best_index == (0 if pictures else None)


def test_a_guide_that_fails_late_leaves_the_trace_in_the_last_event() -> None:
    events: list[Event] = []
    guide = ScriptedGuide(scores=[1])
    guide.replies["redesign"] = ["no"]
    with pytest.raises(ReplyError):
        generate(TEXT, guide=guide, generator=PaintedBoxes(), on_event=events.append)
    assert len(events[-1].trace.attempts) == 1 and events[-1].trace.best_index == 0


def test_changes_seconds_and_clipping_are_in_the_trace() -> None:
    guide = ScriptedGuide(scores=[1, 5], redesigns=[Layout((Thing("a red car", Box(0.5, 0.2, 1.01, 0.6)),))])
    first, second = generate(TEXT, guide=guide, generator=PaintedBoxes()).attempts
    assert set(first.seconds) == {"plan", "revise", "draw", "judge"}
    assert set(second.seconds) == {"redesign", "draw", "judge"}
    assert first.changes == ()
    assert any("moved a red car right" in line for line in second.changes)
    assert any("clipped" in line for line in second.changes)


def test_settings_say_how_to_do_it_again() -> None:
    trace = generate(TEXT, guide=ScriptedGuide(), generator=PaintedBoxes(), steps=4, size=(64, 32), good=4)
    expected = {"guide": "scripted", "judge": "scripted", "generator": "painted", "good": 4, "steps": 4}
    assert expected.items() <= trace.settings.items()
    assert (trace.best.picture.width, trace.best.picture.height) == (64, 32)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"rounds": 0}, SettingError),
        ({"rounds": 51}, SettingError),
        ({"rounds": 2.5}, SettingError),
        ({"good": 0}, SettingError),
        ({"good": 6}, SettingError),
        ({"seed": -1}, SettingError),
        ({"seed": 2**32}, SettingError),
        ({"steps": 0}, SettingError),
        ({"scale": float("nan")}, SettingError),
        ({"size": (8, 128)}, SettingError),
        ({"guided": False, "layout": boxed(0.1)}, SettingError),
        ({"sampler": "dpmpp2m"}, UnknownNameError),
        ({"guide": "embeded"}, UnknownNameError),
        ({"guide": PaintedBoxes()}, PluginError),
        ({"prompt": "  "}, PromptError),
        ({"prompt": "a " * 10_000}, PromptError),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_drawn(setting: dict[str, object], error: type) -> None:
    generator = PaintedBoxes()
    with pytest.raises(error):
        generate(**{"prompt": TEXT, "guide": ScriptedGuide(), "generator": generator, **setting})
    assert generator.seeds == []


def test_near_names_are_offered() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'embedded'"):
        generate(TEXT, guide="embeded", generator=PaintedBoxes())

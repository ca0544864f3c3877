"""Every plugin that is installed keeps its base's promises; a new one is picked up by itself.

Those that need the shipped weights are skipped while there are none.
"""

from __future__ import annotations

import io
import json
import runpy
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasvir import registry
from tasvir.bench.base import Suite
from tasvir.errors import SettingError, TasvirError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.generate.editing import Edit, Editor, EditSettings
from tasvir.guide.base import MAX_REPAIR_ROUNDS, Guide
from tasvir.layout import RepairReport, check
from tasvir.records import Attempt, Box, Layout, Picture, Prompt, SuitePrompt, Thing, Verdict
from tasvir.score.base import Measure, Metric, SetMetric, recipe_hash
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.description import check as check_description
from tasvir.world.render import render
from tasvir.world.scene import Placed, Scene

WEIGHTS = files("tasvir.models.embedded").joinpath("weights", "SHA256.json")
needs_weights = [
    pytest.mark.weights,
    pytest.mark.skipif(not WEIGHTS.is_file(), reason="no weights are shipped in this checkout yet"),
]

PROMPT = Prompt("a red car left of a dog")
LAYOUT = Layout(
    (Thing("a red car", Box(0.05, 0.5, 0.45, 0.72)), Thing("a dog", Box(0.6, 0.5, 0.9, 0.75))), "park"
)
DESCRIPTION = Description((Entity("car", "red"), Entity("dog")), (Claim("left of", 0, 1),), background="park")
SUITE_PROMPT = SuitePrompt(
    "0", PROMPT.text, facts={"description": DESCRIPTION.to_dict(), "phrases": ["a red car", "a dog"]}
)
SCENE = Scene(
    (
        Placed("car", (0.05, 0.5, 0.45, 0.72), "red", facing="right"),
        Placed("dog", (0.6, 0.5, 0.9, 0.75), "brown", facing="left"),
    ),
    background="park",
)
QUICK = DrawSettings(steps=2)


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", registry.names(kind))


@cache
def made(kind: str, name: str, base: type[Any]) -> Any:
    """One instance for all tests: loading is slow.

    A plugin that stands for many models has a file ``stand_ins/KIND_NAME.py`` here, whose ``arguments()``
    makes a tiny model, or starts a local server, and returns what the plugin is to be made with. A metric
    of prompts of another kind than `SUITE_PROMPT` has an ``example()`` there: a prompt and a scene of it.
    """
    given = stand_in(kind, name).get("arguments", dict)()
    model = given.pop("model", None)
    return registry.create(kind, name if model is None else f"{name}:{model}", base, **given)


@cache
def stand_in(kind: str, name: str) -> dict[str, Any]:
    """What a plugin's file defines; empty where it has none."""
    file = Path(__file__).parent / "stand_ins" / f"{kind}_{name}.py"
    return runpy.run_path(str(file)) if file.is_file() else {}


def sound(layout: Layout) -> bool:
    """Nothing to clip and no error."""
    return check(layout) == RepairReport()


def png(pixels: NDArray[np.uint8]) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Picture(buffer.getvalue(), pixels.shape[1], pixels.shape[0])


def pixels_of(picture: Picture) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(picture.png)) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert image.size == (picture.width, picture.height)
        return np.asarray(image).astype(np.int64)


def rendered() -> Picture:
    return png(render(SCENE))


def empty() -> Picture:
    return png(render(Scene((), background="park")))


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("guides", Guide),
        ("generators", Generator),
        ("editors", Editor),
        ("metrics", Measure),
        ("suites", Suite),
    ],
)
def test_there_are_plugins_and_each_is_of_its_base(kind: str, base: type[Any]) -> None:
    assert registry.names(kind)
    for name in registry.names(kind):
        plugin = registry.load(kind, name)
        assert issubclass(plugin, base) and plugin.name == name


@each("guides")
def test_a_guide_plans_valid_layouts_the_same_for_a_seed(name: str) -> None:
    guide: Guide = made("guides", name, Guide)
    layout = guide.plan(PROMPT, seed=3)
    assert layout.things and sound(layout)
    assert guide.plan(PROMPT, seed=3) == layout


@each("guides")
def test_a_guide_revises_valid_layouts_and_comes_to_rest(name: str) -> None:
    guide: Guide = made("guides", name, Guide)
    layout = guide.plan(PROMPT, seed=0)
    for round_number in range(1, 6):
        before, layout = layout, guide.revise(PROMPT, layout, seed=round_number)
        assert sound(layout)
    assert layout == before


@each("guides")
def test_a_guide_says_so_where_it_cannot_read_a_prompt(name: str) -> None:
    """Whatever it is asked it answers with a layout or with an error of ours, and it stops asking itself."""
    guide: Guide = made("guides", name, Guide)
    repairs = guide.repairs
    try:
        assert guide.plan(Prompt("qwrtz {'objects': [[[ ]"), seed=0).things
    except TasvirError as problem:
        assert str(problem)
    assert guide.repairs - repairs <= MAX_REPAIR_ROUNDS


@each("guides")
class TestJudging:
    pytestmark = needs_weights

    def test_a_judge_likes_a_true_picture_better_than_an_empty_one(self, name: str) -> None:
        guide: Guide = made("guides", name, Guide)
        good, bad = (guide.judge(PROMPT, picture, seed=0) for picture in (rendered(), empty()))
        assert 1 <= bad.score < good.score <= 5
        assert bad.reason and bad.missing
        assert guide.judge(PROMPT, rendered(), seed=0) == good

    def test_a_redesign_is_a_valid_layout_or_none_for_a_true_picture(self, name: str) -> None:
        guide: Guide = made("guides", name, Guide)
        content = (Attempt(0, LAYOUT, rendered(), Verdict(5, "all is there")),)
        assert guide.redesign(PROMPT, content, seed=1) is None
        wanting = (Attempt(0, LAYOUT, empty(), Verdict(1, "nothing is there", ("a dog",))),)
        better = guide.redesign(PROMPT, wanting, seed=1)
        assert better is not None and better.things and sound(better)
        assert guide.redesign(PROMPT, wanting, seed=1) == better


@each("generators")
class TestDrawing:
    pytestmark = needs_weights

    def test_a_seed_gives_the_same_picture_in_any_batch(self, name: str) -> None:
        generator: Generator = made("generators", name, Generator)
        layout = LAYOUT if generator.reads_layouts else None
        batch = generator.draw([Prompt("a ball"), PROMPT], [None, layout], [1, 2], QUICK)
        alone = generator.draw([PROMPT], [layout], [2], QUICK)
        assert (len(batch), len(alone)) == (2, 1)
        assert np.abs(pixels_of(batch[1]) - pixels_of(alone[0])).max() <= 2
        other = generator.draw([PROMPT], [layout], [3], QUICK)[0]
        assert np.abs(pixels_of(other) - pixels_of(alone[0])).max() > 2

    def test_the_size_is_as_asked_and_the_provenance_tells_the_rest(self, name: str) -> None:
        generator: Generator = made("generators", name, Generator)
        picture = generator.draw([PROMPT], [None], [7], DrawSettings(size=(96, 64), steps=1))[0]
        assert pixels_of(picture).shape == (64, 96, 3)
        provenance = json.loads(json.dumps(picture.provenance))
        assert (provenance["generator"], provenance["seed"]) == (name, 7)

    def test_the_layout_is_looked_at(self, name: str) -> None:
        generator: Generator = made("generators", name, Generator)
        if not generator.reads_layouts:
            with pytest.raises(SettingError, match="reads no layouts"):
                generator.draw([PROMPT], [LAYOUT], [5], QUICK)
            return
        mirrored = Layout(
            tuple(
                Thing(t.phrase, Box(1 - t.box.x1, t.box.y0, 1 - t.box.x0, t.box.y1)) for t in LAYOUT.things
            ),
            LAYOUT.background,
        )
        one, other = generator.draw([PROMPT, PROMPT], [LAYOUT, mirrored], [5, 5], QUICK)
        assert np.abs(pixels_of(one) - pixels_of(other)).mean() > 1

    def test_nothing_asked_is_nothing_drawn(self, name: str) -> None:
        assert made("generators", name, Generator).draw([], [], [], QUICK) == []


def to_edit(editor: Editor, size: tuple[int, int], seed: int) -> Edit:
    """A picture of noise with a prompt and a guide picture where the editor must have them."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    mask = np.zeros((size[1], size[0]), dtype=np.uint8)
    mask[:, size[0] // 2 :] = 255
    return Edit(
        png(pixels),
        seed,
        PROMPT if editor.takes_prompt == "must" else None,
        png(mask) if editor.takes_guide == "must" else None,
    )


@each("editors")
class TestEditing:
    settings = EditSettings(steps=2)

    def test_a_seed_gives_the_same_picture_in_any_batch(self, name: str) -> None:
        editor: Editor = made("editors", name, Editor)
        edits = [to_edit(editor, (16, 16), 1), to_edit(editor, (24, 16), 2), to_edit(editor, (16, 16), 3)]
        batch = editor.edit(edits, self.settings)
        alone = editor.edit(edits[2:], self.settings)
        assert (len(batch), len(alone)) == (3, 1)
        assert np.abs(pixels_of(batch[2]) - pixels_of(alone[0])).max() <= 2
        other = editor.edit([replace(edits[2], seed=4)], self.settings)[0]
        assert np.abs(pixels_of(other) - pixels_of(alone[0])).max() > 2

    def test_the_size_is_as_said_and_the_provenance_tells_the_rest(self, name: str) -> None:
        editor: Editor = made("editors", name, Editor)
        picture = editor.edit([to_edit(editor, (21, 13), 7)], self.settings)[0]
        wide, high = editor.size_after((21, 13))
        assert pixels_of(picture).shape == (high, wide, 3)
        provenance = json.loads(json.dumps(picture.provenance))
        assert (provenance["editor"], provenance["seed"], provenance["steps"]) == (name, 7, 2)

    def test_what_it_does_not_take_is_refused_and_what_it_needs_asked_for(self, name: str) -> None:
        editor: Editor = made("editors", name, Editor)
        edit = to_edit(editor, (16, 16), 1)
        full = replace(edit, prompt=PROMPT, guide=png(np.full((16, 16), 255, dtype=np.uint8)))
        bare = replace(edit, prompt=None, guide=None)
        for what, use in (("prompt", editor.takes_prompt), (editor.guide_means, editor.takes_guide)):
            if use == "never":
                with pytest.raises(SettingError, match=f"takes no {what}"):
                    editor.check([full], self.settings)
            if use == "must":
                with pytest.raises(SettingError, match=r"needs a (prompt|mask)"):
                    editor.check([bare], self.settings)
        if not editor.takes_strength:
            with pytest.raises(SettingError, match="takes no strength"):
                editor.check([edit], EditSettings(strength=0.5))

    def test_nothing_asked_is_nothing_drawn(self, name: str) -> None:
        assert made("editors", name, Editor).edit([], self.settings) == []


@each("metrics")
class TestMeasuring:
    pytestmark = needs_weights

    def test_pictures_are_scored_in_order(self, name: str) -> None:
        metric = made("metrics", name, Measure)
        if not isinstance(metric, Metric):
            pytest.skip("it measures sets of pictures")
        prompt, scene = stand_in("metrics", name).get("example", lambda: (SUITE_PROMPT, SCENE))()
        told = Description.from_dict(prompt.facts["description"])
        assert check_description(told, scene.things, scene.background).all_true
        bad, broken, good = metric.measure(
            [prompt] * 3, [empty(), Picture(b"not a picture", 8, 8), png(render(scene))]
        )
        assert bad.value is not None and good.value is not None and bad.value < good.value
        assert broken.value is None and broken.reason
        assert {score.name for score in (bad, broken, good)} == {metric.label}
        json.dumps([score.details for score in (bad, broken, good)])

    def test_no_pictures_no_scores(self, name: str) -> None:
        metric = made("metrics", name, Measure)
        if isinstance(metric, Metric):
            assert metric.measure([], []) == []
        if isinstance(metric, SetMetric):
            none = metric.measure_set([])
            assert (none.value, none.n, none.name) == (None, 0, metric.label) and none.reason

    def test_sets_are_scored_with_their_number(self, name: str) -> None:
        metric = made("metrics", name, Measure)
        if not isinstance(metric, SetMetric):
            pytest.skip("it measures single pictures")
        found = metric.measure_set([rendered(), empty(), Picture(b"not a picture", 8, 8)])
        assert found.value is not None and (found.n, found.name) == (2, metric.label)
        low, high = metric.bounds
        assert (low is None or found.value >= low) and (high is None or found.value <= high)
        json.dumps(found.details)

    def test_a_recipe_is_json_and_the_same_each_time(self, name: str) -> None:
        metric = made("metrics", name, Measure)
        assert recipe_hash(metric.recipe) == recipe_hash(json.loads(json.dumps(metric.recipe)))
        assert metric.recipe["metric"] == metric.label


@each("suites")
def test_a_suite_is_the_same_each_time_and_its_prompts_can_be_drawn(name: str) -> None:
    suite: Suite = made("suites", name, Suite)
    prompts = suite.prompts()
    assert prompts and prompts == suite.prompts()
    assert len({entry.id for entry in prompts}) == len(prompts)
    for entry in prompts:
        assert Prompt(entry.text)
        json.dumps(entry.facts)
    json.dumps(suite.provenance)


@each("samplers")
def test_a_sampler_takes_the_generators_schedule(name: str) -> None:
    from tasvir.models.embedded.layout_pipeline import SCHEDULE

    given = stand_in("samplers", name).get("arguments", dict)()
    scheduler = registry.load("samplers", name).from_config(SCHEDULE, **given)
    assert {key: scheduler.config[key] for key in SCHEDULE} == SCHEDULE
    scheduler.set_timesteps(8)
    times = [float(time) for time in scheduler.timesteps]
    assert len(times) >= 8 and max(times) == times[0] and min(times) >= 0

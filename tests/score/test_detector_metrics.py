"""The detector metrics on scripted detections, with the arithmetic in the tests, and on rendered scenes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.score.scripted import Scripted, picture, prompt, seen, use

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.records import Picture, SuitePrompt
from tasvir.score.base import Metric, recipe_hash
from tasvir.score.metrics.numeracy import NumeracyMetric
from tasvir.score.metrics.numeracy_upstream import NumeracyUpstreamMetric
from tasvir.score.metrics.spatial_2d import Spatial2DMetric
from tasvir.score.metrics.spatial_2d_upstream import Spatial2DUpstreamMetric
from tasvir.score.metrics.spatial_3d import Spatial3DMetric
from tasvir.score.metrics.spatial_3d_upstream import Spatial3DUpstreamMetric
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.render import render
from tasvir.world.sampler import sample_for

WEIGHTS = files("tasvir.models.embedded").joinpath("weights", "SHA256.json")
BESIDE = (seen("dog", 0.1, 0.4, 0.3, 0.6, 0.8), seen("car", 0.7, 0.4, 0.9, 0.6, 0.6))
DOG_CAR = prompt("a dog on the left of a car")
CAR_DOG = prompt("a car on the left of a dog")


def value(metric: Metric, told: SuitePrompt, size: tuple[int, int] = (100, 100)) -> float | None:
    score = metric.measure([told], [picture(*size)])[0]
    assert score.reason and score.name == metric.label
    json.dumps(score.details)
    return score.value


class TestSpatial2D:
    def test_a_quarter_of_both_scores_and_half_of_the_relation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(BESIDE))
        metric = Spatial2DMetric("any")
        assert value(metric, DOG_CAR) == pytest.approx((0.8 + 0.6) / 4 + 0.5)
        assert value(metric, CAR_DOG) == pytest.approx((0.8 + 0.6) / 4)

    def test_one_thing_alone_and_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(BESIDE[:1]))
        score = Spatial2DMetric("any").measure([DOG_CAR], [picture()])[0]
        assert (score.value, score.reason) == (pytest.approx(0.2), "dog on the left of car: not seen: car")
        use(monkeypatch, Scripted())
        assert value(Spatial2DMetric("any"), DOG_CAR) == 0

    def test_of_several_the_pair_counts_of_which_it_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stray = seen("dog", 0.91, 0.4, 0.99, 0.6, 0.9)
        use(monkeypatch, Scripted((*BESIDE, stray)))
        assert value(Spatial2DMetric("any"), DOG_CAR) == pytest.approx((0.8 + 0.6) / 4 + 0.5)
        # the official rule takes the surest dog, which is on the wrong side
        assert value(Spatial2DUpstreamMetric("any"), DOG_CAR) == 0

    def test_twins_are_told_apart_by_their_colours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        twins = (seen("ball", 0.1, 0.4, 0.3, 0.6, 0.8, "red"), seen("ball", 0.7, 0.4, 0.9, 0.6, 0.8, "blue"))
        use(monkeypatch, Scripted(twins, tells_colors=True))
        told = Description((Entity("ball", "red"), Entity("ball", "blue")), (Claim("left of", 0, 1),))
        right = prompt("x", description=told.to_dict())
        wrong = prompt("x", description=replace(told, claims=(Claim("right of", 0, 1),)).to_dict())
        assert value(Spatial2DMetric("any"), right) == pytest.approx(0.9)
        assert value(Spatial2DMetric("any"), wrong) == pytest.approx(0.4)

    def test_a_thing_is_in_no_relation_to_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted((seen("ball", 0.1, 0.4, 0.3, 0.6),)))
        score = Spatial2DMetric("any").measure([prompt("a ball next to a ball")], [picture()])[0]
        assert (score.value, score.reason) == (
            pytest.approx(0.2),
            "ball next to ball: not seen: a second ball",
        )

    def test_several_claims_are_averaged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(BESIDE))
        told = Description(
            (Entity("dog"), Entity("car")),
            (Claim("left of", 0, 1), Claim("above", 0, 1), Claim("behind", 0, 1)),
        )
        assert value(Spatial2DMetric("any"), prompt("x", description=told.to_dict())) == pytest.approx(
            0.35 + 0.25
        )

    def test_a_detection_below_the_confidence_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(BESIDE))
        assert value(Spatial2DMetric("any", confidence=0.7), DOG_CAR) == pytest.approx(0.2)

    def test_phrases_are_cut_down_to_what_the_detector_knows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = prompt("small dogs on the left of a red sports car")
        eye = use(monkeypatch, Scripted(BESIDE, frozenset({"dog", "car"})))
        assert value(Spatial2DMetric("any"), told) == pytest.approx(0.85)
        assert eye.asked == [("dog", "car")]
        use(monkeypatch, Scripted(BESIDE, frozenset({"dog"})))
        score = Spatial2DMetric("any").measure([told], [picture()])[0]
        assert score.value is None and "knows no 'red sports car'" in score.reason

    def test_what_cannot_be_measured_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(BESIDE))
        metric = Spatial2DMetric("any")
        none, broken, fine = metric.measure(
            [prompt("a dog"), DOG_CAR, DOG_CAR], [picture(), Picture(b"no", 1, 1), picture()]
        )
        assert none.value is None and "claims none of" in none.reason
        assert broken.value is None and "not a picture" in broken.reason
        assert fine.value == pytest.approx(0.85)

    def test_wide_pictures_are_measured_in_pixels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        things = (seen("dog", 0.3, 0.1, 0.4, 0.2), seen("car", 0.5, 0.4, 0.6, 0.5))  # 0.2 across, 0.3 down
        use(monkeypatch, Scripted(things))
        assert value(Spatial2DMetric("any"), DOG_CAR) == pytest.approx(0.4)
        assert value(Spatial2DMetric("any"), DOG_CAR, (200, 100)) == pytest.approx(0.9)


class TestSpatial2DUpstream:
    def test_small_scores_are_cut_to_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(BESIDE))
        score = Spatial2DUpstreamMetric("any").measure([CAR_DOG], [picture()])[0]
        assert score.value == 0 and score.details["before the cut"] == pytest.approx(0.35)
        assert value(Spatial2DUpstreamMetric("any"), DOG_CAR) == pytest.approx(0.85)

    def test_on_top_of_never_scores(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(
            monkeypatch,
            Scripted((seen("cat", 0.4, 0.1, 0.6, 0.4, 0.9), seen("bed", 0.2, 0.4, 0.8, 0.9, 0.9))),
        )
        told = prompt("the cat was on top of the bed")
        assert value(Spatial2DUpstreamMetric("any"), told) == 0
        assert value(Spatial2DMetric("any"), told) == pytest.approx(0.95)

    def test_only_sure_detections_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted((BESIDE[0], replace(BESIDE[1], score=0.45))))
        assert value(Spatial2DUpstreamMetric("any"), DOG_CAR) == 0
        assert value(Spatial2DUpstreamMetric("any", confidence=0.4), DOG_CAR) == pytest.approx(1.25 / 4 + 0.5)

    def test_people_are_persons_to_a_detector_of_persons(self, monkeypatch: pytest.MonkeyPatch) -> None:
        things = (replace(BESIDE[0], label="person"), BESIDE[1])
        told = prompt("a girl on the left of a car")
        use(monkeypatch, Scripted(things, frozenset({"person", "car"})))
        assert value(Spatial2DUpstreamMetric("any"), told) == pytest.approx(0.85)
        use(monkeypatch, Scripted(things, frozenset({"girl", "car"})))
        assert value(Spatial2DUpstreamMetric("any"), told) == 0

    def test_of_a_compound_noun_the_last_word_is_looked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        eye = use(monkeypatch, Scripted(BESIDE))
        value(Spatial2DUpstreamMetric("any"), prompt("a dog near a traffic light"))
        assert eye.asked == [("dog", "light")]


NEAR_LEFT = np.repeat([[1.0] * 50 + [0.0] * 50], 100, axis=0).astype(np.float32)
MEETING = (seen("dog", 0, 0.4, 0.6, 0.6, 0.8), seen("car", 0.4, 0.4, 1, 0.6, 0.6))  # a fifth shared


class TestSpatial3D:
    def test_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(MEETING, depths=NEAR_LEFT))
        metric = Spatial3DMetric("any", depth="some")
        assert value(metric, prompt("a dog in front of a car")) == pytest.approx(0.85)
        assert value(metric, prompt("a dog behind a car")) == pytest.approx(0.35)
        assert value(metric, prompt("a car hidden by a dog")) == pytest.approx(0.85)
        assert value(metric, prompt("a car next to a dog")) is None

    def test_upstream_swaps_axes_and_cuts_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = prompt("a dog in front of a car")
        metric = Spatial3DUpstreamMetric("any", depth="some")
        use(monkeypatch, Scripted(MEETING, depths=NEAR_LEFT))
        assert value(metric, told) == pytest.approx(0.35)
        use(monkeypatch, Scripted(MEETING, depths=np.ascontiguousarray(NEAR_LEFT.T)))
        assert value(metric, told) == pytest.approx(0.35 + 0.4 / 2)
        use(monkeypatch, Scripted(MEETING[:1], depths=NEAR_LEFT))
        assert value(metric, told) == pytest.approx(0.2)
        use(monkeypatch, Scripted((), depths=NEAR_LEFT))
        assert value(metric, told) == 0

    def test_upstream_takes_labels_that_contain_the_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # of two dogs before the car the last is taken; "hotdog" is one
        things = (
            seen("dog", 0, 0, 0.1, 0.1, 0.9), seen("hotdog", 0, 0.4, 0.6, 0.6, 0.8),
            seen("car", 0.4, 0.4, 1, 0.6, 0.6), seen("dog", 0, 0, 1, 1, 0.55),
        )  # fmt: skip
        use(monkeypatch, Scripted(things, depths=np.ascontiguousarray(NEAR_LEFT.T)))
        metric = Spatial3DUpstreamMetric("any", depth="some")
        assert value(metric, prompt("a dog in front of a car")) == pytest.approx(1.4 / 4 + 0.2)

    def test_a_detector_from_elsewhere_needs_a_depth_estimator(self) -> None:
        with pytest.raises(SettingError, match="--set depth="):
            Spatial3DMetric("google/owlv2-base-patch16-ensemble")

    def test_the_depth_estimator_is_part_of_the_recipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(identity={"model": "one"}))
        metric = Spatial3DMetric("any", depth="some")
        first = recipe_hash(metric.recipe)
        use(monkeypatch, Scripted(identity={"model": "two"}))
        assert recipe_hash(metric.recipe) != first


class TestNumeracy:
    THREE = tuple(seen("cup", 0.1 + 0.3 * i, 0.1, 0.3 + 0.3 * i, 0.3) for i in range(3))

    def test_half_for_presence_half_for_the_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(self.THREE))
        for metric in (NumeracyMetric("any"), NumeracyUpstreamMetric("any")):
            assert value(metric, prompt("three cups")) == 1
            assert value(metric, prompt("four cups")) == 0.5
            assert value(metric, prompt("three cups and two dogs")) == 0.5
            assert value(metric, prompt("four cups and two dogs")) == 0.25

    def test_a_means_at_least_one_to_us_and_one_upstream(self, monkeypatch: pytest.MonkeyPatch) -> None:
        dogs = [seen("dog", 0.1, 0.5, 0.3, 0.7), seen("dog", 0.6, 0.5, 0.8, 0.7)]
        use(monkeypatch, Scripted((*self.THREE, *dogs)))
        told = prompt("three cups and a dog")
        assert value(NumeracyMetric("any"), told) == 1
        assert value(NumeracyUpstreamMetric("any"), told) == 0.75

    def test_doubles_are_one_thing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        double = seen("cup", 0.1, 0.1, 0.29, 0.3, 0.7)  # 0.95 of the first
        use(monkeypatch, Scripted((*self.THREE, double)))
        assert value(NumeracyMetric("any"), prompt("three cups")) == 1
        assert value(NumeracyUpstreamMetric("any"), prompt("three cups")) == 1

    def test_one_before_another_is_another_to_us(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted((seen("cup", 0.1, 0.1, 0.9, 0.9), seen("cup", 0.3, 0.3, 0.5, 0.5))))
        assert value(NumeracyMetric("any"), prompt("two cups")) == 1
        assert value(NumeracyUpstreamMetric("any"), prompt("two cups")) == 0.5

    def test_upstream_counts_carrots_as_cars(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted([replace(cup, label="carrot") for cup in self.THREE]))
        assert value(NumeracyUpstreamMetric("any"), prompt("three cars")) == 1
        assert value(NumeracyMetric("any"), prompt("three cars")) == 0

    def test_colours_count_where_they_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        red, also_red, blue = (
            replace(cup, color=color) for cup, color in zip(self.THREE, ("red", "red", "blue"), strict=True)
        )
        told = Description((Entity("cup", "red", count=2), Entity("cup", "blue"))).to_dict()
        use(monkeypatch, Scripted((red, also_red, blue), tells_colors=True))
        assert value(NumeracyMetric("any"), prompt("x", description=told)) == 1
        use(monkeypatch, Scripted((red, replace(also_red, color="green"), blue), tells_colors=True))
        assert value(NumeracyMetric("any"), prompt("x", description=told)) == 0.75
        use(monkeypatch, Scripted(self.THREE))  # a detector without colours counts all of a kind together
        assert value(NumeracyMetric("any"), prompt("x", description=told)) == 1

    def test_no_number_no_score(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, Scripted(self.THREE))
        for metric in (NumeracyMetric("any"), NumeracyUpstreamMetric("any")):
            score = metric.measure([prompt("a cup")], [picture()])[0]
            assert score.value is None and "states no number" in score.reason


def test_a_confidence_is_between_0_and_1() -> None:
    for bad in (-0.1, 1.0, 30):
        with pytest.raises(SettingError, match="confidence"):
            Spatial2DMetric("embedded", confidence=bad)


@pytest.mark.weights
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no weights are shipped in this checkout yet")
class TestEmbedded:
    """Scenes whose truth is known, seen by the embedded detector: right above wrong, in most of 12 pairs."""

    PAIRS: tuple[tuple[str, str, str], ...] = (
        ("left of", "dog", "car"), ("right of", "cup", "lamp"), ("above", "bird", "house"),
        ("below", "cat", "balloon"), ("on", "apple", "table"), ("in front of", "dog", "house"),
        ("behind", "tree", "horse"), ("in front of", "chair", "bus"),
    )  # fmt: skip

    def scores(self, name: str, told: Description, others: Description) -> tuple[Any, Any]:
        dice = np.random.default_rng(7)
        asked = prompt("x", description=told.to_dict())
        pictures = [rendered(sample_for(each, dice)) for each in (told, others)]
        metric = registry.create("metrics", f"{name}:embedded", Metric)
        return tuple(score.value for score in metric.measure([asked, asked], pictures))

    def test_relations(self) -> None:
        right = 0
        for relation, subject, target in self.PAIRS:
            ends = (Entity(subject, "red"), Entity(target, "yellow"))
            told = Description(ends, (Claim(relation, 0, 1),), background="plain")
            turned = Description(ends[::-1], (Claim(relation, 0, 1),), background="plain")
            if relation == "on":  # no table lies on an apple
                turned = Description(ends, (Claim("next to", 0, 1),), background="plain")
            flat = relation not in ("in front of", "behind")
            true, false = self.scores("spatial-2d" if flat else "spatial-3d", told, turned)
            right += true > false
        assert right >= len(self.PAIRS) - 1

    def test_numbers(self) -> None:
        three, two = (Description((Entity("ball", "red", count=n),), background="plain") for n in (3, 2))
        for name in ("numeracy", "numeracy-upstream"):
            assert self.scores(name, three, two) == (1.0, 0.5)
        assert self.scores("geneval", three, two) == (1.0, 0.0)

    def test_colours(self) -> None:
        red, blue = (Description((Entity("bus", color),), background="plain") for color in ("red", "blue"))
        assert self.scores("geneval", red, blue) == (1.0, 0.0)


def rendered(scene: Any) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(render(scene)).save(buffer, "PNG")
    return Picture(buffer.getvalue(), 128, 128)

"""The embedded recogniser as a detector and as a depth estimator, on a rendered scene."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from tasvir.models.detection.embedded import EmbeddedEye
from tasvir.models.detection.opening import open_depth, open_detector
from tasvir.models.embedded import weights
from tasvir.models.load import LoadSettings
from tasvir.records import Box
from tasvir.world.render import render
from tasvir.world.scene import Placed, Scene

WEIGHTS = files("tasvir.models.embedded").joinpath("weights", "SHA256.json")
pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(not WEIGHTS.is_file(), reason="no weights are shipped in this checkout yet"),
]
HOUSE = Placed("house", (0.2, 0.2, 0.7, 0.75), "red")
DOG = Placed("dog", (0.5, 0.6, 0.85, 0.88), "brown", facing="left")
SCENE = Scene((HOUSE, DOG), background="plain")
PICTURE = Image.fromarray(render(SCENE))


@pytest.fixture(scope="module")
def eye() -> EmbeddedEye:
    return EmbeddedEye()


def test_things_with_boxes_and_colours(eye: EmbeddedEye) -> None:
    (found,) = eye.detect([PICTURE], [["nothing of the kind"]], eye.threshold)
    by_label = {one.label: one for one in found}
    assert set(by_label) == {"house", "dog"}
    for thing in (HOUSE, DOG):
        assert by_label[thing.kind].box.iou(Box(*thing.box)) > 0.7
        assert by_label[thing.kind].color == thing.color


def test_it_knows_the_picture_world_alone(eye: EmbeddedEye) -> None:
    assert eye.knows("lighthouse") and not eye.knows("giraffe")


def test_depth_is_the_order_of_things_painted_as_boxes(eye: EmbeddedEye) -> None:
    (depth,) = eye.depth([PICTURE])
    assert depth.shape == (128, 128)
    assert sorted({float(level) for level in np.unique(depth)}) == [0.0, 0.5, 1.0]
    middle = [tuple(round(128 * at) for at in Box(*thing.box).center) for thing in (HOUSE, DOG)]
    assert [depth[y, x] for x, y in middle] == [0.5, 1.0]
    assert depth[4, 4] == 0


def test_a_picture_of_nothing_is_flat(eye: EmbeddedEye) -> None:
    empty = Image.fromarray(render(Scene((), background="plain"))).resize((40, 20))
    (depth,) = eye.depth([empty])
    assert depth.shape == (20, 40) and not depth.any()


def test_embedded_is_opened_by_its_name() -> None:
    load = LoadSettings(device="cpu")
    detector, depth = open_detector("embedded", load), open_depth("embedded", load)
    assert detector.identity == depth.identity
    assert detector.identity["weights"] == [weights.fingerprint_of(n) for n in ("recogniser", "inspector")]

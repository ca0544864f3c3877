"""False twins: false of their scene, one statement away from the truth, and never a held-out combination."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasvir.models.embedded.training.faults import FAULTS, falsified, other_kind
from tasvir.world.captions import caption
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.placing import Dice
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene
from tasvir.world.splits import found_among, heldout

SCENE = Scene(
    (
        Placed("table", (0.1, 0.5, 0.5, 0.9), "brown"),
        Placed("ball", (0.65, 0.6, 0.85, 0.8), "red", "striped"),
        Placed("woman", (0.7, 0.1, 0.95, 0.55), "blue", pose="walking", facing="left"),
    ),
    background="park",
)
TRUE = Description(
    (
        Entity("table", "brown"),
        Entity("ball", "red", "striped", None),
        Entity("woman", "blue", pose="walking"),
    ),
    (Claim("left of", 0, 1),),
    (),
    "park",
)


def test_every_fault_is_false_of_the_scene_and_changes_what_it_says() -> None:
    dice = Dice(np.random.default_rng(0))
    assert check(TRUE, SCENE.things, "park").all_true
    stated = replace(TRUE, entities=(*TRUE.entities[:2], replace(TRUE.entities[2], facing="left")))
    for fault in FAULTS:
        given = stated
        if fault == "size":
            given = replace(TRUE, entities=(Entity("table", size="large"),), claims=())
        found = falsified(given, SCENE, dice, fault)
        assert found is not None and found[0] == fault, fault
        assert not check(found[1], SCENE.things, SCENE.background).all_true, fault
        differ = [
            getattr(found[1], name) != getattr(given, name) for name in ("entities", "claims", "background")
        ]
        assert sum(differ) == 1, fault


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_false_captions_of_sampled_scenes(split: str) -> None:
    rng = np.random.default_rng(1)
    dice = Dice(rng)
    seen = set()
    combinations = 0
    for _ in range(150):
        scene = sample_scene(rng, split=split)  # type: ignore[arg-type]
        described = caption(scene, rng)[1]
        for fault in FAULTS:
            found = falsified(described, scene, dice, fault)
            if found is None:
                continue
            seen.add(fault)
            assert not check(found[1], scene.things, scene.background).all_true
            stated = [(e.kind, (e.color, e.surface)) for e in found[1].entities]
            combinations += bool(found_among(stated))
    assert seen == set(FAULTS)
    assert combinations == 0 if split == "train" else combinations > 0


def test_an_absent_kind_is_none_that_is_held_out_from_those_present() -> None:
    dice = Dice(np.random.default_rng(2))
    first, second = heldout().pairs[0]
    scene = Scene((Placed(first, (0.1, 0.1, 0.5, 0.5), "red"),))
    drawn = {other_kind(scene, dice) for _ in range(2000)}
    assert second not in drawn and first not in drawn and len(drawn) > 40

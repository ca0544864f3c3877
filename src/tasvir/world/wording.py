"""The words of the world's language as tables: what `captions` writes and what a reader of prompts knows.

Every table maps a meaning to its wordings; the first wording is the usual one. All words are lower case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class RelationWording:
    """A way to say a relation.

    Args:
        text: What stands between subject and object, "to the left of", "holds".
        name: Name of the relation in `relations.RELATIONS`.
        pose: Pose that the wording states of its subject besides the relation ("sitting on" = on + sitting),
            or None.
        finite: True for a finite verb ("holds"): it follows its subject directly, never "is".
    """

    text: str
    name: str
    pose: str | None = None
    finite: bool = False


def _said(
    name: str, *texts: str, pose: str | None = None, finite: bool = False
) -> tuple[RelationWording, ...]:
    return tuple(RelationWording(text, name, pose, finite) for text in texts)


RELATION_WORDINGS: tuple[RelationWording, ...] = (
    *_said("left of", "left of", "to the left of", "on the left of", "on the left side of"),
    *_said("right of", "right of", "to the right of", "on the right of", "on the right side of"),
    *_said("above", "above", "over", "higher than"),
    *_said("below", "below", "lower than", "down below"),
    *_said("next to", "next to", "beside", "close to", "by the side of", "on the side of"),
    *_said("in front of", "in front of", "partly covering", "partly hiding"),
    *_said("behind", "behind", "partly hidden by", "partly covered by", "at the back of"),
    *_said("inside", "inside", "in", "inside of", "within"),
    *_said("on", "on", "on top of", "resting on"),
    *_said("on", "sitting on", "seated on", "sitting on top of", pose="sitting"),
    *_said("on", "standing on", "standing on top of", pose="standing"),
    *_said("on", "sits on", pose="sitting", finite=True),
    *_said("on", "stands on", pose="standing", finite=True),
    *_said("under", "under", "underneath", "beneath"),
    *_said("holding", "holding", "carrying", "holding up"),
    *_said("holding", "holds", "carries", finite=True),
    *_said("riding", "riding", "riding on", "taking a ride on"),
    *_said("riding", "rides", "rides on", finite=True),
    *_said("facing", "facing", "looking at", "watching", "turned towards"),
    *_said("facing", "faces", "looks at", "watches", finite=True),
    *_said("walking towards", "walking towards", "walking toward", "walking up to"),
    *_said("walking towards", "walks towards", "walks up to", finite=True),
    *_said("running towards", "running towards", "running toward", "running up to"),
    *_said("running towards", "runs towards", "runs up to", finite=True),
)

BACKGROUND_WORDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "park": ("in the park", "in a park"),
        "street": ("on the street", "on a street", "in the street"),
        "sea": ("by the sea", "at the sea"),
        "room": ("in a room", "in the room"),
        "plain": ("on a plain background", "against a plain background"),
    }
)
"""Where it all is; the last or the first words of a caption."""

BACKGROUND_NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "park": "a park",
        "street": "a street",
        "sea": "the sea",
        "room": "a room",
        "plain": "a plain background",
    }
)
"""Heads of "a park with a dog" and "a park without dogs"."""

NUMBERS: Mapping[int, tuple[str, ...]] = MappingProxyType({2: ("two",), 3: ("three",), 4: ("four",)})
SIZES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"small": ("small", "little"), "large": ("large", "big")}
)
POSE_WORDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "standing": ("standing",),
        "walking": ("walking",),
        "running": ("running",),
        "sitting": ("sitting",),
        "reaching": ("reaching out",),
    }
)
FACING_WORDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"left": ("facing left", "looking left"), "right": ("facing right", "looking right")}
)
CLOTHES = ("in", "wearing", "dressed in")
"""Before a colour, after a person."""

PRONOUNS: Mapping[str, str] = MappingProxyType({"man": "him", "boy": "him", "woman": "her", "girl": "her"})
"""Pronoun of a kind in the object place; all other kinds are "it", groups are "them"."""

SEEING = ("looking", "looks", "watching", "watches")
"""Words said only of people and animals; a chair is "facing" or "turned towards" something."""

ABSENCE = ("without", "without any", "but no", "and no", "with no")
"""Before what is not there."""

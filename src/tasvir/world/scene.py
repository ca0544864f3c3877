"""The records of the picture world: what is where, in which attributes, in front of what.

Boxes are (x0, y0, x1, y1) in fractions of the picture, origin top left, and *amodal*: the full extent of
the thing, also where another thing covers it. A scene's things are in depth order, farthest first.
"""

from __future__ import annotations

from dataclasses import dataclass

BoxTuple = tuple[float, float, float, float]

BACKGROUNDS = ("park", "street", "sea", "room", "plain")
SURFACES = ("plain", "striped", "dotted")
POSES = ("standing", "walking", "running", "sitting", "reaching")
FACINGS = ("left", "right")


@dataclass(frozen=True, slots=True)
class Placed:
    """One thing in a scene.

    Args:
        kind: Name in the catalogue, "dog".
        box: Amodal box in fractions.
        color: Name in the palette; for people the colour of their clothes.
        surface: "plain", "striped" or "dotted".
        pose: One of POSES for kinds that have poses, else None.
        facing: "left" or "right" for directional kinds, else None.
    """

    kind: str
    box: BoxTuple
    color: str
    surface: str = "plain"
    pose: str | None = None
    facing: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """``name`` holds between things ``subject`` and ``object`` (indices into the scene's things)."""

    name: str
    subject: int
    object: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene whose truth is known.

    Args:
        things: In depth order, farthest first.
        relations: Those that a caption may state.
        background: One of BACKGROUNDS.
        seed: A number drawn with it; where it is odd the background is mirrored.
    """

    things: tuple[Placed, ...]
    relations: tuple[Relation, ...] = ()
    background: str = "plain"
    seed: int = 0

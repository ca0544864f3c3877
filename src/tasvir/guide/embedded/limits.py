"""What the picture world cannot show though its words can say it: a cat being ridden, a striped dog.

Such a prompt is refused with what is possible instead, before a layout is planned that no picture can fulfil.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tasvir.errors import LanguageError
from tasvir.guide.embedded.vocabulary import OTHER_GUIDE
from tasvir.world.catalogue import Kind, catalogue
from tasvir.world.description import Description, Entity
from tasvir.world.writing import article

_Test = Callable[[Kind], bool]

MOST_THINGS = 10
"""More things than this find no room of 0.1 x 0.1 and more each, and the embedded generator reads no more."""
POSE_OF: Mapping[str, str] = MappingProxyType(
    {
        "holding": "reaching",
        "riding": "sitting",
        "walking towards": "walking",
        "running towards": "running",
    }
)
"""The pose that a relation asks of its subject."""


def _posed(kind: Kind) -> bool:
    return bool(kind.poses)


_SUBJECTS: Mapping[str, _Test] = MappingProxyType(
    {
        "holding": _posed,
        "riding": _posed,
        "walking towards": _posed,
        "running towards": _posed,
        "facing": lambda kind: kind.directional,
    }
)
_OBJECTS: Mapping[str, _Test] = MappingProxyType(
    {
        "holding": lambda kind: kind.holdable,
        "riding": lambda kind: kind.ride is not None,
        "inside": lambda kind: kind.inside is not None,
        "on": lambda kind: kind.top is not None,
        "under": lambda kind: kind.under is not None,
    }
)
_ATTRIBUTES: Mapping[str, _Test] = MappingProxyType(
    {
        "pose": _posed,
        "facing": lambda kind: kind.directional,
        "surface": lambda kind: kind.surfaces,
    }
)


def refuse_impossible(description: Description) -> Description:
    """The description, where pictures of the world can show it.

    Raises:
        LanguageError: They cannot; every reason is named, with the kinds for which it would work.
    """
    problems = [p for e in (*description.entities, *description.absent) for p in _of_entity(e)]
    number = sum(entity.count for entity in description.entities)
    problems += [f"{number} things in one picture (at most {MOST_THINGS})"] if number > MOST_THINGS else []
    problems += [*_of_claims(description), *_of_poses(description)]
    if problems:
        raise LanguageError(
            f"the picture world cannot show this: {'; '.join(problems)}. Reword the prompt, or {OTHER_GUIDE}"
        )
    return description


def _of_entity(entity: Entity) -> Iterator[str]:
    for name, test in _ATTRIBUTES.items():
        value = getattr(entity, name)
        if value is not None and value != "plain" and not test(catalogue()[entity.kind]):
            side = "facing " if name == "facing" else ""
            yield f"{article(entity.kind)} {entity.kind} that is {side}{value} (possible: {_kinds(test)})"


def _of_claims(description: Description) -> Iterator[str]:
    for claim in description.claims:
        subject, target = description.entities[claim.subject].kind, description.entities[claim.object].kind
        for table, kind, place in ((_SUBJECTS, subject, "first"), (_OBJECTS, target, "second")):
            test = table.get(claim.name)
            if test is not None and not test(catalogue()[kind]):
                yield f"{subject} {claim.name} {target} (possible as the {place}: {_kinds(test)})"


def _of_poses(description: Description) -> Iterator[str]:
    """A person has one pose, and some relations ask for one."""
    for index, entity in enumerate(description.entities):
        claimed = [c.name for c in description.claims if c.subject == index]
        asked = {name: POSE_OF[name] for name in claimed if name in POSE_OF}
        poses = {*asked.values(), *([entity.pose] if entity.pose else [])}
        if len(poses) > 1:
            reasons = [f"{name} means {pose}" for name, pose in asked.items()]
            reasons += [f"said to be {entity.pose}"] if entity.pose else []
            yield f"a {entity.kind} in two poses at once ({', '.join(reasons)})"


def _kinds(test: _Test) -> str:
    return ", ".join(name for name, kind in catalogue().items() if test(kind))

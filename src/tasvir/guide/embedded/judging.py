"""Judging: what the recogniser sees in a picture against what the prompt claims, as a score by the rubric
A.3.

1 none of the elements; 2 some elements, but no relation; 3 most elements and at least one relation; 4 all
elements and most relations; 5 everything. Elements are the entities, relations the claims; a wrong attribute,
count, absence or background counts as one wrong predicate. Where the rubric is silent: all elements but the
one relation missing = 3; all elements and relations but two or more other predicates wrong = 3; prompts
without relations go by the share of true predicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasvir.records import Verdict
from tasvir.world.description import Claim, Description, Entity, Outcome, attributes_true, check
from tasvir.world.relations import holds
from tasvir.world.scene import Placed
from tasvir.world.writing import noun_phrase

MAX_REASON_WORDS = 20
_OTHERS = {"exactly ": "not exactly ", "no ": "unwanted ", "in ": "not in "}
"""How predicates begin that are about no single thing (counts, absences, the background), and how it is said
that they are wrong."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Predicates sorted by what they are about.

    Args:
        elements: For each entity, whether such a thing is there.
        claims: For each claim, whether it holds.
        others: Attributes, counts, absences and the background.
        missing: What is wrong, as short phrases, gravest first.
    """

    elements: tuple[bool, ...]
    claims: tuple[bool, ...]
    others: tuple[bool, ...]
    missing: tuple[str, ...]

    @property
    def wrong(self) -> int:
        return sum(not true for true in (*self.elements, *self.claims, *self.others))


def judge(description: Description, things: Sequence[Placed], background: str | None = None) -> Verdict:
    """Score what was seen.

    Args:
        description: What the prompt claims.
        things: What the recogniser sees, farthest first.
        background: What it sees behind them.
    """
    found = find(description, things, check(description, things, background))
    mark = score(found)
    return Verdict(mark, _reason(found), found.missing)


def find(description: Description, things: Sequence[Placed], outcome: Outcome) -> Findings:
    """Sort the predicates of an outcome by what they are about and name the wrong ones."""
    missing: list[str] = []
    others: list[bool] = []
    for entity, members in zip(description.entities, outcome.matched, strict=True):
        missing += [] if members else [noun_phrase(entity)]
        for name, true in _attributes(entity, [things[i] for i in members]).items():
            others.append(true)
            if members and not true:
                missing.append(f"{entity.kind} is not {_adjective(name, getattr(entity, name))}")
    claims = [_holds(claim, things, outcome) for claim in description.claims]
    for claim, true in zip(description.claims, claims, strict=True):
        if not true and outcome.matched[claim.subject] and outcome.matched[claim.object]:
            kinds = [description.entities[i].kind for i in (claim.subject, claim.object)]
            missing.append(f"{kinds[0]} is not {claim.name} {kinds[1]}")
    rest = [(text, true) for text, true in outcome.predicates if text.startswith(tuple(_OTHERS))]
    missing += [_wrong(text) for text, true in rest if not true]
    others += [true for _, true in rest]
    elements = tuple(bool(members) for members in outcome.matched)
    return Findings(elements, tuple(claims), tuple(others), tuple(missing))


def _attributes(entity: Entity, members: Sequence[Placed]) -> dict[str, bool]:
    """For each stated attribute whether all members have it; False where there are none."""
    stated = [n for n in ("color", "surface", "size", "pose", "facing") if getattr(entity, n) is not None]
    return {n: bool(members) and all(attributes_true(entity, m)[n] for m in members) for n in stated}


def _holds(claim: Claim, things: Sequence[Placed], outcome: Outcome) -> bool:
    pairs = [(i, j) for i in outcome.matched[claim.subject] for j in outcome.matched[claim.object]]
    return bool(pairs) and all(
        holds(claim.name, things[i], things[j], a_depth=i, b_depth=j) for i, j in pairs
    )


def score(found: Findings) -> int:
    """1 to 5 by the rubric."""
    if found.wrong == 0:
        return 5
    if found.elements and not any(found.elements):
        return 1
    if not found.claims:
        return _score_without_relations(found)
    held = sum(found.claims) / len(found.claims)
    if all(found.elements):
        if held > 0.5:
            return 4 if sum(not true for true in found.others) <= 1 else 3
        return 3 if held > 0 or found.wrong == 1 else 2
    most = sum(found.elements) > len(found.elements) / 2
    return 3 if most and held > 0 else 2


def _score_without_relations(found: Findings) -> int:
    predicates = (*found.elements, *found.others)
    share = sum(predicates) / len(predicates)
    if all(found.elements) and ((found.wrong == 1 and len(predicates) > 1) or share >= 0.75):
        return 4
    if share >= 0.5:
        return 3
    return 2 if share > 0 else 1


def _wrong(text: str) -> str:
    """A count, an absence or a background that is not so: "not exactly 2 of dog", "unwanted cat"."""
    start = next(start for start in _OTHERS if text.startswith(start))
    return _OTHERS[start] + text.removeprefix(start)


def _adjective(name: str, value: str) -> str:
    return f"facing {value}" if name == "facing" else value


def _reason(found: Findings) -> str:
    if not found.missing:
        return "Everything that the prompt asks for is in the picture."
    words: list[str] = []
    for part in found.missing:
        said = " is not " in part or part.startswith(tuple(_OTHERS.values()))
        piece = (part if said else f"missing {part}").split()
        if words and len(words) + len(piece) > MAX_REASON_WORDS:
            break
        words += [*piece[:-1], piece[-1] + ";"]
    text = " ".join(words[:MAX_REASON_WORDS]).rstrip(";") + "."
    return text[0].upper() + text[1:]

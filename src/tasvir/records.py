"""The nouns that travel between the rooms: frozen, JSON in and out, no torch.

Prompt --guide--> Layout --generate--> Picture --judge--> Verdict; an Attempt holds one such round and a
Trace all of them. A SuitePrompt is a prompt of a suite, a Score what a metric says of its picture. A box is
x0, y0, x1, y1 in fractions of the picture's sides, origin top left. The order of a layout's things is their
depth order: the first is farthest away, the last is nearest and drawn over the others.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from tasvir.errors import PromptError, RecordError

MAX_PROMPT_WORDS = 200
"""Prompts of more words are refused: no text encoder here or upstream reads that far."""
_SLUG_LETTERS = 48


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that a picture shall keep to.

    Args:
        text: The prompt as the user wrote it, 1 to 200 words.

    Raises:
        PromptError: The text is empty or too long.
    """

    text: str

    def __post_init__(self) -> None:
        words = len(self.text.split())
        if words == 0:
            raise PromptError(
                "the prompt is empty: say what the picture shall show, e.g. 'a red car left of a dog'"
            )
        if words > MAX_PROMPT_WORDS:
            raise PromptError(
                f"the prompt has {words} words, at most {MAX_PROMPT_WORDS} are read: shorten it"
            )

    @property
    def slug(self) -> str:
        """A folder name made of the first words, at most 48 letters; "picture" where they have no letters."""
        name = ""
        for word in re.findall(r"\w+", self.text.lower()):
            if len(name) + len(word) + 1 > _SLUG_LETTERS:
                break
            name = f"{name}-{word}" if name else word
        return name or "picture"


@dataclass(frozen=True, slots=True)
class SuitePrompt:
    """One prompt of a suite, with what the suite knows of it.

    Args:
        id: Unique in its suite.
        text: The prompt, as it is drawn and scored.
        category: What results are grouped by; "" where the suite has no categories.
        facts: What metrics may read, ready for JSON: "description" (`tasvir.world.description`), "phrases"
            (noun phrases, list of text), "include" (GenEval's objects), "layout" (`Layout.to_dict`), ...
    """

    id: str
    text: str
    category: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the picture's sides, origin top left: 0 <= x0 < x1 <= 1, 0 <= y0 < y1 <= 1.

    The record does not check itself: `tasvir.layout.check` does, and tells of all that is broken at once.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def intersection(self, other: Box) -> float:
        """Area shared with another box, in fractions of the picture's area."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def as_tuple(self) -> tuple[float, float, float, float]:
        return self.x0, self.y0, self.x1, self.y1

    def is_finite(self) -> bool:
        return all(math.isfinite(value) for value in self.as_tuple())


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a layout: a phrase ("a red striped ball") and the box it fills."""

    phrase: str
    box: Box


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes, back to front.

    Args:
        things: Objects in depth order, farthest first.
        background: What is behind them ("a park"), or None where nobody said.
        overlaps: Pairs of indices whose boxes may cover each other by more than half, because a relation
            (holding, riding, inside, ...) says so.
    """

    things: tuple[Thing, ...] = ()
    background: str | None = None
    overlaps: tuple[tuple[int, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "things": [
                {"phrase": t.phrase, "box": [round(v, 4) for v in t.box.as_tuple()]} for t in self.things
            ],
            "background": self.background,
            "overlaps": [list(pair) for pair in self.overlaps],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            RecordError: A field is missing or has another type. Broken boxes pass: `tasvir.layout.check`
                reports them.
        """
        try:
            things = tuple(
                Thing(str(t["phrase"]), Box(*(float(v) for v in t["box"]))) for t in data["things"]
            )
            background = data.get("background")
            overlaps = tuple((int(a), int(b)) for a, b in data.get("overlaps", ()))
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise RecordError(
                f"not a layout: {problem!r}; "
                "expected {'things': [{'phrase': ..., 'box': [x0, y0, x1, y1]}, ...]}"
            ) from problem
        return cls(things, None if background is None else str(background), overlaps)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as PNG bytes with where it came from.

    Args:
        png: The PNG file's bytes, RGB.
        width: Pixels.
        height: Pixels.
        provenance: Generator, revision, seed, settings: what is needed to draw it again.
    """

    png: bytes = field(repr=False)
    width: int
    height: int
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's opinion of one picture.

    Args:
        score: 1 to 5 by the rubric of the thesis (A.3); 5 says every element and relation is there.
        reason: At most about 20 words; names what is missing.
        missing: What the judge found missing, as short phrases.
    """

    score: int
    reason: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """What a metric says of one picture; reported, never used to steer.

    Args:
        name: The metric.
        value: Its figure, or None where it could not be measured.
        reason: Why there is no value, or what the value comes from, in words.
        details: What the metric saw, ready for JSON.
    """

    name: str
    value: float | None
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetScore:
    """What a metric says of a set of pictures.

    Args:
        name: The metric.
        value: Its figure, or None where it could not be measured.
        n: How many pictures it comes from.
        spread: Standard deviation over what the metric itself repeats (splits, subsets), or None.
        interval: 95 %, or None where there is none.
        reason: Why there is no value or interval, or what to beware of.
        details: Reference set and its hash, splits, subset size; ready for JSON.
    """

    name: str
    value: float | None
    n: int
    spread: float | None = None
    interval: tuple[float, float] | None = None
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One round: the layout, what was drawn from it, what the judge said, and what happened on the way.

    Args:
        index: 0 for the first picture.
        layout: What the picture was drawn from; None for plain text-to-image.
        picture: The picture.
        verdict: None when no judge was asked.
        changes: What differs from the layout before, in words.
        seconds: Wall time by step ("plan", "revise", "draw", "judge", "redesign").
    """

    index: int
    layout: Layout | None
    picture: Picture
    verdict: Verdict | None = None
    changes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls of a guide cost; adds up.

    Args:
        calls: Questions that were asked.
        replayed: Those of them that a store answered, at no cost.
        input_tokens: Tokens read, as the provider counts them; replayed ones not included.
        output_tokens: Tokens written, likewise.
        money: US dollars by the price table; None where a call's price is not known.
        seconds: Time waited for answers.
    """

    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    money: float | None = 0.0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        unknown = self.money is None or other.money is None
        return Usage(
            self.calls + other.calls,
            self.replayed + other.replayed,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            None if unknown else (self.money or 0.0) + (other.money or 0.0),
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that happened to one prompt.

    Args:
        prompt: The text.
        seed: What all random draws came from.
        settings: Names of the models and every switch, as given.
        drafts: The layouts of the planning stage in order: the plan, then each revision.
        attempts: Every picture drawn, in order.
        best_index: Index into ``attempts``; None before the first picture.
        finished: How it ended: "good", "rounds", "aligned" (empty redesign), "single", "interrupted".
        usage: What the guide's and the judge's calls cost; all zero for an embedded guide.
        repairs: How often a reply had to be sent back with its problems.
    """

    prompt: Prompt
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    drafts: tuple[Layout, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    best_index: int | None = None
    finished: str = "interrupted"
    usage: Usage = field(default_factory=Usage)
    repairs: int = 0

    @property
    def best(self) -> Attempt:
        """The attempt to show the user.

        Raises:
            RecordError: Nothing was drawn.
        """
        if self.best_index is None:
            raise RecordError("this trace holds no picture: nothing was drawn before it ended")
        return self.attempts[self.best_index]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pictures' bytes, ready for JSON."""
        return {
            "format": "tasvir-trace/1",
            "prompt": self.prompt.text,
            "seed": self.seed,
            "settings": self.settings,
            "drafts": [layout.to_dict() for layout in self.drafts],
            "attempts": [_attempt_to_dict(attempt) for attempt in self.attempts],
            "best_index": self.best_index,
            "finished": self.finished,
            "usage": asdict(self.usage),
            "repairs": self.repairs,
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def _attempt_to_dict(attempt: Attempt) -> dict[str, Any]:
    return {
        "index": attempt.index,
        "layout": None if attempt.layout is None else attempt.layout.to_dict(),
        "picture": {
            "width": attempt.picture.width,
            "height": attempt.picture.height,
            "provenance": attempt.picture.provenance,
        },
        "verdict": None if attempt.verdict is None else asdict(attempt.verdict),
        "changes": list(attempt.changes),
        "seconds": {step: round(value, 4) for step, value in attempt.seconds.items()},
    }

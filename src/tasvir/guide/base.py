"""What a guide is: text in, text out, and one door through which its replies become records.

A guide has four skills (thesis, chapter 6.3): plan O <- M(C), revise O' <- M(C, O), judge R <- M(C, I) and
redesign O' <- M(C, I). A subclass answers a `Request` with text; this base class reads the text as data
(`guide/replies.py`), checks it, and sends the exact problems back at most twice; boxes that still can only be
meant in another format are then taken in that one. So an embedded model, a hosted one and a script in a test
all pass the same checks.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, TypeVar

from tasvir.errors import ReplyError
from tasvir.guide.other_formats import in_another_format
from tasvir.guide.replies import Parsed, parse_layout_reply, parse_redesign_reply, parse_verdict_reply
from tasvir.models.load import LoadSettings
from tasvir.records import Attempt, Layout, Picture, Prompt, Usage, Verdict

Skill = Literal["plan", "revise", "judge", "redesign", "ask"]
Record = TypeVar("Record")

MAX_REPAIR_ROUNDS = 2
"""How often the problems of a reply are sent back before giving up."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a guide.

    Args:
        skill: Which of the skills is asked for.
        prompt: The user's text; "ask": the question.
        layout: revise: the layout to go over. redesign: what the last picture was drawn from (None if drawn
            plainly).
        picture: judge and redesign: the picture to look at; ask: the same, or None.
        attempts: redesign: everything drawn so far, oldest first.
        problems: On a repair round, what was wrong with the reply before, in words.
        previous: On a repair round, the reply before.
    """

    skill: Skill
    prompt: Prompt
    layout: Layout | None = None
    picture: Picture | None = None
    attempts: tuple[Attempt, ...] = ()
    problems: tuple[str, ...] = ()
    previous: str = ""


class Guide(ABC):
    """Base of all guides: subclasses give `name` and `reply`.

    Replies are JSON, fenced or in prose:
    plan, revise, redesign: {"reasoning": "...", "objects": [{"phrase": "a red car", "box": [x0, y0, x1, y1]},
    ...], "background": "a park" or null, "overlaps": [[i, j], ...]}, boxes in fractions, farthest thing
    first; a redesign without objects says that picture and prompt agree. judge: {"reasoning": "...", "score":
    1 to 5, "missing": ["...", ...]}. ask: plain text.

    A guide is used by one loop at a time; `fork` gives each of several loops its own.

    Attributes:
        repairs: How many repair rounds this guide has needed so far.
        notes: What was put right in the last layout it gave, in words.
        usage: What its calls have cost so far.
        waits: It works elsewhere, so that many prompts may wait for it at once.
    """

    name: ClassVar[str]
    repairs: int = 0
    notes: tuple[str, ...] = ()
    usage: Usage = Usage()
    waits: bool = False

    @property
    def label(self) -> str:
        """What a trace calls it: the name, with the model where the name stands for many."""
        return self.name

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:  # noqa: ARG003  # of subclasses
        """What tells this model apart from others of its name; as a generator's."""
        return {} if model is None else {"model": model}

    def fork(self) -> Self:
        """A guide with the same model, caches and connections, and counts of its own that start at 0."""
        other = copy.copy(self)
        other.repairs, other.notes, other.usage = 0, (), Usage()
        return other

    @abstractmethod
    def reply(self, request: Request, *, seed: int) -> str:
        """Answer a request with text; the seed makes a guide that draws at random repeatable."""

    def plan(self, prompt: Prompt, *, seed: int) -> Layout:
        """Lay the prompt out (equation 6.1).

        Raises:
            ReplyError: No valid layout after `MAX_REPAIR_ROUNDS` repair rounds.
        """
        return self._ask(Request("plan", prompt), parse_layout_reply, seed)

    def revise(self, prompt: Prompt, layout: Layout, *, seed: int) -> Layout:
        """Go over a layout (equation 6.2); the same layout comes back where nothing is to be changed."""
        return self._ask(Request("revise", prompt, layout=layout), parse_layout_reply, seed)

    def judge(self, prompt: Prompt, picture: Picture, *, seed: int = 0) -> Verdict:
        """Score a picture from 1 to 5 (equation 6.3, rubric A.3)."""
        return self._ask(Request("judge", prompt, picture=picture), parse_verdict_reply, seed)

    def redesign(self, prompt: Prompt, attempts: Sequence[Attempt], *, seed: int) -> Layout | None:
        """A better layout for the last picture (equation 6.4), or None where it agrees with the prompt."""
        last = attempts[-1]
        request = Request(
            "redesign", prompt, layout=last.layout, picture=last.picture, attempts=tuple(attempts)
        )
        return self._ask(request, parse_redesign_reply, seed)

    def ask(self, question: str, picture: Picture | None = None, *, seed: int = 0) -> str:
        """Answer a free question, about a picture if one is given.

        Raises:
            SettingError: This guide answers no free questions.
        """
        return self.reply(Request("ask", Prompt(question), picture=picture), seed=seed)

    def _ask(self, request: Request, parse: Callable[[str], Parsed[Record]], seed: int) -> Record:
        text = self.reply(request, seed=seed)
        parsed = parse(text)
        for _ in range(MAX_REPAIR_ROUNDS):
            if not parsed.problems:
                break
            self.repairs += 1
            text = self.reply(replace(request, problems=parsed.problems, previous=text), seed=seed)
            parsed = parse(text)
        if parsed.problems:
            canvas = None if request.picture is None else (request.picture.width, request.picture.height)
            parsed = in_another_format(parsed, canvas)
        if parsed.problems:
            listed = "\n".join(f"  - {problem}" for problem in parsed.problems)
            raise ReplyError(
                f"guide {self.name!r} gave no usable reply to {request.skill!r} "
                f"after {MAX_REPAIR_ROUNDS} repair rounds:\n"
                f"{listed}\nTry another seed or another guide.",
                text,
            )
        self.notes = parsed.notes
        return parsed.value()

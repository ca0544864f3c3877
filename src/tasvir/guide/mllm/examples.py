"""Few-shot examples: JSON files, chosen by nearness to the prompt (after LayoutGPT, Feng et al. 2023, which
compares by CLIP).

Nearness is the cosine of TF-IDF vectors over words and pairs of words, with idf = ln((1 + n) / (1 + df)) + 1
over the folder's prompts (Salton and Buckley 1988, smoothed): no model, no network, the same everywhere.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tasvir.errors import LayoutError, SettingError
from tasvir.guide.replies import layout_form, parse_verdict_reply
from tasvir.layout import checked, parse_layout
from tasvir.records import Layout, Prompt, Verdict

OURS = Path(__file__).parent / "examples"
MAX_FILE_BYTES = 100_000
_TEXTS = ("prompt", "reasoning", "fault", "shows")
_FIELDS = (*_TEXTS, "layout", "draft", "verdict")


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example; what a skill needs and is not there keeps it out of that skill.

    Args:
        prompt: The description.
        layout: A good layout of it.
        reasoning: Why it is laid out so.
        draft: A faulty layout, for revise and redesign.
        fault: What is wrong with the draft.
        shows: In words, what a picture shows, for judge and redesign.
        verdict: What a judge should say of that picture. A 5 says that it was drawn from the layout, another
            score that it was drawn from the draft.
    """

    prompt: str
    layout: Layout
    reasoning: str = ""
    draft: Layout | None = None
    fault: str = ""
    shows: str = ""
    verdict: Verdict | None = None

    @property
    def drawn(self) -> Layout | None:
        """What the picture was drawn from."""
        return self.layout if self.verdict is not None and self.verdict.score == 5 else self.draft

    def turns(self, skill: str) -> dict[str, str] | None:
        """The request, the picture in words and the reply of a skill; None where the example has none."""
        asked: dict[str, Any] = {"skill": skill, "prompt": self.prompt}
        reply = {"reasoning": self.reasoning, **layout_form(self.layout)}
        verdict = self.verdict
        if skill == "revise" and self.draft is not None:
            asked["layout"] = layout_form(self.draft)
            reply["reasoning"] = self.fault
        elif skill == "judge" and self.shows and verdict is not None:
            reply = {"reasoning": verdict.reason, "score": verdict.score, "missing": list(verdict.missing)}
        elif skill == "redesign" and self.shows and verdict is not None and self.drawn is not None:
            tried = {"picture": 1, "layout": layout_form(self.drawn), "score": verdict.score}
            asked["attempts"] = [{**tried, "missing": list(verdict.missing)}]
            if verdict.score == 5:
                reply = {"reasoning": verdict.reason, **layout_form(Layout())}
        elif skill != "plan":
            return None
        shows = self.shows if skill in ("judge", "redesign") else ""
        return {"request": _json(asked), "shows": shows, "reply": _json(reply)}


class Examples:
    """The examples of a folder, chosen by nearness to a prompt.

    Args:
        folder: Holds ``*.json`` files; None = ours.
        shots: How many are shown at most; 0 shows none.

    Raises:
        SettingError: No such folder, no files in it, or a broken one.
    """

    def __init__(self, folder: Path | None = None, shots: int = 3) -> None:
        if shots < 0:
            raise SettingError(f"shots is {shots}: give 0 or more")
        paths = sorted((folder or OURS).glob("*.json"))
        if not paths:
            raise SettingError(f"examples: there are no JSON files in {folder}")
        self._examples = [_read(path) for path in paths]
        self._shots = shots

    def nearest(self, prompt: str, skill: str) -> list[dict[str, str]]:
        """The turns of the nearest examples, the nearest last; equals in the order of their file names."""
        usable = [(example, turns) for example in self._examples if (turns := example.turns(skill))]
        near = nearness(prompt, [example.prompt for example, _ in usable])
        order = sorted(range(len(usable)), key=lambda index: (-near[index], index))
        return [usable[index][1] for index in reversed(order[: self._shots])]


def nearness(prompt: str, others: Sequence[str]) -> list[float]:
    """How near each of some texts is to a prompt, 0 to 1, rounded so that equals stay equal."""
    counts = [_grams(text) for text in others]
    known = Counter(gram for grams in counts for gram in grams)
    idf = {gram: math.log((1 + len(others)) / (1 + df)) + 1 for gram, df in known.items()}
    asked = {gram: n * idf[gram] for gram, n in _grams(prompt).items() if gram in idf}
    vectors = [{gram: n * idf[gram] for gram, n in grams.items()} for grams in counts]
    return [round(_cosine(asked, vector), 9) for vector in vectors]


def _grams(text: str) -> Counter[str]:
    words = re.findall(r"\w+", text.casefold())
    return Counter(words) + Counter(f"{one} {two}" for one, two in pairwise(words))


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    dot = math.fsum(weight * other.get(gram, 0.0) for gram, weight in one.items())
    lengths = [math.sqrt(math.fsum(weight**2 for weight in v.values())) for v in (one, other)]
    return dot / (lengths[0] * lengths[1]) if dot else 0.0


def _read(path: Path) -> Example:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingError(f"the example {path} is larger than {MAX_FILE_BYTES} bytes: is it one?")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise SettingError(f"the example {path} cannot be read: {problem}") from problem
    if not isinstance(data, dict) or not {"prompt", "layout"} <= data.keys() <= set(_FIELDS):
        raise SettingError(
            f"the example {path} must be an object with 'prompt', 'layout' and, if wanted, "
            f"{', '.join(field for field in _FIELDS if field not in ('prompt', 'layout'))}"
        )
    texts = {name: data[name] for name in _TEXTS if name in data}
    if not all(isinstance(text, str) for text in texts.values()):
        raise SettingError(f"the example {path}: {', '.join(texts)} must be texts")
    Prompt(texts["prompt"])
    draft = _layout(path, data["draft"], strict=False) if "draft" in data else None
    verdict = _verdict(path, data["verdict"]) if "verdict" in data else None
    return Example(layout=_layout(path, data["layout"], strict=True), draft=draft, verdict=verdict, **texts)


def _layout(path: Path, data: object, *, strict: bool) -> Layout:
    layout, problems = parse_layout(data)
    if layout is None:
        raise SettingError(f"the example {path}: {'; '.join(problems)}")
    try:
        return checked(layout)[0] if strict else layout
    except LayoutError as problem:
        raise SettingError(f"the example {path}: {problem}") from problem


def _verdict(path: Path, data: object) -> Verdict:
    parsed = parse_verdict_reply(_json(data))
    if parsed.problems:
        raise SettingError(f"the example {path}, 'verdict': {'; '.join(parsed.problems)}")
    return parsed.value()


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)

"""The MLLM judge: a guide looks at picture and prompt and says a level (after T2I-CompBench++).

Value = mean level / 5 over repeated questions, so 0.2 to 1: the scale that published values fit. The levels
themselves are kept. A reply that cannot be read as a level is missing and counted, never 0 and never full
marks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

from tasvir import registry
from tasvir.errors import PromptError, ReplyError, SettingError
from tasvir.guide.base import Guide
from tasvir.guide.replies import find_object
from tasvir.models.load import LOADED_BY, LoadSettings
from tasvir.models.service import ANSWERED_BY, ServiceSettings
from tasvir.records import Picture, Prompt, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.phrases import open_chunker, sources
from tasvir.score.pictures import UnmeasurableError, opened
from tasvir.score.rubrics import RubricQuestion, rubric_hash, rubric_questions

RUBRICS = ("thesis", "t2i-compbench")


@dataclass(frozen=True, slots=True)
class Opinion:
    """One answer of the judge: its level, the greatest possible one, and why."""

    level: float
    levels: int
    reason: str


class JudgeMetric(Metric):
    """What a guide's judge says of picture and prompt, level / 5, judge:GUIDE (judge:openai:gpt-4o).

    Args:
        model: A guide by name, with its model where it has one.
        load: How a guide that runs in this process is loaded.
        service: How a guide that runs elsewhere is called.
        repeats: How often each picture is judged, each time with another seed. At temperature 0 a service
            may say the same each time.
        rubric: "thesis" asks for the guide's own verdict, 1 to 5; "t2i-compbench" asks that benchmark's
            questions by category (`tasvir.score.rubrics`), which needs a guide that answers free questions.

    Raises:
        SettingError: No such rubric, or less than one repeat.
    """

    name: ClassVar[str] = "judge"
    batch = 1

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        service: ServiceSettings = ServiceSettings(),  # noqa: B008  # frozen
        repeats: int = 3,
        rubric: str = "thesis",
    ) -> None:
        if rubric not in RUBRICS:
            raise SettingError(f"rubric is {rubric!r}: expected one of {', '.join(RUBRICS)}")
        if repeats < 1:
            raise SettingError(f"repeats is {repeats}: a judge is asked at least once")
        self.model, self._load, self._service = model, load, service
        self._repeats, self._rubric = repeats, rubric
        self._chunker = open_chunker("auto")
        self.waits = self._guide.waits

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def recipe(self) -> dict[str, Any]:
        return {
            **super().recipe,
            "guide": self._guide.label,
            **type(self._guide).identity(registry.split(self.model)[1], self._load),
            "guide code and words": _guide_hash(),
            **self._asked_how,
            "repeats": self._repeats,
            "rubric": self._rubric,
            **self._asked_what,
        }

    @property
    def _asked_how(self) -> dict[str, Any]:
        """Settings that the answers hang on, of those that the guide takes."""
        load = {name: getattr(self._load, name) for name in LOADED_BY if "load" in self._taken}
        service = {name: getattr(self._service, name) for name in ANSWERED_BY if "service" in self._taken}
        return {"load": load, "service": service}

    @property
    def _asked_what(self) -> dict[str, Any]:
        """The questions of a rubric that is not the guide's own, and where their phrases come from."""
        if self._rubric == "thesis":
            return {}
        return {"questions": rubric_hash(), "phrases": sources(self._chunker)}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`.

        The details hold "levels" (one a repeat), "reasons", "unread" (replies that were no level) and
        "usage".

        Raises:
            ServiceError: The guide's service failed; what it answered before is kept and not asked again.
            BudgetError: The next call could cost more than is left.
        """
        pairs = list(zip(prompts, pictures, strict=True))
        if not self.waits:
            return [self._one(*pair) for pair in pairs]
        with ThreadPoolExecutor(max_workers=max(min(len(pairs), self._service.concurrency), 1)) as pool:
            return list(pool.map(lambda pair: self._one(*pair), pairs))

    def value(self, opinions: Sequence[Opinion]) -> float:
        """Mean of level / levels."""
        return fmean(opinion.level / opinion.levels for opinion in opinions)

    def _one(self, prompt: SuitePrompt, picture: Picture) -> Score:
        try:
            opened(picture)
        except UnmeasurableError as problem:
            return Score(self.label, None, str(problem))
        guide, opinions, unread = self._guide.fork(), [], []
        try:
            ask = self._asking(guide, prompt, picture)
            for seed in range(self._repeats):
                try:
                    opinions.append(ask(seed))
                except ReplyError as problem:
                    unread.append(str(problem).partition("\n")[0])
        except PromptError as problem:
            return Score(self.label, None, f"the judge cannot read the prompt: {problem}")
        details = {
            "levels": [opinion.level for opinion in opinions],
            "reasons": [opinion.reason for opinion in opinions],
            "unread": len(unread),
            "usage": asdict(guide.usage),
        }
        if not opinions:
            return Score(self.label, None, f"no reply could be read as a level: {unread[0]}", details)
        return Score(self.label, self.value(opinions), opinions[0].reason, details)

    def _asking(self, guide: Guide, prompt: SuitePrompt, picture: Picture) -> Callable[[int], Opinion]:
        """One round of judging, by its seed."""
        if self._rubric == "thesis":
            text = Prompt(prompt.text)

            def judged(seed: int) -> Opinion:
                verdict = guide.judge(text, picture, seed=seed)
                return Opinion(verdict.score, 5, verdict.reason)

            return judged
        questions = rubric_questions(prompt, self._chunker)
        if not questions:
            raise PromptError("no noun phrase was found in it")
        return lambda seed: _mean([_answered(guide, question, picture, seed) for question in questions])

    @cached_property
    def _taken(self) -> dict[str, Any]:
        """What the guide takes of the settings that it may be given."""
        takes = registry.parameters(registry.load("guides", self.model))
        given = {"load": self._load, "service": self._service}
        return {name: value for name, value in given.items() if name in takes}

    @cached_property
    def _guide(self) -> Guide:
        return registry.create("guides", self.model, Guide, **self._taken)


def _answered(guide: Guide, question: RubricQuestion, picture: Picture, seed: int) -> Opinion:
    reply = guide.ask(question.text, picture, seed=seed)
    data, problems = find_object(reply, "score")
    level = None if data is None else data["score"]
    if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= question.levels:
        wanted = f"a whole number from 1 to {question.levels}"
        found = problems[0] if problems else f"'score' is {level!r}, not {wanted}"
        raise ReplyError(f"the judge's reply is no level: {found}", reply)
    return Opinion(level, question.levels, str((data or {}).get("reasoning", ""))[:400])


def _mean(opinions: Sequence[Opinion]) -> Opinion:
    """Over the phrases of a prompt, as the official script does."""
    level = fmean(opinion.level for opinion in opinions)
    return Opinion(level, opinions[0].levels, "; ".join(opinion.reason for opinion in opinions))


@cache
def _guide_hash() -> str:
    """16 hexadecimal digits that change with the code, templates and examples of guides."""
    root = Path(str(files("tasvir.guide")))
    read = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".md", ".json"))
    lines = [f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in read]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

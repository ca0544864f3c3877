"""What asking a metric brings besides values: no answer, another answer the second time, time, money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasvir.records import Score
from tasvir.score.auditing.truth import Known
from tasvir.score.statistics import Figure, krippendorff


@dataclass(frozen=True, slots=True)
class Again:
    """What measuring some pictures several times over brought.

    Args:
        n_pictures: How many pictures.
        times: How often each.
        n_equal: Pictures with the same value every time.
        farthest: Greatest difference of two values of one picture.
        seconds: Time a picture, the best round of them all.
    """

    n_pictures: int
    times: int
    n_equal: int
    farthest: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Asking:
    """How a metric or judge answers.

    Args:
        n_questions: Questions that were asked; None for a metric that asks nobody.
        n_unread: Answers that could not be read.
        n_repeated: Pictures that were judged more than once.
        times: How often each.
        equal: Share of them with the same answer every time; None with a reason.
        alpha: Krippendorff's alpha (ordinal) of the rounds, as if they were raters.
        seconds: Time a picture; None where nobody was waited for and nothing was measured again.
        money: US dollars a picture; None where nobody asks for money, or a price is not known.
    """

    n_questions: int | None
    n_unread: int
    n_repeated: int
    times: int
    equal: Figure
    alpha: Figure
    seconds: float | None
    money: float | None


def asking(pictures: Sequence[Known], metric: str, again: Again | None) -> Asking:
    """What the scores' details and asking again tell of a metric."""
    scores = [(p, p.cell.scores[metric]) for p in pictures if metric in p.cell.scores]
    judged = [(picture, score) for picture, score in scores if "levels" in score.details]
    if judged:
        return _of_judge(judged, again)
    if again is None:
        nothing = Figure(None, None, "it was not asked again")
        return Asking(None, 0, 0, 0, nothing, nothing, None, None)
    equal = Figure(again.n_equal / again.n_pictures)
    alpha = Figure(None, None, "its values are no levels")
    return Asking(None, 0, again.n_pictures, again.times, equal, alpha, again.seconds, None)


def _of_judge(judged: Sequence[tuple[Known, Score]], again: Again | None) -> Asking:
    details = [score.details for _, score in judged]
    unread = sum(int(one["unread"]) for one in details)
    usages = [one["usage"] for one in details]
    calls = sum(int(usage["calls"]) for usage in usages)
    paid = [usage for usage in usages if usage["calls"] > usage["replayed"]]
    if again is not None:
        seconds: float | None = again.seconds
    else:
        seconds = float(np.mean([usage["seconds"] for usage in paid])) if paid else None
    money = None
    if calls and paid and all(usage["money"] is not None for usage in paid):
        money = sum(float(usage["money"]) for usage in paid) / len(paid)
    times = max(len(one["levels"]) for one in details)
    asked = sum(len(one["levels"]) for one in details) + unread
    equal, alpha, repeated = _repeated(judged, times)
    return Asking(asked, unread, repeated, times, equal, alpha, seconds, money)


def _repeated(judged: Sequence[tuple[Known, Score]], times: int) -> tuple[Figure, Figure, int]:
    several = [(p, score.details["levels"]) for p, score in judged if len(score.details["levels"]) > 1]
    if not several:
        once = Figure(None, None, "each picture was judged once: ask more often with --repeats")
        return once, once, 0
    rounds = np.full((times, len(several)), np.nan)
    for column, (_, levels) in enumerate(several):
        rounds[: len(levels), column] = levels
    prompts = {key: number for number, key in enumerate(dict.fromkeys(p.cell.key for p, _ in several))}
    clusters = np.array([prompts[picture.cell.key] for picture, _ in several])
    equal = sum(len(set(levels)) == 1 for _, levels in several) / len(several)
    return Figure(equal), krippendorff(rounds, scale="ordinal", clusters=clusters, draws=1000), len(several)

"""The figures of an audit, each with its n and its 95 % interval over resampled prompts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tasvir.results import MetricInfo, RunResults
from tasvir.score.auditing.asking import Again, Asking, asking
from tasvir.score.auditing.truth import ORACLE, RELATION_KINDS, Known, known
from tasvir.score.statistics import Correlated, Figure, Indices, Values, correlate, gap, prompt_means

DRAWS = 1000
DIGITS = 12
Reasons = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rank correlation of a metric with the truth.

    Args:
        n_prompts: Prompts.
        n_pictures: Pictures.
        tau: Kendall's tau-b; positive where the metric prefers truer pictures.
        rho: Spearman's rho.
    """

    n_prompts: int
    n_pictures: int
    tau: Figure
    rho: Figure


@dataclass(frozen=True, slots=True)
class Twins:
    """True pictures beside their twins with one fault.

    Args:
        n_prompts: Prompts.
        n_pairs: Pairs.
        above: Share of pairs in which the true one has the better value, ties counting half; 0.5 is chance.
            It is the area under the ROC curve within prompts.
        tied: Share of pairs with equal values.
    """

    n_prompts: int
    n_pairs: int
    above: Figure
    tied: float | None


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of fault or of relation."""

    name: str
    ranked: Ranked
    twins: Twins


@dataclass(frozen=True, slots=True)
class Audited:
    """One metric or judge.

    Args:
        metric: Its label.
        recipe_hash: Of its recipe.
        n_missing: Pictures without a value.
        reasons: Why, with how often; the most frequent first.
        rating: Against ratings.
        share: Against shares of true predicates.
        twins: Over all pairs of a true picture and one with a single fault.
        faults: By sort of fault: true pictures and those with that fault alone.
        relations: By kind of relation: pictures of texts that claim one; twins in which one broke.
        asking: What it costs, how often it gave no answer, and whether it says the same twice.
    """

    metric: str
    recipe_hash: str
    n_missing: int
    reasons: Reasons
    rating: Ranked
    share: Ranked
    twins: Twins
    faults: tuple[Sort, ...]
    relations: tuple[Sort, ...]
    asking: Asking


@dataclass(frozen=True, slots=True)
class Lead:
    """How much better the first follows the ratings than the second, on the pictures that both scored.

    Args:
        tau: Difference of their tau-b, in the same resamples.
        rho: Likewise.
        verdict: "first", "second", or "undecided" where the interval of tau holds 0 or there is none.
    """

    first: str
    second: str
    n_prompts: int
    n_pictures: int
    tau: Figure
    rho: Figure
    verdict: str


@dataclass(frozen=True, slots=True)
class Part:
    """Rendered pictures, or drawn ones.

    Args:
        name: "rendered" or "generated".
        n_prompts: Prompts with a picture whose truth is known.
        n_pictures: Such pictures.
        n_unknown: Pictures whose truth could not be told.
        ratings: How many pictures have each rating, 1 to 5.
        metrics: Best tau first.
        leads: Every two of them.
    """

    name: str
    n_prompts: int
    n_pictures: int
    n_unknown: int
    ratings: tuple[int, ...]
    metrics: tuple[Audited, ...]
    leads: tuple[Lead, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """All that an audit says.

    Args:
        draws: Resamples behind the intervals.
        seed: What they come from.
        noise: Standard deviation of the raters' error, in levels.
        parts: By sort of picture.
    """

    draws: int
    seed: int
    noise: float
    parts: tuple[Part, ...]


def audit(
    parts: Mapping[str, tuple[RunResults, Mapping[str, Again]]],
    *,
    noise: float = 0.0,
    draws: int = DRAWS,
    seed: int = 0,
) -> Audit:
    """Hold every metric of these runs against the truth.

    Args:
        parts: By name, a run and, by metric, what asking again brought.
        noise: See `tasvir.score.auditing.truth.known`.
        draws: Resamples.
        seed: What they and the raters' errors come from.
    """
    made = [
        _Figures(results, again, known(results, noise=noise, seed=seed), draws, seed).part(name)
        for name, (results, again) in parts.items()
    ]
    return Audit(draws, seed, noise, tuple(made))


class _Figures:
    """Of one part."""

    def __init__(
        self,
        results: RunResults,
        again: Mapping[str, Again],
        pictures: tuple[Known, ...],
        draws: int,
        seed: int,
    ) -> None:
        self._metrics = [one for one in results.metrics if not one.of_sets and one.name != ORACLE]
        self._again, self._pictures = again, pictures
        self._draws, self._seed = draws, seed
        self._order = list(dict.fromkeys(prompt.category for prompt in results.prompts.values()))
        self._unknown = sum(cell.picture is not None for cell in results.cells) - len(pictures)

    def part(self, name: str) -> Part:
        audited = [self._audited(metric) for metric in self._metrics]
        audited.sort(key=lambda one: (one.rating.tau.value is None, -(one.rating.tau.value or 0.0)))
        infos = {metric.name: metric for metric in self._metrics}
        levels = Counter(int(picture.rating) for picture in self._pictures)
        return Part(
            name,
            len({picture.cell.key for picture in self._pictures}),
            len(self._pictures),
            self._unknown,
            tuple(levels[level] for level in range(1, 6)),
            tuple(audited),
            tuple(
                self._lead(infos[one.metric], infos[other.metric]) for one, other in combinations(audited, 2)
            ),
        )

    def _audited(self, metric: MetricInfo) -> Audited:
        scores = [picture.cell.scores.get(metric.name) for picture in self._pictures]
        reasons = Counter(
            "not scored yet" if score is None else score.reason
            for score in scores
            if score is None or score.value is None
        )
        there = [picture for picture in self._pictures if _value(picture, metric) is not None]
        single = {picture.faults[0] for picture in there if picture.faults and len(picture.faults) == 1}
        faults = sorted(single, key=lambda name: [*self._order, name].index(name))
        kinds = [kind for kind in RELATION_KINDS if any(kind in picture.asked for picture in there)]
        return Audited(
            metric.name,
            metric.recipe_hash,
            reasons.total(),
            tuple(reasons.most_common()),
            self._ranked(there, metric, lambda picture: picture.rating),
            self._ranked(there, metric, lambda picture: picture.share),
            self._twins(there, metric, _has_one_fault),
            tuple(self._of_fault(there, metric, fault) for fault in faults),
            tuple(self._of_relation(there, metric, kind) for kind in kinds),
            asking(self._pictures, metric.name, self._again.get(metric.name)),
        )

    def _of_fault(self, pictures: Sequence[Known], metric: MetricInfo, fault: str) -> Sort:
        own = [picture for picture in pictures if picture.faults == (fault,)]
        prompts = {picture.cell.key for picture in own}
        true = [picture for picture in pictures if picture.faults == () and picture.cell.key in prompts]
        ranked = self._ranked([*true, *own], metric, lambda picture: picture.share)
        return Sort(fault, ranked, self._twins(pictures, metric, lambda p: p.faults == (fault,)))

    def _of_relation(self, pictures: Sequence[Known], metric: MetricInfo, kind: str) -> Sort:
        own = [picture for picture in pictures if kind in picture.asked]
        ranked = self._ranked(own, metric, lambda picture: picture.rating)
        relational = ("wrong relation",), ("swapped roles",)
        return Sort(
            kind,
            ranked,
            self._twins(pictures, metric, lambda p: p.faults in relational and kind in p.broken),
        )

    def _ranked(
        self, pictures: Sequence[Known], metric: MetricInfo, truth: Callable[[Known], float]
    ) -> Ranked:
        found = self._correlated(pictures, metric, truth)
        prompts = {picture.cell.key for picture in pictures}
        return Ranked(len(prompts), len(pictures), _told(found.tau), _told(found.rho))

    def _correlated(
        self, pictures: Sequence[Known], metric: MetricInfo, truth: Callable[[Known], float]
    ) -> Correlated:
        values = _values(pictures, metric)
        truths: Values = np.array([round(truth(picture), DIGITS) for picture in pictures])
        return correlate(values, truths, _numbers(pictures), draws=self._draws, seed=self._seed)

    def _twins(self, pictures: Sequence[Known], metric: MetricInfo, chosen: Callable[[Known], bool]) -> Twins:
        """Pairs by prompt; prompts count alike, however many pairs they have."""
        values = dict(zip((id(p) for p in pictures), _values(pictures, metric), strict=True))
        true = {picture.cell.key: picture for picture in pictures if picture.faults == ()}
        wins: dict[tuple[str, str], list[float]] = {}
        for picture in pictures:
            if chosen(picture) and picture.cell.key in true:
                apart = values[id(true[picture.cell.key])] - values[id(picture)]
                wins.setdefault(picture.cell.key, []).append((1.0 + float(np.sign(apart))) / 2)
        every = [win for own in wins.values() for win in own]
        if not every:
            return Twins(0, 0, Figure(None, None, "no pairs"), None)
        means = np.array([math.fsum(own) / len(own) for own in wins.values()])
        above = prompt_means(means[:, None], draws=self._draws, seed=self._seed)[0]
        return Twins(len(wins), len(every), above, sum(win == 0.5 for win in every) / len(every))

    def _lead(self, first: MetricInfo, second: MetricInfo) -> Lead:
        both = [p for p in self._pictures if _value(p, first) is not None and _value(p, second) is not None]
        one, other = (self._correlated(both, metric, lambda p: p.rating) for metric in (first, second))
        tau = _difference(one.tau, other.tau, one.drawn_tau, other.drawn_tau)
        rho = _difference(one.rho, other.rho, one.drawn_rho, other.drawn_rho)
        verdict = "undecided"
        if tau.interval is not None and not tau.interval[0] <= 0 <= tau.interval[1]:
            verdict = "first" if tau.interval[0] > 0 else "second"
        prompts = {picture.cell.key for picture in both}
        return Lead(first.name, second.name, len(prompts), len(both), tau, rho, verdict)


def _has_one_fault(picture: Known) -> bool:
    return picture.faults is not None and len(picture.faults) == 1


def _value(picture: Known, metric: MetricInfo) -> float | None:
    score = picture.cell.scores.get(metric.name)
    return None if score is None else score.value


def _values(pictures: Iterable[Known], metric: MetricInfo) -> Values:
    """Greater is better."""
    sign = 1.0 if metric.higher_is_better else -1.0
    found = [picture.cell.scores[metric.name].value for picture in pictures]
    values: Values = np.array([sign * round(value or 0.0, DIGITS) for value in found])
    return values


def _numbers(pictures: Sequence[Known]) -> Indices:
    keys = {key: number for number, key in enumerate(dict.fromkeys(p.cell.key for p in pictures))}
    return np.array([keys[picture.cell.key] for picture in pictures], dtype=np.int64)


def _difference(one: Figure, other: Figure, drawn_one: Values, drawn_other: Values) -> Figure:
    if one.value is None or other.value is None:
        return Figure(None, None, _told(one if one.value is None else other).reason)
    return gap(drawn_one, drawn_other, one.value - other.value)


def _told(figure: Figure) -> Figure:
    """The reason in this page's words: the first of two is the metric, the second the truth."""
    reason = figure.reason.replace("the first gives", "it gives").replace(
        "the second gives", "the truth gives"
    )
    return Figure(figure.value, figure.interval, reason)

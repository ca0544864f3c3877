"""What a comparison says, as nouns: every figure of a table, chart or sentence about a run is one of these.

`tasvir.score.comparing.compare` makes a `Comparison` of a `tasvir.results.RunResults`; `tasvir compare`, the
report's tables and its discussion read the same object, so that they cannot disagree. Values are in the
metric's own units. What has no value is None, with the reason beside it. Everything is ready for JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from tasvir.results import MetricInfo, ModelInfo, SetFigure, Speed
from tasvir.score.statistics import Figure

Verdict = Literal["first", "second", "undecided"]
Interval = tuple[float, float]
Reasons = tuple[tuple[str, int], ...]
"""Why something is missing and how often, most frequent first."""
RATING = "rating"
"""What stands for people's ratings where a correlation names its two sides."""


@dataclass(frozen=True, slots=True)
class Mean:
    """One model's mean over prompts; a prompt's seeds are averaged first, so that every prompt counts once.

    Args:
        model: Its name.
        n_prompts: Prompts with at least one value.
        n_pictures: Pictures with a value.
        missing: Cells that were asked for and have no value.
        value: The mean over prompts, or None.
        interval: 95 %, or None.
        reason: Why value or interval is None, else empty.
        reasons: Why cells have no value.
    """

    model: str
    n_prompts: int
    n_pictures: int
    missing: int
    value: float | None
    interval: Interval | None
    reason: str = ""
    reasons: Reasons = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the prompts that both have values for.

    Args:
        first: A model's name.
        second: Another's.
        n: Prompts compared.
        difference: Mean of the first minus mean of the second, in the metric's units, or None.
        interval: 95 % interval of the difference, or None.
        p: Of the paired sign-flip permutation test, two-sided, or None.
        p_holm: p adjusted by Holm for all pairs of its table (of all categories together in the categories'
            tables), or None.
        effect: Mean over standard deviation of the paired differences (d_z), signed as they are, or None.
        mde: Least difference that so many prompts show four times out of five (80 % power, 5 % two-sided,
            this pair tested alone), or None.
        wins: Prompts on which the first is better; respects the metric's direction.
        ties: Prompts on which they are equal.
        losses: Prompts on which the second is better.
        verdict: Who is better: "first" or "second" only if p_holm < 0.05, else "undecided".
        reason: Why something is None, or why no verdict was possible; else empty.
        too_few: Undecided, and so would any difference be on so few prompts in so many tests.
    """

    first: str
    second: str
    n: int
    difference: float | None
    interval: Interval | None
    p: float | None
    p_holm: float | None
    effect: float | None
    mde: float | None
    wins: int
    ties: int
    losses: int
    verdict: Verdict
    reason: str = ""
    too_few: bool = False

    @property
    def better(self) -> str | None:
        """Name of the model that is shown to be better, or None."""
        return {"first": self.first, "second": self.second}.get(self.verdict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model stands among all of its table, on the prompts that all of them have values for.

    Args:
        model: Its name.
        place: 1 is best; equal means share the better place.
        first: Share of bootstrap resamples of the prompts in which it is first; ties share. They add up to 1.
        low: Its place in the 2.5 % best resamples.
        high: In the 2.5 % worst.
    """

    model: str
    place: int
    first: float
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Group:
    """All prompts of a table, or those of one category.

    Args:
        category: Its name; "" for all prompts together.
        n_prompts: Prompts asked for.
        means: By model, in the run's order.
        pairs: Of every two models, in the run's order.
        n_common: Prompts that every model has values for.
        places: By model, in the run's order; empty for one model alone or fewer than 5 common prompts.
    """

    category: str
    n_prompts: int
    means: tuple[Mean, ...]
    pairs: tuple[Pair, ...]
    n_common: int
    places: tuple[Place, ...]

    def mean(self, model: str) -> Mean:
        return next(mean for mean in self.means if mean.model == model)


@dataclass(frozen=True, slots=True)
class Split:
    """A prompt on which two models differ.

    Args:
        prompt: Its id.
        better: Name of the model that does better there.
        worse: Of the other.
        difference: Value of the better minus value of the worse, in the metric's units (negative where lower
            is better).
        better_value: Mean over seeds.
        worse_value: Mean over seeds.
    """

    prompt: str
    better: str
    worse: str
    difference: float
    better_value: float
    worse_value: float


@dataclass(frozen=True, slots=True)
class Table:
    """One metric on one suite under one setting.

    Args:
        metric: Its name.
        recipe_hash: Of all its values.
        higher_is_better: Its direction.
        suite: The suite's label.
        settings: What is swept; empty where nothing is.
        seeds: Seeds asked for, in order.
        overall: All prompts.
        categories: One a category, in the suite's order; empty where the suite has none, or one alone.
        splits: By pair of models, the three prompts on which they differ most, each way.
    """

    metric: str
    recipe_hash: str
    higher_is_better: bool
    suite: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    overall: Group
    categories: tuple[Group, ...]
    splits: tuple[Split, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """Wall time of a model's pictures on a suite under one setting, as the run itself met it.

    Args:
        model: Its name.
        suite: The suite's label.
        settings: What is swept.
        n: Pictures with a time.
        seconds: Quartiles of the seconds a picture: 25 %, median, 75 %; None without a time.
    """

    model: str
    suite: str
    settings: dict[str, Any]
    n: int
    seconds: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One value of what is swept.

    Args:
        at: The value, 10 of {"steps": 10}.
        mean: What the metric says there.
        seconds: Median seconds a picture, or None.
        against_best: This point against the best one on the same prompts, called "steps=10" and "steps=100";
            None for the best itself. Holm over the sweep's points.
    """

    at: Any
    mean: Mean
    seconds: float | None
    against_best: Pair | None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One model's values while one setting varies and the others stay.

    Args:
        metric: Its name.
        suite: The suite's label.
        model: Its name.
        key: The setting that varies, "steps".
        fixed: The other settings.
        points: In rising order of the setting.
        best: The setting's value with the best mean, or None.
        knee: The least value whose mean is not told apart from the best one's (p_holm >= 0.05): more of it
            pays nothing that so many prompts can show. What may be lost there is in its point's
            `against_best`: the interval and the mde. None where nothing can be said.
        reason: Why there is no knee.
    """

    metric: str
    suite: str
    model: str
    key: str
    fixed: dict[str, Any]
    points: tuple[SweepPoint, ...]
    best: Any
    knee: Any
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Correlation:
    """How two ways of scoring agree on which pictures are better: positive says that they agree.

    Metrics whose lower values are better are turned round first. Intervals: whole prompts are drawn again.

    Args:
        first: A metric's name.
        second: Another's, or `RATING` for the mean over raters.
        suite: The suite's label.
        n_prompts: Prompts with pictures that both have scored.
        n_pictures: Such pictures; one that serves several models counts once a prompt.
        pooled_tau: Kendall's tau-b over all pictures.
        pooled_rho: Spearman's rho over all pictures.
        within_tau: Mean over prompts of tau-b among the pictures of one prompt.
        within_rho: Mean over prompts of rho.
        n_within: Prompts that had a tau-b: at least two pictures, not all tied.
        systems: By model, its means (first, second) over these pictures: too few points for an interval.
        system_tau: Tau-b over these points.
        system_rho: Rho over these points.
    """

    first: str
    second: str
    suite: str
    n_prompts: int
    n_pictures: int
    pooled_tau: Figure
    pooled_rho: Figure
    within_tau: Figure
    within_rho: Figure
    n_within: int
    systems: dict[str, tuple[float, float]]
    system_tau: Figure
    system_rho: Figure


@dataclass(frozen=True, slots=True)
class CorrelationGap:
    """Which of two metrics follows people better, on the same pictures.

    Args:
        first: A metric's name.
        second: Another's.
        suite: The suite's label.
        n_prompts: Prompts with pictures that both have scored and somebody rated.
        n_pictures: Such pictures.
        tau: Pooled tau-b of the first with the ratings minus that of the second.
        rho: Likewise for rho.
    """

    first: str
    second: str
    suite: str
    n_prompts: int
    n_pictures: int
    tau: Figure
    rho: Figure


@dataclass(frozen=True, slots=True)
class Rater:
    """One person.

    Args:
        name: Name or initials.
        n: Pictures rated.
        mean: Of their ratings.
        n_shared: Of their pictures, those that others rated too.
        rest_tau: Tau-b with the mean of the others on these: the ceiling for a metric.
        rest_rho: Likewise for rho.
    """

    name: str
    n: int
    mean: float
    n_shared: int
    rest_tau: Figure
    rest_rho: Figure


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree with each other.

    Args:
        suite: The suite's label.
        n_pictures: Pictures that somebody rated.
        n_shared: Pictures that two or more people rated.
        n_ratings: All ratings.
        alpha: Krippendorff's alpha for ordinal values: 1 says that they agree, 0 no better than by chance.
        raters: By name.
    """

    suite: str
    n_pictures: int
    n_shared: int
    n_ratings: int
    alpha: Figure
    raters: tuple[Rater, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a run's results say.

    Args:
        draws: Bootstrap resamples behind the intervals, a tenth of them for correlations; as many sign flips
            where the test is not exact, more where many tests are adjusted together.
        seed: What they come from.
        models: Those compared, in the run's order.
        metrics: Those of pictures that were compared, in the run's order.
        tables: By metric, suite, settings in the run's order.
        times: By suite, settings, model.
        sweeps: By metric, suite, model, setting.
        correlations: Metrics with ratings first, then every two metrics.
        gaps: Of every two metrics, where there are ratings.
        agreement: By suite, where there are ratings.
        set_figures: What metrics of sets say, as the run has it.
        speeds: As the run has them.
    """

    draws: int
    seed: int
    models: tuple[ModelInfo, ...]
    metrics: tuple[MetricInfo, ...]
    tables: tuple[Table, ...]
    times: tuple[Time, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    gaps: tuple[CorrelationGap, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    set_figures: tuple[SetFigure, ...] = ()
    speeds: tuple[Speed, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"format": "tasvir-comparison/1", **asdict(self)}

"""A comparison as tables in the terminal: every figure has its n and its uncertainty beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasvir.results import PromptKey, SetFigure

if TYPE_CHECKING:
    from rich.console import Console

    from tasvir.records import SuitePrompt
    from tasvir.score.comparison import (
        Agreement,
        Comparison,
        Correlation,
        CorrelationGap,
        Group,
        Mean,
        Pair,
        Sweep,
        Table,
    )
    from tasvir.score.statistics import Figure

WIDE = 180
"""Columns where the output is no terminal."""
LEGEND = """d_z: mean over standard deviation of the differences
shown from: least difference that so many prompts show four times out of five, were the pair tested alone
+ = -: prompts on which the first is better, equal, worse
first in: share of resamples in which a model is first"""
LEFT = 2
"""Columns that hold names and are set to the left; the others hold figures."""


def wide_console() -> Console:
    """Where tables are printed: as wide as the terminal, and wide where there is none."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, markup=False, emoji=False, width=WIDE)


def show(comparison: Comparison, prompts: Mapping[PromptKey, SuitePrompt], *, by_category: bool) -> None:
    """Print everything that was compared."""
    console = wide_console()
    if not comparison.tables:
        console.print("nothing to compare: no metric of single pictures and no picture in this run")
    for table in comparison.tables:
        _show_table(console, table, prompts, by_category)
    _show_sets(console, comparison.set_figures)
    for sweep in comparison.sweeps:
        _show_sweep(console, sweep)
    _show_correlations(console, comparison.correlations, comparison.gaps)
    for agreement in comparison.agreement:
        _show_agreement(console, agreement)
    _show_times(console, comparison)
    _show_speeds(console, comparison)
    console.print(f"\n{LEGEND}")


def _show_table(
    console: Console, table: Table, prompts: Mapping[PromptKey, SuitePrompt], by_category: bool
) -> None:
    direction = "higher is better" if table.higher_is_better else "lower is better"
    seeds = f"{len(table.seeds)} seed{'s' * (len(table.seeds) > 1)}"
    said = [f"{table.metric} on {table.suite}", *_settings(table.settings), direction]
    console.print(f"\n{', '.join(said)}; {table.overall.n_prompts} prompts x {seeds}", style="bold")
    _show_group(console, table.overall)
    if by_category:
        for group in table.categories:
            console.print(f"\n{table.metric}: {group.category}, {group.n_prompts} prompts", style="bold")
            _show_group(console, group)
    if not table.settings:  # where something is swept, the same prompts would come again and again
        _show_splits(console, table, prompts)


def _show_splits(console: Console, table: Table, prompts: Mapping[PromptKey, SuitePrompt]) -> None:
    rows = [
        (
            split.prompt,
            f"{split.better} over {split.worse}",
            f"{_number(split.better_value)} to {_number(split.worse_value)}",
            prompts[table.suite, split.prompt].text,
        )
        for split in table.splits
    ]
    _rows(console, "prompts that split them most", ("prompt", "models", "values", "text"), rows, left=4)


def _show_group(console: Console, group: Group) -> None:
    places = {place.model: place for place in group.places}
    rows = []
    for mean in group.means:
        place = places.get(mean.model)
        rows.append(
            (
                mean.model,
                _why(mean),
                _number(mean.value),
                _interval(mean.interval),
                str(mean.n_prompts),
                str(mean.n_pictures),
                str(mean.missing),
                "" if place is None else f"{place.place} ({place.low} to {place.high})",
                "" if place is None else f"{place.first:.0%}",
            )
        )
    names = ("model", "note", "mean", "95 %", "prompts", "pictures", "missing", "place (95 %)", "first in")
    _rows(console, "", names, rows)
    head = ("difference", "verdict", "mean", "95 %", "prompts", "p", "p (Holm)", "d_z", "shown from", "+ = -")
    _rows(console, "", head, [_pair_row(pair) for pair in group.pairs])


def _pair_row(pair: Pair) -> tuple[str, ...]:
    return (
        f"{pair.first} - {pair.second}",
        f"{pair.better} is better" if pair.better else pair.reason or "within noise",
        _number(pair.difference),
        _interval(pair.interval),
        str(pair.n),
        _p(pair.p),
        _p(pair.p_holm),
        _number(pair.effect, digits=2),
        _number(pair.mde),
        f"{pair.wins} {pair.ties} {pair.losses}",
    )


def show_means(console: Console, means: Sequence[tuple[Table, Mean]], sets: Sequence[SetFigure]) -> None:
    """Print what each model scored, without comparing them."""
    rows = [
        (
            table.metric,
            mean.model,
            ", ".join([table.suite, *_settings(table.settings)]),
            _why(mean),
            _number(mean.value),
            _interval(mean.interval),
            str(mean.n_prompts),
            str(mean.missing),
        )
        for table, mean in means
    ]
    head = ("metric", "model", "on", "note", "mean", "95 %", "prompts", "missing")
    _rows(console, "", head, rows, left=4)
    _show_sets(console, sets)


def _show_sets(console: Console, figures: Sequence[SetFigure]) -> None:
    rows = [
        (
            figure.metric,
            figure.model,
            ", ".join([figure.suite, *_settings(figure.settings)]),
            _number(figure.score.value),
            _interval(figure.score.interval),
            str(figure.score.n),
            figure.score.reason,
        )
        for figure in figures
    ]
    _rows(console, "sets of pictures", ("metric", "model", "on", "value", "95 %", "n", ""), rows, left=3)


def _show_sweep(console: Console, sweep: Sweep) -> None:
    fixed = ", ".join([f"{sweep.model} on {sweep.suite}", *_settings(sweep.fixed)])
    rows = []
    for point in sweep.points:
        pair = point.against_best
        marks = ["best"] * (point.at == sweep.best) + ["knee"] * (point.at == sweep.knee)
        rows.append(
            (
                str(point.at),
                ", ".join(marks),
                _number(point.mean.value),
                _interval(point.mean.interval),
                str(point.mean.n_prompts),
                _number(point.seconds, digits=2),
                "" if pair is None else _number(pair.difference),
                "" if pair is None else _p(pair.p_holm),
                "" if pair is None else _number(pair.mde),
            )
        )
    head = (sweep.key, "", "mean", "95 %", "prompts", "seconds", "to best", "p (Holm)", "shown from")
    _rows(console, f"{sweep.metric} while {sweep.key} varies: {fixed}", head, rows)
    if sweep.reason:
        console.print(f"  no knee: {sweep.reason}")


def _show_correlations(
    console: Console, found: Sequence[Correlation], gaps: Sequence[CorrelationGap]
) -> None:
    figures = ("tau-b", "rho", "tau-b by prompt", "tau-b of models")
    head = ("correlation", "suite", "prompts", "pictures", *figures)
    _rows(console, "who prefers the same pictures", head, [_correlation_row(one) for one in found])
    names = ("metrics", "suite", "pictures", "tau-b", "rho")
    _rows(console, "which follows the ratings better", names, [_gap_row(one) for one in gaps])


def _correlation_row(one: Correlation) -> tuple[str, ...]:
    return (
        f"{one.first} with {one.second}",
        one.suite,
        str(one.n_prompts),
        str(one.n_pictures),
        _figure(one.pooled_tau),
        _figure(one.pooled_rho),
        _figure(one.within_tau),
        _figure(one.system_tau),
    )


def _gap_row(gap: CorrelationGap) -> tuple[str, ...]:
    pictures, tau, rho = str(gap.n_pictures), _figure(gap.tau), _figure(gap.rho)
    return f"{gap.first} less {gap.second}", gap.suite, pictures, tau, rho


def _show_agreement(console: Console, agreement: Agreement) -> None:
    rows = [
        (
            rater.name,
            agreement.suite,
            str(rater.n),
            _number(rater.mean, digits=2),
            str(rater.n_shared),
            _figure(rater.rest_tau),
            _figure(rater.rest_rho),
        )
        for rater in agreement.raters
    ]
    head = ("rater", "suite", "pictures", "mean", "shared", "tau-b with the others", "rho")
    title = (
        f"raters: Krippendorff's alpha (ordinal) {_figure(agreement.alpha)}, "
        f"{agreement.n_shared} of {agreement.n_pictures} pictures rated by more than one"
    )
    _rows(console, title, head, rows)


def _show_times(console: Console, comparison: Comparison) -> None:
    rows = []
    for time in comparison.times:
        low, middle, high = time.seconds or (None, None, None)
        on = ", ".join([time.suite, *_settings(time.settings)])
        spread = "" if low is None else f"{_number(low, digits=2)} to {_number(high, digits=2)}"
        rows.append((time.model, on, _number(middle, digits=2), spread, str(time.n)))
    _rows(console, "seconds a picture in this run", ("model", "on", "median", "quartiles", "n"), rows)


def _show_speeds(console: Console, comparison: Comparison) -> None:
    rows = []
    for speed in comparison.speeds:
        low, middle, high = (_number(value, digits=2) for value in speed.seconds)
        rows.append(
            (
                speed.model,
                ", ".join([speed.device, *_settings(speed.settings)]),
                middle,
                f"{low} to {high}",
                str(speed.n),
                str(speed.batch),
                _number(speed.steps_per_second, digits=1),
                _number(speed.load_seconds, digits=1),
                "-" if speed.peak_bytes is None else f"{speed.peak_bytes / 2**30:.2f}",
            )
        )
    head = ("model", "on", "median", "quartiles", "n", "batch", "steps/s", "loading", "peak GiB")
    _rows(console, "seconds a picture, warmed up", head, rows)


def _rows(
    console: Console, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = LEFT
) -> None:
    """One table, or nothing where there are no rows."""
    if not rows:
        return
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, name in enumerate(head):
        drawn.add_column(Text(name), justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    if title:
        console.print(f"\n{title}", style="bold")
    console.print(drawn)


def _why(mean: Mean) -> str:
    """What is missing and why, in short."""
    reasons = [f"{count} x {reason}" for reason, count in mean.reasons[:1]]
    if len(mean.reasons) > 1:
        reasons.append(f"and {sum(count for _, count in mean.reasons[1:])} x otherwise")
    return "; ".join(filter(None, [mean.reason, *reasons]))


def _settings(settings: Mapping[str, Any]) -> list[str]:
    return [f"{name} {value}" for name, value in sorted(settings.items())]


def _number(value: float | None, *, digits: int = 4) -> str:
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.1f}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{_number(interval[0])} to {_number(interval[1])}"


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    ends = "" if figure.interval is None else f" [{figure.interval[0]:.2f}, {figure.interval[1]:.2f}]"
    return f"{figure.value:.2f}{ends}"


def _p(p: float | None) -> str:
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"

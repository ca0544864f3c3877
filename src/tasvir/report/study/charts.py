"""The study's charts, made of the values of its sheets: what a chart shows, a table says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasvir.report.study.drawing import Chart, Scale, apart, shorten, spanning
from tasvir.report.study.run_sheets import sweep_base
from tasvir.report.study.scored import Scored, settings_text
from tasvir.report.study.values import Message, Name, Value, value_id
from tasvir.report.study.words import Words
from tasvir.results import RunResults
from tasvir.score.comparison import Comparison, Sweep

WIDTH = 640.0
LABELS = 190.0
"""Width that names of rows may take."""
TOP, BOTTOM = 12.0, 44.0
UNDER = 28.0
"""Where the drawing begins under the name of a vertical axis."""
ASIDE = 4.0
"""So far apart are models that are drawn at the same place of a sweep."""


@dataclass(frozen=True, slots=True)
class Charts:
    """Draws in one language.

    Args:
        words: Of the language.
        values: Of the study, by id.
        models: Names in the run's order, which is the order of colours.
    """

    words: Words
    values: Mapping[str, Value]
    models: tuple[str, ...]

    def means(self, one: Scored) -> Chart | None:
        """A bar a model with its interval."""
        ids = {mean.model: one.id("means", mean.model) for mean in one.table.overall.means}
        rows = [(model, self.values[id]) for model, id in ids.items() if self.values[id].value is not None]
        if not rows:
            return None
        step = 30.0
        chart = self._chart(one.id("bars"), "chart.means", one, TOP + step * len(rows) + BOTTOM)
        scale = spanning(_reach(value for _, value in rows), LABELS, WIDTH - 76, zero=True)
        self._ticks(chart, scale, chart.height - BOTTOM)
        base = scale(min(max(0.0, scale.low), scale.high))
        for index, (model, value) in enumerate(rows):
            y = TOP + step * index
            end = scale(value.value or 0.0)
            chart.rect(
                min(base, end), y + 5, abs(end - base), step - 10, self._color(model), self._tip(model, value)
            )
            if value.low is not None and value.high is not None:
                _whisker(chart, scale(value.low), scale(value.high), y + step / 2)
            right = max(end, scale(value.high) if value.high is not None else end)
            chart.text(right + 8, y + step / 2 + 4.5, self.words(value), strong=True)
            chart.text(LABELS - 10, y + step / 2 + 4.5, shorten(model, LABELS - 14), "end", True, model)
        return chart

    def categories(self, one: Scored) -> Chart | None:
        """A row a category, a point a model with its interval."""
        groups = [group.category for group in one.table.categories]
        cells = {
            (group, model): self.values[one.id("categories", group, model)]
            for group in groups
            for model in (mean.model for mean in one.table.overall.means)
        }
        if not _reach(cells.values()):
            return None
        lane = 13.0
        models = list(dict.fromkeys(model for _, model in cells))
        step = lane * len(models) + 16
        chart = self._chart(one.id("by-category"), "chart.categories", one, TOP + step * len(groups) + BOTTOM)
        scale = spanning(_reach(cells.values()), LABELS, WIDTH - 16)
        self._ticks(chart, scale, chart.height - BOTTOM)
        for row, group in enumerate(groups):
            y = TOP + step * row
            chart.text(LABELS - 10, y + step / 2 + 4, shorten(group, LABELS - 14), "end", True, group)
            if row:
                chart.line(0, y, WIDTH, y)
            for index, model in enumerate(models):
                self._point(chart, scale, y + 8 + lane * (index + 0.5), cells[group, model], model)
        chart.legend = [entry for entry in self._legend() if entry[1] in models]
        return chart

    def quality_against_time(self, one: Scored, comparison: Comparison) -> Chart | None:
        """Median seconds across, mean up, both with their spread."""
        scope = (one.table.suite, settings_text(one.table.settings))
        points = []
        for time in comparison.times:
            if time.seconds and (time.suite, settings_text(time.settings)) == scope:
                mean = self.values[one.id("means", time.model)]
                if mean.value is not None:
                    points.append((time.model, self.values[value_id("times", *scope, time.model)], mean))
        if not points:
            return None
        chart = self._chart(one.id("time"), "chart.time", one, 340)
        across = spanning(_reach(time for _, time, _ in points), 64, WIDTH - 150, log=True)
        up = spanning(_reach(mean for *_, mean in points), chart.height - BOTTOM, UNDER)
        self._frame(chart, across, up, "word.seconds_each", one.table.metric)
        labels = apart([up(mean.value or 0.0) for *_, mean in points], 16)
        for (model, spent, mean), label in zip(points, labels, strict=True):
            x, y, color = across(spent.value or 0.0), up(mean.value or 0.0), self._color(model)
            if spent.low is not None and spent.high is not None:
                chart.line(across(spent.low), y, across(spent.high), y, color, 1.5)
            if mean.low is not None and mean.high is not None:
                chart.line(x, up(mean.low), x, up(mean.high), color, 1.5)
            tip = f"{self._tip(model, mean)} · {self.words(spent)}"
            chart.dot(x, y, 6, color, tip)
            chart.text(x + 11, label - 7, shorten(model, WIDTH - x - 14), strong=True, tip=model)
        return chart

    def sweep(self, sweeps: Sequence[Sweep]) -> Chart | None:
        """The lines of one metric over one setting, a model each; a ring marks where more stops paying."""
        points = {
            sweep.model: [
                (float(point.at), point, self.values[value_id(*sweep_base(sweep), str(point.at), "mean")])
                for point in sweep.points
                if isinstance(point.at, int | float) and point.mean.value is not None
            ]
            for sweep in sweeps
        }
        every = [entry for found in points.values() for entry in found]
        if not every:
            return None
        first = sweeps[0]
        slots = {name: Name(getattr(first, name)) for name in ("metric", "suite", "key")}
        title = self.words(Message("chart.sweep", {**slots}))
        id = value_id("sweep-chart", first.suite, settings_text(first.fixed), first.metric, first.key)
        chart = Chart(id, title, WIDTH, 320, note=self.words.label("chart.knee_note"))
        across = spanning((at for at, *_ in every), 64, WIDTH - 24, log=True)
        up = spanning(_reach(value for *_, value in every), chart.height - BOTTOM, UNDER)
        self._frame(chart, across, up, None, first.metric, sorted({at for at, *_ in every}))
        chart.text((64 + WIDTH - 24) / 2, chart.height - 6, first.key, "middle")
        for sweep in sweeps:
            color, found = self._color(sweep.model), points[sweep.model]
            aside = (color - (len(self.models) - 1) / 2) * ASIDE
            chart.path([(across(at) + aside, up(value.value or 0.0)) for at, _, value in found], color)
            for at, point, value in found:
                x, y = across(at) + aside, up(value.value or 0.0)
                if value.low is not None and value.high is not None:
                    chart.line(x, up(value.low), x, up(value.high), color, 1.2)
                chart.dot(x, y, 4, color, self._tip(f"{sweep.model}, {first.key} {point.at}", value))
                if point.at == sweep.knee:
                    chart.ring(x, y, 9, color, self.words.label("word.knee"))
        chart.legend = [entry for entry in self._legend() if entry[1] in points]
        return chart

    def ratings(self, results: RunResults, suite: str, metric: str) -> Chart | None:
        """A point a picture: the mean of its ratings across, the metric up."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for rating in results.ratings:
            if rating.suite == suite:
                found[rating.prompt, rating.picture].append(rating.value)
        points: dict[tuple[str, str], tuple[float, float, str]] = {}
        for cell in results.cells:
            key = (cell.prompt, cell.picture or "")
            score = cell.scores.get(metric)
            if cell.suite == suite and key in found and score is not None and score.value is not None:
                points.setdefault(key, (sum(found[key]) / len(found[key]), score.value, cell.model))
        if not points:
            return None
        slots = {"metric": Name(metric), "suite": Name(suite)}
        title = self.words(Message("chart.ratings", {**slots}))
        chart = Chart(value_id("rating-chart", suite, metric), title, WIDTH, 320, legend=self._legend())
        across = Scale(0.7, 5.3, 64, WIDTH - 16)
        up = spanning((value for _, value, _ in points.values()), chart.height - BOTTOM, UNDER)
        self._frame(chart, across, up, "word.rating_mean", metric, [1, 2, 3, 4, 5])
        for index, (mean, value, model) in enumerate(points.values()):
            aside = ((index * 7) % 11 - 5) * 0.9  # points on the same rating would hide each other
            tip = f"{model}: {self.words.numbers.decimal(mean, 1)}, {self.words.numbers.decimal(value, 3)}"
            chart.dot(across(mean) + aside, up(value), 3.5, self._color(model), tip, 0.6)
        return chart

    def _chart(self, id: str, key: str, one: Scored, height: float) -> Chart:
        slots = {name: slot for name, slot in one.names.items() if name in ("metric", "suite")}
        note = self.words.label("chart.intervals")
        return Chart(id, self.words(Message(key, slots)), WIDTH, height, note=note)

    def _color(self, model: str) -> int:
        return self.models.index(model)

    def _legend(self) -> list[tuple[str, str]]:
        return [(f"f{index % 8}", model) for index, model in enumerate(self.models)]

    def _tip(self, name: str, value: Value) -> str:
        interval = self.words.numbers.interval(value)
        counted = "" if value.n is None else f", n = {self.words.numbers.write(value, 'n')}"
        return f"{name}: {self.words(value)} {interval}".rstrip() + counted

    def _ticks(self, chart: Chart, scale: Scale, y: float) -> None:
        for tick in scale.ticks():
            chart.line(scale(tick), TOP - 4, scale(tick), y)
            chart.text(scale(tick), y + 18, self.words.numbers.decimal(tick, scale.digits()), "middle")

    def _point(self, chart: Chart, scale: Scale, y: float, value: Value, model: str) -> None:
        if value.value is None:
            return
        if value.low is not None and value.high is not None:
            chart.line(scale(value.low), y, scale(value.high), y, self._color(model), 1.5)
        chart.dot(scale(value.value), y, 4.5, self._color(model), self._tip(model, value))

    def _frame(
        self,
        chart: Chart,
        across: Scale,
        up: Scale,
        label: str | None,
        metric: str,
        ticks: Sequence[float] | None = None,
    ) -> None:
        """Axes of a chart in two directions."""
        bottom = chart.height - BOTTOM
        for tick in up.ticks():
            chart.line(across.start, up(tick), across.end, up(tick))
            words = self.words.numbers.decimal(tick, up.digits())
            chart.text(across.start - 8, up(tick) + 4.5, words, "end")
        for tick in across.ticks() if ticks is None else ticks:
            digits = across.digits() if ticks is None else (0 if float(tick).is_integer() else 2)
            chart.text(across(tick), bottom + 18, self.words.numbers.decimal(tick, digits), "middle")
        if label is not None:
            chart.text((across.start + across.end) / 2, chart.height - 6, self.words.label(label), "middle")
        chart.text(across.start, 13, shorten(metric, 500), strong=True)


def _whisker(chart: Chart, low: float, high: float, y: float) -> None:
    for x0, y0, x1, y1 in ((low, y, high, y), (low, y - 4, low, y + 4), (high, y - 4, high, y + 4)):
        chart.line(x0, y0, x1, y1, None, 2)
        chart.marks[-1].attributes.update({"stroke": "#201e1a", "class": "whisker"})


def _reach(values: Iterable[Value]) -> list[float]:
    """All numbers that must be within a chart."""
    found = []
    for value in values:
        found += [number for number in (value.value, value.low, value.high) if number is not None]
    return found

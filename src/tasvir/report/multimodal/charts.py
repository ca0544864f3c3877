"""The page's charts: differences with intervals, weights over epochs, how training went, the latent plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tasvir.report.multimodal.comparison import Cells
from tasvir.report.multimodal.folder import Table
from tasvir.report.multimodal.words import Words
from tasvir.report.study.drawing import Chart, Mark, Scale, shorten, spanning, stroke
from tasvir.score.statistics import Values

WIDTH = 640.0
LABELS = 190.0
TOP, BOTTOM = 12.0, 44.0
LANE = 12.0
PANEL, GAP = 200.0, 20.0
COLUMNS = 3
CODES = 300
"""Examples in a panel of the latent plane."""
DASHES = ("", "6 4")
"""Of lines whose colour comes a second time."""


def difference_chart(
    id: str, table: Table, cells: Cells, figures: Sequence[str], words: Words
) -> Chart | None:
    """Paired differences from the classical row in percent of its mean: a lane a figure."""
    rows = table.results.weightings[1:]
    found = {key: share for key in cells if (share := _share(cells, key, table.results.weightings[0]))}
    if not found:
        return None
    step = LANE * len(figures) + 14
    title = words("chart.differences", table=words.table(*table.key))
    chart = Chart(id, title, WIDTH, TOP + step * len(rows) + BOTTOM, note=words("chart.differences_note"))
    scale = spanning([0.0, *(end for ends in found.values() for end in ends)], LABELS, WIDTH - 16)
    bottom = chart.height - BOTTOM
    for tick in scale.ticks():
        chart.line(scale(tick), TOP - 4, scale(tick), bottom, None, 2 if abs(tick) < 1e-12 else 1)
        chart.text(scale(tick), bottom + 18, words.signed(tick, scale.digits()), "middle")
    chart.text((LABELS + WIDTH) / 2, chart.height - 6, words("chart.percent"), "middle")
    for place, row in enumerate(rows):
        top = TOP + step * place
        name = words.weighting(row, tuple(table.results.modalities))
        chart.text(LABELS - 10, top + step / 2 + 4, shorten(name, LABELS - 14), "end", True, name)
        if place:
            chart.line(0, top, WIDTH, top)
        for lane, figure in enumerate(figures):
            if (row, figure) in found:
                mean, low, high = found[row, figure]
                y, told = top + 7 + LANE * (lane + 0.5), cells[row, figure]
                chart.line(scale(low), y, scale(high), y, lane, 1.6)
                tip = f"{name}, {words.figure(figure)}: {words.signed(mean, 2)} %, p {words.p(told.holm)}"
                chart.dot(scale(mean), y, 4 if told.significant else 2.4, lane, tip)
    chart.legend = [(f"f{lane % 8}", words.figure(figure)) for lane, figure in enumerate(figures)]
    return chart


def _share(cells: Cells, key: tuple[str, str], classical: str) -> tuple[float, float, float] | None:
    """Mean difference and its interval in percent of the classical mean."""
    base, one = cells[classical, key[1]].mean, cells[key].paired
    if one is None or not base:
        return None
    low, high = one.interval or (one.difference, one.difference)
    unit = 100 / abs(base)
    return one.difference * unit, low * unit, high * unit


def weight_charts(id: str, table: Table, words: Words) -> list[Chart]:
    """The share of each modality over epochs, a line a weighting that moves; of two modalities the first."""
    history = np.asarray(table.results.history, dtype=np.float64)
    if history.ndim != 4 or len(history) < 2:
        return []
    moving = [
        place for place in range(history.shape[2]) if float(np.ptp(history[:, :, place], axis=0).max()) > 1e-6
    ]
    count = history.shape[1]
    charts = []
    for modality in range(1 if count == 2 else count) if moving else ():
        name = words.modality(table.results.modalities[modality])
        title = words("chart.weights", modality=name, table=words.table(*table.key))
        lines = {
            words.weighting(table.results.weightings[place], tuple(table.results.modalities)): history[
                :, modality, place
            ].mean(-1)
            for place in moving
        }
        chart = _lines(f"{id}-{modality}", title, lines, words, 1 / count)
        chart.note = words("chart.weights_note", count=count)
        charts.append(chart)
    return charts


def curve_chart(id: str, table: Table, words: Words) -> Chart | None:
    """The held-out objective over the training, a line a weighting, mean over seeds."""
    curve = np.asarray(table.results.curve, dtype=np.float64)
    if curve.ndim != 3 or len(curve) < 2:
        return None
    title = words("chart.curve", table=words.table(*table.key))
    names = [words.weighting(one, tuple(table.results.modalities)) for one in table.results.weightings]
    chart = _lines(id, title, dict(zip(names, curve.mean(-1).T, strict=True)), words)
    chart.note = words("chart.curve_note")
    return chart


def _lines(
    id: str, title: str, lines: Mapping[str, Values], words: Words, level: float | None = None
) -> Chart:
    """Lines over the share of the training, in percent; ``level`` is drawn across."""
    chart = Chart(id, title, WIDTH, 300)
    values = [float(value) for line in lines.values() for value in line if np.isfinite(value)]
    up = spanning([*values, *([] if level is None else [level])], chart.height - BOTTOM, 16)
    across = Scale(0, 100, 64, WIDTH - 16)
    for tick in up.ticks():
        chart.line(across.start, up(tick), across.end, up(tick))
        chart.text(across.start - 8, up(tick) + 4.5, words.number(tick, up.digits()), "end")
    for tick in across.ticks():
        chart.text(across(tick), chart.height - BOTTOM + 18, words.number(tick, 0), "middle")
    chart.text((across.start + across.end) / 2, chart.height - 6, words("chart.training"), "middle")
    if level is not None:
        chart.line(across.start, up(level), across.end, up(level), None, 2)
    for color, (name, line) in enumerate(lines.items()):
        points = [
            (across(100 * place / max(len(line) - 1, 1)), up(float(value)))
            for place, value in enumerate(line)
            if np.isfinite(value)
        ]
        chart.path(points, color)
        if dash := DASHES[color // 8 % len(DASHES)]:
            chart.marks[-1].attributes["stroke-dasharray"] = dash
        chart.legend.append((f"f{color % 8}", name))
    return chart


def latent_chart(id: str, table: Table, words: Words) -> Chart | None:
    """Codes of test images in two dimensions, a panel a weighting, a colour and a digit a class."""
    latent, labels = table.pictures.get("latent"), table.pictures.get("latent_labels")
    if latent is None or labels is None or latent.shape[-1] < 1:
        return None
    rows = -(-len(latent) // COLUMNS)
    title = words("chart.latent", table=words.table(*table.key))
    chart = Chart(id, title, WIDTH, rows * (PANEL + 2 * GAP))
    dimensions = latent.shape[-1]
    key = "chart.latent_plane" if dimensions <= 2 else "chart.latent_components"
    chart.note = words(key, dimensions=dimensions, count=min(CODES, latent.shape[1]))
    for place, codes in enumerate(latent):
        left = (place % COLUMNS) * (PANEL + GAP)
        top = (place // COLUMNS) * (PANEL + 2 * GAP) + GAP
        name = words.weighting(table.results.weightings[place], tuple(table.results.modalities))
        chart.text(left, top - 5, shorten(name, PANEL), strong=True, tip=name)
        _plane(chart, plane(codes)[:CODES], labels[:CODES].astype(int), left, top)
    return chart


def plane(codes: Values) -> Values:
    """Codes [n, D] in two dimensions: as they are, or their first two principal components."""
    if codes.shape[1] == 1:
        return np.column_stack([codes, np.zeros(len(codes))])
    if codes.shape[1] == 2:
        return codes
    centred = codes - codes.mean(0)
    found: Values = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    return found


def _plane(chart: Chart, codes: Values, labels: Values, left: float, top: float) -> None:
    edges = ((left, left + PANEL), (top + PANEL, top))
    scales = [spanning(codes[:, axis].tolist(), *edges[axis]) for axis in (0, 1)]
    for x0, y0, x1, y1 in ((0, 0, 1, 0), (0, 1, 1, 1), (0, 0, 0, 1), (1, 0, 1, 1)):
        chart.line(left + x0 * PANEL, top + y0 * PANEL, left + x1 * PANEL, top + y1 * PANEL)
    middles = []
    for label in np.unique(labels):
        own = codes[labels == label]
        dots = "".join(f"M{scales[0](x):.1f} {scales[1](y):.1f}h0" for x, y in own)
        look = {"d": dots, "fill": "none", "stroke-width": "3.4", "stroke-linecap": "round"}
        chart.marks.append(Mark("path", {**look, "stroke-opacity": "0.7", **stroke(int(label))}))
        middles.append((label, np.median(own, axis=0)))
    for label, (x, y) in middles:
        chart.text(scales[0](float(x)), scales[1](float(y)) + 4, str(label), "middle", True)

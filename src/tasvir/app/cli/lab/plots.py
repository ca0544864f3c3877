"""Plots of the laboratory's commands; matplotlib comes with ``tasvir[lab]``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasvir.errors import OutputError, SettingError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from tasvir.models.lab_compare import Cell, Field


def check_plots() -> None:
    """See that plots can be made, before hours of work.

    Raises:
        SettingError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as problem:
        raise SettingError(
            f"a plot needs matplotlib, which is not installed ({problem}): pip install 'tasvir[lab]'"
        ) from problem


def draw_comparison(field: Field, cells: list[Cell], distance: str, file: Path) -> None:
    """Distance over evaluations, both logarithmic; where the exact flow is known, the way to its end beside.

    Raises:
        OutputError: The file cannot be written.
    """
    check_plots()
    from matplotlib.figure import Figure

    exact = field.ends is not None
    figure = Figure(figsize=(11 if exact else 6, 4.5), layout="constrained")
    axes: list[Any] = list(figure.subplots(1, 2 if exact else 1, squeeze=False)[0])
    for name in dict.fromkeys(cell.sampler for cell in cells):
        own = [cell for cell in cells if cell.sampler == name and cell.failed is None]
        taken = [cell.evaluations for cell in own]
        axes[0].errorbar(
            taken,
            [cell.distance for cell in own],
            [cell.error for cell in own],
            label=name,
            marker="o",
            capsize=2,
        )
        if exact and any(cell.flow_error is not None for cell in own):
            axes[1].plot(taken, [cell.flow_error for cell in own], label=name, marker="o")
    if field.floor.error is not None:
        axes[0].axhline(field.floor.value + 2 * field.floor.error, color="grey", linestyle=":")
    titles = [
        f"{distance} distance (dotted: two errors above that of true examples)",
        "off the exact flow (RMS)",
    ]
    budgets = sorted({cell.budget for cell in cells})
    for one, title in zip(axes, titles, strict=False):
        one.set(title=title, xlabel="evaluations of the network", xscale="log")
        one.set_yscale("symlog", linthresh=1e-3) if one is axes[0] else one.set_yscale("log")
        one.set_xticks(budgets, [str(budget) for budget in budgets])
        one.set_xticks([], minor=True)
        one.grid(alpha=0.3)
        one.legend()
    _save(figure, file)


def draw_curve(folder: Path) -> Path:
    """The loss of a run over its steps, from curve.jsonl into curve.png.

    Raises:
        SettingError: matplotlib is not installed.
        OutputError: The file cannot be written.
    """
    check_plots()
    from matplotlib.figure import Figure

    rows = [json.loads(text) for text in (folder / "curve.jsonl").read_text("utf-8").splitlines()]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([row["step"] for row in rows], [row["loss"] for row in rows], marker=".")
    axes.set(xlabel="step", ylabel="loss, smoothed over some 50 steps")
    axes.grid(alpha=0.3)
    _save(figure, folder / "curve.png")
    return folder / "curve.png"


def draw_families(samples: Mapping[str, Path], held_out: Tensor, file: Path) -> None:
    """Samples of families side by side, held-out examples last.

    Args:
        samples: Safetensors files with samples "x", by family.
        held_out: [N, ...] examples.
        file: Of the picture.

    Raises:
        SettingError: matplotlib is not installed.
        OutputError: The file cannot be written.
    """
    check_plots()
    from matplotlib.figure import Figure
    from safetensors.torch import load_file

    from tasvir.lab.data.showing import pictured

    shown = {**{name: load_file(path)["x"] for name, path in samples.items()}, "held out": held_out}
    across = min(5, len(shown))
    down = -(-len(shown) // across)
    figure = Figure(figsize=(2.6 * across, 2.9 * down), layout="constrained")
    for axes in figure.subplots(down, across, squeeze=False).flat:
        axes.axis("off")
    for axes, (name, x) in zip(figure.axes, shown.items(), strict=False):
        axes.imshow(pictured(x[:2000] if x.ndim == 2 else x[:36]), cmap="gray", vmin=0, vmax=255)
        axes.set_title(name)
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, dpi=120)
    except (OSError, ValueError) as problem:
        raise OutputError(
            f"the plot cannot be written to {file} ({problem}): name a .png or .svg"
        ) from problem

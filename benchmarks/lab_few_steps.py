"""Flows and few-step models in a plane: how far 1, 2 and 4 network calls reach, and how straight flows are.

    python benchmarks/lab_few_steps.py [--data 2d:moons] [--steps 2000] [--out runs/few-steps] [--json]

Trains a teacher and its students, flows and what reflow makes of them, each into a folder that is kept: run
again, it goes on where it was stopped. Then the energy distance to held-out points by network calls, mean and
standard deviation of three sampling seeds; straightness (0 = straight) and transport cost of flows. Some ten
minutes on one core.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from measuring import options, progress, show, whole_number
from torch import Tensor

from tasvir.lab.data.opening import open_data
from tasvir.lab.diffusion.couplings import straightness, transport_cost
from tasvir.lab.diffusion.objectives.pairs import made_pairs
from tasvir.lab.distances import energy_distance
from tasvir.models.lab_runs import LabSettings, open_run, train

SEEDS, SAMPLES = (0, 1, 2), 2000
NETWORK = {"width": 96, "depth": 3}


@dataclass(frozen=True)
class Entry:
    """One row: a method, who teaches it, its options, and whether it is a flow in time."""

    method: str
    teacher: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    flow: bool = False


ENTRIES = {
    "edm": Entry("edm"),
    "consistency-distillation": Entry("consistency-distillation", "edm"),
    "consistency-training": Entry("consistency-training", options={"doubling": 400, "last": 80}),
    "ctm": Entry("ctm", "edm"),
    "progressive-distillation": Entry("progressive-distillation", "edm", {"every": 300}),
    "rectified-flow": Entry("rectified-flow", flow=True),
    "ot-flow-matching": Entry("ot-flow-matching", flow=True),
    "reflow": Entry("reflow", "rectified-flow", flow=True),
    "reflow-again": Entry("reflow", "reflow", flow=True),
    "reflow-one-step": Entry("reflow", "reflow", {"one_step": True}),
}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--data", default="2d:moons", help="points, as `tasvir lab train` names them")
    parser.add_argument("--steps", type=whole_number(1), default=2000, help="of each training")
    parser.add_argument("--out", type=Path, default=Path("runs/few-steps"), help="folder of the runs")
    given = parser.parse_args()
    torch.set_num_threads(1)
    held_out = open_data(given.data).test[:SAMPLES]
    again = open_data(given.data).train[:SAMPLES]
    rows = {"points of the training set": f"{energy_distance(again, held_out).value:.4f}"}
    for name, entry in ENTRIES.items():
        folder = trained(name, entry, given)
        rows[name] = measured(folder, entry, held_out)
        progress(f"{name}: {rows[name]}")
    show(f"few steps, {given.data}", {"steps of training": given.steps, **rows}, given.json)


def trained(name: str, entry: Entry, given: Any) -> Path:
    """The folder of a finished run; trains what is left of it."""
    folder: Path = given.out / name
    if (folder / "weights.safetensors").exists():
        return folder
    asked = LabSettings(
        entry.method,
        folder,
        given.data,
        options={**NETWORK, **entry.options},
        teacher=None if entry.teacher is None else given.out / entry.teacher,
        steps=given.steps,
        batch=256,
        seed=given.seed,
        threads=1,
        look_minutes=0.0,
        resume=(folder / "state.json").exists(),
    )
    return train(asked)


def measured(folder: Path, entry: Entry, held_out: Tensor) -> dict[str, str]:
    """Distances by network calls, and what flows are like."""
    model = open_run(folder, "cpu").model
    found = {}
    for steps in (1, 2, 4, None):
        drawn = [model.sample(SAMPLES, seed, steps=steps) for seed in SEEDS]
        distances = [energy_distance(one.x, held_out).value for one in drawn]
        found[f"{drawn[0].evaluations} calls"] = f"{mean(distances):.4f} +- {stdev(distances):.4f}"
    if entry.flow:
        x = torch.randn(SAMPLES, 2, generator=torch.Generator().manual_seed(9))
        found["straightness"] = f"{straightness(model.denoiser, x):.4f}"
        found["transport cost"] = f"{transport_cost(*made_pairs(model, SAMPLES, 50)[:2]):.3f}"
    return found


if __name__ == "__main__":
    main()

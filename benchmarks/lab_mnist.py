"""MNIST by several kinds of diffusion model: the same network, data, batch and steps for each, on a CPU.

    python benchmarks/lab_mnist.py RUNS [--methods edm ...] [--steps 3500] [--pictures 1000] [--seeds 3] \\
        [--examples 128] [--sheets FOLDER] [--json]

Every method is trained into RUNS/lab-METHOD unless it is there (one that was stopped goes on), then measured:
Fréchet and kernel distance of its samples to the test pictures, as the lab's small classifier sees them, over
seeds of sampling; and bits a dimension of held-out pictures by one bound for all of them, the continuous one,
and by the method's own. **The distances are not comparable with any published FID**: other eyes, fewer
pictures. The row "train pictures" is what real ones score. Figures are kept beside each run, so that what was
measured is not measured again. `consistency-distillation` learns from RUNS/lab-edm.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from measuring import options, progress, show, whole_number

from tasvir import registry
from tasvir.lab.classifier import Classifier, classifier_of, picture_distances
from tasvir.lab.data.base import Data
from tasvir.lab.data.opening import open_data
from tasvir.lab.data.showing import pictured
from tasvir.lab.diffusion.continuous_bounds import continuous_bound
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.models import lab_runs

BATCH, LR, SHOWN, TOGETHER = 64, 2e-3, 64, 250
STRATA = 64
"""Of the continuous bound: twice as many evaluations."""


@dataclass(frozen=True)
class Arm:
    """One way of drawing samples from a trained method; None = the method's own."""

    method: str
    sampler: str | None = None
    steps: int | None = None


ARMS = (
    Arm("ddpm"),
    Arm("ddpm", "dpmpp-2m", 35),
    Arm("vp-sde"),
    Arm("vp-sde", "dpmpp-2m", 35),
    Arm("edm"),
    Arm("rectified-flow"),
    Arm("rectified-flow", "dpmpp-2m", 35),
    Arm("consistency-distillation", None, 1),
    Arm("consistency-distillation", None, 2),
)
LEAST = {"ddpm": 1.0, "vp-sde": 1e-5, "edm": 0.002, "rectified-flow": 1e-3}
"""Least times at which the networks were trained; the bound goes down to them."""
TEACHER = "edm"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("runs", type=Path, metavar="RUNS", help="folder of the runs")
    parser.add_argument("--methods", nargs="+", default=list(dict.fromkeys(arm.method for arm in ARMS)))
    parser.add_argument("--data", default="mnist", help="see tasvir lab train --data (default mnist)")
    parser.add_argument("--data-dir", type=Path, help="folder of downloaded data")
    parser.add_argument("--steps", type=whole_number(1), default=3500, help="of training (default 3500)")
    parser.add_argument("--minutes", type=float, help="of training at most, each")
    parser.add_argument("--threads", type=whole_number(1), default=2, help="CPU threads (default 2)")
    parser.add_argument("--pictures", type=whole_number(20), default=1000, help="a seed (default 1000)")
    parser.add_argument("--seeds", type=whole_number(1), default=3, help="of sampling (default 3)")
    parser.add_argument("--examples", type=whole_number(2), default=128, help="for bits (default 128)")
    parser.add_argument("--sheets", type=Path, help="where a picture of samples of each arm goes")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    data = open_data(given.data, given.data_dir)
    classifier = classifier_of(data, given.runs / "classifier")
    rows, bits = [_real(data, classifier, given)], []
    for method in given.methods:
        folder = _trained(method, given)
        run = lab_runs.open_run(folder)
        assert isinstance(run.model, GaussianModel), f"{method} draws in another way"
        kept = _Kept(folder / "measured.json", str(run.config.weights_sha256))
        rows += [_row(arm, run.model, data, classifier, kept, given) for arm in ARMS if arm.method == method]
        if method in LEAST:
            bits.append(_bits(method, run.model, data, kept, given))
    show(
        f"{given.data} by kinds of diffusion model",
        {
            "classifier_accuracy": classifier.accuracy,
            "rows": {row.pop("arm"): row for row in rows},
            "bits_a_dimension": {row.pop("method"): row for row in bits},
        },
        given.json,
    )


class _Kept:
    """Figures of one run's weights, in a file beside them."""

    def __init__(self, file: Path, weights: str) -> None:
        self.file, self.weights = file, weights
        read = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        self.figures: dict[str, Any] = read["figures"] if read.get("weights") == weights else {}

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """A figure, measured if it is not there."""
        if key not in self.figures:
            progress(f"measuring {self.file.parent.name}: {key}")
            self.figures[key] = measure()
            whole = {"weights": self.weights, "figures": self.figures}
            self.file.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
        return self.figures[key]


def _trained(method: str, given: Any) -> Path:
    """The finished run of a method."""
    folder: Path = given.runs / f"lab-{method}"
    if (folder / "weights.safetensors").is_file():
        return folder
    taught = method.startswith("consistency-distillation")
    asked = lab_runs.LabSettings(
        method=method,
        out=folder,
        data=given.data,
        teacher=given.runs / f"lab-{TEACHER}" if taught else None,
        steps=given.steps,
        minutes=given.minutes,
        batch=BATCH,
        lr=LR,
        seed=given.seed,
        threads=given.threads,
        resume=(folder / "state.json").is_file(),
        look_minutes=0.0,
    )
    progress(f"training {method}")
    return lab_runs.train(asked, given.data_dir)


def _row(
    arm: Arm, model: GaussianModel, data: Data, classifier: Classifier, kept: _Kept, given: Any
) -> dict[str, Any]:
    sampler = model.drawing.sampler
    if arm.sampler is not None:
        sampler = registry.create("lab.samplers", arm.sampler, Sampler)
    steps = arm.steps or model.drawing.steps

    def drawn(seed: int) -> dict[str, float]:
        """Distances of one seed's pictures."""
        parts, seconds, evaluations = [], 0.0, 0
        for number, size in enumerate(_sizes(given.pictures)):
            found = model.sample(size, 1000 * seed + number, sampler=sampler, steps=steps)
            parts.append(found.x.clamp(-1, 1))
            seconds, evaluations = seconds + found.seconds, found.evaluations
        pictures = torch.cat(parts)
        if seed == 0 and given.sheets is not None:
            given.sheets.mkdir(parents=True, exist_ok=True)
            pictured(pictures[:SHOWN]).save(given.sheets / f"{arm.method}-{sampler.name}-{evaluations}.png")
        return {
            **_distances(classifier, pictures, data.test),
            "evaluations": evaluations,
            "milliseconds_a_picture": 1e3 * seconds / given.pictures,
        }

    figures = [
        kept.get(f"{sampler.name} {steps} steps, {given.pictures} pictures, seed {seed}", lambda: drawn(seed))  # noqa: B023
        for seed in range(given.seeds)
    ]
    evaluations = figures[0]["evaluations"]
    return {"arm": f"{arm.method}, {sampler.name}, {evaluations} evaluations", **_spread(figures, given)}


def _sizes(whole: int) -> list[int]:
    """Pictures drawn together."""
    return [min(TOGETHER, whole - first) for first in range(0, whole, TOGETHER)]


def _real(data: Data, classifier: Classifier, given: Any) -> dict[str, Any]:
    """What real pictures score: as many of the training set, others for each seed."""
    generator = torch.Generator().manual_seed(given.seed)
    order = torch.randperm(len(data.train), generator=generator)
    chunks = [order[i * given.pictures : (i + 1) * given.pictures] for i in range(given.seeds)]
    figures = [_distances(classifier, data.train[chunk], data.test) for chunk in chunks]
    return {"arm": "train pictures", **_spread(figures, given)}


def _distances(classifier: Classifier, pictures: torch.Tensor, reference: torch.Tensor) -> dict[str, float]:
    found = picture_distances(classifier, pictures, reference)
    return {
        "frechet": found.frechet.value,
        "kernel": found.kernel.value,
        "precision": found.near.precision,
        "recall": found.near.recall,
    }


def _spread(figures: list[dict[str, float]], given: Any) -> dict[str, Any]:
    """Mean and standard deviation over seeds of sampling."""
    row: dict[str, Any] = {"pictures": given.pictures, "seeds": len(figures)}
    for name in figures[0]:
        values = [one[name] for one in figures]
        row[name] = statistics.fmean(values)
        if name in ("frechet", "kernel") and len(values) > 1:
            row[f"{name}_deviation"] = statistics.stdev(values)
    return row


def _bits(method: str, model: GaussianModel, data: Data, kept: _Kept, given: Any) -> dict[str, Any]:
    """Bits a dimension by the continuous bound, and by the method's own."""
    some = data.test[: given.examples]

    def common() -> dict[str, float]:
        denoiser = model.denoiser
        if method == "rectified-flow":  # its log(alpha / sigma) has no end: stop a thousandth before
            schedule = StraightSchedule()
            schedule.last = 0.999
            denoiser = NetworkDenoiser(denoiser.network, schedule, denoiser.preconditioning)
        end, levels = LEAST[method], data.levels
        return _told(continuous_bound(denoiser, some, end=end, levels=levels, strata=STRATA))

    def own() -> dict[str, float]:
        found = model.bound(some, given.seed)
        assert found is not None, f"{method} has no likelihood"
        return _told(found)

    return {
        "method": method,
        "examples": given.examples,
        "continuous_bound": kept.get(
            f"continuous bound by {2 * STRATA} evaluations, {given.examples} examples", common
        ),
        "own": kept.get(f"own likelihood, {given.examples} examples", own),
    }


def _told(bound: Bound) -> dict[str, float]:
    """Mean over examples in bits a dimension, with its standard error.

    The drawing's part is that of one example: all are asked at the same times, so it may not average out.
    """
    assert bound.bits_per_dimension is not None
    share = abs(bound.bits_per_dimension / float(bound.nats.mean()))  # bits a dimension for each nat
    square = float(bound.nats.var()) / len(bound.nats)
    if bound.error is not None:
        square += float(bound.error.square().mean())
    return {"bits": bound.bits_per_dimension, "standard_error": share * math.sqrt(square)}


if __name__ == "__main__":
    main()

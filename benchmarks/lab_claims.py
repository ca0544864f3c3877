"""Statements of the thesis' chapter 4 that can be checked in minutes, each with numbers and a verdict.

    python benchmarks/lab_claims.py [--steps 2500] [--out runs/claims] [--only NAME ...] [--json]

A verdict follows from a rule that is fixed here: the claimed side's advantage in every paired repetition
(training seed x sampling seed, or oracle problem) gives a mean with its 95 % t interval; above 0 is
"confirmed", below 0 "refuted", else "undecided". Exact problems have no chance in them: confirmed where all
agree, refuted where none does. Models are small (perceptrons on eight Gaussians in the plane, and on digits)
and kept in their folders: run again, it goes on where it was stopped. Some fifteen minutes on one core.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from measuring import options, progress, show, whole_number
from torch import Tensor

from tasvir import registry
from tasvir.lab.data.base import Data
from tasvir.lab.data.opening import open_data
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.epsilon_scaling import EpsilonScaled
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.oracles.affine import marginal, moments_of_gaussian
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.oracles.problems import PROBLEMS, problem
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.variances import OptimalVariance, of_gaussian
from tasvir.lab.distances import energy_distance
from tasvir.models.lab_runs import LabSettings, open_run, train

TRAINED, DRAWN = (0, 1, 2), (10, 11)
"""Seeds of training and of sampling; every pair is a repetition."""
SAMPLES = {"points": 4000, "images": 1000}
POINTS, DIGITS = "2d:eight-gaussians", "digits"
NETWORK: dict[str, dict[str, Any]] = {
    POINTS: {"width": 96, "depth": 3},
    DIGITS: {"name": "mlp", "width": 256, "depth": 3},
}
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 11: 2.201}
"""Two-sided 95 % points of Student's t by degrees of freedom."""


@dataclass(frozen=True)
class Finding:
    """What one statement came to.

    Args:
        said: The statement, and where the thesis has it.
        ran: What was run.
        advantages: Of the claimed side, one a repetition; above 0 speaks for the statement.
        unit: What they are counted in.
        shown: The two sides' means, for the table.
        exact: Whether there is no chance in it.
    """

    said: str
    ran: str
    advantages: tuple[float, ...]
    unit: str
    shown: str
    exact: bool = False

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % of the mean advantage; None where nothing is random."""
        if self.exact:
            return None
        n = len(self.advantages)
        reach = T95[n - 1] * statistics.stdev(self.advantages) / math.sqrt(n)
        middle = statistics.fmean(self.advantages)
        return middle - reach, middle + reach

    @property
    def verdict(self) -> str:
        if self.interval is None:
            good = sum(value > 0 for value in self.advantages)
            return "confirmed" if good == len(self.advantages) else "undecided" if good else "refuted"
        low, high = self.interval
        return "confirmed" if low > 0 else "refuted" if high < 0 else "undecided"

    def row(self) -> dict[str, Any]:
        """Ready for JSON and tables."""
        told = {"statement": self.said, "ran": self.ran, "sides": self.shown, "n": len(self.advantages)}
        told["advantage"] = f"{statistics.fmean(self.advantages):+.3g} {self.unit}"
        told["interval"] = "exact" if self.interval is None else "{:+.3g} to {:+.3g}".format(*self.interval)
        return {**told, "verdict": self.verdict}


class Laboratory:
    """Trained models, opened once; samples and their distance to held-out data.

    Args:
        out: Folder of the runs.
        steps: Of each training.
    """

    def __init__(self, out: Path, steps: int) -> None:
        self.out, self.steps = out, steps
        self._models: dict[str, GaussianModel] = {}
        self._data: dict[str, Data] = {}

    def data(self, name: str) -> Data:
        if name not in self._data:
            self._data[name] = open_data(name)
        return self._data[name]

    def model(self, method: str, data: str, seed: int, **chosen: Any) -> GaussianModel:
        """A trained model; trained now where it is not yet."""
        told = "-".join(f"{key}={value}" for key, value in sorted(chosen.items()))
        name = "_".join(filter(None, (method, data.replace(":", "-"), told, str(seed))))
        if name not in self._models:
            folder = self.out / name
            if not (folder / "weights.safetensors").exists():
                progress(f"training {name}")
                self._train(method, data, seed, folder, chosen)
            model = open_run(folder, "cpu").model
            assert isinstance(model, GaussianModel)
            self._models[name] = model
        return self._models[name]

    def _train(self, method: str, data: str, seed: int, folder: Path, chosen: dict[str, Any]) -> None:
        settings = {"batch": 256, "lr": 2e-3, "device": "cpu", "dtype": "float32", "look_minutes": 0.0}
        train(
            LabSettings(
                method,
                folder,
                data,
                options={**NETWORK[data], **chosen},
                steps=self.steps,
                seed=seed,
                threads=1,
                resume=(folder / "state.json").exists(),
                **settings,
            )
        )

    def distance(
        self,
        model: GaussianModel,
        data: str,
        seed: int,
        sampler: Sampler,
        steps: int,
        wrapped: Callable[[Denoiser], Denoiser] | None = None,
    ) -> float:
        """Energy distance of fresh samples to held-out data; less is better."""
        held = self.data(data)
        answering = None if wrapped is None else wrapped(model.denoiser)
        found = model.sample(SAMPLES[held.kind], seed, sampler=sampler, steps=steps, denoiser=answering)
        return float(energy_distance(found.x.flatten(1), held.test.flatten(1)).value)

    def bits(self, model: GaussianModel, data: str, seed: int) -> float:
        """Bound of the negative log-likelihood of 128 held-out examples, in bits a dimension."""
        told = model.bound(self.data(data).test[:128], seed)
        assert told is not None and told.bits_per_dimension is not None
        return told.bits_per_dimension


def named(name: str, **chosen: Any) -> Sampler:
    return registry.create("lab.samplers", name, Sampler, **chosen)


Side = Callable[[int, int], float]
"""(training seed, sampling seed) -> how bad; less is better."""


def paired(said: str, ran: str, claimed: Side, other: Side, unit: str = "energy distance") -> Finding:
    """Both sides at every pair of seeds."""
    good = [claimed(trained, drawn) for trained in TRAINED for drawn in DRAWN]
    bad = [other(trained, drawn) for trained in TRAINED for drawn in DRAWN]
    shown = f"{statistics.fmean(good):.4g} against {statistics.fmean(bad):.4g}"
    return Finding(said, ran, tuple(b - g for g, b in zip(good, bad, strict=True)), unit, shown)


def few_steps_deterministic(lab: Laboratory) -> Finding:
    return paired(
        "With few evaluations deterministic solvers draw better (4.3.2)",
        f"ddim against ddim-eta (eta 1), 10 evaluations, edm on {POINTS}",
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("ddim"), 10),
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("ddim-eta"), 10),
    )


def many_steps_stochastic(lab: Laboratory) -> Finding:
    return paired(
        "With many evaluations stochastic solvers draw better (4.3.2)",
        f"edm-churn against heun, 255 evaluations, edm on {POINTS}",
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("edm-churn"), 128),
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("heun"), 128),
    )


def few_steps_churn(lab: Laboratory) -> Finding:
    return paired(
        "Churn costs quality where evaluations are few (4.3.2.2)",
        f"heun against edm-churn, 17 evaluations, edm on {POINTS}",
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("heun"), 9),
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("edm-churn"), 9),
    )


def restart_over_ode(lab: Laboratory) -> Finding:
    restart = named("restart")
    return paired(
        "Restart draws better than the ODE at equal cost (4.3.2.2)",
        f"restart (18 steps) against heun (22 steps), 43 evaluations, edm on {POINTS}",
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, restart, 18),
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("heun"), 22),
    )


def restart_over_sde(lab: Laboratory) -> Finding:
    restart = named("restart")
    return paired(
        "Restart draws better than the SDE at equal cost (4.3.2.2)",
        f"restart (18 steps) against edm-churn (22 steps), 43 evaluations, edm on {POINTS}",
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, restart, 18),
        lambda t, s: lab.distance(lab.model("edm", POINTS, t), POINTS, s, named("edm-churn"), 22),
    )


def ddim_over_ddpm(lab: Laboratory) -> Finding:
    return paired(
        "DDIM draws better than DDPM with few steps (4.3.2.2)",
        f"ddim against ancestral, 10 steps, ddpm on {DIGITS}",
        lambda t, s: lab.distance(lab.model("ddpm", DIGITS, t), DIGITS, s, named("ddim"), 10),
        lambda t, s: lab.distance(lab.model("ddpm", DIGITS, t), DIGITS, s, named("ancestral"), 10),
    )


def cosine_draws(lab: Laboratory) -> Finding:
    return paired(
        "The cosine schedule draws better than the linear one (4.3.1.2)",
        f"ddpm on {DIGITS}, ancestral, 50 steps of 1000",
        lambda t, s: lab.distance(
            lab.model("ddpm", DIGITS, t, schedule="cosine"), DIGITS, s, named("ancestral"), 50
        ),
        lambda t, s: lab.distance(lab.model("ddpm", DIGITS, t), DIGITS, s, named("ancestral"), 50),
    )


def cosine_likelihood(lab: Laboratory) -> Finding:
    return paired(
        "The cosine schedule gives a better likelihood than the linear one (4.3.1.2)",
        f"bound of ddpm on {DIGITS}, 1000 steps, variance beta",
        lambda t, s: lab.bits(lab.model("ddpm", DIGITS, t, schedule="cosine"), DIGITS, s),
        lambda t, s: lab.bits(lab.model("ddpm", DIGITS, t), DIGITS, s),
        "bits a dimension",
    )


def learned_variance(lab: Laboratory) -> Finding:
    return paired(
        "Learned variances give a better likelihood (4.3.1.2, 4.31)",
        f"bound of iddpm against ddpm with the same cosine schedule on {DIGITS}, 1000 steps",
        lambda t, s: lab.bits(lab.model("iddpm", DIGITS, t), DIGITS, s),
        lambda t, s: lab.bits(lab.model("ddpm", DIGITS, t, schedule="cosine"), DIGITS, s),
        "bits a dimension",
    )


def corrector_at_equal_steps(lab: Laboratory) -> Finding:
    return paired(
        "A corrector improves on the predictor alone, at equal steps (4.2.3)",
        f"predictor-corrector against reverse-diffusion, 50 steps (100 and 50 calls), vp-sde on {POINTS}",
        lambda t, s: lab.distance(
            lab.model("vp-sde", POINTS, t), POINTS, s, named("predictor-corrector"), 50
        ),
        lambda t, s: lab.distance(lab.model("vp-sde", POINTS, t), POINTS, s, named("reverse-diffusion"), 50),
    )


def corrector_at_equal_cost(lab: Laboratory) -> Finding:
    return paired(
        "A corrector improves on the predictor alone, at equal cost (4.2.3)",
        f"predictor-corrector (50 steps) against reverse-diffusion (100), 100 calls, vp-sde on {POINTS}",
        lambda t, s: lab.distance(
            lab.model("vp-sde", POINTS, t), POINTS, s, named("predictor-corrector"), 50
        ),
        lambda t, s: lab.distance(lab.model("vp-sde", POINTS, t), POINTS, s, named("reverse-diffusion"), 100),
    )


def weighting_likelihood(lab: Laboratory) -> Finding:
    def nats(model: GaussianModel, seed: int) -> float:
        told = model.bound(lab.data(POINTS).test[:512], seed)
        assert told is not None
        return -float(told.nats.mean())

    return paired(
        "Likelihood weighting gives a better likelihood (4.3.2.1, 4.35)",
        f"flow's likelihood of vp-sde with and without, {POINTS}, 512 held out",
        lambda t, s: nats(lab.model("vp-sde", POINTS, t, likelihood=True), s),
        lambda t, s: nats(lab.model("vp-sde", POINTS, t), s),
        "nats",
    )


def weighting_quality(lab: Laboratory) -> Finding:
    return paired(
        "Likelihood weighting costs sample quality (4.3.1.3)",
        f"heun, 40 steps, of vp-sde without and with likelihood weighting, {POINTS}",
        lambda t, s: lab.distance(lab.model("vp-sde", POINTS, t), POINTS, s, named("heun"), 40),
        lambda t, s: lab.distance(
            lab.model("vp-sde", POINTS, t, likelihood=True), POINTS, s, named("heun"), 40
        ),
    )


def epsilon_scaling(lab: Laboratory) -> Finding:
    return paired(
        "Scaling eps down mends exposure bias (4.3.2.3)",
        f"eps / 1.01 against eps, ancestral, 50 steps, ddpm on {DIGITS}",
        lambda t, s: lab.distance(
            lab.model("ddpm", DIGITS, t),
            DIGITS,
            s,
            named("ancestral"),
            50,
            lambda inner: EpsilonScaled(inner, 1.01),
        ),
        lambda t, s: lab.distance(lab.model("ddpm", DIGITS, t), DIGITS, s, named("ancestral"), 50),
    )


def higher_order(_: Laboratory) -> Finding:
    """Exact denoisers: log10 of the ratio of errors at the true ends."""
    return _orders("A solver of higher order is nearer at equal cost (4.3.2)", "ab-3", "ddim", 20)


def higher_order_few(_: Laboratory) -> Finding:
    said = "A solver of higher order is less stable with very few evaluations (4.3.2)"
    return _orders(said, "ddim", "ab-3", 4)


def _orders(said: str, claimed: str, other: str, cost: int) -> Finding:
    def error(name: str, problem_name: str) -> float:
        asked, schedule, sampler = problem(problem_name), KarrasSchedule(), named(name)
        starts = asked.starts(128, 80.0)
        grid = path(schedule, sampler.steps_for(cost), "karras", end=0.002)
        found = sample(OracleDenoiser(asked.law, schedule), sampler, grid, starts, gaussian_noise(0))
        return float((found.x - asked.ends(starts, 80.0)).square().sum(1).mean().sqrt())

    gains = tuple(math.log10(error(other, one) / error(claimed, one)) for one in PROBLEMS)
    ran = f"{claimed} against {other}, {cost} evaluations, six oracle problems"
    shown = f"nearer in {sum(gain > 0 for gain in gains)} of {len(gains)}"
    return Finding(said, ran, gains, "decades of error", shown, exact=True)


def analytic_variance(_: Laboratory) -> Finding:
    """Exact laws of ancestral sampling on Gaussians: KL of what comes out to what should."""
    laws = {
        "narrow": MixtureLaw.gaussian(torch.zeros(2), torch.tensor([[0.25, 0.0], [0.0, 0.25]])),
        "correlated": MixtureLaw.gaussian(torch.tensor([0.3, -0.5]), torch.tensor([[1.0, 0.6], [0.6, 0.5]])),
        "wide": MixtureLaw.gaussian(torch.ones(2), torch.tensor([[4.0, 0.0], [0.0, 0.5]])),
    }
    schedule, gains, shown = LinearSchedule(), [], []
    for steps in (5, 10, 20):
        grid = path(schedule, steps, "log-snr", end=0.01, to_data=False)
        for law in laws.values():
            gaps = [
                _kl(moments_of_gaussian(AncestralSampler(kind), grid, law), marginal(law, grid.levels[-1]))
                for kind in (OptimalVariance(of_gaussian(law)), "beta-tilde", "beta")
            ]
            gains.append(min(gaps[1:]) - gaps[0])
            shown.append(gaps)
    means = [statistics.fmean(column) for column in zip(*shown, strict=True)]
    told = "KL {:.3g} against {:.3g} (beta-tilde) and {:.3g} (beta)".format(*means)
    ran = "ancestral with 5, 10 and 20 steps on three Gaussians, exact laws"
    said = "The analytic variance helps at few steps (4.3.2.3, 4.43)"
    return Finding(said, ran, tuple(gains), "nats", told, True)


def _kl(found: Any, truth: Any) -> float:
    """KL(found || truth) of Gaussians, nats."""
    inverse = torch.linalg.inv(truth.covariance)
    away: Tensor = truth.mean - found.mean
    size = len(away)
    logs = torch.logdet(truth.covariance) - torch.logdet(found.covariance)
    return float((torch.trace(inverse @ found.covariance) + away @ inverse @ away - size + logs) / 2)


CLAIMS: dict[str, Callable[[Laboratory], Finding]] = {
    "higher-order": higher_order,
    "higher-order-few": higher_order_few,
    "analytic-variance": analytic_variance,
    "few-deterministic": few_steps_deterministic,
    "few-churn": few_steps_churn,
    "many-stochastic": many_steps_stochastic,
    "restart-ode": restart_over_ode,
    "restart-sde": restart_over_sde,
    "ddim-ddpm": ddim_over_ddpm,
    "cosine-draws": cosine_draws,
    "cosine-likelihood": cosine_likelihood,
    "learned-variance": learned_variance,
    "corrector-steps": corrector_at_equal_steps,
    "corrector-cost": corrector_at_equal_cost,
    "weighting-likelihood": weighting_likelihood,
    "weighting-quality": weighting_quality,
    "epsilon-scaling": epsilon_scaling,
}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--steps", type=whole_number(1), default=2500, help="of each training")
    parser.add_argument("--out", type=Path, default=Path("runs/claims"), help="folder of the runs")
    parser.add_argument("--only", nargs="+", choices=CLAIMS, default=list(CLAIMS), metavar="NAME")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lab, rows = Laboratory(asked.out, asked.steps), []
    for name in asked.only:
        progress(f"checking {name}")
        rows.append(CLAIMS[name](lab).row())
    if asked.json:
        show("statements of chapter 4", {"training_steps": asked.steps, "rows": rows}, True)
    else:
        print(as_table(rows))


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows)])


if __name__ == "__main__":
    main()

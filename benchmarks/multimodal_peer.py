"""Stacks of multimodal VAEs beside MultiVae (Senellart et al. 2025): speed, quality, traps.

MultiVae lives in an environment of its own whose Python is given; it answers in a subprocess
(`multimodal_peer_side.py`), so that nothing here imports it. Both sides have one kind of networks and the
same threads, and take turns. Without that Python nothing is measured: the run says so and ends well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from measuring import Spread, options, progress, show, whole_number
from multimodal_peer_quality import quality
from multimodal_sides import GAUSSIANS, IMAGE_LABEL, RATE, RULES, Peer, stack

from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.stack_training import Examples, StackTask
from tasvir.score.statistics.ratio import paired_ratio


@dataclass(frozen=True)
class Case:
    """What is timed on both sides.

    Args:
        rule: Of `RULES`.
        networks: Their widths and likelihoods.
        weightings: times seeds = models.
        seeds: Training sets.
        batch: Examples a step.
        fused: Whether their optimiser, too, updates in one pass.
    """

    rule: str
    networks: dict[str, Any]
    weightings: int = 9
    seeds: int = 10
    batch: int = 100
    fused: bool = False

    @property
    def models(self) -> int:
        return self.weightings * self.seeds


CASES = {
    "image + label, 90 models, product": Case("mvae", IMAGE_LABEL),
    "image + label, 90 models, mixture": Case("mmvae", IMAGE_LABEL),
    "image + label, 90 models, mixture of products": Case("mopoe", IMAGE_LABEL),
    "image + label, 90 models, product, their optimiser fused": Case("mvae", IMAGE_LABEL, fused=True),
    "image + label, 90 models, product, batch 10": Case("mvae", IMAGE_LABEL, batch=10),
    "three Gaussians, 240 models, product": Case("mvae", GAUSSIANS, 8, 30),
    "three Gaussians, 240 models, mixture": Case("mmvae", GAUSSIANS, 8, 30),
}


def our_step(case: Case, examples: int = 1000) -> Callable[[], None]:
    """One step of all models as training takes it: batches, noise, objective, gradient, Adam."""
    model = stack(case.rule, case.networks, case.weightings, range(case.seeds))
    drawn = tuple(
        torch.bernoulli(torch.full((case.seeds, examples, one.size), 0.2)) for one in model.modalities
    )
    task = StackTask("speed", model, Examples(drawn, drawn), RULES[case.rule][1], 1, case.batch, RATE)
    optimiser = torch.optim.Adam(task.stack.parameters(), RATE, fused=True)

    def step() -> None:
        task.stack.steps.remainder_(task.steps_of_epoch - 1).clamp_min_(1)  # never an epoch's first
        loss, _ = task.loss(None, None, case.batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def timed(step: Callable[[], None], times: int = 1) -> dict[str, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        step()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def compared(theirs: list[dict[str, float]], ours: list[dict[str, float]]) -> dict[str, Any]:
    """Seconds of both and the ratio of their means, by wall and by CPU time; turns are pairs."""
    told: dict[str, Any] = {}
    for clock in ("wall", "cpu"):
        pairs = [(a[clock], b[clock]) for a, b in zip(theirs, ours, strict=True)]
        told[clock] = {
            "theirs_seconds": asdict(Spread.of([a for a, _ in pairs])),
            "ours_seconds": asdict(Spread.of([b for _, b in pairs])),
            "theirs_over_ours": asdict(paired_ratio(pairs)),
        }
    return told


def operations(step: Callable[[], None]) -> int:
    """Floating-point operations of the products of matrices in a step."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def products_per_second(case: Case) -> float:
    """Operations a CPU second of nothing but the largest products of a case."""
    size, hidden, _ = next(iter(case.networks["modalities"].values()))
    x, weight = torch.rand(case.models, case.batch, size), torch.rand(case.models, size, hidden)
    taken = min(timed(lambda: torch.bmm(x, weight))["cpu"] for _ in range(7))
    return 2 * x.numel() * hidden / taken


def speed_of(peer: Peer, case: Case, turns: int) -> dict[str, Any]:
    """Both sides by turns; what their ratio consists of beside it."""
    peer.ask(
        "prepare",
        rule=case.rule,
        count=case.models,
        examples=case.batch,
        networks=case.networks,
        fused=case.fused,
    )
    step = our_step(case)
    peer.ask("steps")
    step()
    theirs, ours = [], []
    for _ in range(turns):
        theirs.append(peer.ask("steps"))
        ours.append(timed(step))
    told = compared(theirs, ours)
    own, other = operations(step), peer.ask("operations")["operations"]
    fastest = own / products_per_second(case)
    least = min(one["cpu"] for one in theirs) / fastest
    return {
        **told,
        "models": case.models,
        "operations": {"theirs": other, "ours": own},
        "cpu_seconds_of_our_products_alone": fastest,
        "theirs_over_our_products_alone": least,
    }


def epochs_of(peer: Peer, case: Case, turns: int, batches: int = 3) -> dict[str, Any]:
    """An epoch by their BaseTrainer, loading of examples included, against as many steps of ours."""
    peer.ask(
        "prepare", rule=case.rule, count=case.models, examples=batches * case.batch, networks=case.networks
    )
    with tempfile.TemporaryDirectory() as folder:
        peer.ask("prepare_trainers", batch=case.batch, folder=folder)
        step = our_step(case)
        step()
        theirs, ours = [], []
        for _ in range(turns):
            theirs.append(peer.ask("epoch"))
            ours.append(timed(step, batches))
    return {**compared(theirs, ours), "models": case.models, "batches": batches}


def speed(peer: Peer, asked: argparse.Namespace) -> dict[str, Any]:
    """Every case, and an epoch by their trainer."""
    found: dict[str, Any] = {}
    for name, case in CASES.items():
        progress(name)
        found[name] = speed_of(peer, case, asked.turns)
    progress("an epoch by their trainer")
    found["image + label, 90 models, product, their trainer's epoch"] = epochs_of(
        peer, CASES["image + label, 90 models, product"], asked.turns
    )
    return found


def our_dealing(components: int, batch: int, draws: int = 2000) -> list[float]:
    """Examples that a stratified draw of ours deals to each of equal components, on the mean."""
    generator = torch.Generator().manual_seed(0)
    zero = torch.zeros(components, draws, batch, 1)
    mixture = Mixture(Gaussian(zero, zero), torch.full((components, draws, batch), 1 / components))
    uniform = torch.rand(draws, batch, generator=generator)
    dealt = mixture.draw(zero[:1], uniform, "stratified").component
    return [round(float((dealt == k).sum()) / draws, 2) for k in range(components)]


def traps(peer: Peer, _: argparse.Namespace) -> dict[str, Any]:
    """What their mixture of products deals out, how often it counts the prior, how losses are made."""
    dealt = {}
    for modalities, batch in ((2, 2), (2, 100), (3, 6), (5, 30), (5, 64), (5, 100)):
        sets = 2**modalities - 1
        told = peer.ask("slices", shares=[1 / sets] * sets, batch=batch)
        dealt[f"{modalities} modalities, {sets} sets, batch {batch}"] = {
            "theirs": told["counts"],
            "ours_mean": our_dealing(sets, batch),
        }
    pulls = (4.0, 2.25, 1.0)
    told = peer.ask("products", variances=[1 / (1 + pull) for pull in pulls])
    return {
        "examples_dealt_to_each_set": dealt,
        "precision_of_three_true_posteriors": {**told, "truth_of_all": 1 + sum(pulls)},
        "losses": {rule: peer.ask("losses", rule=rule) for rule in ("mvae", "mmvae", "mopoe")},
    }


PARTS = {"speed": speed, "traps": traps, "quality": quality}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--peer-python", help="Python of an environment that has multivae 1.0.3")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--turns", type=whole_number(2), default=7, help="measurements a side (default 7)")
    parser.add_argument("--seeds", type=whole_number(2), default=10, help="training sets (default 10)")
    parser.add_argument("--epochs", type=whole_number(1), default=100)
    parser.add_argument("--examples", type=whole_number(100), default=1000, help="of a training set")
    parser.add_argument("--data", type=Path, help="folder that holds the folder mnist")
    parser.add_argument("--cache", type=Path, help="where the classifier is kept")
    asked = parser.parse_args()
    if asked.peer_python is None or not Path(asked.peer_python).exists():
        progress(
            f"nothing was measured: --peer-python is {asked.peer_python}; docs/lab/multimodal-peer.md says "
            "how that environment is made"
        )
        sys.exit(0)
    torch.manual_seed(asked.seed)
    with closing(Peer(asked.peer_python)) as peer:
        figures: dict[str, Any] = {"peer": peer.ask("about")}
        for part, measure in PARTS.items():
            if part in asked.parts:
                figures[part] = measure(peer, asked)
    show("stacks of multimodal VAEs beside MultiVae", figures, asked.json)


if __name__ == "__main__":
    main()

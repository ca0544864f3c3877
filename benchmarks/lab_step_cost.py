"""What one step costs: our samplers beside the same algorithms of diffusers, without any network.

    python benchmarks/lab_step_cost.py

A batch of 64 of 4 x 16 x 16 in float32 on one thread, 20 steps over the same noises. Each is handed the
same ready eps at every question and makes of it what it goes by, so that what is left is the sampler alone. "Steps"
leaves setting up (path or `set_timesteps`) out on both sides, "whole" counts it in. Rounds of ours and theirs
take turns. Ratios are ours over theirs, round by round; CPU time of the process, so that a busy machine
counts for little.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import diffusers
import torch
from lab_peers import VP_BETAS
from measuring import Spread, options, show, whole_number
from torch import Tensor

from tasvir import registry
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.predictions import convert
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.schedules.table import TableSchedule

STEPS = 20
SHAPE = (64, 4, 16, 16)
KARRAS = {"use_karras_sigmas": True}
PAIRS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ddim": ("DDIM", {"clip_sample": False}, {}),
    "euler": ("EulerDiscrete", KARRAS, {}),
    "ancestral": ("DDPM", {"clip_sample": False}, {}),
    "euler-a": ("EulerAncestralDiscrete", {}, {}),
    "heun": ("HeunDiscrete", KARRAS, {}),
    "dpmpp-2m": ("DPMSolverMultistep", KARRAS, {}),
    "dpmpp-3m": ("DPMSolverMultistep", {"solver_order": 3, **KARRAS}, {"start": "lower-order"}),
    "dpmpp-2m-sde": ("DPMSolverMultistep", {"algorithm_type": "sde-dpmsolver++", **KARRAS}, {}),
    "deis-log-rho-3": ("DEISMultistep", {"solver_order": 3, **KARRAS}, {"start": "lower-order"}),
    "unipc-2": ("UniPCMultistep", KARRAS, {}),
    "unipc-3": ("UniPCMultistep", {"solver_order": 3, **KARRAS}, {"start": "lower-order"}),
    "plms": ("PNDM", {"skip_prk_steps": True}, {}),
    "lms": ("LMSDiscrete", KARRAS, {"start": "lower-order"}),
    "straight-ab-3": ("DPMSolverMultistep", {"solver_order": 3, **KARRAS}, {}),
}
"""Ours -> theirs, its options, ours. The last is ours alone, beside their multistep method of its order."""


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=whole_number(2), default=15, help="interleaved rounds (default 15)")
    parser.add_argument("--only", nargs="+", choices=list(PAIRS), default=list(PAIRS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    dice = torch.Generator().manual_seed(chosen.seed)
    x, answer = (torch.randn(SHAPE, generator=dice) for _ in range(2))
    figures: dict[str, dict[str, Any]] = {}
    for name in chosen.only:
        kind, theirs, own = PAIRS[name]
        one, other = _our_run(name, own, x, answer), _their_run(kind, theirs, x, answer)
        rounds = [(one(), other()) for _ in range(chosen.rounds + 1)][1:]
        figures[name] = {
            "beside": kind,
            "our_steps_microseconds": Spread.of([1e6 * a.steps for a, _ in rounds]),
            "their_steps_microseconds": Spread.of([1e6 * b.steps for _, b in rounds]),
            "ratio_of_steps": Spread.of([a.steps / b.steps for a, b in rounds]),
            "ratio_of_whole": Spread.of([a.whole / b.whole for a, b in rounds]),
        }
    for ratio in ("ratio_of_steps", "ratio_of_whole"):
        slow = [name for name in chosen.only if figures[name][ratio].median > 1]
        figures[f"above_1_in_{ratio}"] = {"samplers": ", ".join(slow) or "none"}
    show("lab_step_cost", figures, chosen.json)


class Cost(NamedTuple):
    """CPU seconds a question, without and with setting up."""

    steps: float
    whole: float


def _our_run(name: str, own: dict[str, Any], x: Tensor, answer: Tensor) -> Callable[[], Cost]:
    sampler = registry.create("lab.samplers", name, Sampler, **own)
    schedule = TableSchedule(torch.tensor(VP_BETAS))

    def quick(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype)  # as diffusers draws it

    @torch.no_grad()
    def run() -> Cost:
        began = time.process_time()
        grid = path(schedule, STEPS, "karras", end=1.0)
        for level in grid.levels:  # a level works its numbers out when first asked: that is setting up
            _ = level.alpha, level.sigma, level.half_log_snr, level.ratio
        asked, ready = 0, time.process_time()
        walk = sampler.walk(x, grid, quick)
        question = next(walk)
        while True:
            asked += 1
            try:
                told = convert(answer, question.x, question.level, "eps", question.wants)
                question = walk.send(told)
            except StopIteration:
                done = time.process_time()
                return Cost((done - ready) / asked, (done - began) / asked)

    return run


def _their_run(kind: str, theirs: dict[str, Any], x: Tensor, answer: Tensor) -> Callable[[], Cost]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = getattr(diffusers, f"{kind}Scheduler")(trained_betas=VP_BETAS, **theirs)

    @torch.no_grad()
    def run() -> Cost:
        began = time.process_time()
        scheduler.set_timesteps(STEPS)
        sample, ready = x, time.process_time()
        for t in scheduler.timesteps:
            scheduler.scale_model_input(sample, t)
            sample = scheduler.step(answer, t, sample, return_dict=False)[0]
        done, asked = time.process_time(), len(scheduler.timesteps)
        return Cost((done - ready) / asked, (done - began) / asked)

    return run


if __name__ == "__main__":
    main()

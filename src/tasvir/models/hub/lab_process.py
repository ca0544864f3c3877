"""What a scheduler's configuration of diffusers says, in the laboratory's terms: schedule, prediction, grid.

Betas are a table of the laboratory, whose step i is timestep i - 1; flow matching is the straight path, whose
time is diffusers' sigma. The grid is made by diffusers' own scheduler of that configuration, so spacings,
offsets, shifts and custom sigmas mean the same; only the levels between two table steps are ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule

Kind = Literal["betas", "flow-match", "flow-sigmas"]

PREDICTED: dict[str, Prediction] = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}


@dataclass(frozen=True)
class Process:
    """How a model of diffusers was trained.

    Args:
        kind: Which configuration it is: betas, FlowMatch..., or another scheduler's use_flow_sigmas.
        schedule: alpha and sigma.
        prediction: What the network tells.
        grid: diffusers' scheduler that makes timesteps.
        scale: Timesteps a unit of the schedule's time.
        offset: Timestep at the schedule's time 0.
    """

    kind: Kind
    schedule: Schedule
    prediction: Prediction
    grid: Any
    scale: float
    offset: float

    def timestep(self, time: float) -> float:
        """What the network is told of a time of the schedule."""
        return time * self.scale + self.offset

    def time(self, timestep: float) -> float:
        """The schedule's time of a timestep."""
        return (timestep - self.offset) / self.scale

    def path(self, steps: int | None, **asked: Any) -> Path:
        """The grid of so many steps that diffusers would go, to the data at its end.

        Args:
            steps: How many.
            asked: What else `set_timesteps` of the scheduler takes: ``sigmas``, ``mu``, ``timesteps``.

        Raises:
            SettingError: More steps than the model has, or a grid that does not fall.
            ValueError: diffusers' own complaints.
        """
        given = {name: value for name, value in asked.items() if value is not None}
        with warnings.catch_warnings():
            # diffusers hands tensors to numpy in a way that numpy 2 wants done otherwise
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            self.grid.set_timesteps(steps, **given)
        if self.kind == "betas":
            times = [self.time(float(timestep)) for timestep in self.grid.timesteps]
        else:
            times = [float(sigma) for sigma in self.grid.sigmas[:-1]]
        times.append(self.schedule.first)
        if any(not one > other for one, other in pairwise(times)):
            raise SettingError(
                f"{steps} steps do not fit into {self.grid.config['num_train_timesteps']} timesteps of this "
                "model: ask for fewer"
            )
        return Path(tuple(self.schedule.level(time) for time in times))


def process_of(config: Mapping[str, Any]) -> Process:
    """The process of a scheduler's configuration.

    Raises:
        SettingError: It is neither of betas nor of a flow, or predicts something unknown.
    """
    kept = {name: value for name, value in config.items() if name != "_use_default_values"}
    kind = config.get("process") or _kind(kept)
    trained = float(kept.get("num_train_timesteps", 1000))
    if kind == "flow-match":
        grid = FlowMatchEulerDiscreteScheduler.from_config(_of(kept, FlowMatchEulerDiscreteScheduler))
        return Process(kind, StraightSchedule(), "velocity", grid, trained, 0.0)
    if kind == "flow-sigmas":
        given = {**_of(kept, DPMSolverMultistepScheduler), "final_sigmas_type": "zero"}
        grid = DPMSolverMultistepScheduler.from_config(given, algorithm_type="dpmsolver++")
        return Process(kind, StraightSchedule(), "velocity", grid, trained, 0.0)
    prediction = kept.get("prediction_type", "epsilon")
    if prediction not in PREDICTED:
        raise SettingError(
            f"a model that predicts {prediction!r} is none that the laboratory knows: {', '.join(PREDICTED)}"
        )
    given = {**_of(kept, EulerDiscreteScheduler), "timestep_type": "discrete", "final_sigmas_type": "zero"}
    grid = EulerDiscreteScheduler.from_config(given, interpolation_type="linear")
    table = TableSchedule.of_products(torch.as_tensor(grid.alphas_cumprod))
    return Process("betas", table, PREDICTED[prediction], grid, 1.0, -1.0)


def _kind(config: Mapping[str, Any]) -> Kind:
    if "FlowMatch" in str(config.get("_class_name", "")) or "max_image_seq_len" in config:
        return "flow-match"
    if config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction":
        return "flow-sigmas"
    if "sigma_data" in config or not {"beta_schedule", "trained_betas"} & set(config):
        raise SettingError(
            f"the scheduler {config.get('_class_name', 'of this model')} is neither of betas nor of flow "
            "matching, so its noise levels are not known: leave out the laboratory's sampler"
        )
    return "betas"


def _of(config: Mapping[str, Any], scheduler: type) -> dict[str, Any]:
    """What of a configuration a scheduler knows."""
    known = scheduler._get_init_keys(scheduler)  # type: ignore[attr-defined]
    return {name: value for name, value in config.items() if name in known}

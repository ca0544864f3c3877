"""Samplers of the laboratory as schedulers of diffusers, so that they drive real pipelines.

A lab sampler is a walk that asks; a pipeline owns its loop and calls ``step`` with the network's answer. Each
step answers the walk's question and hands out the x of the next one. So that the pipeline knows its timesteps
beforehand the walk is rehearsed on one number: its questions' levels must not hang on the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.schedulers.scheduling_utils import SchedulerOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.predictions import convert
from tasvir.lab.diffusion.samplers.base import Question, Sampler, Walk
from tasvir.lab.diffusion.schedules.base import Level, shaped
from tasvir.models.hub.lab_process import process_of

Generators = torch.Generator | Sequence[torch.Generator]


class LabScheduler(SchedulerMixin, ConfigMixin):
    """Any fixed-step sampler of the laboratory: lab:NAME, see `tasvir list lab.samplers`.

    Args:
        model: The sampler's name.
        config: Of the model's own scheduler: betas or flow, prediction, spacing.

    Raises:
        UnknownNameError: No such sampler.
        SettingError: An adaptive sampler, or a process that the laboratory does not know.
    """

    def __init__(self, model: str, **config: Any) -> None:
        self.sampler = registry.create("lab.samplers", model, Sampler)
        if self.sampler.evaluations is None:
            raise SettingError(
                f"sampler lab:{model} chooses its steps as it goes, and pipelines must know them before: "
                "take one of fixed steps"
            )
        if config.get("thresholding"):
            raise SettingError("dynamic thresholding is not done by the laboratory's samplers: take another")
        self.process = process_of(config)
        public = {name: value for name, value in config.items() if not name.startswith("_")}
        self.register_to_config(**{**public, "model": model, "process": self.process.kind})
        self.order = self.sampler.evaluations
        self.init_noise_sigma = 1.0

    @classmethod
    def from_config(cls, config: Any = None, return_unused_kwargs: bool = False, **changes: Any) -> Any:
        """As diffusers' own: the configuration of any scheduler, with ``model`` among the changes."""
        made = cls(**{**(config or {}), **changes})
        return (made, {}) if return_unused_kwargs else made

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: str | torch.device | None = None,
        sigmas: Sequence[float] | None = None,
        mu: float | None = None,
    ) -> None:
        """Set the grid, as the model's own scheduler would.

        Args:
            num_inference_steps: Steps; a sampler of two questions a step has twice as many timesteps.
            device: Of ``timesteps``.
            sigmas: Instead of a number, as in diffusers.
            mu: Shift by picture size, of models that ask for it.

        Raises:
            SettingError: Steps that the model or the sampler cannot do.
        """
        shifts = self.process.kind == "flow-match" and self.config.get("use_dynamic_shifting")
        self._path = self.process.path(num_inference_steps, sigmas=sigmas, mu=mu if shifts else None)
        self._asked = self._rehearsed(self._path)
        self.num_inference_steps = len(self._path.steps)
        times = [self.process.timestep(level.t) for level in self._asked]
        self.timesteps = torch.tensor(times, dtype=torch.float32, device=device)
        self.begin_index: int | None = None
        self.step_index: int | None = None
        self._walk: Walk | None = None

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Begin in the middle: pipelines that start from a picture.

        Raises:
            SettingError: The sampler cannot begin there.
        """
        self.begin_index = begin_index
        self.step_index, self._walk = None, None

    def scale_model_input(self, sample: Tensor, timestep: Any = None) -> Tensor:  # noqa: ARG002
        """The network is asked about x itself."""
        return sample

    def step(
        self,
        model_output: Tensor,
        timestep: Any,
        sample: Tensor,
        generator: Generators | None = None,
        return_dict: bool = True,
    ) -> SchedulerOutput | tuple[Tensor]:
        """Answer the walk's question and hand out the next x.

        Args:
            model_output: What the network told of ``sample``.
            timestep: The one that it was told, in the order of ``timesteps``.
            sample: x, as it was handed out.
            generator: Of the noise, or one an example.
            return_dict: False returns a tuple.

        Raises:
            SettingError: x, timestep or output are not what the walk asked about, or noise without a seed.
        """
        if self._walk is None:
            self._begin(sample, generator)
        elif self.step_index is not None and self.step_index >= len(self._asked):
            raise SettingError("the walk is at its end: call set_timesteps before drawing again")
        self._check(model_output, timestep, sample)
        self._generator = generator
        answer = self._answer(model_output.to(self._question.x))
        handed = self._send(answer).to(sample.dtype)
        self._handed = handed
        return SchedulerOutput(handed) if return_dict else (handed,)

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """alpha x_0 + sigma eps at timesteps [B] or []."""
        times = torch.as_tensor(timesteps, dtype=torch.float64, device="cpu").reshape(-1)
        times = self.process.time(times)  # type: ignore[arg-type, assignment]  # the formula holds for tensors
        schedule = self.process.schedule
        alpha, sigma = (shaped(value(times), original_samples) for value in (schedule.alpha, schedule.sigma))
        return alpha * original_samples + sigma * noise

    def scale_noise(self, sample: Tensor, timestep: Tensor, noise: Tensor) -> Tensor:
        """`add_noise` as flow matching pipelines call it."""
        return self.add_noise(sample, noise, timestep)

    def __len__(self) -> int:
        return int(self.config["num_train_timesteps"])

    def _rehearsed(self, path: Path) -> list[Level]:
        """The levels that the walk will ask at.

        Raises:
            SettingError: The sampler cannot go along this path, or changes x before it asks.
        """
        x = torch.full((1, 1, 1, 1), 0.5, dtype=torch.float64)
        walk, levels = self.sampler.walk(x, path, torch.ones_like), []
        name = f"sampler lab:{self.sampler.name}"
        try:
            question = next(walk)
            if not torch.equal(question.x, x):
                raise SettingError(f"{name} adds noise before it asks, which a pipeline cannot: take another")
            while True:
                levels.append(question.level)
                question = walk.send(torch.full_like(x, 0.3))
        except StopIteration as stop:
            if not torch.isfinite(stop.value).all():
                raise SettingError(
                    f"{name} comes to NaN or infinity on this model's grid of {len(path.steps)} steps: take "
                    "another sampler or another number of steps"
                ) from None
        return levels

    def _begin(self, sample: Tensor, generator: Generators | None) -> None:
        """Start the walk, at ``begin_index`` where it is set."""
        if self.sampler.stochastic and generator is None:
            raise SettingError(
                f"sampler lab:{self.sampler.name} draws noise and was given no generator, so that no seed "
                "would give the same picture again: pass one, or take a sampler without noise"
            )
        path, begin = self._path, self.begin_index or 0
        if begin:
            path = self._later(begin)
        wide = torch.promote_types(sample.dtype, torch.float32)
        self._generator = generator
        self._walk = self.sampler.walk(sample.to(wide), path, self._noise)
        self._question: Question = next(self._walk)
        self._handed, self.step_index = sample, begin

    def _later(self, begin: int) -> Path:
        """The path from the level of a question on, if the questions from there are still the same."""
        times = [level.t for level in self._path.levels]
        asked = [level.t for level in self._asked[begin:]]
        if asked and asked[0] in times and times.index(asked[0]) < len(times) - 1:
            path = Path(self._path.levels[times.index(asked[0]) :])
            if [level.t for level in self._rehearsed(path)] == asked:
                return path
        raise SettingError(
            f"sampler lab:{self.sampler.name} cannot begin at its question {begin + 1}: take another "
            "sampler, strength or number of steps"
        )

    def _check(self, model_output: Tensor, timestep: Any, sample: Tensor) -> None:
        assert self.step_index is not None
        expected = float(self.timesteps[self.step_index])
        if abs(float(timestep) - expected) > 1e-3:
            raise SettingError(
                f"timestep {float(timestep):g} was given where {expected:g} comes: go through timesteps in "
                "their order, and set_begin_index before beginning in the middle"
            )
        if model_output.shape != sample.shape:
            raise SettingError(
                f"the network told {tuple(model_output.shape)} of {tuple(sample.shape)}: a learned variance "
                "must be cut off before"
            )
        if not torch.equal(sample, self._handed):
            raise SettingError(
                "the latents were changed between two steps, which the laboratory's samplers do not know of: "
                "this pipeline needs one of diffusers' own samplers"
            )

    def _answer(self, told: Tensor) -> Tensor:
        """What the network told in the terms that were asked for."""
        question, source = self._question, self.process.prediction
        if not self.config.get("clip_sample"):
            return convert(told, question.x, question.level, source, question.wants)
        most = float(self.config.get("clip_sample_range", 1.0))
        x0 = convert(told, question.x, question.level, source, "x0").clamp(-most, most)
        return convert(x0, question.x, question.level, "x0", question.wants)

    def _send(self, answer: Tensor) -> Tensor:
        assert self._walk is not None and self.step_index is not None
        self.step_index += 1
        try:
            self._question = self._walk.send(answer)
        except StopIteration as stop:
            end: Tensor = stop.value
            return end
        if self._question.level.t != self._asked[self.step_index].t:
            raise SettingError(
                f"sampler lab:{self.sampler.name} chooses its levels by what it sees, which a pipeline "
                "cannot answer: take another"
            )
        return self._question.x

    def _noise(self, like: Tensor) -> Tensor:
        given = self._generator
        chosen = list(given) if isinstance(given, Sequence) else given
        drawn: Tensor = randn_tensor(like.shape, generator=chosen, device=like.device, dtype=like.dtype)
        return drawn

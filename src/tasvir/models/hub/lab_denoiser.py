"""Networks of diffusers, and the embedded one, as denoisers of the laboratory.

So its samplers, likelihoods and guidance work on them: `HubDenoiser(...).path(20)` is the grid that the
model's own scheduler would go, and `ClassifierFree` of a pair is what a pipeline's guidance scale does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.models.embedded.conditioning import Grounding, tokenize
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.hub.lab_process import Process, process_of

Call = Callable[[Tensor, Tensor], Tensor]
"""x [B, ...] and timesteps [B] float32 -> what the network tells, shape of x."""


class HubDenoiser(Denoiser):
    """A network under the process that it was trained on; between two timesteps it is told a fraction.

    Args:
        call: Asks the network.
        process: Of its scheduler's configuration: `process_of`. Denoisers that guide one another share it.
    """

    def __init__(self, call: Call, process: Process) -> None:
        self.call, self.process = call, process
        self.schedule, self.prediction = process.schedule, process.prediction

    def tell(self, x: Tensor, level: Level) -> Tensor:
        """See `Denoiser.tell`; nearer to the data than its first timestep the network is told that one."""
        timestep = max(self.process.timestep(level.t), 0.0)
        times = torch.full((len(x),), timestep, dtype=torch.float32, device=x.device)
        return self.call(x, times)

    def path(self, steps: int, **asked: Any) -> Path:
        """See `Process.path`."""
        return self.process.path(steps, **asked)


def of_network(network: Any, process: Process, **conditions: Any) -> HubDenoiser:
    """A U-Net or transformer of diffusers that is told timesteps of 0 to 1000 (FLUX is told thousandths).

    Args:
        network: The module.
        process: Of its scheduler.
        conditions: What else it is called with: ``encoder_hidden_states`` and the like, for the batch.

    Raises:
        SettingError: It is not called like any of diffusers'.
    """
    takes = inspect.signature(network.forward).parameters
    first = next((name for name in ("sample", "hidden_states") if name in takes), None)
    if first is None or "timestep" not in takes:
        raise SettingError(
            f"{type(network).__name__} takes no sample and timestep as networks of diffusers do: wrap its "
            "call in HubDenoiser"
        )

    def call(x: Tensor, times: Tensor) -> Tensor:
        given = {first: x, "timestep": times, **conditions}
        told: Tensor = network(**given, return_dict=False)[0]
        return told[:, : x.shape[1]]  # a learned variance stands behind the guess

    return HubDenoiser(call, process)


def of_embedded(
    pipeline: EmbeddedLayoutPipeline,
    prompts: Sequence[str],
    groundings: Sequence[Grounding | None] | None = None,
) -> tuple[HubDenoiser, HubDenoiser]:
    """The embedded text-to-image model with prompts (and layouts), and without: `ClassifierFree` takes both.

    Args:
        pipeline: Opened; latents of [B, 16, 16, 16] are what it denoises.
        prompts: One an example.
        groundings: A layout an example, or None.
    """
    layouts = [grounding or Grounding() for grounding in (groundings or [None] * len(prompts))]
    device, network = pipeline._execution_device, pipeline.denoiser
    with torch.no_grad():
        encoded = pipeline.encode(tokenize(pipeline.text_encoder, prompts, layouts), True, device)
    process = process_of(pipeline.scheduler.config)

    def asking(half: int) -> Call:
        conditions = [part.chunk(2)[half] for part in encoded]

        def call(x: Tensor, times: Tensor) -> Tensor:
            told: Tensor = network(x.to(network.dtype), times, *conditions)
            return told.to(x)

        return call

    return HubDenoiser(asking(0), process), HubDenoiser(asking(1), process)

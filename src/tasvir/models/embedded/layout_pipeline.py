"""The embedded layout-to-image model as a diffusers pipeline.

The same weights draw with a layout (phrases and boxes) or, without one, from the text alone. Works with any
diffusers scheduler that takes v-prediction; `save_pretrained` and `from_pretrained` are diffusers' own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from diffusers import DiffusionPipeline, ImagePipelineOutput
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from PIL import Image
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.embedded.autoencoder import FACTOR, EmbeddedAutoencoder
from tasvir.models.embedded.clip_text import ClipTextEncoder
from tasvir.models.embedded.conditioning import Condition, Grounding, tokenize
from tasvir.models.embedded.denoiser import LayoutTransformer
from tasvir.models.embedded.text import EmbeddedTextEncoder

NATIVE = 128
"""Side in pixels of the pictures that the model was trained on."""

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
}
"""The noise schedule of training, in diffusers' terms."""


class EmbeddedLayoutPipeline(DiffusionPipeline):
    """Text and layout to pictures of the picture world.

    Args:
        vae: Pixels <-> latents.
        text_encoder: Words -> vectors.
        denoiser: Predicts v.
        scheduler: Any diffusers scheduler configured with `SCHEDULE`.
    """

    model_cpu_offload_seq = "text_encoder->denoiser->vae"

    def __init__(
        self,
        vae: EmbeddedAutoencoder,
        text_encoder: EmbeddedTextEncoder | ClipTextEncoder,
        denoiser: LayoutTransformer,
        scheduler: SchedulerMixin,
    ) -> None:
        super().__init__()
        self.register_modules(vae=vae, text_encoder=text_encoder, denoiser=denoiser, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        groundings: Sequence[Grounding | None] | None = None,
        num_inference_steps: int = 16,
        guidance_scale: float = 3.0,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]] | None = None,
    ) -> ImagePipelineOutput | tuple[Any]:
        """Draw.

        Args:
            prompt: One text or a batch; "" is no text.
            groundings: A layout a prompt; None (or an entry of None) draws from the text alone.
            num_inference_steps: Steps of the scheduler.
            guidance_scale: Classifier-free guidance (Ho & Salimans 2022) over text and layout together; 1 or
                less = off.
            generator: A seed source, or one a prompt, which makes a picture independent of the others.
            latents: Starting noise [N, 16, 16, 16] in place of ``generator``.
            output_type: "pil", "np" ([N, H, W, 3] in 0..1), "pt" ([N, 3, H, W] in 0..1) or "latent".
            return_dict: False returns a tuple.
            callback_on_step_end: As in diffusers: called with the pipeline, step, timestep and
                {"latents": ...}.

        Raises:
            SettingError: Not as many layouts or generators as prompts, or too few steps for the scheduler.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        layouts = [grounding or Grounding() for grounding in (groundings or [None] * len(prompts))]
        _check_counts(len(prompts), layouts, generator)
        device = self._execution_device
        dtype = self.denoiser.dtype
        encoded = self.encode(tokenize(self.text_encoder, prompts, layouts), guidance_scale > 1.0, device)
        if latents is None:
            latents = self._noise(len(prompts), generator)
        self._set_steps(num_inference_steps, device)
        # samplers in terms of sigma start at 20 000 times unit noise, which half precision cannot hold
        latents = latents.to(device, torch.float32) * self.scheduler.init_noise_sigma
        extra = self._step_arguments(generator)
        for number, timestep in enumerate(self.progress_bar(self.scheduler.timesteps)):
            predicted = self._predict(latents, timestep, encoded, guidance_scale).float()
            latents = self.scheduler.step(predicted, timestep, latents, **extra, return_dict=False)[0]
            if callback_on_step_end is not None:
                latents = callback_on_step_end(self, number, timestep, {"latents": latents}).pop(
                    "latents", latents
                )
        pictures = self._finish(latents.to(dtype), output_type)
        return ImagePipelineOutput(images=pictures) if return_dict else (pictures,)

    def _set_steps(self, steps: int, device: torch.device) -> None:
        try:
            self.scheduler.set_timesteps(steps, device=device)
        except (ValueError, IndexError, RuntimeError) as problem:
            name = type(self.scheduler).__name__
            raise SettingError(
                f"{name} cannot do {steps} steps ({problem}): ask for more, or for another sampler"
            ) from problem

    def encode(self, condition: Condition, guided: bool, device: torch.device) -> tuple[Tensor, ...]:
        """The denoiser's conditioning; under guidance the second half of the batch is empty."""
        parts = [part.to(device) for part in (condition.prompts, condition.phrases, condition.boxes)]
        text, text_mask = self.text_encoder.encode_prompts(parts[0])
        phrases = self.text_encoder.encode_phrases(parts[1])
        box_mask = condition.box_mask.to(device)
        encoded = (text, text_mask, phrases, parts[2].to(text.dtype), box_mask)
        if not guided:
            return encoded
        nothing = (text, torch.zeros_like(text_mask), phrases, encoded[3], torch.zeros_like(box_mask))
        return tuple(torch.cat(pair) for pair in zip(encoded, nothing, strict=True))

    def _predict(
        self, latents: Tensor, timestep: Tensor, encoded: tuple[Tensor, ...], scale: float
    ) -> Tensor:
        guided = scale > 1.0
        model_input = torch.cat([latents] * 2) if guided else latents
        model_input = self.scheduler.scale_model_input(model_input, timestep)
        times = timestep.expand(model_input.shape[0]).to(latents.device)
        predicted: Tensor = self.denoiser(model_input.to(self.denoiser.dtype), times, *encoded)
        if not guided:
            return predicted
        with_condition, without = predicted.chunk(2)
        return without + scale * (with_condition - without)

    def _noise(self, count: int, generator: torch.Generator | Sequence[torch.Generator] | None) -> Tensor:
        cells = NATIVE // FACTOR
        shape = (1, self.denoiser.config.channels, cells, cells)
        sources = (
            [generator] * count if generator is None or isinstance(generator, torch.Generator) else generator
        )
        drawn = [
            torch.randn(shape, generator=source, device=source.device if source else "cpu")
            for source in sources
        ]
        return torch.cat(drawn)

    def _step_arguments(self, generator: Any) -> dict[str, Any]:
        accepted = inspect.signature(self.scheduler.step).parameters
        source = list(generator) if isinstance(generator, Sequence) else generator
        return {"generator": source} if "generator" in accepted and source is not None else {}

    def _finish(self, latents: Tensor, output_type: str) -> Any:
        if output_type == "latent":
            return latents
        pixels = (self.vae.decode(latents).float() / 2 + 0.5).clamp(0, 1).cpu()
        if output_type == "pt":
            return pixels
        array = pixels.permute(0, 2, 3, 1).numpy()
        if output_type == "np":
            return array
        return [Image.fromarray(picture) for picture in (array * 255).round().astype("uint8")]


def _check_counts(count: int, layouts: Sequence[Grounding], generator: Any) -> None:
    if len(layouts) != count:
        raise SettingError(f"{count} prompts but {len(layouts)} layouts: give one a prompt, None for none")
    if isinstance(generator, Sequence) and len(generator) != count:
        raise SettingError(f"{count} prompts but {len(generator)} generators: give one a prompt, or one")

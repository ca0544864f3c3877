"""Pictures a second: batches over prompts with remembered texts, against one call of diffusers a prompt.

    python benchmarks/batch_speed.py [--prompts 16] [--batch 8] [--rounds 5] [--threads 2] [--json]

Both draw the same prompts from the same seeds, with guidance, at the same size and steps, on one Stable
Diffusion of random weights (or of ``--model``). The two take turns, so that whatever else the machine does
meets both; the figure is the ratio of neighbours, in wall time and in processor time, which a busy machine
does not stretch. The pictures must come out the same. The gain is that of bigger matrix products and fewer
calls, so it shrinks where one picture alone keeps the processor busy: --latents and --width show where.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from measuring import Spread, options, peak_memory_gib, progress, show, whole_number
from PIL import Image

from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.diffusers import DiffusersGenerator
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.models.tiny import parts
from tasvir.models.tiny.unet_families import stable_diffusion
from tasvir.records import Picture, Prompt
from tasvir.world.suite import world_suite

SCALE = 7.5


def write_model(folder: Path, width: int, latents: int, seed: int) -> None:
    """A Stable Diffusion of random weights: three levels of ``width`` to 4 ``width`` channels."""
    torch.manual_seed(seed)
    text_width = 256
    unet = parts.unet(
        text_width,
        sample_size=latents,
        block_out_channels=(width, 2 * width, 4 * width),
        layers_per_block=2,
        norm_num_groups=32,
        attention_head_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    )
    encoder = parts.text_encoder(text_width, num_hidden_layers=6)
    with quiet():
        stable_diffusion(unet=unet, text_encoder=encoder).save_pretrained(str(folder))


def one_by_one(pipeline: Any, texts: Sequence[str], size: int, steps: int, seed: int) -> list[Any]:
    """Diffusers as its documentation shows it: one call a prompt."""
    return [
        pipeline(
            text, width=size, height=size, num_inference_steps=steps, guidance_scale=SCALE,
            generator=torch.Generator().manual_seed(seed + number),
        ).images[0]
        for number, text in enumerate(texts)
    ]  # fmt: skip


def ours(
    generator: DiffusersGenerator, texts: Sequence[str], size: int, steps: int, seed: int
) -> list[Picture]:
    prompts, seeds = [Prompt(text) for text in texts], list(range(seed, seed + len(texts)))
    return generator.draw(prompts, [None] * len(texts), seeds, DrawSettings((size, size), steps, SCALE))


def timed(draw: Any, *arguments: Any) -> tuple[float, float, list[Any]]:
    """Seconds of wall time, seconds of processor time, and what was drawn."""
    wall, processor = time.perf_counter(), time.process_time()
    drawn = draw(*arguments)
    return time.perf_counter() - wall, time.process_time() - processor, drawn


def greatest_difference(plain: Sequence[Image.Image], pictures: Sequence[Picture]) -> int:
    """In levels of 255 over all pixels of all pictures."""
    pairs = [
        (np.asarray(one, int), np.asarray(Image.open(io.BytesIO(other.png)), int))
        for one, other in zip(plain, pictures, strict=True)
    ]
    return max(int(np.abs(one - other).max()) for one, other in pairs)


def measure(folder: Path, asked: Any, size: int) -> dict[str, Any]:
    with quiet():
        pipeline = DiffusionPipeline.from_pretrained(str(folder))
    pipeline.set_progress_bar_config(disable=True)
    texts = [entry.text for entry in world_suite()[:: max(1, len(world_suite()) // asked.prompts)]][
        : asked.prompts
    ]
    common = (size, asked.steps, asked.seed)
    one_by_one(pipeline, texts[:1], *common)  # the first call of each is not counted
    ours(DiffusersGenerator(str(folder), LoadSettings(device="cpu"), batch=asked.batch), texts, *common)
    plain_seconds, our_seconds, processor, differences = [], [], [], []
    for turn in range(asked.rounds):
        generator = DiffusersGenerator(str(folder), LoadSettings(device="cpu"), batch=asked.batch)
        taken, busy, plain = timed(one_by_one, pipeline, texts, *common)
        plain_seconds.append(taken)
        taken, our_busy, pictures = timed(ours, generator, texts, *common)
        our_seconds.append(taken)
        processor.append(busy / our_busy)
        differences.append(greatest_difference(plain, pictures))
        progress(f"round {turn + 1}: {plain_seconds[-1]:.2f} s one by one, {taken:.2f} s in batches")
    counted = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    return {
        "model": asked.model or "random weights",
        "millions_of_parameters": {
            type(part).__name__: round(sum(p.numel() for p in part.parameters()) / 1e6, 1) for part in counted
        },
        "pixels": size,
        "steps": asked.steps,
        "scale": SCALE,
        "prompts": len(texts),
        "batch": asked.batch,
        "pictures_a_second_one_by_one": Spread.of([len(texts) / seconds for seconds in plain_seconds]),
        "pictures_a_second_in_batches": Spread.of([len(texts) / seconds for seconds in our_seconds]),
        "ratio": Spread.of([a / b for a, b in zip(plain_seconds, our_seconds, strict=True)]),
        "ratio_of_processor_time": Spread.of(processor),
        "greatest_difference_of_a_pixel": max(differences),
        "peak_memory_gib": peak_memory_gib(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--prompts", type=whole_number(1), default=16, help="how many (default 16)")
    parser.add_argument("--batch", type=whole_number(1), default=8, help="pictures at once (default 8)")
    parser.add_argument("--steps", type=whole_number(1), default=10, help="denoising steps (default 10)")
    parser.add_argument("--rounds", type=whole_number(1), default=5, help="turns of each (default 5)")
    parser.add_argument(
        "--width", type=whole_number(32), default=64, help="channels of the U-Net (default 64)"
    )
    parser.add_argument("--latents", type=whole_number(4), default=8, help="side of the latents (default 8)")
    parser.add_argument("--threads", type=whole_number(1), help="torch's threads; its own choice if left out")
    parser.add_argument("--model", help="a pipeline folder instead of random weights")
    asked = parser.parse_args(arguments)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    with TemporaryDirectory() as folder:
        if asked.model is None:
            write_model(Path(folder), asked.width, asked.latents, asked.seed)
        figures = measure(Path(asked.model or folder), asked, 8 * asked.latents)
    show("batches over prompts against one call a prompt", figures, asked.json)


if __name__ == "__main__":
    main()

"""Runs public checkpoints for real, and writes a Markdown table that can be pasted as proof.

    python scripts/verify_real.py --models sd14,sdxl,flux-schnell --out verified [--device cuda] [--json]

Needs a network (or a filled cache) and for most models a GPU; HF_TOKEN for the gated ones. Every model is
drawn by tasvir and by plain diffusers from the same prompt, seed and steps; the table says how far apart
the pictures are, how long a batch took, and the peak memory. A model that cannot be opened or drawn with
is a line with the reason, and then the exit code is 1; the table is written anew after every model. Folders
serve as well, so that the script can be tried on tiny models: `tasvir models tiny sdxl FOLDER`, then
``--models FOLDER``.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from tasvir.errors import TasvirError
from tasvir.generate.base import DrawSettings
from tasvir.generate.generators.diffusers import DiffusersGenerator
from tasvir.models.devices import forget_peak, peak_memory, pick_device
from tasvir.models.hub import calling
from tasvir.models.hub.cards import cards
from tasvir.models.hub.drawing import generators, to_image
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Picture, Prompt

PROMPTS = (
    "a red cube on the left of a blue ball on a wooden table",
    "two dogs and a cat in a park in autumn",
    "an old lighthouse above the sea at dusk",
    "a bowl of green apples beside a window",
)


@dataclass(frozen=True)
class Line:
    """One model in the table; what was not reached is None.

    Args:
        model: As it was asked for.
        source: Hub id or folder.
        commit: Of the hub.
        setting: Pipeline, precision, size, steps, scale.
        opened: Seconds to open it, download included.
        apart: Greatest difference of a pixel to plain diffusers, levels of 255.
        in_batch: Greatest difference of the first picture drawn alone and in a batch.
        again: The same, drawn a second time.
        seconds: A picture, in a batch.
        memory: Peak, GiB.
        blocked: Pictures that a safety checker blocked.
        problem: Why there is nothing.
    """

    model: str
    source: str = ""
    commit: str | None = None
    setting: str = ""
    opened: float | None = None
    apart: int | None = None
    in_batch: int | None = None
    again: int | None = None
    seconds: float | None = None
    memory: float | None = None
    blocked: int | None = None
    problem: str = ""


def verify(model: str, load: LoadSettings, settings: dict[str, Any], batch: int, out: Path) -> Line:
    """Draw with one model, keep its pictures, and compare them with plain diffusers."""
    device = pick_device(load.device)
    forget_peak(device)
    start = time.perf_counter()
    generator = DiffusersGenerator(model, load, batch=batch)
    opened = time.perf_counter() - start
    asked = DrawSettings(**{"size": generator.native_size, **settings})
    prompts = [Prompt(text) for text in PROMPTS]
    seeds = list(range(len(prompts)))
    draw = generator.draw
    alone = draw(prompts[:1], [None], seeds[:1], asked)[0]
    start = time.perf_counter()
    drawn = draw(prompts, [None] * len(prompts), seeds, asked)
    seconds = (time.perf_counter() - start) / len(drawn)
    keep(drawn, out / model.strip("/").replace("/", "-"))
    facts = alone.provenance
    shown = [facts["pipeline"], facts["dtype"], f"{alone.width}x{alone.height}", f"{facts['steps']} steps"]
    shown += [] if facts["scale"] is None else [f"scale {facts['scale']:g}"]
    return Line(
        model,
        facts["source"],
        facts["commit"],
        ", ".join(shown),
        opened,
        apart(to_image(alone), plain(generator, PROMPTS[0], asked)),
        apart(to_image(alone), to_image(drawn[0])),
        apart(to_image(alone), to_image(draw(prompts[:1], [None], seeds[:1], asked)[0])),
        seconds,
        peak_memory(device) / 2**30,
        sum("blocked" in picture.provenance for picture in drawn),
    )


def plain(generator: DiffusersGenerator, text: str, asked: DrawSettings) -> Image.Image:
    """Diffusers called by itself on the same open pipeline: nothing of ours around its text encoders."""
    pipeline = generator.model.pipeline
    arguments = calling.step_arguments(pipeline, asked.steps, asked.scale, generator.model.card)
    arguments |= calling.plain_arguments(pipeline)
    if "height" in calling.takes(pipeline):
        arguments |= {"width": asked.size[0], "height": asked.size[1]}
    with quiet():
        image: Image.Image = pipeline(prompt=text, generator=generators([0])[0], **arguments).images[0]
    return image


def apart(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one.convert("RGB"), int) - np.asarray(other.convert("RGB"), int)).max())


def keep(pictures: list[Picture], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        (folder / f"{number:02}.png").write_bytes(picture.png)
        (folder / f"{number:02}.json").write_text(json.dumps(picture.provenance, indent=2) + "\n", "utf-8")


def table(lines: list[Line], device: torch.device) -> str:
    """The lines in Markdown, with the machine's facts above."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    titles = ("model", "drawn with", "open, s", "to plain diffusers", "alone and in a batch", "twice")
    titles += ("s a picture", "peak, GiB", "blocked")
    rows = [
        f"| {' | '.join(titles)} |",
        "|" + "---|" * len(titles),
        *(row(line, len(titles)) for line in lines),
    ]
    versions = (
        f"torch {torch.__version__}, diffusers {diffusers.__version__}, Python {platform.python_version()}"
    )
    return "\n".join(
        [f"{where}, {versions}. Differences: greatest of any pixel, levels of 255.", "", *rows, ""]
    )


def row(line: Line, columns: int) -> str:
    name = (
        f"{line.model} ({line.source}{f' @ {line.commit[:8]}' if line.commit else ''})"
        if line.source
        else line.model
    )
    if line.problem:
        return f"| {name} | not run: {line.problem.replace('|', '/')} |" + " |" * (columns - 2)
    cells = [name, line.setting, f"{line.opened:.1f}", line.apart, line.in_batch, line.again]
    cells += [f"{line.seconds:.2f}", f"{line.memory:.2f}", line.blocked]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").strip(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ",".join(card.name for card in cards("text-to-image"))
    parser.add_argument("--models", default=names, help=f"names, hub ids or folders (default {names})")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and table.md")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--offload", default="none")
    parser.add_argument("--batch", type=int, default=len(PROMPTS))
    parser.add_argument("--steps", type=int, help="the card's if left out")
    parser.add_argument("--local-only", action="store_true")
    parser.add_argument("--json", action="store_true", help="the lines as JSON on stdout")
    return parser


def main(given: list[str] | None = None) -> int:
    asked = arguments().parse_args(given)
    load = LoadSettings(asked.device, asked.dtype, asked.offload, local_only=asked.local_only)
    settings = {} if asked.steps is None else {"steps": asked.steps}
    lines, text = [], ""
    asked.out.mkdir(parents=True, exist_ok=True)
    for model in asked.models.split(","):
        print(f"{model} ...", file=sys.stderr, flush=True)
        try:
            line = verify(model, load, settings, asked.batch, asked.out)
        except TasvirError as problem:
            line = Line(model, problem=" ".join(str(problem).split()))
        except Exception as problem:  # whatever one model does, the others' lines are kept
            line = Line(model, problem=" ".join(f"{type(problem).__name__}: {problem}".split()))
        lines.append(line)
        text = table(lines, pick_device(asked.device))
        (asked.out / "table.md").write_text(text, "utf-8")
        gc.collect()
        torch.cuda.empty_cache()
    print(json.dumps([asdict(line) for line in lines], indent=2) if asked.json else text)
    return int(any(line.problem for line in lines))


if __name__ == "__main__":
    sys.exit(main())

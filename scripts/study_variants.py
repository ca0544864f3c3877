"""Four embedded generators that differ as the four models of the study of seed 000 do.

    python scripts/study_variants.py --out runs/variants

    earlier   an earlier stage of the same training: the second version shipped, from git's history
    shipped   what is shipped now: the same network, trained on
    reader    another text encoder: the embedded CLIP's, frozen, the denoiser trained on with it
    seaside   fine-tuned on one background, the sea

(There: Stable Diffusion 1.4, 1.5, 2.1 with another text encoder, and a fine-tune of 2.) Trained with one
thread each; a stopped training goes on. `scripts/study_models.py` compares them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tasvir.models.embedded import training, weights
from tasvir.models.embedded.denoiser import LayoutTransformer

EARLIER = "2ccbad5"
"""The commit of the second version of the weights."""
SHIPPED = "src/tasvir/models/embedded/weights/generator"
WEIGHTS = "diffusion_pytorch_model.safetensors"


def make(out: Path, steps_reader: int, steps_seaside: int) -> dict[str, Path]:
    """All four by name, those that are not there yet made in ``out``; folders of pipelines."""
    shipped = weights.folder("generator")
    seaside = training.TrainSettings(
        out / "seaside", steps=steps_seaside, lr=6e-4, batch=64, threads=1, seed=7, start=shipped,
        background="sea",
    )  # fmt: skip
    reader = training.TrainSettings(
        out / "reader", steps=steps_reader, lr=1e-3, batch=64, threads=1, seed=8, start=shipped,
        clip=weights.folder("encoder"),
    )  # fmt: skip
    return {
        "earlier": _earlier(out / "earlier"),
        "shipped": shipped,
        "reader": _trained(reader),
        "seaside": _trained(seaside),
    }


def _earlier(folder: Path) -> Path:
    """The second version in today's network, whose newer part adds nothing while its weights are zero."""
    if (folder / "model_index.json").is_file():
        return folder
    for path in _git("ls-tree", "-r", "--name-only", EARLIER, SHIPPED).decode().splitlines():
        file = folder / Path(path).relative_to(SHIPPED)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_git("show", f"{EARLIER}:{path}"))
    denoiser = folder / "denoiser"
    config = json.loads((denoiser / "config.json").read_text("utf-8"))
    network = LayoutTransformer(**{key: value for key, value in config.items() if not key.startswith("_")})
    missing, unexpected = network.load_state_dict(load_file(denoiser / WEIGHTS), strict=False)
    if unexpected or not all(name.startswith("fine.") for name in missing):
        raise SystemExit(f"the weights of {EARLIER} are of another network: {missing[:3]} {unexpected[:3]}")
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, denoiser / WEIGHTS)
    return folder


def _trained(settings: training.TrainSettings) -> Path:
    pipeline = settings.out / "pipeline"
    if not (pipeline / "model_index.json").is_file():
        resume = (settings.out / "state.json").is_file()
        print(f"training {settings.out} for {settings.steps} steps", file=sys.stderr)
        training.run("generator", _resumed(settings) if resume else settings, _told)
    return pipeline


def _resumed(settings: training.TrainSettings) -> training.TrainSettings:
    return training.TrainSettings(
        settings.out, steps=settings.steps, threads=1, seed=settings.seed, resume=True,
        clip=settings.clip, background=settings.background,
    )  # fmt: skip


def _told(figures: dict[str, object]) -> None:
    print("\r" + "  ".join(f"{key} {value}" for key, value in figures.items()), end="", file=sys.stderr)


def _git(*words: str) -> bytes:
    done = subprocess.run(["git", *words], capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stderr.decode().strip()}: this needs a clone with its whole history")
    return done.stdout


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("runs/variants"))
    options.add_argument("--steps-reader", type=int, default=500)
    options.add_argument("--steps-seaside", type=int, default=260)
    asked = options.parse_args()
    torch.set_flush_denormal(True)
    for name, folder in make(asked.out, asked.steps_reader, asked.steps_seaside).items():
        print(name, folder)


if __name__ == "__main__":
    main()

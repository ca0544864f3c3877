"""Putting trained weights in: from a run's folder to the folder that the models are loaded from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from tasvir.errors import OutputError, RecordError, SettingError, UnknownNameError
from tasvir.models.embedded import weights
from tasvir.models.embedded.loading import WEIGHTS_FILE

FINAL = {
    "autoencoder": "vae",
    "generator": "pipeline",
    "recogniser": "recogniser",
    "inspector": "inspector",
    "oracle": "oracle",
    "encoder": "encoder",
    "answerer": "answerer",
    "captioner": "captioner",
}
"""Model to the folder inside a run's folder that its finished weights are written to."""


def ship(model: str, run: Path, root: Path | None = None, autoencoder: Path | None = None) -> Path:
    """Copy a finished run's weights and figures into ``root`` and seal it.

    Args:
        model: A key of FINAL; the autoencoder ships inside the generator.
        run: Folder of the run.
        root: Folder of all weights; None = the one that models are loaded from.
        autoencoder: Folder of an autoencoder's run whose decoder the generator shall draw with; its encoder
            must be the one that the generator was trained with.

    Returns:
        The model's folder in ``root``; what was there before is replaced.

    Raises:
        UnknownNameError: No such model.
        SettingError: The autoencoder, which ships inside the generator; or one with another encoder, or
            beside another model.
        RecordError: The run has no finished weights or figures, or a weight file is damaged.
        OutputError: ``root`` cannot be written.
    """
    if model == "autoencoder":
        raise SettingError(
            "the autoencoder ships inside the generator: train one with --vae and ship that, "
            "or ship a generator with --autoencoder"
        )
    if model not in FINAL:
        raise UnknownNameError(f"no model is called {model!r}: expected {', '.join(list(FINAL)[1:])}")
    source = _finished(model, run)
    decoder = None if autoencoder is None else _other_decoder(model, source, autoencoder)
    root = weights.root() if root is None else root
    target, fresh = root / model, root / f"{model}.new"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        for path in (path for path in source.rglob("*") if path.is_file() and path.suffix in weights.KINDS):
            copy = fresh / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            if copy.name == "config.json":
                _forget_origin(copy)
        figures = json.loads((run / "figures.json").read_text("utf-8"))
        if decoder is not None and autoencoder is not None:
            for path in decoder.iterdir():
                shutil.copyfile(path, fresh / "vae" / path.name)
            _forget_origin(fresh / "vae" / "config.json")
            figures["decoder"] = json.loads((autoencoder / "figures.json").read_text("utf-8"))
        (fresh / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
        weights.seal(root)
    except OSError as problem:
        raise OutputError(
            f"the weights cannot be put into {root} ({problem.strerror or problem}): "
            "make room or name another folder with --weights, and ship again"
        ) from problem
    weights.forget()
    return target


def _other_decoder(model: str, pipeline: Path, run: Path) -> Path:
    """The folder of another autoencoder's weights, whose latents are those of the pipeline's own."""
    if model != "generator":
        raise SettingError(f"--autoencoder means nothing to the {model}: drop it")
    folder = _finished("autoencoder", run)
    (own, own_statistics), (other, statistics) = (_latents_of(vae) for vae in (pipeline / "vae", folder))
    same = own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    if not same or own_statistics != statistics:
        raise SettingError(
            f"{run} has another encoder than the one that the generator was trained with: train it with "
            f"`tasvir train autoencoder --vae {pipeline / 'vae'}`, which keeps the encoder"
        )
    return folder


def _latents_of(vae: Path) -> tuple[dict[str, Any], list[Any]]:
    """What decides on an autoencoder's latents: the encoder's tensors and the statistics."""
    config = json.loads((vae / "config.json").read_text("utf-8"))
    tensors = load_file(vae / WEIGHTS_FILE)
    encoder = {name: tensor for name, tensor in tensors.items() if name.startswith("encoder.")}
    return encoder, [config["shift"], config["spread"]]


def _forget_origin(config: Path) -> None:
    """Drop diffusers' note of the folder a part was once loaded from: a path of the trainer's machine."""
    settings = json.loads(config.read_text("utf-8"))
    if settings.pop("_name_or_path", None) is not None:
        config.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", "utf-8")


def _finished(model: str, run: Path) -> Path:
    """The folder of the run's finished weights, each file readable."""
    source = run / FINAL[model]
    tensors = sorted(source.rglob("*.safetensors"))
    if not tensors or not (run / "figures.json").is_file():
        raise RecordError(
            f"{run} holds no finished {model} (no weights in {source}, or no figures.json): "
            f"let its training end with `tasvir train {model} --out {run} --resume`"
        )
    for path in tensors:
        try:
            with safe_open(path, "pt"):
                pass
        except (OSError, SafetensorError) as problem:
            raise RecordError(f"{path} is damaged ({problem}): train or copy it again") from problem
    return source

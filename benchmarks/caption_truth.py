"""How much of what the embedded captioner writes is true, by the guide's reader of the world's language.

    python benchmarks/caption_truth.py [--model embedded] [--into DIR] [--json]

Each caption of the pictures that `image_text_figures` describes is read and checked against its scene, claim
by claim; one that cannot be read counts as untrue. With --into the figures are added to figures.json of a
folder of the captioner's weights (seal it afterwards, by tasvir.models.embedded.weights.seal). A minute.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import options

from tasvir.errors import LanguageError
from tasvir.guide.embedded.grammar import read
from tasvir.models.embedded import weights
from tasvir.models.embedded.training.image_text_figures import pictures_to_read, share
from tasvir.models.embedded.training.picture_source import PictureSource
from tasvir.models.image_text.captioner import open_captioner
from tasvir.world.description import check
from tasvir.world.scene import Scene


def truth(texts: Sequence[str], scenes: Sequence[Scene]) -> dict[str, Any]:
    """Shares of captions that can be read, and of which all is true; of claims that are true."""
    readable, whole, claims = [], [], []
    for text, scene in zip(texts, scenes, strict=True):
        try:
            described = read(text)
        except LanguageError:
            readable.append(False)
            whole.append(False)
            continue
        outcome = check(described, scene.things, scene.background)
        readable.append(True)
        whole.append(outcome.all_true)
        claims += [true for _, true in outcome.predicates]
    return {"readable": share(readable), "all_true": share(whole), "claims_true": share(claims)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--model", default="embedded", help="as open_captioner takes it (default embedded)")
    parser.add_argument("--into", type=Path, help="folder whose figures.json gets the figures")
    asked = parser.parse_args(arguments)
    captioner = open_captioner(asked.model)
    source = PictureSource(torch.device("cpu"), None, weights.folder("generator"))
    figures = {
        name: truth(captioner.caption(seen.pictures), seen.scenes)
        for name, seen in pictures_to_read(source).items()
    }
    if asked.into is not None:
        path = asked.into / "figures.json"
        kept = json.loads(path.read_text("utf-8"))
        for name, part in figures.items():
            kept[name] |= part
        path.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    for name, part in figures.items():
        for what, said in part.items():
            print(
                f"{name}, {what}: {said['share']:.3f} [{said['low']:.3f}, {said['high']:.3f}], n {said['n']}"
            )


if __name__ == "__main__":
    main()

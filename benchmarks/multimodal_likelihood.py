"""What a proposal makes of log p(image, label): the rule's posterior alone, and half of it defensive.

    python benchmarks/multimodal_likelihood.py [-n 200] [--epochs 60] [--models 2] [--json]

Digits and their labels, 1,000 training examples, the networks of `tasvir lab multimodal image-label`, equal
weights, several rules; mean over n test examples at 100 and 1,000 codes, and the bias told.
Estimates are too low in expectation: of two, the higher is nearer. Half a minute on one core.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import options, progress, show, whole_number

from tasvir import registry
from tasvir.lab.data.opening import open_data
from tasvir.lab.multimodal.experiments.image_label import ImageLabelSettings, examples_of
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.likelihood import DEFENSIVE, log_likelihood
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.stack_training import Examples, StackTask, noise_of, train_stack
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting

RULES = ("poe-prior", "poe", "poe-exact", "mopoe", "moe")
CODES = (100, 1000)
BATCH, LR = 100, 2e-3


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(2), default=200, help="test examples (default 200)")
    parser.add_argument("--epochs", type=whole_number(1), default=60, help="of the training (default 60)")
    parser.add_argument("--models", type=whole_number(1), default=2, help="seeds of a rule (default 2)")
    asked = parser.parse_args(arguments)
    settings = ImageLabelSettings()
    seeds = range(asked.seed, asked.seed + asked.models)
    examples = examples_of(open_data("digits"), seeds, settings.examples)
    figures: dict[str, Any] = {}
    for name in RULES:
        progress(name)
        model = trained(name, settings, examples, seeds, asked.epochs)
        figures[name] = proposals(model, examples, asked.n)
    show("importance sampling of log p(image, label), nats", figures, asked.json)


def trained(
    name: str, settings: ImageLabelSettings, examples: Examples, seeds: Sequence[int], epochs: int
) -> StackedVAE:
    """Models of a rule, one a seed."""
    modalities = settings.modalities(examples.train[0].shape[-1], examples.train[1].shape[-1])
    rule = registry.create("lab.experts", name, Expert)
    model = StackedVAE(modalities, settings.latent, rule, [FixedWeighting()], seeds)
    task = StackTask("likelihood", model, examples, Objective(), epochs, BATCH, LR)
    with tempfile.TemporaryDirectory() as folder:
        train_stack(task, Path(folder), threads=1)
    return model


def proposals(model: StackedVAE, examples: Examples, count: int) -> dict[str, str]:
    """Of each model the mean estimate, by proposal and number of codes."""
    x = [one[:, :count] for one in examples.test]
    found = {}
    for share in (0.0, DEFENSIVE):
        for codes in CODES:
            told = log_likelihood(model, x, noise_of(model, 9, 0), samples=codes, defensive=share)
            means = ", ".join(f"{mean:.3f}" for mean in told.mean.tolist())
            found[f"defensive {share:g}, {codes} codes"] = f"{means}; bias told {told.bias.mean().item():.3f}"
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

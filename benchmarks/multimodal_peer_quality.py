"""Models of ours and of MultiVae, trained alike on digits and their labels, measured by one code.

Each seed has its training set, drawn and made black and white once, so that the Bernoulli likelihood is a
normalised one; both sides begin with the same weights and take the same batches by plain Adam. Their weights
are then read into a stack of ours, where all figures are taken.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import progress
from multimodal_sides import IMAGE_LABEL, RATE, RULES, Peer, stack
from torch import Tensor
from torch.nn import functional

from tasvir.lab.classifier import classifier_of
from tasvir.lab.data.opening import open_data
from tasvir.lab.multimodal.dice import ORDER, Dice
from tasvir.lab.multimodal.experiments.image_label import IMAGE, LABEL, examples_of
from tasvir.lab.multimodal.experts.base import alone
from tasvir.lab.multimodal.likelihood import log_likelihood
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.networks import StackedLinear
from tasvir.lab.multimodal.stack_training import Examples, StackTask, noise_of
from tasvir.score.statistics.means import student95

BATCH = 100
TESTED = 500
"""Test examples of the likelihood."""
SAMPLES = 500
"""Codes of an example's likelihood."""
DRAWN = 100
"""Pictures of each class that the classifier reads."""
SHADES, LOOK = 11, 12
"""Streams of draws: black and white pixels, codes of the figures."""
CHECKED = 20
"""Test examples that their own code looks at, too."""
PRIOR = {"mvae": (False, True), "mvae-joint": (True, True), "mmvae": (False, False)}
"""Whether ours and theirs hold the prior as an expert where one modality is given, as each was trained."""

Read = Callable[[Tensor], Tensor]


def quality(peer: Peer, asked: argparse.Namespace) -> dict[str, Any]:
    """Figures of both sides and their paired differences, ours less theirs, over seeds."""
    data = open_data("mnist", asked.data)
    classifier = classifier_of(data, asked.cache)

    def read(pictures: Tensor) -> Tensor:
        return classifier.features(pictures.unflatten(-1, data.shape))[1]

    examples = black_and_white(examples_of(data, seeds_of(asked), asked.examples))
    found: dict[str, Any] = {"classifier_accuracy": classifier.accuracy}
    for rule in PRIOR:
        progress(f"quality: {rule}")
        with tempfile.TemporaryDirectory() as folder:
            found[rule] = side_by_side(peer, rule, examples, asked, read, Path(folder))
    return found


def seeds_of(asked: argparse.Namespace) -> range:
    return range(asked.seed, asked.seed + asked.seeds)


def black_and_white(examples: Examples) -> Examples:
    """Every pixel drawn once as its shade says; training sets by their numbers, test pictures all alike."""
    drawn = [
        torch.bernoulli(one[IMAGE], generator=torch.Generator().manual_seed(SHADES + place))
        for place, one in enumerate((examples.train, examples.test))
    ]
    train, test = (
        (image, label)
        for image, label in zip(drawn, (examples.train[LABEL], examples.test[LABEL]), strict=True)
    )
    return Examples(train, test, examples.test_labels)


def side_by_side(
    peer: Peer, rule: str, examples: Examples, asked: argparse.Namespace, read: Read, folder: Path
) -> dict[str, Any]:
    """Train both of a rule, measure both."""
    seeds = seeds_of(asked)
    ours, theirs = (stack(rule, IMAGE_LABEL, 1, seeds) for _ in range(2))
    names = list(IMAGE_LABEL["modalities"])
    orders = np.stack(
        [Dice(seeds, ORDER, epoch).order(asked.examples).numpy() for epoch in range(asked.epochs)], 1
    )
    data = {f"data/{name}": one.numpy() for name, one in zip(names, examples.train, strict=True)}
    test = {f"test/{name}": one[0].numpy() for name, one in zip(names, examples.test, strict=True)}
    given, out = str(folder / "given.npz"), str(folder / "trained.npz")
    np.savez(given, **exported(ours), **data, **test, order=orders)
    told = peer.ask("train", rule=rule, networks=IMAGE_LABEL, given=given, out=out, batch=BATCH, lr=RATE)
    with np.load(out) as file:
        imported(theirs, {name: file[name] for name in file.files})
    seconds = trained(ours, rule, examples, asked.epochs)
    figures = {
        side: measured(model, examples, read, prior)
        for side, model, prior in zip(("ours", "theirs"), (ours, theirs), PRIOR[rule], strict=True)
    }
    return {
        "cpu_seconds": {"ours": seconds, "theirs": sum(told["cpu_seconds"])},
        **summary(figures["ours"], figures["theirs"]),
        "likelihood_by_their_code": checked(peer, rule, theirs, examples, given, out),
    }


def trained(model: StackedVAE, rule: str, examples: Examples, epochs: int) -> float:
    """Train ours by plain Adam; CPU seconds."""
    task = StackTask(rule, model, examples, RULES[rule][1], epochs, BATCH, RATE)
    optimiser = torch.optim.Adam(model.parameters(), RATE, fused=True)
    begun = time.process_time()
    for _ in range(epochs * task.steps_of_epoch):
        loss, _told = task.loss(None, None, BATCH)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return time.process_time() - begun


@torch.no_grad()
def measured(model: StackedVAE, examples: Examples, read: Read, prior: bool) -> dict[str, Tensor]:
    """Joint log-likelihood, and what the classifier and the label decoder make of one modality: [S] each.

    Args:
        prior: Whether the posterior of one modality, too, holds the prior as an expert.
    """
    few = [one[:, :TESTED] for one in examples.test]
    joint = log_likelihood(model, few, noise_of(model, LOOK, 0), samples=SAMPLES).mean
    classes = examples.test[LABEL].shape[-1]
    wanted = torch.arange(classes).repeat(DRAWN)
    labels = functional.one_hot(wanted, classes).float()
    blank = torch.zeros(len(labels), examples.test[IMAGE].shape[-1])
    codes = given_one(model, (blank, labels), LABEL, prior).draw(
        *noise_of(model, LOOK, 1)(1, len(labels)), "sampled"
    )
    pictures = model.modalities[IMAGE].likelihood.mean(model.decode(IMAGE, codes.z[0]))
    seen = torch.stack([read(2 * one - 1).argmax(-1) for one in pictures])
    assert examples.test_labels is not None
    truth = examples.test_labels[:TESTED]
    image = given_one(model, [one[0] for one in few], IMAGE, prior).mean
    told = model.decode(LABEL, image).argmax(-1)
    return {
        "joint_log_likelihood": joint,
        "coherence_of_label_to_image": (seen == wanted).double().mean(-1),
        "accuracy_of_image_to_label": (told == truth).double().mean(-1),
    }


def given_one(model: StackedVAE, x: Any, modality: int, prior: bool) -> Mixture:
    """q(z | x of one modality) of examples [N, d] that all models see."""
    experts = model.encode([one.expand(len(model), -1, -1) for one in x])
    if not prior:
        return alone(experts[modality])
    present = torch.tensor([m == modality for m in range(len(model.modalities))])[:, None, None]
    return model.posterior(experts, present)


def summary(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> dict[str, Any]:
    """Means and differences by seeds, each with its 95 % interval."""
    told: dict[str, Any] = {}
    for name, own in ours.items():
        pairs = list(zip(own.tolist(), theirs[name].tolist(), strict=True))
        told[name] = {
            "n": len(pairs),
            "ours": interval([a for a, _ in pairs]),
            "theirs": interval([b for _, b in pairs]),
            "ours_less_theirs": interval([a - b for a, b in pairs]),
            "of_each_seed": pairs,
        }
    return told


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of two values or more, with its 95 % interval by Student's t."""
    mean, half = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    half *= student95(len(values) - 1)
    return mean, mean - half, mean + half


def checked(
    peer: Peer, rule: str, theirs: StackedVAE, examples: Examples, given: str, out: str
) -> dict[str, Any]:
    """The first models' likelihood of a few examples: by their own code again and again, and by ours."""
    few = [one[:, :CHECKED] for one in examples.test]
    told = peer.ask(
        "joint", rule=rule, networks=IMAGE_LABEL, given=given, weights=out, count=CHECKED, times=6
    )
    ours = log_likelihood(theirs, few, noise_of(theirs, LOOK, 2), samples=1000)
    return {
        "theirs_again_and_again": told["log_likelihoods"],
        "ours": float(ours.mean[0]),
        "ours_error_of_draws": float(ours.error[0].square().mean().sqrt() / CHECKED**0.5),
    }


def layers(model: StackedVAE) -> dict[str, StackedLinear]:
    """encoders/image/0, ... as the peer's side names them."""
    return {
        f"{kind}/{modality.name}/{place}": layer
        for kind, networks in (("encoders", model.encoders), ("decoders", model.decoders))
        for modality, network in zip(model.modalities, networks, strict=True)
        for place, layer in enumerate(network.layers)
    }


def exported(model: StackedVAE) -> dict[str, np.ndarray]:
    """Weights as the peer's linear layers hold them: [S, out, in] and [S, out]."""
    told = {}
    for name, layer in layers(model).items():
        told[f"{name}/weight"] = layer.weight.detach().transpose(1, 2).contiguous().numpy()
        told[f"{name}/bias"] = layer.bias.detach()[:, 0].numpy()
    return told


def imported(model: StackedVAE, told: Mapping[str, np.ndarray]) -> None:
    """Read weights named and shaped as `exported` tells them."""
    with torch.no_grad():
        for name, layer in layers(model).items():
            layer.weight.copy_(torch.from_numpy(told[f"{name}/weight"]).transpose(1, 2))
            layer.bias.copy_(torch.from_numpy(told[f"{name}/bias"])[:, None])

"""Chapter 3's experiments by name: rules, weightings, data and devices as a user types them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.classifier import check_pictures, classifier_of
from tasvir.lab.data.base import Data
from tasvir.lab.data.opening import open_data
from tasvir.lab.multimodal.experiments import nine
from tasvir.lab.multimodal.experiments.gaussians import GaussiansSettings
from tasvir.lab.multimodal.experiments.image_label import (
    ImageLabelSettings,
    check_data,
    coherence,
    cross_entropies,
    examples_of,
    joint_log_likelihood,
)
from tasvir.lab.multimodal.experiments.pictures import pictures_of
from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.lab.multimodal.experiments.sensitivity import CHANGES, WEIGHTS, name_of, sweep
from tasvir.lab.multimodal.experiments.study import Measured, Plan, table_name
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.stack_training import Examples, StackTask
from tasvir.lab.multimodal.weightings.base import Weighting
from tasvir.models.devices import pick_device


@dataclass(frozen=True)
class Training:
    """How the models of a table are trained.

    Args:
        epochs: Through the training examples.
        batch: Examples a step; all of a training set if it has fewer.
        lr: Peak learning rate.
        seeds: How many: 0 to seeds - 1.
        objective: What is maximised.

    Raises:
        SettingError: A number out of its range.
    """

    epochs: int
    batch: int
    lr: float
    seeds: int
    objective: Objective = field(default_factory=Objective)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "seeds"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is {getattr(self, name)}: give 1 or more")
        if not self.lr > 0:
            raise SettingError(f"lr is {self.lr}: give a number above 0")


IMAGE_LABEL = Training(epochs=150, batch=100, lr=2e-3, seeds=10)
"""The default of the image and label tables."""


def weightings_of(names: Sequence[str] | None, usual: Mapping[str, Weighting]) -> dict[str, Weighting]:
    """Weightings as typed, None = the chapter's rows.

    Raises:
        UnknownNameError, SettingError: No such weighting, or not such weights.
    """
    if not names:
        return dict(usual)
    return {name: registry.create("lab.weightings", name, Weighting) for name in names}


def check_experts(experts: Sequence[str]) -> None:
    """See that every rule is there, before the table of the first is trained.

    Raises:
        UnknownNameError: One is not.
    """
    for expert in experts:
        registry.create("lab.experts", expert, Expert)


def opened(experts: Sequence[str], data_names: Sequence[str], root: Path | None, examples: int) -> list[Data]:
    """The data of image and label tables, seen to be fit for every table before the first is trained.

    Raises:
        UnknownNameError: No such rule or data.
        SettingError: Data without classes, too few, or pictures that no classifier of ours can read.
    """
    check_experts(experts)
    found = [open_data(name, root) for name in data_names]
    for data in found:
        check_data(data, examples)
        check_pictures(data)
    return found


def changes_of(data: Data) -> list[Mapping[str, Any]]:
    """The changes of a sensitivity sweep that data have enough examples for."""
    return [one for one in CHANGES if one.get("examples", 0) <= len(data.train)]


def planned(
    experiment: str,
    expert: str,
    data: str,
    rows: Mapping[str, Weighting],
    settings: ImageLabelSettings | GaussiansSettings,
    training: Training,
    modalities: Sequence[Modality],
    examples: Examples,
    measure: Callable[[StackedVAE], Measured],
    **looking: Any,
) -> Plan:
    """The plan of one table, its models fresh and on the device of the examples.

    Args:
        experiment: "gaussians" or "image-label".
        expert: A name of kind "lab.experts".
        data: Of the record.
        rows: Weightings by name, the classical one first.
        settings: Of the experiment.
        training: How.
        modalities: What is modelled together.
        examples: Of every seed.
        measure: Of the trained models.
        looking: What automatic weightings go by, see `StackTask`.

    Raises:
        UnknownNameError: No such rule.
        SettingError: A weighting for another number of modalities.
    """
    rule, seeds = registry.create("lab.experts", expert, Expert), range(training.seeds)
    model = StackedVAE(modalities, settings.latent, rule, list(rows.values()), seeds)
    task = StackTask(
        f"{experiment}-{expert}",
        model.to(examples.train[0].device),
        examples,
        training.objective,
        training.epochs,
        training.batch,
        training.lr,
        **looking,
    )
    rest = {"epochs": training.epochs, "batch": training.batch, "lr": training.lr}
    protocol = {**asdict(settings), **rest, **asdict(training.objective)}
    return Plan(experiment, expert, data, tuple(rows), protocol, task, measure)


def image_label(
    expert: str,
    data: Data,
    root: Path | None,
    settings: ImageLabelSettings,
    training: Training = IMAGE_LABEL,
    weights: Sequence[str] | None = None,
    device: str = "auto",
) -> Plan:
    """The plan of one image and label table.

    Args:
        expert: A name of kind "lab.experts".
        data: Pictures with classes.
        root: Folder that the classifier is kept in; None = nowhere.
        settings: Networks and sizes.
        training: How.
        weights: Names of kind "lab.weightings"; None = the nine of the chapter.
        device: See `pick_device`.

    Raises:
        UnknownNameError: No such rule or weighting.
        SettingError: Something that cannot be.
    """
    rows = weightings_of(weights, nine.image_label())
    examples = _moved(examples_of(data, range(training.seeds), settings.examples), pick_device(device))
    return planned(
        "image-label",
        expert,
        data.name,
        rows,
        settings,
        training,
        settings.modalities(*(one.shape[-1] for one in examples.train)),
        examples,
        lambda trained: _measured(trained, examples, data, root),
    )


def image_label_sensitivity(
    expert: str,
    data: Data,
    root: Path | None,
    out: Path,
    seeds: int,
    run: Callable[[Plan, Path], TableResults],
    device: str = "auto",
) -> list[dict[str, Any]]:
    """How much each unknown detail of the image and label protocol matters; see `changes_of`.

    Args:
        expert: A name of kind "lab.experts".
        data: Pictures with classes.
        root: See `image_label`.
        out: Folder of the study; the sweep comes into one of its own.
        seeds: Models of each weighting.
        run: Makes a table in a folder.
        device: See `pick_device`.

    Raises:
        UnknownNameError, SettingError, OutputError: See `image_label` and `sweep`.
    """
    folder = out / f"sensitivity-{table_name('image-label', expert, data.name)}"

    def make(changed: Mapping[str, Any]) -> TableResults:
        settings, training = _changed(changed, replace(IMAGE_LABEL, seeds=seeds))
        plan = image_label(expert, data, root, settings, training, WEIGHTS, device)
        return run(plan, folder / name_of(changed))

    return sweep(changes_of(data), make, folder)


def _changed(changed: Mapping[str, Any], training: Training) -> tuple[ImageLabelSettings, Training]:
    """The default protocol with some settings changed, each where it belongs."""

    def of(kind: type[Any]) -> dict[str, Any]:
        return {name: value for name, value in changed.items() if name in {one.name for one in fields(kind)}}

    objective = replace(training.objective, **of(Objective))
    return ImageLabelSettings(**of(ImageLabelSettings)), replace(
        training, objective=objective, **of(Training)
    )


def _measured(model: StackedVAE, examples: Examples, data: Data, root: Path | None) -> Measured:
    """Six cross-entropies, coherence, joint log-likelihood, pictures."""
    figures: dict[str, Tensor] = dict(cross_entropies(model, examples))
    classifier = classifier_of(data, None if root is None else root / "classifiers")

    def read(pictures: Tensor) -> Tensor:
        return classifier.features(pictures.cpu())[1].to(pictures.device)

    figures["coherence"] = coherence(model, read, data.shape)
    figures["joint"] = joint_log_likelihood(model, examples)
    return Measured(figures, ("coherence", "joint"), pictures_of(model, examples, data.shape))


def _moved(examples: Examples, place: torch.device) -> Examples:
    return Examples(
        tuple(one.to(place) for one in examples.train),
        tuple(one.to(place) for one in examples.test),
        examples.test_labels,
    )

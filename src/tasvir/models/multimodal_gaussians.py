"""The experiment of three Gaussian modalities by name: rules and weightings as a user types them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from tasvir import registry
from tasvir.lab.multimodal.experiments import nine
from tasvir.lab.multimodal.experiments.gaussians import GaussiansSettings, examples_of, measured
from tasvir.lab.multimodal.experiments.readings import Reading, measured_every_way
from tasvir.lab.multimodal.experiments.study import Measured, Plan
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.stack_training import Examples, StackTask
from tasvir.models.devices import pick_device
from tasvir.models.multimodal_runs import Training, protocol_of, weightings_of

GAUSSIANS = Training(epochs=40, batch=250, lr=1e-2, seeds=30)
"""The default of tables 3.1 and 3.2."""
Measure = Callable[[StackedVAE, Examples, GaussiansSettings], dict[str, Tensor]]


def gaussians(
    expert: str,
    settings: GaussiansSettings,
    training: Training = GAUSSIANS,
    weights: Sequence[str] | None = None,
    device: str = "auto",
    measure: Measure = measured,
) -> Plan:
    """The plan of table 3.1 (poe), 3.2 (moe), or of another rule.

    Args:
        expert: A name of kind "lab.experts".
        settings: How the thesis is read.
        training: How.
        weights: Names of kind "lab.weightings"; None = the eight of the chapter.
        device: See `pick_device`.
        measure: Figures of the trained models.

    Raises:
        UnknownNameError: No such rule or weighting.
        SettingError: Something that cannot be.
    """
    rows, seeds = weightings_of(weights, nine.gaussians()), range(training.seeds)
    rule, place = registry.create("lab.experts", expert, Expert), pick_device(device)
    examples = examples_of(settings, seeds, place)
    model = StackedVAE(settings.modalities(), settings.latent, rule, list(rows.values()), seeds).to(place)
    task = StackTask(
        f"gaussians-{expert}",
        model,
        examples,
        training.objective,
        training.epochs,
        training.batch,
        training.lr,
        settings.estimator,
        settings.looked_at,
    )
    return Plan(
        experiment="gaussians",
        expert=expert,
        data="gaussians",
        weightings=tuple(rows),
        protocol=protocol_of(settings, training),
        task=task,
        measure=lambda trained: Measured(measure(trained, examples, settings)),
    )


def of_reading(expert: str, reading: Reading, seeds: int, device: str = "auto") -> Plan:
    """The plan of one reading's table, measured in every way."""
    objective = Objective(unimodal=reading.unimodal)
    training = Training(reading.epochs, reading.batch, reading.lr, seeds, objective)
    return gaussians(expert, reading.settings, training, device=device, measure=measured_every_way)

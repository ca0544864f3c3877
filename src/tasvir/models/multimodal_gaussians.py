"""The experiment of three Gaussian modalities by name: rules and weightings as a user types them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from tasvir.lab.multimodal.experiments import nine
from tasvir.lab.multimodal.experiments.gaussians import GaussiansSettings, examples_of, measured
from tasvir.lab.multimodal.experiments.readings import Reading, measured_every_way
from tasvir.lab.multimodal.experiments.study import Measured, Plan
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.stack_training import Examples
from tasvir.models.devices import pick_device
from tasvir.models.multimodal_runs import Training, planned, weightings_of

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
    examples = examples_of(settings, range(training.seeds), pick_device(device))
    return planned(
        "gaussians",
        expert,
        "gaussians",
        weightings_of(weights, nine.gaussians()),
        settings,
        training,
        settings.modalities(),
        examples,
        lambda trained: Measured(measure(trained, examples, settings)),
        estimator=settings.estimator,
        looked_at=settings.looked_at,
    )


def of_reading(expert: str, reading: Reading, seeds: int, device: str = "auto") -> Plan:
    """The plan of one reading's table, measured in every way."""
    objective = Objective(unimodal=reading.unimodal)
    training = Training(reading.epochs, reading.batch, reading.lr, seeds, objective)
    return gaussians(expert, reading.settings, training, device=device, measure=measured_every_way)

"""`tasvir lab multimodal gaussians`: three Gaussian modalities, every open point of the thesis an option."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tasvir.app.cli.lab.multimodal import (
    RULES,
    Assigned,
    Beta,
    Experts,
    Out,
    Samples,
    Subsets,
    Unimodal,
    Weights,
    objective_of,
    run_plans,
)
from tasvir.app.cli.lab.options import PlaceName
from tasvir.app.cli.options import Json
from tasvir.errors import SettingError


def gaussians(
    expert: Experts = None,
    weights: Weights = None,
    seeds: Annotated[int, typer.Option(min=1, help="Data sets, each with its own models.")] = 30,
    examples: Annotated[int, typer.Option(min=1, help="Of training, of each seed.")] = 10_000,
    test: Annotated[int, typer.Option(min=2, help="Examples of test.")] = 1_000,
    epochs: Annotated[int, typer.Option(min=1, help="Through the training examples.")] = 40,
    batch: Annotated[int, typer.Option(min=1, help="Examples a step; all if there are fewer.")] = 250,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-2,
    latent: Annotated[int, typer.Option(min=1, help="Numbers in a code.")] = 1,
    hidden: Annotated[int, typer.Option(min=1, help="Units of a hidden layer.")] = 5,
    spread: Annotated[str, typer.Option(help="variance or deviation: what m is of x_m.")] = "variance",
    correlation: Annotated[float, typer.Option(help="Share of each variance by a common z, 0 to 1.")] = 0.0,
    scale: Annotated[float, typer.Option(help="Deviation of the decoders; 0 = they tell it.")] = 1.0,
    codes: Annotated[str, typer.Option(help="mean or draw: codes of test examples.")] = "mean",
    generated: Annotated[str, typer.Option(help="mean or draw: what decoders generate.")] = "mean",
    measure: Annotated[str, typer.Option(help="histogram, distance, moments or kernel.")] = "histogram",
    base: Annotated[str, typer.Option(help="nats or bits.")] = "nats",
    estimator: Annotated[str, typer.Option(help="thesis or founded: what weights go by.")] = "thesis",
    beta: Beta = 1.0,
    unimodal: Unimodal = 1.0,
    subsets: Subsets = 0.0,
    samples: Samples = 1,
    assignment: Assigned = "stratified",
    out: Out = Path("runs/multimodal"),
    device: PlaceName = "auto",
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads; of networks this small more are seldom quicker.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Three Gaussians: divergence of what each modality generates of each, under every weighting."""
    from tasvir.lab.multimodal.experiments.gaussians import GaussiansSettings
    from tasvir.models.multimodal_gaussians import gaussians as plan_of
    from tasvir.models.multimodal_runs import Training, check_experts

    told: dict[str, Any] = {
        "spread": spread,
        "codes": codes,
        "generated": generated,
        "measure": measure,
        "base": base,
        "estimator": estimator,
    }
    if not scale >= 0:
        raise SettingError(f"scale is {scale}: give a number above 0, or 0 for decoders that tell it")
    settings = GaussiansSettings(
        examples, test, latent, hidden, correlation=correlation, scale=scale or None, **told
    )
    objective = objective_of(unimodal, subsets, beta, samples, assignment)
    training = Training(epochs, batch, lr, seeds, objective)
    rules = expert or RULES
    check_experts(rules)
    plans = (plan_of(rule, settings, training, weights, device) for rule in rules)
    run_plans(plans, out, threads, as_json)

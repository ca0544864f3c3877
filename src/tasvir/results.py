"""What a run over suites, models and seeds has brought, as nouns: what is compared and written up.

A `RunResults` is a matrix with a cell for every suite, prompt, model, sweep setting and seed that was asked
for. A cell has a picture or the reason why there is none, and by metric a score or the reason why there is
none. `tasvir.bench` reads it from a run's folder; `tasvir.score` compares; `tasvir.report` shows. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasvir.records import Score, SetScore, SuitePrompt

PromptKey = tuple[str, str]
"""A suite's label and a prompt's id."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One column of the matrix.

    Args:
        name: What tables call it; unique in the run.
        spec: What was asked for, "embedded+guide:embedded".
        identity: All that its pictures hang on besides prompt, seed and settings, ready for JSON.
        derived_from: Name of the model in this run that it was fine-tuned from, or None.
    """

    name: str
    spec: str
    identity: dict[str, Any] = field(default_factory=dict)
    derived_from: str | None = None


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric as it was used; what is comparable has an equal recipe hash.

    Args:
        name: Its label, "clip-score:embedded".
        recipe: See `tasvir.score.base.Measure.recipe`.
        recipe_hash: 16 hexadecimal digits.
        higher_is_better: Its direction.
        bounds: Least and greatest possible value, or None.
        of_sets: True where it scores sets of pictures (FID), False where single ones.
    """

    name: str
    recipe: dict[str, Any]
    recipe_hash: str
    higher_is_better: bool = True
    bounds: tuple[float | None, float | None] = (None, None)
    of_sets: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture that was asked for.

    Args:
        suite: The suite's label.
        prompt: The prompt's id.
        model: Name of a `ModelInfo`.
        seed: What its random draws come from.
        settings: What is swept, {"steps": 10}; empty where nothing is.
        picture: SHA-256 of the PNG, or None.
        path: The PNG's path below the run's folder, or None.
        reason: Why there is no picture.
        seconds: Wall time of this picture: its share of its batch's drawing, and, under a guide, all its
            planning, drawing and judging.
        story: How it came about, ready for JSON: layout drawn from, verdict, pictures drawn, usage, blocked.
        scores: By metric's name; a metric that has not looked at it yet is not there.
    """

    suite: str
    prompt: str
    model: str
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    picture: str | None = None
    path: str | None = None
    reason: str = ""
    seconds: float | None = None
    story: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)

    @property
    def key(self) -> PromptKey:
        return self.suite, self.prompt


@dataclass(frozen=True, slots=True)
class SetFigure:
    """What a metric of sets says of one model on one suite under one setting."""

    metric: str
    suite: str
    model: str
    settings: dict[str, Any]
    score: SetScore


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person said of one picture, without knowing who drew it.

    Args:
        rater: A name or initials.
        suite: Of the prompt.
        prompt: Its id.
        picture: SHA-256 of the PNG.
        value: 1 to 5, 5 says that everything is there.
        seconds: How long it took, or None.
    """

    rater: str
    suite: str
    prompt: str
    picture: str
    value: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model draws under one setting; loading and warming up are not in it.

    Args:
        model: Its name.
        settings: What is swept.
        n: Pictures timed.
        seconds: Quartiles of the seconds a picture: 25 %, median, 75 %.
        steps_per_second: Denoising steps a second at the median (iterations per second), or None where the
            generator does not tell its steps.
        batch: Pictures drawn at once.
        load_seconds: Time to load it, or None.
        peak_bytes: Most memory while drawing: of the device on CUDA, of the process elsewhere.
        device: In words, "cpu (2 threads)" or the GPU's name, with the precision.
    """

    model: str
    settings: dict[str, Any]
    n: int
    seconds: tuple[float, float, float]
    steps_per_second: float | None
    batch: int
    load_seconds: float | None
    peak_bytes: int | None
    device: str


@dataclass(frozen=True, slots=True)
class RunResults:
    """Everything of a run.

    Args:
        about: When, by which version and commit, on which machine, what was asked; ready for JSON.
        suites: By label, where each comes from (`Suite.provenance`).
        prompts: By suite and id, in the suite's order.
        models: In the order asked for.
        metrics: In the order asked for.
        cells: By suite, prompt, model, settings, seed in that order.
        set_figures: What metrics of sets say.
        ratings: What people said.
        speeds: How fast each model was.
    """

    about: dict[str, Any]
    suites: Mapping[str, dict[str, Any]]
    prompts: Mapping[PromptKey, SuitePrompt]
    models: tuple[ModelInfo, ...]
    metrics: tuple[MetricInfo, ...]
    cells: tuple[Cell, ...]
    set_figures: tuple[SetFigure, ...] = ()
    ratings: tuple[Rating, ...] = ()
    speeds: tuple[Speed, ...] = ()

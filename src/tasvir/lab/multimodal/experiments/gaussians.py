"""Three Gaussian modalities (thesis 3.4.1): x_m ~ N(m, m), what each generates of each, as JS divergences.

The text leaves much open; every open point is a setting, its most literal reading the default:

- whether "Sigma = m" is a variance or a deviation (`spread`);
- whether the "conditionally independent" modalities share anything, or are drawn alone (`correlation`);
- what decoders are: of variance one, of another scale, or of a learnt one (`scale`);
- whether codes and generated data are means or draws (`codes`, `generated`);
- how the divergence of two sets is estimated, in which base (`measure`, `base`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.dice import Dice
from tasvir.lab.multimodal.divergence_estimators.histogram import js_histogram
from tasvir.lab.multimodal.divergence_estimators.kernel import js_kernel
from tasvir.lab.multimodal.divergence_estimators.quadrature import js_mixtures
from tasvir.lab.multimodal.divergences import Estimator, drawn
from tasvir.lab.multimodal.likelihoods import GaussianLikelihood, LearnedGaussianLikelihood, Likelihood
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.stack_training import Examples

MODALITIES = 3
DATA, CODES = 4, 5
"""Streams of `Dice` that examples and the codes of `measured` are drawn from."""
GRID = 256
"""Points of the exact figures' quadrature."""

Spread = Literal["variance", "deviation"]
Made = Literal["mean", "draw"]
Measure = Literal["histogram", "distance", "moments", "kernel"]
Base = Literal["nats", "bits"]


@dataclass(frozen=True)
class GaussiansSettings:
    """How 3.4.1 is read.

    Args:
        examples: Of training, of each seed.
        test: Examples of test, of each seed.
        latent: Numbers in a code.
        hidden: Units of the one hidden layer of encoders and decoders.
        spread: Whether m is the variance or the deviation of x_m.
        correlation: Share of the variance of each x_m that a common standard normal z explains, 0 to 1.
        scale: Standard deviation of the decoders; None = the decoders tell it.
        codes: Whether codes are the posteriors' means or draws.
        generated: Whether generated data are the decoders' means or draws.
        measure: JS of two sets: "histogram" of 50 common bins; "distance", the root of that (what SciPy's
            `jensenshannon` tells); "moments", of the Gaussians of the sets' means and variances; "kernel".
        base: Of the logarithm: nats (e) or bits (2).
        estimator: Of the divergences that automatic weightings go by.
        looked_at: Training examples that they look at.

    Raises:
        SettingError: A number out of its range, or an unknown word.
    """

    examples: int = 10_000
    test: int = 1_000
    latent: int = 1
    hidden: int = 5
    spread: Spread = "variance"
    correlation: float = 0.0
    scale: float | None = 1.0
    codes: Made = "mean"
    generated: Made = "mean"
    measure: Measure = "histogram"
    base: Base = "nats"
    estimator: Estimator = "thesis"
    looked_at: int = 1_000

    def __post_init__(self) -> None:
        for name, least in {"examples": 1, "test": 2, "latent": 1, "hidden": 1, "looked_at": 2}.items():
            if getattr(self, name) < least:
                raise SettingError(f"{name} is {getattr(self, name)}: give {least} or more")
        if not 0 <= self.correlation <= 1:
            raise SettingError(f"correlation is {self.correlation}: give 0 to 1")
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise SettingError(f"scale is {self.scale}: give a number above 0, or None for a learnt one")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise SettingError(f"{name} is {getattr(self, name)!r}: give one of {', '.join(known)}")

    @property
    def likelihood(self) -> Likelihood:
        """Of the decoders."""
        return LearnedGaussianLikelihood() if self.scale is None else GaussianLikelihood(self.scale)

    def deviation(self, modality: int) -> float:
        """True standard deviation of x_m, m = 1, 2, 3."""
        return math.sqrt(modality) if self.spread == "variance" else float(modality)

    def modalities(self) -> tuple[Modality, ...]:
        """x1, x2, x3."""
        return tuple(Modality(f"x{m}", 1, self.likelihood, (self.hidden,)) for m in range(1, MODALITIES + 1))


CHOICES: dict[str, tuple[str, ...]] = {
    "spread": get_args(Spread),
    "codes": get_args(Made),
    "generated": get_args(Made),
    "measure": get_args(Measure),
    "base": get_args(Base),
    "estimator": get_args(Estimator),
}


def examples_of(
    settings: GaussiansSettings, seeds: Sequence[int], device: torch.device | None = None
) -> Examples:
    """x_m = m + s_m (sqrt(c) z + sqrt(1 - c) e_m) of each seed; z and e_m are standard normal."""

    def drawn_of(step: int, count: int) -> tuple[Tensor, ...]:
        noise = Dice(seeds, DATA, step, device).normal(count, 1 + MODALITIES)
        own = math.sqrt(1 - settings.correlation) * noise[..., 1:]
        mixed = math.sqrt(settings.correlation) * noise[..., :1] + own
        numbers = range(1, MODALITIES + 1)
        return tuple(m + settings.deviation(m) * mixed[..., m - 1, None] for m in numbers)

    return Examples(drawn_of(0, settings.examples), drawn_of(1, settings.test))


def measured(model: StackedVAE, examples: Examples, settings: GaussiansSettings) -> dict[str, Tensor]:
    """Columns of tables 3.1 and 3.2, [S] each: `from_sets`, and `from_laws` with ":exact" behind."""
    exact = from_laws(model, examples, settings)
    return from_sets(model, examples, settings) | {f"{name}:exact": one for name, one in exact.items()}


def from_sets(model: StackedVAE, examples: Examples, settings: GaussiansSettings) -> dict[str, Tensor]:
    """Divergences of generated test examples from the true ones, as the settings read the thesis: [S] each.

    "x2" is the sum over sources i of JS(x2 generated from i, true x2), "total" the sum of the three, "x1>x2"
    the term of source 1. Lower is better.
    """

    def apart(m: int, decoded: Tensor) -> Tensor:
        mean = settings.generated == "mean"
        made = settings.likelihood.mean(decoded) if mean else drawn(settings.likelihood, decoded)
        true = model.spread(examples.test[m])
        return js_of_sets(made[..., 0], true[..., 0], settings.measure, settings.base)

    return _summed(model, examples, settings, apart)


def from_laws(model: StackedVAE, examples: Examples, settings: GaussiansSettings) -> dict[str, Tensor]:
    """The same of laws instead of sets, by quadrature, in nats.

    What is generated is a mixture of the decoders' Gaussians over the test examples, the truth N(m, s_m^2).
    """

    def apart(m: int, decoded: Tensor) -> Tensor:
        means = settings.likelihood.mean(decoded)[..., 0]
        widths = decoded[..., 1].exp() if settings.scale is None else torch.full_like(means, settings.scale)
        true = torch.full_like(means[:, :1], m + 1)
        return js_mixtures(means, widths, true, torch.full_like(true, settings.deviation(m + 1)), GRID)

    return _summed(model, examples, settings, apart)


@torch.no_grad()
def _summed(
    model: StackedVAE,
    examples: Examples,
    settings: GaussiansSettings,
    apart: Callable[[int, Tensor], Tensor],
) -> dict[str, Tensor]:
    """Sums and terms of a divergence that is told modality and decoded numbers [S, N, d]."""
    experts = model.encode([model.spread(one) for one in examples.test])
    noise = Dice(model.seeds, CODES, 0, experts.mean.device).normal(experts.mean.shape[2], model.latent)
    codes = experts.mean if settings.codes == "mean" else experts.sample(model.spread(noise))
    names = [modality.name for modality in model.modalities]
    single = {
        f"{source}>{target}": apart(j, model.decode(j, codes[i]))
        for j, target in enumerate(names)
        for i, source in enumerate(names)
    }
    sums = {
        target: torch.stack([single[f"{source}>{target}"] for source in names]).sum(0) for target in names
    }
    return sums | {"total": torch.stack(list(sums.values())).sum(0)} | single


def js_of_sets(made: Tensor, true: Tensor, measure: Measure, base: Base = "nats") -> Tensor:
    """JS divergence of sets [S, N] and [S, N'] as `GaussiansSettings.measure` says: [S]."""
    unit = 1.0 if base == "nats" else math.log(2)
    if measure == "kernel":
        return js_kernel(made, true) / unit
    if measure == "moments":
        laws = [(one.mean(-1, keepdim=True), one.std(-1, keepdim=True)) for one in (made, true)]
        return js_mixtures(*laws[0], *laws[1]) / unit
    plain = js_histogram(made, true) / unit
    return plain.clamp_min(0).sqrt() if measure == "distance" else plain

"""The multimodal rules, objective and likelihoods against linear-Gaussian modalities, of which all is known.

    python benchmarks/multimodal_oracle.py [-n 500] [--epochs 60] [--seed 0] [--json]

First the largest errors over n examples of networks that hold the truth, in float64 and float32. Then which
product counts the prior how often and what that costs, of true posteriors, and of linear models that were
trained with each rule for so many epochs (0 = none), 8 seeds, mean and standard error. A minute and a half
on one core.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import options, progress, show, whole_number
from torch import Tensor

from tasvir import registry
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.likelihood import DEFENSIVE, conditional_log_likelihood, log_likelihood
from tasvir.lab.multimodal.likelihoods import GaussianLikelihood
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective, bounds
from tasvir.lab.multimodal.oracle import LinearGaussian, exact_bounds, line, mixture_kl
from tasvir.lab.multimodal.stack_training import Examples, StackTask, noise_of, train_stack
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting

ALL = (0, 1, 2)
PRODUCTS, MIXTURES = ("poe", "poe-prior", "poe-exact"), ("moe", "mopoe")
SEEDS = range(8)


def laws() -> dict[str, LinearGaussian]:
    """One number a modality and one code; and 2, 3 and 4 numbers of two codes, maps orthogonal."""
    generator = torch.Generator().manual_seed(5)
    scale = torch.tensor([0.7, 1.6], dtype=torch.float64)
    drawn = [torch.randn(width, 2, generator=generator, dtype=torch.float64) for width in (2, 3, 4)]
    maps = tuple(torch.linalg.qr(one).Q * scale * len(one) for one in drawn)
    wide = LinearGaussian(maps, tuple(one[:, 0] for one in drawn), (0.5, 1.0, 2.0))
    return {"one code": line((1.0, 2.0, 1.5), (1.0, 1.0, 1.0)), "two codes": wide}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(2), default=500, help="examples of a law (default 500)")
    parser.add_argument("--epochs", type=whole_number(0), default=60, help="of the training (default 60)")
    asked = parser.parse_args(arguments)
    figures: dict[str, Any] = {"largest errors": {}}
    for name, law in laws().items():
        x = law.sample(asked.n, torch.Generator().manual_seed(asked.seed))
        figures["largest errors"][name] = {
            str(dtype).removeprefix("torch."): errors(law, x, dtype)
            for dtype in (torch.float64, torch.float32)
        }
    law = laws()["one code"]
    x = law.sample(asked.n, torch.Generator().manual_seed(asked.seed))
    figures["importance sampling, 300 codes"] = sampling(law, x)
    figures["which product, true posteriors"] = {name: counted(law, x, name) for name in PRODUCTS}
    if asked.epochs:
        progress("training")
        figures["which rule, trained"] = trained(law, asked.epochs, asked.seed)
    show("multimodal rules against linear-Gaussian modalities", figures, asked.json)


def rule(name: str) -> Expert:
    return registry.create("lab.experts", name, Expert)


def single(model: StackedVAE, x: Sequence[Tensor]) -> Mixture:
    """The joint posterior of a stack of one, [K, N, D]."""
    found = model.posterior(model.encode([one[None] for one in x]))
    return Mixture(found.components[:, 0], found.weights[:, 0])


@torch.no_grad()
def errors(law: LinearGaussian, x: Sequence[Tensor], dtype: torch.dtype) -> dict[str, float]:
    """What the product's own code gets wrong where the truth is closed or a quadrature, at most."""
    given = [one.to(dtype) for one in x]
    joint, every = Objective(0.0, assignment="all"), Objective(1.0, subsets=1.0)
    truth = law.log_likelihood(x, ALL)
    model = law.model(rule("poe-exact"), [FixedWeighting()]).to(dtype)
    q = single(model, given).components[0]
    mean, precision = law.posterior(x, ALL)
    whole = truth + sum(law.log_likelihood(x, of) for of in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2)))
    weighed = bounds(model, [one[None] for one in given], Objective(0.0, samples=5), _noise(model))
    found = {
        "posterior mean": _most(q.mean - mean),
        "posterior precision, relative": _most(q.precision / precision.diagonal() - 1),
        "joint + unimodal + subset bounds": _most(exact_bounds(model, given, every)[0] - whole),
        "importance-weighted bound": _most(weighed[0] - truth),
    }
    for name in PRODUCTS:
        model = law.model(rule(name), [FixedWeighting("1,2,4")]).to(dtype)
        own = single(model.double(), x).components[0]
        below = truth - law.gap(x, own, ALL)
        found[f"bound of {name}, weights 1,2,4"] = _most(
            exact_bounds(model.to(dtype), given, joint)[0] - below
        )
    if law.latent == 1:
        for name in MIXTURES:
            model = law.model(rule(name), [FixedWeighting("1,2,4")]).to(dtype)
            own = single(model.double(), x)
            over = own.kl_bound() - mixture_kl(own)
            apart = exact_bounds(model.to(dtype), given, joint)[0] - (law.elbo(x, own, ALL) - over)
            found[f"bound of {name}, weights 1,2,4"] = _most(apart)
    return found


@torch.no_grad()
def sampling(law: LinearGaussian, x: Sequence[Tensor]) -> dict[str, Any]:
    """Root mean square of (estimate - truth) / error, which shall be 1, and how far a mean is off."""
    found = {}
    given = [one[None] for one in x]
    for name in ("poe", "poe-prior", *MIXTURES):
        model = law.model(rule(name), [FixedWeighting()])
        noise = noise_of(model, 9, 0)
        part = conditional_log_likelihood(model, given, noise, target=(2,), given=(0,), samples=300)
        off = part.nats[0] - law.conditional(x, (2,), (0,))
        found[f"{name}, conditional"] = {"off / error": _root(off / part.error[0])}
        for share in (0.0, DEFENSIVE):
            whole = log_likelihood(model, given, noise, samples=300, defensive=share)
            apart = whole.nats[0] - law.log_likelihood(x, ALL)
            found[f"{name}, joint, defensive {share:g}"] = {
                "off / error": _root(apart / whole.error[0]),
                "mean off, nats": apart.mean().item(),
                "bias told, nats": whole.bias.mean().item(),
            }
    return found


@torch.no_grad()
def counted(law: LinearGaussian, x: Sequence[Tensor], name: str) -> dict[str, float]:
    """A product of true posteriors: its precision and how far its bound is below the likelihood."""
    model = law.model(rule(name), [FixedWeighting()])
    q = single(model, x).components[0]
    return {
        "precision": q.precision[0, 0].item(),
        "nats below log p": law.gap(x, q, ALL).mean().item(),
    }


def trained(law: LinearGaussian, epochs: int, seed: int) -> dict[str, Any]:
    """Linear encoders and decoders learned with each rule, held-out nats below the true log p(x)."""
    whole = [law.sample(2000, torch.Generator().manual_seed(seed * 100 + 1 + one)) for one in SEEDS]
    train = tuple(torch.stack(one).float() for one in zip(*whole, strict=True))
    test = tuple(one.float() for one in law.sample(2000, torch.Generator().manual_seed(seed * 100)))
    truth = law.log_likelihood([one.double() for one in test], ALL).mean()
    modalities = [Modality(f"x{m}", 1, GaussianLikelihood(law.noise[m]), ()) for m in ALL]
    found: dict[str, Any] = {}
    for name in (*PRODUCTS, *MIXTURES, "mmjsd"):
        for what, unimodal in (("joint alone", 0.0), ("joint + unimodal", 1.0)):
            model = StackedVAE(modalities, 1, rule(name), [FixedWeighting()], SEEDS)
            examples = Examples(train, tuple(one[None] for one in test))
            task = StackTask("oracle", model, examples, Objective(unimodal), epochs, 100, 1e-2)
            with tempfile.TemporaryDirectory() as folder:
                train_stack(task, Path(folder), threads=1)
            found[f"{name}, {what}"] = _below(model, test, truth)
    return found


@torch.no_grad()
def _below(model: StackedVAE, test: Sequence[Tensor], truth: Tensor) -> dict[str, str]:
    """How far a model's likelihood and its bound are below the truth, over seeds."""
    likelihood = log_likelihood(model, [one[None] for one in test], noise_of(model, 9, 0), samples=300).mean
    bound = exact_bounds(model, test, Objective(0.0, assignment="all")).mean(-1)
    said = {}
    for name, value in (("log p(x)", likelihood), ("bound", bound)):
        below = truth - value
        said[name] = f"{below.mean().item():.4f} ± {below.std().item() / math.sqrt(len(below)):.4f}"
    return said


def _noise(model: StackedVAE) -> Any:
    drawn = noise_of(model, 9, 0)

    def draw(count: int, batch: int) -> tuple[Tensor, Tensor]:
        return tuple(one.to(model.weights.dtype) for one in drawn(count, batch))  # type: ignore[return-value]

    return draw


def _root(apart: Tensor) -> float:
    return float(apart.square().mean().sqrt())


def _most(apart: Tensor) -> float:
    return float(apart.abs().max())


if __name__ == "__main__":
    main()

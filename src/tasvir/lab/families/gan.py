"""The generative adversarial network: one network draws, another tells the drawn from the true.

min_G max_D E log D(x) + E log(1 - D(G(z))) (2.15). While D is sure, the second term's slope for G vanishes;
non-saturating, G raises E log D(G(z)) instead, with the same fixed point (Goodfellow et al. 2014).
"""

from __future__ import annotations

import math
import time
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.base import Family
from tasvir.lab.families.networks import perceptron
from tasvir.lab.training.settings import Recipe

Objective = Literal["non-saturating", "minimax"]


def discriminator_loss(true: Tensor, drawn: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))), of logits: D = sigmoid."""
    log = nn.functional.logsigmoid
    return -log(true).mean() - log(-drawn).mean()


def generator_loss(drawn: Tensor, objective: Objective) -> Tensor:
    """Minimax: E log(1 - D(G(z))); non-saturating: -E log D(G(z)); of logits."""
    log = nn.functional.logsigmoid
    return log(-drawn).mean() if objective == "minimax" else -log(drawn).mean()


class GanNetwork(nn.Module):
    """The generator noise -> D numbers and the discriminator D numbers -> one logit."""

    def __init__(self, size: int, latent: int, width: int, bounded: bool) -> None:
        super().__init__()
        drawing = perceptron(latent, width, width, width, size)
        self.generator = nn.Sequential(drawing, nn.Tanh()) if bounded else drawing
        self.discriminator = perceptron(size, width, width, width, 1)


class GanFamily(Family):
    """A generator that a discriminator teaches; quick to sample, and silent about likelihood.

    Args:
        objective: What the generator lowers: "non-saturating" or "minimax" (2.15).
        latent: Numbers of noise; None = 8 for points, 32 for pictures.
        width: Of the layers.
        penalty: gamma of gamma / 2 E |grad D(x)|^2 at true examples (Mescheder et al. 2018); 0 = none, as in
            the chapter.

    Raises:
        SettingError: No such objective, or a number out of its range.
    """

    name = "gan"
    source = "Goodfellow et al. 2014; thesis 2.2.2"
    no_likelihood = "a generator tells how to draw, not how likely: it has no density"
    # clipping by the norm of both networks together would let one slow the other down
    recipe: ClassVar[Recipe] = Recipe(
        warm_up_steps=0, decay_from=0.5, gradient_clip=1e6, average_decay=0.999, examples="examples"
    )
    lr = 5e-4

    network: GanNetwork

    def __init__(
        self,
        objective: Objective = "non-saturating",
        latent: int | None = None,
        width: int = 128,
        penalty: float = 0.0,
    ) -> None:
        if objective not in get_args(Objective):
            raise SettingError(f"objective {objective!r}: give one of {', '.join(get_args(Objective))}")
        if (latent is not None and latent < 1) or width < 1 or not penalty >= 0:
            raise SettingError(
                f"latent {latent}, width {width}, penalty {penalty}: 1 or more, and 0 or more for the penalty"
            )
        self.objective, self.latent, self.width, self.penalty = objective, latent, width, penalty

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`."""
        self.shape, points = data.shape, data.kind == "points"
        self.noise = self.latent or (8 if points else 32)
        return GanNetwork(math.prod(data.shape), self.noise, self.width, bounded=not points)

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Both losses in one number, each network's gradient from its own alone."""
        true = x.flatten(1)
        drawn = self.network.generator(self._noise(len(x), generator))
        judge = self.network.discriminator
        own = discriminator_loss(judge(true), judge(drawn.detach()))
        fixed = {name: value.detach() for name, value in judge.named_parameters()}
        fooling = generator_loss(torch.func.functional_call(judge, fixed, (drawn,)), self.objective)
        figures = {"discriminator": own.item(), "generator": fooling.item()}
        loss = own + fooling
        if self.penalty > 0:
            loss = loss + self.penalty / 2 * _squared_slope(judge, true)
        return loss, {"loss": loss.item(), **figures}

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Sampled:
        """See `Family.sample`: one run of the generator."""
        began, generator = time.perf_counter(), torch.Generator().manual_seed(seed)
        x = self.network.generator(self._noise(n, generator))
        return Sampled(x.reshape(n, *self.shape), 1, time.perf_counter() - began)

    def _noise(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, self.noise, generator=generator)


def _squared_slope(judge: nn.Module, true: Tensor) -> Tensor:
    """E |grad D(x)|^2 at the examples, D as a logit."""
    at = true.detach().requires_grad_()
    (slope,) = torch.autograd.grad(judge(at).sum(), at, create_graph=True)
    return slope.square().sum(1).mean()

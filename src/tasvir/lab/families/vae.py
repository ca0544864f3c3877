"""The variational autoencoder: data from a Gaussian code, fitted by a lower bound of their likelihood.

log p(x) >= E_q log p(x | z) - KL(q(z | x) || N(0, I)) (2.8), with z = mu(x) + sigma(x) eps (2.11) so that the
draw lets gradients through, and the KL in closed form (2.14). The mean of k importance weights p(x, z) /
q(z | x) gives a bound that rises with k to log p(x) (Burda et al. 2016).
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.bits import bin_width, bits_per_dimension
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.base import Family
from tasvir.lab.families.networks import perceptron

REPEATS = 8
"""Independent estimates of the bound, whose spread is its error."""
ROWS = 64
"""Examples that are looked at together, each with all its draws."""


def kl_to_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, I)) = (sum exp(s) + mean^2 - 1 - s) / 2 (2.14), [N] of [N, k]."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(-1)


def gaussian(x: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """log N(x; mean, exp(log_deviation)^2), summed over the last dimension."""
    away = (x - mean) * (-log_deviation).exp()
    return (-0.5 * away.square() - log_deviation - 0.5 * math.log(2 * math.pi)).sum(-1)


def discretised_logistic(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log P(level) of a logistic law cut into bins, those at the ends open (Kingma et al. 2016; -1 to 1).

    Args:
        x: [..., D] on the levels.
        mean: [..., D].
        log_scale: [D] or alike.
        levels: How many.
    """
    half = bin_width(levels) / 2
    above = ((x + half - mean) * (-log_scale).exp()).masked_fill(x > 1 - half, math.inf)
    below = ((x - half - mean) * (-log_scale).exp()).masked_fill(x < -1 + half, -math.inf)
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)) for a > b, which keeps small ones
    gap = torch.where(torch.isinf(above - below), math.inf, above - below)
    log = nn.functional.logsigmoid
    return (log(above) + log(-below) + torch.log(-torch.expm1(-gap))).sum(-1)


class VaeNetwork(nn.Module):
    """Encoder D -> (mu, log sigma^2), decoder code -> D means, and one spread for each of the D numbers."""

    def __init__(self, size: int, latent: int, width: int) -> None:
        super().__init__()
        self.encoder = perceptron(size, width, width, 2 * latent)
        self.decoder = perceptron(latent, width, width, size)
        self.log_spread = nn.Parameter(torch.full((size,), -1.0))


class VaeFamily(Family):
    """Data decoded from a Gaussian code; a lower bound of the likelihood is what it learns by.

    Points have a Gaussian decoder; pictures of known levels a logistic law cut into the levels, so that the
    bound is of the levels' probability; other pictures a Gaussian one.

    Args:
        latent: Numbers of a code; None = 2 for points, 16 for pictures.
        width: Of the layers.
        beta: Weight of the KL while learning; 1 = the bound (Higgins et al. 2017).
        draws: k of the bound that `log_prob` tells; 1 = the plain one (2.8).
        noisy: Whether samples come with the decoder's own noise, as its law has them; None = points yes,
            pictures no: their samples are the decoder's means, as is the custom.

    Raises:
        SettingError: A number out of its range.
    """

    name = "vae"
    source = "Kingma and Welling 2014; thesis 2.2.1"

    network: VaeNetwork

    def __init__(
        self,
        latent: int | None = None,
        width: int = 256,
        beta: float = 1.0,
        draws: int = 64,
        noisy: bool | None = None,
    ) -> None:
        if (latent is not None and latent < 1) or width < 1 or draws < 1 or not beta >= 0:
            raise SettingError(
                f"latent {latent}, width {width}, draws {draws}, beta {beta}: 1 or more; 0 or more for beta"
            )
        self.latent, self.width, self.beta, self.draws, self.noisy = latent, width, beta, draws, noisy

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`."""
        self.shape, self.levels = data.shape, data.levels if data.kind == "images" else None
        points = data.kind == "points"
        self.codes = self.latent or (2 if points else 16)
        self.adds_noise = points if self.noisy is None else self.noisy
        return VaeNetwork(math.prod(data.shape), self.codes, self.width)

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Minus the bound (2.8), its KL weighted by beta; the mean over the batch."""
        flat = x.flatten(1)
        mean, log_variance = self.network.encoder(flat).chunk(2, 1)
        noise = torch.randn(mean.shape, generator=generator)
        rebuilt = self._log_decoded(flat, mean + (0.5 * log_variance).exp() * noise).mean()
        away = kl_to_standard(mean, log_variance).mean()
        loss = self.beta * away - rebuilt
        return loss, {"loss": loss.item(), "kl": away.item(), "reconstruction": -rebuilt.item()}

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Sampled:
        """See `Family.sample`: one run of the decoder."""
        began, generator = time.perf_counter(), torch.Generator().manual_seed(seed)
        means = self.network.decoder(torch.randn(n, self.codes, generator=generator))
        if self.adds_noise:
            means = self._noised(means, generator)
        x = means if self.levels is None else means.clamp(-1, 1)
        return Sampled(x.reshape(n, *self.shape), 1, time.perf_counter() - began)

    @torch.no_grad()
    def log_prob(self, x: Tensor, seed: int = 0) -> Bound:
        """E log (1/k sum p(x, z_i) / q(z_i | x)), a lower bound for every k, with its error by drawing."""
        generator = torch.Generator().manual_seed(seed)
        flat = x.flatten(1).float()
        parts = [self._bounds(rows, generator) for rows in flat.split(ROWS)]
        found = torch.cat(parts, 1)
        nats, error = found.mean(0), found.std(0) / math.sqrt(REPEATS)
        bits = None if self.levels is None else bits_per_dimension(nats, flat.shape[1])
        return Bound(nats, exact=False, error=error, bits_per_dimension=bits)

    def _bounds(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """[REPEATS, N] estimates of the bound, in float64."""
        mean, log_variance = self.network.encoder(x).chunk(2, 1)
        found = []
        for _ in range(REPEATS):
            noise = torch.randn(self.draws, *mean.shape, generator=generator)
            codes = mean + (0.5 * log_variance).exp() * noise
            zero = torch.zeros_like(mean)
            log_weights = (
                self._log_decoded(x, codes).double()
                + gaussian(codes, zero, zero).double()
                - gaussian(codes, mean, 0.5 * log_variance).double()
            )
            found.append(log_weights.logsumexp(0) - math.log(self.draws))
        return torch.stack(found)

    def _log_decoded(self, x: Tensor, codes: Tensor) -> Tensor:
        """log p(x | z), [..., N] of codes [..., N, k]."""
        means, log_spread = self.network.decoder(codes), self.network.log_spread
        if self.levels is None:
            return gaussian(x, means, log_spread)
        return discretised_logistic(x, means, log_spread, self.levels)

    def _noised(self, means: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of the decoder's law; of pictures the level that the number falls to."""
        spread = self.network.log_spread.exp()
        if self.levels is None:
            return means + spread * torch.randn(means.shape, generator=generator)
        uniform = torch.rand(means.shape, generator=generator).clamp(1e-6, 1 - 1e-6)
        width = bin_width(self.levels)
        return ((means + spread * torch.logit(uniform) + 1) / width).round() * width - 1

"""The law of a finite data set."""
from __future__ import annotations
import math
import torch
from torch import Tensor
from tasvir.lab.diffusion.oracles.base import Law
class FiniteLaw(Law):
    name = "finite"
    def __init__(self, points: Tensor) -> None:
        self.points = points.double(); self.dimension = points.shape[1]
    def sample(self, n, generator):
        return self.points[torch.randint(len(self.points), (n,), generator=generator)]
    def _logits(self, x, alpha, sigma):
        p = self.points.to(x)
        return (alpha * (x @ p.T) - 0.5*alpha**2*(p**2).sum(1)) / sigma**2
    def log_density(self, x, alpha=1.0, sigma=0.0):
        return (self._logits(x, alpha, sigma) - 0.5*(x**2).sum(1,keepdim=True)/sigma**2).logsumexp(1) - math.log(len(self.points)) - 0.5*self.dimension*math.log(2*math.pi*sigma**2)
    def denoise(self, x, alpha, sigma):
        return self._logits(x, alpha, sigma).softmax(1) @ self.points.to(x)

"""A network that is taught by another, and what must be kept with it so that a stopped training goes on.

How many losses it has seen and, where there is one, the slower copy that its targets come from are part of
its state: they are saved, averaged and restored with the weights.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser


class Pupil(nn.Module):
    """F(x, noise, labels) of a network, with a count of steps and a copy of the network.

    Args:
        network: What is trained.
        copied: Whether there is a copy; it takes no gradients.
    """

    steps: Tensor

    def __init__(self, network: nn.Module, copied: bool) -> None:
        super().__init__()
        self.network = network
        self.copy = copy.deepcopy(network).requires_grad_(False) if copied else None
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, *given: Tensor | None) -> Tensor:
        """What the network tells of x, noise, labels and what else it takes."""
        told: Tensor = self.network(*given)
        return told

    def begin_step(self, decay: float) -> int:
        """To be called for every loss: moves the copy and counts; tells how many steps were taken before."""
        taken = int(self.steps)
        self.follow(decay if taken else 0.0)
        self.steps += 1
        return taken

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the copy towards the network: copy = decay copy + (1 - decay) network; 0 = take its place."""
        if self.copy is None or decay == 1.0:
            return
        for old, new in zip(self.copy.parameters(), self.network.parameters(), strict=True):
            old.lerp_(new, 1.0 - decay)

    def slow(self, denoiser: NetworkDenoiser) -> NetworkDenoiser:
        """The denoiser with the copy in the place of the network; itself where there is no copy."""
        if self.copy is None:
            return denoiser
        return NetworkDenoiser(self.copy, denoiser.schedule, denoiser.preconditioning)


def pupil_of(denoiser: NetworkDenoiser) -> Pupil:
    """The network of a denoiser, which must be a `Pupil`."""
    assert isinstance(denoiser.network, Pupil)
    return denoiser.network

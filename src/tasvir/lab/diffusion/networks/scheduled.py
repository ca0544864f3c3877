"""A network and the schedule that learns beside it, as one module: trained, kept and opened together."""

from __future__ import annotations

from torch import Tensor, nn

from tasvir.lab.diffusion.schedules.learned import LearnedSchedule


class ScheduledNetwork(nn.Module):
    """Tells what the inner network tells; the schedule's parameters are among its own."""

    def __init__(self, inner: nn.Module, schedule: LearnedSchedule) -> None:
        super().__init__()
        self.inner, self.schedule = inner, schedule

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """See the inner network."""
        told: Tensor = self.inner(x, noise, labels)
        return told

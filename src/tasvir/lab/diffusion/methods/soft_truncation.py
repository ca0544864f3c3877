"""Soft truncation of the variance-preserving SDE (Kim et al. 2022; thesis 4.3.1.3)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.methods.vp_sde import VpSdeMethod
from tasvir.lab.diffusion.objectives.soft_truncation import SoftTruncationObjective


class SoftTruncationMethod(VpSdeMethod):
    """vp-sde weighted for likelihood from a time on that is drawn for every batch."""

    name: ClassVar[str] = "soft-truncation"
    source: ClassVar[str] = "Kim et al. 2022; thesis 4.3.1.3"

    def model(
        self, data: Data, network: nn.Module | None = None, *, power: float = 1.0, **options: Any
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            power: k of `SoftTruncationObjective`.
            options: Of `VpSdeMethod.model`, without ``likelihood``.
        """
        model = super().model(data, network, **options)
        model.objective = SoftTruncationObjective(power)
        return model

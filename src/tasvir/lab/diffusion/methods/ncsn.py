"""Noise-conditional score networks and annealed Langevin dynamics (Song and Ermon 2019; thesis 4.2.2)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import Drawing, GaussianModel
from tasvir.lab.diffusion.methods.ve_sde import widest
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.score_matching import ScoreMatchingObjective
from tasvir.lab.diffusion.objectives.sliced import SlicedObjective
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.samplers.annealed_langevin import AnnealedLangevinSampler
from tasvir.lab.diffusion.schedules.ve import VeSchedule


class NcsnMethod(Method):
    """Scores at geometric levels by denoising or sliced score matching; Langevin steps at each level."""

    name: ClassVar[str] = "ncsn"
    source: ClassVar[str] = "Song and Ermon 2019, 2020; thesis 4.2.2"
    no_bound: ClassVar[str | None] = "its levels are no chain: ve-sde is the same model with a likelihood"

    def model(
        self,
        data: Data,
        network: nn.Module | None = None,
        *,
        levels: int = 50,
        sigma_min: float = 0.01,
        sigma_max: float | None = None,
        sliced: bool = False,
        repeats: int = 5,
        step: float = 0.3,
        **options: Any,
    ) -> GaussianModel:
        """See `Method.model`.

        Args:
            data: Points or pictures.
            network: None = one made with ``options``.
            levels: L.
            sigma_min: Least noise.
            sigma_max: Largest; None = `widest`.
            sliced: Sliced instead of denoising score matching.
            repeats: Langevin steps a level when sampling.
            step: Their size in squares of the level's noise. With r the ratio of two levels, repeats and step
                must bring the variance down as fast: (1 - step / 2)^(2 repeats) well below 1 / r^2 (Song and
                Ermon 2020, section 3.3); 50 levels with their 0.062 fall far behind.
            options: Of `network_for`.
        """
        denoiser = NetworkDenoiser(
            network_for(data, **options) if network is None else network,
            VeSchedule(sigma_min, widest(data) if sigma_max is None else sigma_max),
            PlainPreconditioning("eps", data.deviation),
        )
        objective: Objective = SlicedObjective(levels) if sliced else ScoreMatchingObjective(levels)
        drawing = Drawing(AnnealedLangevinSampler(repeats, step), levels - 1, end=0.0, to_data=False)
        return GaussianModel(data, denoiser, objective, drawing)

"""Euler's ancestral method in the sigma / alpha of EDM (Crowson's k-diffusion, 2022): known as "Euler a"."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.samplers.ddim_eta import DdimEtaSampler


class EulerAncestralSampler(DdimEtaSampler):
    """y + (r_down - r_t) eps + r_up z, r_up^2 = eta^2 r_s^2 (1 - r_s^2 / r_t^2), r_down^2 = r_s^2 - r_up^2.

    With y = x / alpha and r = sigma / alpha these are the numbers of DDIM with eta, so it is that walk by the
    name that pipelines know it by; a test holds the two formulas together.
    """

    name: ClassVar[str] = "euler-a"

"""The sub-VP SDE: VP's drift with less noise, for likelihood (Song et al. 2021; thesis 4.2.3)."""

from __future__ import annotations

from typing import ClassVar

from tasvir.lab.diffusion.methods.vp_sde import VpSdeMethod
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.sub_vp import SubVpSchedule


class SubVpSdeMethod(VpSdeMethod):
    """As VP, under sigma = 1 - alpha^2, whose square VP has for its variance."""

    name: ClassVar[str] = "sub-vp-sde"
    source: ClassVar[str] = "Song et al. 2021; thesis 4.2.3"
    schedule: ClassVar[type[LinearSchedule]] = SubVpSchedule

"""Early start: a walk that begins from something coarse, noised to a level below the top (thesis 4.3.1.3).

What another, quicker model drew (or a picture that is to be drawn anew in part) is noised to time t; only the
steps below t are walked (Lyu et al. 2022; Meng et al. 2022). On Gaussians a coarse variance v' in place of v
ends as v (alpha^2 v' + sigma^2) / (alpha^2 v + sigma^2): what is wrong fades with the noise.
"""

from __future__ import annotations

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise


def started_from(coarse: Tensor, path: Path, time: float, noise: Noise) -> tuple[Tensor, Path]:
    """x at a time, and the rest of a path from there on.

    Args:
        coarse: Clean examples in the units of the data, [B, ...].
        path: The whole way.
        time: Where to begin, between the path's ends.
        noise: Of that level.

    Returns:
        alpha coarse + sigma eps, and the path from that level down.

    Raises:
        SettingError: A time outside the path.
    """
    first, last = path.levels[0].t, path.levels[-1].t
    if not last < time <= first:
        raise SettingError(f"time {time:g} lies outside the path, which goes from {first:g} down to {last:g}")
    begin = path.schedule.level(time)
    rest = tuple(level for level in path.levels if level.t < time)
    return begin.alpha * coarse + begin.sigma * noise(coarse), Path((begin, *rest))

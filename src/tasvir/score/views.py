"""Named views of the cosine of picture and text: what publications call a CLIP score.

Stored is the cosine alone; the same model on the same pictures is 0.31, 31 or 0.78 by who writes it down. A
mean may be shown under a view's name, never mixed: `clipscore_w2.5` is that of Hessel et al. (2021), who also
put "A photo depicts " before the text (another recipe: the option `prefix` of clip-score); `clip_x100` is
what torchmetrics prints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tasvir.errors import UnknownNameError

VIEWS: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "clip_cosine": lambda cosine: cosine,
        "clipscore_w2.5": lambda cosine: 2.5 * max(cosine, 0.0),
        "clip_x100": lambda cosine: 100.0 * cosine,
    }
)
"""By name, from the cosine of one picture (-1 to 1); average afterwards: one of them is no straight line."""


def view(name: str, cosine: float) -> float:
    """The cosine of one picture and its text under a view's name.

    Raises:
        UnknownNameError: No view has that name.
    """
    if name not in VIEWS:
        raise UnknownNameError(f"no view of a cosine is called {name!r}; there are {', '.join(VIEWS)}")
    return VIEWS[name](cosine)

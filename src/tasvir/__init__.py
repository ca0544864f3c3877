"""tasvir: plan a layout, draw it, judge the picture, redesign, keep the best.

    from tasvir import generate
    trace = generate("a red car left of a dog", seed=0)
    trace.best.picture

Nothing heavy is loaded before it is used: `import tasvir` imports neither torch nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasvir.pipeline import generate as generate

__version__ = "0.1.0"
__all__ = ["__version__", "generate"]


def __getattr__(name: str) -> Any:
    if name == "generate":
        from tasvir.pipeline import generate

        return generate
    raise AttributeError(f"module 'tasvir' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""tasvir: plan a layout, draw it, judge the picture, redesign, keep the best.

    from tasvir import generate
    trace = generate("a red car left of a dog", seed=0)
    trace.best.picture

Nothing heavy is loaded before it is used: `import tasvir` imports neither torch nor numpy.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasvir.pipeline import generate as generate
else:
    from tasvir import generate

__version__ = "0.1.0"
__all__ = ["__version__", "generate"]


class _CallableRoom(ModuleType):
    """Lets the room `tasvir.generate` be called as `tasvir.pipeline.generate`.

    Python binds a subpackage to its parent's attribute of the same name as soon as anything imports it, so a
    function `tasvir.generate` would turn into the room half-way through a program. So the room is callable.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from tasvir import pipeline

        return pipeline.generate(*args, **kwargs)


if not TYPE_CHECKING:
    generate.__class__ = _CallableRoom

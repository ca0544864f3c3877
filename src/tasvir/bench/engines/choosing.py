"""Engines by name."""

from __future__ import annotations

from pathlib import Path

from tasvir.bench.engines.base import Engine
from tasvir.errors import SettingError, UnknownNameError


def open_engine(name: str, keep: Path, *, address: str | None = None, workers: int | None = None) -> Engine:
    """An engine.

    Args:
        name: "local".
        keep: Folder for pictures on the way of prompts whose guide is paid for.
        address: Of a cluster.
        workers: How many draw at once.

    Raises:
        UnknownNameError: No such engine.
        SettingError: An option that it does not have.
    """
    if name == "local":
        if address is not None or workers is not None:
            raise SettingError("--address and --workers are for an engine of many machines: leave them out")
        from tasvir.bench.engines.local import LocalEngine

        return LocalEngine(keep)
    raise UnknownNameError(f"no engine is called {name!r}; known: local")

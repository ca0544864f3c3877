"""Engines by name."""

from __future__ import annotations

from pathlib import Path

from tasvir.bench.engines.base import Engine
from tasvir.errors import SettingError, UnknownNameError


def open_engine(
    name: str,
    keep: Path,
    *,
    address: str | None = None,
    workers: int | None = None,
    gpus: float | None = None,
) -> Engine:
    """An engine.

    Args:
        name: "local" or "ray".
        keep: Folder for pictures on the way of prompts whose guide is paid for.
        address: Of a cluster.
        workers: How many draw at once.
        gpus: What each takes of a GPU.

    Raises:
        UnknownNameError: No such engine.
        SettingError: An option that it does not have.
        PluginError: Its package is not installed; says how to.
    """
    if name == "local":
        if (address, workers, gpus) != (None, None, None):
            raise SettingError("--address, --workers and --gpus are for --engine ray: leave them out")
        from tasvir.bench.engines.local import LocalEngine

        return LocalEngine(keep)
    if name == "ray":
        from tasvir.bench.engines.ray import RayEngine

        return RayEngine(address, workers, gpus)
    raise UnknownNameError(f"no engine is called {name!r}; known: local, ray")

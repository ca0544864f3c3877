"""Opens the models that a command names: once for many pictures, and on the device that was asked for."""

from __future__ import annotations

import inspect
import re
from typing import Any

from tasvir.errors import SettingError


def open_models(
    names: dict[str, str | None], settings: dict[str, Any], device: str, *, reuse: bool
) -> dict[str, Any]:
    """The pipeline's guide, judge and generator: names, or opened where used again or put on a device.

    Args:
        names: "guide", "judge" and "generator"; None leaves the choice to the pipeline.
        settings: The pipeline's switches: what they rule out is not opened.
        device: "auto", "cpu", "mps", "cuda" or "cuda:N".
        reuse: Open now, to be used for several pictures.

    Raises:
        SettingError: No such device, or a model that cannot be put on it.
        UnknownNameError: No such model.
    """
    from tasvir import registry
    from tasvir.generate.base import Generator
    from tasvir.guide.base import Guide

    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise SettingError(f"--device {device!r}: expected auto, cpu, mps, cuda or cuda:N")
    kinds: dict[str, tuple[str, type[Any]]] = {
        "guide": ("guides", Guide),
        "judge": ("guides", Guide),
        "generator": ("generators", Generator),
    }
    for role, name in names.items():
        if name is not None:
            registry.find(kinds[role][0], name)
    if device == "auto" and not reuse:
        return dict(names)
    ruled_out = {"guide": not settings["guided"], "judge": not settings["judging"], "generator": False}
    opened: dict[str, Any] = dict(names)
    for role, name in names.items():
        if name is not None and not ruled_out[role]:
            kind, base = kinds[role]
            opened[role] = registry.create(
                kind, _on_device(registry.load(kind, name), role, name, device), base
            )
    return opened


def _on_device(plugin: Any, role: str, name: str, device: str) -> Any:
    """The name itself where any device will do, else the plugin built on that device.

    A guide without a ``device`` argument needs none (a hosted one runs elsewhere); a generator does.
    """
    if device != "auto" and "device" in inspect.signature(plugin).parameters:
        return plugin(device=device)
    if device != "auto" and role == "generator":
        raise SettingError(f"generator {name!r} cannot be put on a device: leave out --device")
    return name

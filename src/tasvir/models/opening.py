"""What flags say about opening models, and one plugin made with what it takes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.models.load import LoadSettings
from tasvir.models.service import ServiceSettings

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
GIVEN = ("model", "load", "service", "device")
"""Parameters of a plugin that flags of their own fill."""


@dataclass(frozen=True)
class Opening:
    """What flags say about opening models.

    Args:
        load: For models that run in this process.
        service: For models that run elsewhere.
        options: "--set NAME=VALUE", as typed.
    """

    load: LoadSettings
    service: ServiceSettings
    options: Mapping[str, str] = field(default_factory=dict)


def open_model(kind: str, choice: str, base: type[Any], opening: Opening) -> Any:
    """One plugin, made with what it takes of the flags.

    Raises:
        SettingError: It cannot be put on a device that was asked for.
        UnknownNameError: No such model.
    """
    takes = registry.parameters(registry.load(kind, choice))
    given: dict[str, Any] = {}
    if "load" in takes:
        given["load"] = opening.load
    elif "device" in takes:
        given["device"] = opening.load.device
    elif opening.load.device != "auto" and kind == "generators":
        raise SettingError(f"generator {choice!r} cannot be put on a device: leave out --device")
    if "service" in takes:
        given["service"] = opening.service
    for name, value in opening.options.items():
        if name in takes and name not in GIVEN:
            given[name] = _converted(name, value, str(takes[name].annotation))
    return registry.create(kind, choice, base, **given)


def _converted(name: str, value: str, annotation: str) -> object:
    """A typed value by the parameter's annotation, which is text here ("float", "int | None", ...)."""
    try:
        if "bool" in annotation:
            return _TRUTH[value.lower()]
        if "int" in annotation and "float" not in annotation:
            return int(value)
        return float(value) if "float" in annotation else value
    except (KeyError, ValueError) as problem:
        raise SettingError(f"--set {name}={value}: expected {annotation}") from problem

"""Opens the models that a command names, with what its flags say about loading, services and a plugin's own
options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasvir.errors import SettingError
from tasvir.models.opening import GIVEN, Opening, open_model

if TYPE_CHECKING:
    from tasvir.guide.base import Guide


def open_guide(name: str, opening: Opening) -> Guide:
    """A guide on its own.

    Raises:
        SettingError: No such device, an option that it does not have, or a value that the option cannot take.
        UnknownNameError: No such guide.
    """
    from tasvir.guide.base import Guide

    guide: Guide = open_alone("guides", name, Guide, opening)
    return guide


def open_models(
    names: Mapping[str, str | None], settings: Mapping[str, Any], opening: Opening
) -> dict[str, Any]:
    """The pipeline's guide, judge and generator; what the switches rule out is not opened and stays a name.

    Args:
        names: "guide", "judge" and "generator"; None leaves the choice to the pipeline.
        settings: The pipeline's switches "guided" and "judging".
        opening: What the flags say.

    Raises:
        SettingError: No such device, an option that none of the models has, or a value that it cannot take.
        UnknownNameError: No such model.
    """
    from tasvir import registry
    from tasvir.generate.base import Generator
    from tasvir.guide.base import Guide

    kinds: dict[str, tuple[str, type[Any]]] = {
        "guide": ("guides", Guide),
        "judge": ("guides", Guide),
        "generator": ("generators", Generator),
    }
    for role, name in names.items():
        if name is not None:
            registry.find(kinds[role][0], name)
    ruled_out = {"guide": not settings["guided"], "judge": not settings["judging"]}
    opened = {role: (name, *kinds[role]) for role, name in names.items() if name and not ruled_out.get(role)}
    check_flags(opening, [(kind, name) for name, kind, _ in opened.values()])
    made = {role: open_model(kind, name, base, opening) for role, (name, kind, base) in opened.items()}
    return {**names, **made}


def open_alone(kind: str, choice: str, base: type[Any], opening: Opening) -> Any:
    """One plugin that works by itself, all flags checked against it.

    Raises:
        SettingError: No such device, an option that it does not have, or a value that it cannot take.
        UnknownNameError: No such model.
    """
    check_flags(opening, [(kind, choice)])
    return open_model(kind, choice, base, opening)


def check_flags(opening: Opening, plugins: Sequence[tuple[str, str]]) -> None:
    """Check that the device has a name that can be one, and that each option is one of these plugins'.

    Raises:
        SettingError: It is not.
    """
    from tasvir import registry

    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", opening.load.device):
        raise SettingError(f"--device {opening.load.device!r}: expected auto, cpu, mps, cuda or cuda:N")
    known = {
        name
        for kind, choice in plugins
        for name in registry.parameters(registry.load(kind, choice))
        if name not in GIVEN
    }
    for name in opening.options:
        if name not in known:
            shown = ", ".join(sorted(known)) or "none"
            raise SettingError(f"--set {name}=...: none of these models has that option; they have: {shown}")


def parse_options(texts: list[str]) -> dict[str, str]:
    """Read "--set NAME=VALUE", given any number of times.

    Raises:
        SettingError: No "=" in one of them.
    """
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals or not name.strip():
            raise SettingError(f"--set {name!r}: expected NAME=VALUE, e.g. --set beta=0.4")
    return {name.strip(): value.strip() for name, _, value in pairs}

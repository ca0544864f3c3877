"""Samplers by the names that users type, looked up before anything heavy is loaded."""

from __future__ import annotations

from tasvir import registry
from tasvir.errors import UnknownNameError


def find_sampler(choice: str | None) -> None:
    """Check that there is such a sampler: "euler", "lab:heun" for one of the laboratory, None for no choice.

    Raises:
        UnknownNameError: There is none; the message lists near names.
        PluginError: Two packages give the same name.
    """
    if choice is None:
        return
    registry.find("samplers", choice)
    name, inner = registry.split(choice)
    if name != "lab":
        return
    if not inner:
        raise UnknownNameError(
            "sampler 'lab' stands for those of the laboratory: say which, such as lab:heun (see "
            "`tasvir list lab.samplers`)"
        )
    registry.find("lab.samplers", inner)

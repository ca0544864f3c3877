"""The small network that suits data, and the three by name; sizes that learn in minutes on a CPU."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.networks.dit import DitNetwork
from tasvir.lab.diffusion.networks.mlp import MlpNetwork
from tasvir.lab.diffusion.networks.tokens import TokenNetwork
from tasvir.lab.diffusion.networks.unet import UNetNetwork

NETWORKS: dict[str, type[MlpNetwork | UNetNetwork | DitNetwork]] = {
    "mlp": MlpNetwork,
    "unet": UNetNetwork,
    "dit": DitNetwork,
}


def network_for(
    data: Data, name: str = "auto", *, conditional: bool = False, outputs: int = 1, **sizes: Any
) -> nn.Module:
    """A fresh network for data.

    Args:
        data: What it shall learn.
        name: mlp, unet, dit; auto = mlp for points, unet for pictures.
        conditional: Whether it is told classes.
        outputs: Numbers told for each one given.
        sizes: ``width``, ``depth`` and what else the network takes.

    Raises:
        UnknownNameError: No such network.
        SettingError: Classes of data without labels, a network that does not take such data, or sizes that it
            does not have.
    """
    if name == "auto":
        name = "unet" if data.kind == "images" else "mlp"
    if name not in NETWORKS:
        raise UnknownNameError(f"no network is called {name!r}; known: auto, {', '.join(NETWORKS)}")
    if name != "mlp" and data.kind != "images":
        raise SettingError(f"network {name} takes pictures, and {data.name} are {data.kind}: use mlp")
    if conditional and data.classes is None:
        raise SettingError(f"{data.name} has no classes: leave conditional out")
    if name == "dit" and "patch" not in sizes:
        sizes["patch"] = 4 if data.shape[-1] > 16 else 2
    check_sizes(f"network {name}", NETWORKS[name], sizes)
    return NETWORKS[name](data.shape, data.classes if conditional else None, outputs, **sizes)


def check_sizes(called: str, network: type[nn.Module], sizes: Mapping[str, Any]) -> None:
    """See that a network has the sizes that are asked for, and that they are whole numbers from 1 on.

    Raises:
        SettingError: One is not, or the network has none of that name.
    """
    known = {
        name: one.default
        for name, one in inspect.signature(network).parameters.items()
        if one.default is not one.empty and name not in ("classes", "outputs")
    }
    for name, value in sizes.items():
        if name not in known:
            raise SettingError(
                f"neither the method nor {called} has an option {name!r}; the network has: {', '.join(known)}"
            )
        several = isinstance(known[name], tuple)
        if several and not (isinstance(value, list | tuple) and value and all(map(_is_size, value))):
            raise SettingError(f"{name} is {value}: give whole numbers from 1 on, such as {[*known[name]]}")
        if not several and not _is_size(value):
            raise SettingError(f"{name} is {value}: give a whole number from 1 on, such as {known[name]}")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def vocabulary(data: Data) -> int:
    """How many values a token can take.

    Raises:
        SettingError: Data that are no tokens, or do not say.
    """
    if data.kind != "tokens" or data.levels is None:
        raise SettingError(f"{data.name} are {data.kind}, not tokens of a known vocabulary")
    return data.levels


def token_network_for(
    data: Data, network: nn.Module | None, states: int, sizes: dict[str, Any]
) -> TokenNetwork:
    """A fresh network for tokens, or the one that is given.

    Args:
        data: Tokens.
        network: None = a fresh one.
        states: What a token may be when it is noised.
        sizes: ``width``, ``depth``, ``heads``.

    Raises:
        SettingError: Sizes that it does not have, or a network of another kind.
    """
    if network is not None:
        if not isinstance(network, TokenNetwork):
            raise SettingError(f"a {type(network).__name__} tells no tokens: give a TokenNetwork")
        return network
    check_sizes("the network of tokens", TokenNetwork, sizes)
    return TokenNetwork(data.shape[0], states, vocabulary(data), **sizes)

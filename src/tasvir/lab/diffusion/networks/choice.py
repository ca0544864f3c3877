"""The small network that suits data, and the three by name; sizes that learn in minutes on a CPU."""

from __future__ import annotations

from typing import Any

from torch import nn

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.networks.dit import DitNetwork
from tasvir.lab.diffusion.networks.mlp import MlpNetwork
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
    try:
        return NETWORKS[name](data.shape, data.classes if conditional else None, outputs, **sizes)
    except TypeError as problem:
        raise SettingError(f"network {name} cannot be made with {sizes}: {problem}") from None

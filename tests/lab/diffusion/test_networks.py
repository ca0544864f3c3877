"""Networks: what goes in comes out, they begin by telling nothing, and noise and classes are looked at."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.networks.choice import NETWORKS, network_for
from tasvir.lab.diffusion.networks.dit import DitNetwork
from tasvir.lab.diffusion.networks.mlp import MlpNetwork
from tasvir.lab.diffusion.networks.unet import UNetNetwork
from tasvir.lab.diffusion.networks.variance import VarianceNetwork

PICTURES = [(1, 28, 28), (3, 32, 32), (1, 8, 8)]


def stirred(network: nn.Module) -> nn.Module:
    """With no weight at 0."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return network


def data(shape: tuple[int, ...], classes: int | None = None) -> Data:
    some = torch.randn(4, *shape)
    labels = None if classes is None else torch.zeros(4, dtype=torch.int64)
    return Data("some", "images" if len(shape) == 3 else "points", some, some, labels, labels, classes)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(
    ("name", "shape"), [("mlp", (2,)), *((name, shape) for name in ("unet", "dit") for shape in PICTURES)]
)
def test_shapes_and_a_start_at_nothing(name: str, shape: tuple[int, ...], outputs: int) -> None:
    network = network_for(data(shape), name, outputs=outputs, width=16)
    x, noise = torch.randn(3, *shape), torch.zeros(3)
    told = network(x, noise)
    assert told.shape == (3, outputs * shape[0], *shape[1:]) and not told.any()
    told = stirred(network)(x, noise)
    assert told.std() > 0.01 and not torch.allclose(told, network(x, noise + 0.5))


@pytest.mark.parametrize(("name", "shape"), [("mlp", (2,)), ("unet", (1, 8, 8)), ("dit", (1, 8, 8))])
def test_classes_are_looked_at_and_none_is_one_of_them(name: str, shape: tuple[int, ...]) -> None:
    network = stirred(network_for(data(shape, 4), name, conditional=True, width=16))
    x, noise = torch.randn(2, *shape), torch.zeros(2)
    none = network(x, noise, None)
    assert torch.equal(none, network(x, noise, torch.tensor([4, 4])))
    told = network(x, noise, torch.tensor([4, 1]))
    assert torch.allclose(told[0], none[0], atol=1e-6) and not torch.allclose(told[1], none[1])


def test_examples_do_not_see_each_other() -> None:
    for network, shape in (
        (MlpNetwork((2,), width=16), (2,)),
        (UNetNetwork((1, 8, 8), width=16), (1, 8, 8)),
        (DitNetwork((1, 8, 8), width=16, patch=2), (1, 8, 8)),
    ):
        x, noise = torch.randn(3, *shape), torch.randn(3) / 4
        whole, alone = stirred(network)(x, noise), network(x[1:2], noise[1:2])
        assert torch.allclose(whole[1:2], alone, atol=1e-5)


def test_attention_maps_are_kept_when_asked_for() -> None:
    network = stirred(UNetNetwork((1, 8, 8), width=16))
    assert isinstance(network, UNetNetwork)
    network(torch.randn(2, 1, 8, 8), torch.zeros(2))
    assert network.attention.weights is None
    network.attention.keep = True
    network(torch.randn(2, 1, 8, 8), torch.zeros(2))
    weights = network.attention.weights
    assert weights is not None and weights.shape[-2:] == (4, 4)
    assert torch.allclose(weights.sum(-1), torch.ones(()))


def test_variances_are_told_beside_the_guess() -> None:
    network = VarianceNetwork(MlpNetwork((2,), outputs=2, width=16))
    x = torch.randn(3, 2)
    assert network(x, torch.zeros(3)).shape == (3, 2)
    assert torch.equal(network.fraction, torch.full((3, 2), 0.5))


def test_wrong_choices_are_refused() -> None:
    points, picture = data((2,)), data((1, 28, 28))
    with pytest.raises(UnknownNameError, match="auto, mlp, unet, dit"):
        network_for(points, "transformer")
    with pytest.raises(SettingError, match="use mlp"):
        network_for(points, "unet")
    with pytest.raises(SettingError, match="no classes"):
        network_for(points, conditional=True)
    with pytest.raises(SettingError, match="even sides"):
        network_for(data((1, 27, 27)))
    with pytest.raises(SettingError, match="patches of 5 x 5"):
        network_for(picture, "dit", patch=5)
    with pytest.raises(SettingError, match="colour"):
        network_for(picture, colour=3)
    assert {type(network_for(points)), type(network_for(picture))} == {MlpNetwork, UNetNetwork}
    assert set(NETWORKS) == {"mlp", "unet", "dit"}

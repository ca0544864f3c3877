"""The diffusion family says and draws what the method itself does."""

from __future__ import annotations

import pytest
import torch

from tasvir import registry
from tasvir.errors import UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.sub_vp_sde import SubVpSdeMethod
from tasvir.lab.families.base import Family
from tasvir.lab.families.diffusion import METHODS, DiffusionFamily

SMALL = {"width": 16, "depth": 1}
DATA = Data("two", "points", torch.randn(500, 2), torch.randn(10, 2))
PICTURES = Data("dots", "images", *[torch.randint(0, 3, (8, 1, 8, 8)) - 1.0] * 2, levels=3)


def built(family: Family, data: Data) -> Family:
    torch.manual_seed(7)
    family.network = family.build(data).eval()
    for parameter in family.network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return family


@pytest.mark.parametrize("data", [DATA, PICTURES], ids=["points", "pictures"])
@pytest.mark.parametrize("name", ["edm", "rectified-flow"])
def test_its_numbers_are_the_methods_own(name: str, data: Data) -> None:
    sizes = SMALL if data is DATA else {"width": 8}
    family = built(registry.create("lab.families", f"diffusion:{name}", Family, **sizes), data)
    model = registry.create("lab.methods", name, Method).model(data, **sizes)
    model.network.load_state_dict(family.network.state_dict())
    model.network.eval()
    x = data.test[:4]
    ours, figures = family.loss(x, torch.Generator().manual_seed(1))
    theirs = model.loss(x, None, torch.Generator().manual_seed(1)).mean()
    assert float(ours.detach()) == float(theirs.detach()) == figures["loss"] and ours.requires_grad
    drawn, expected = family.sample(3, 2), model.sample(3, 2)
    assert torch.equal(drawn.x, expected.x) and drawn.evaluations == expected.evaluations
    said, bound = family.log_prob(x, 3), model.bound(x, 3)
    assert said is not None and bound is not None and torch.equal(said.nats, bound.nats)
    assert (said.exact, said.bits_per_dimension) == (bound.exact, bound.bits_per_dimension)
    assert said.exact is (data is DATA) and family.no_likelihood is None


def test_the_cost_of_edm_is_that_of_its_18_steps_of_heun() -> None:
    assert built(DiffusionFamily(**SMALL), DATA).sample(2, 0).evaluations == 35


def test_what_has_no_likelihood_says_why_and_any_method_can_be_given() -> None:
    family = built(DiffusionFamily("ncsn", **SMALL), DATA)
    assert family.log_prob(DATA.test) is None and family.no_likelihood == METHODS["ncsn"].no_bound
    given = built(DiffusionFamily(SubVpSdeMethod(), **SMALL), DATA)
    assert given.log_prob(DATA.test[:2]) is not None and given.no_likelihood is None


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="known: ddpm, edm"):
        DiffusionFamily("nope")

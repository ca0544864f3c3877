"""Methods really learn: a mixture in the plane in a second, by distance and likelihood to its truth."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.schedules.learned import LearnedSchedule
from tasvir.lab.distances import energy_distance

OURS = ("ddpm", "edm", "iddpm", "ncsn", "rectified-flow", "sub-vp-sde", "vdm", "ve-sde", "vp-sde")
SMALL = {"width": 48, "depth": 2}
LAW = MixtureLaw(
    torch.tensor([0.5, 0.3, 0.2]),
    torch.tensor([[1.2, 0.0], [-0.8, 0.9], [-0.6, -1.1]]),
    torch.tensor([[0.04, 0.04], [0.02, 0.09], [0.09, 0.02]]),
)


def points(count: int = 4000) -> Data:
    generator = torch.Generator().manual_seed(0)
    train = LAW.sample(count, generator).float()
    labels = LAW.responsibilities(train.double(), 1.0, 0.0).argmax(1)
    test = LAW.sample(1000, generator).float()
    return Data("2d:three", "points", train, test, labels, None, 3)


DATA = points()


def made(name: str, data: Data = DATA, **options: Any) -> GaussianModel:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        model = registry.create("lab.methods", name, Method).model(data, **SMALL, **options)
    assert isinstance(model, GaussianModel)
    return model


def trained(model: GaussianModel, data: Data = DATA, steps: int = 150, lr: float = 5e-3) -> list[float]:
    """Trains in place; returns the losses."""
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(model.network.parameters(), lr)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(data.train), (256,), generator=generator)
        labels = None if data.train_labels is None else data.train_labels[chosen]
        loss = model.loss(data.train[chosen], labels, generator).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        losses.append(float(loss.detach()))
    return losses


def distance(x: Tensor) -> float:
    """Energy distance to held-out draws of the truth: 0 for the truth, 0.14 for noise of the same size."""
    return float(energy_distance(x.double().numpy(), DATA.test.double().numpy()).value)


@pytest.mark.parametrize("name", OURS)
def test_a_mixture_is_learned(name: str) -> None:
    model = made(name)
    noise = torch.randn(1000, 2, generator=torch.Generator().manual_seed(5)) * DATA.deviation
    losses = trained(model)
    assert all(math.isfinite(loss) for loss in losses)
    steps = None if name in ("edm", "ncsn") else 60  # those of the paper are not needed for points
    assert distance(noise) > 0.1 and distance(model.sample(1000, 0, steps=steps).x) < 0.02


@pytest.mark.parametrize("name", OURS)
def test_a_fresh_model_samples_as_asked_and_trains_all_its_weights(name: str) -> None:
    model = made(name)
    one, same, other = (model.sample(5, seed, steps=3).x for seed in (1, 1, 2))
    assert one.shape == (5, 2) and torch.equal(one, same) and not torch.allclose(one, other)
    loss = model.loss(DATA.train[:64], None, torch.Generator().manual_seed(0))
    assert loss.shape == (64,)
    with torch.no_grad():  # the last layer begins at 0, which hides the others from the gradient
        for parameter in model.network.parameters():
            parameter.add_(0.01)
    model.loss(DATA.train[:64], None, torch.Generator().manual_seed(0)).mean().backward()
    silent = [key for key, value in model.network.named_parameters() if value.grad is None]
    assert not silent


@pytest.mark.parametrize("name", ["edm", "ddpm", "vdm"])
def test_bounds_are_below_the_truth_and_near_it(name: str) -> None:
    model = made(name, **({"chain": 100} if name == "ddpm" else {}))
    trained(model)
    some = DATA.test[:200]
    bound = model.bound(some, 0)
    assert bound is not None and bound.exact is (name == "edm") and bound.bits_per_dimension is None
    missed = LAW.log_density(some.double()) - bound.nats
    assert 0 < float(missed.mean()) + 0.03 < 1.2


def test_what_has_no_likelihood_says_why() -> None:
    method = registry.create("lab.methods", "ncsn", Method)
    assert made("ncsn").bound(DATA.test[:2], 0) is None and method.no_bound


@pytest.mark.parametrize("prediction", ["x0", "v"])
def test_ddpm_tells_what_is_asked_and_weighs_it(prediction: str) -> None:
    model = made("ddpm", prediction=prediction, weight="min-snr")
    trained(model)
    assert distance(model.sample(1000, 0, steps=60).x) < 0.04


def test_sliced_score_matching_learns_too() -> None:
    model = made("ncsn", sliced=True)
    trained(model)
    assert distance(model.sample(1000, 0).x) < 0.03


def test_likelihood_weighting_learns_too() -> None:
    model = made("vp-sde", likelihood=True)
    trained(model)
    assert distance(model.sample(1000, 0, steps=60).x) < 0.03


def test_classes_are_drawn_as_asked() -> None:
    model = made("edm", conditional=True)
    trained(model)
    labels = torch.arange(3).repeat(100)
    found = model.sample(300, 0, labels=labels).x.double()
    told = LAW.responsibilities(found, 1.0, 0.0).argmax(1)
    assert float((told == labels).double().mean()) > 0.97
    mixed = model.sample(600, 0).x  # no class asked for: all of them, by the share of hidden labels
    share = LAW.responsibilities(mixed.double(), 1.0, 0.0).argmax(1).bincount(minlength=3) / 600
    assert float((share - LAW.weights).abs().max()) < 0.12


def test_wrong_classes_are_refused() -> None:
    with pytest.raises(SettingError, match="conditional=true"):
        made("edm").sample(2, 0, labels=torch.tensor([0, 1]))
    model = made("edm", conditional=True)
    for labels in ([0], [0, 3], [0, -1]):
        with pytest.raises(SettingError, match="2 classes of 0 to 2"):
            model.sample(2, 0, labels=torch.tensor(labels))


def test_another_sampler_denoiser_and_number_of_steps() -> None:
    model = made("ddpm")
    found = model.sample(4, 0, sampler=HeunSampler(), steps=5)
    assert found.evaluations == 9
    assert model.sample(4, 0, sampler=AncestralSampler("beta"), steps=7).evaluations == 7
    with pytest.raises(SettingError, match="1 or more"):
        model.sample(4, 0, steps=0)
    alone = model.sample(4, 0, steps=5, denoiser=model.denoiser.given(None))
    assert torch.equal(alone.x, model.sample(4, 0, steps=5).x)


def test_the_chain_of_ddpm_is_the_papers() -> None:
    schedule = made("ddpm").schedule
    products = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    for step in (1, 10, 500, 1000):
        assert schedule.level(step).alpha ** 2 == pytest.approx(float(products[step - 1]), rel=1e-9)


def test_the_schedule_of_vdm_is_kept_with_its_weights() -> None:
    model = made("vdm")
    trained(model, steps=20, lr=0.05)
    assert isinstance(model.schedule, LearnedSchedule)
    other = made("vdm")
    before = other.schedule.level(0.5).half_log_snr
    other.network.load_state_dict(model.network.state_dict())
    assert other.schedule.level(0.5).half_log_snr == model.schedule.level(0.5).half_log_snr != before


def pictures() -> Data:
    """8 x 8 pictures of 17 grey levels: two blocks of random brightness."""
    generator = torch.Generator().manual_seed(0)
    grey = torch.randint(0, 17, (300, 1, 2, 1), generator=generator) / 8 - 1
    whole = grey.repeat_interleave(4, 2).expand(300, 1, 8, 8).contiguous()
    return Data("blocks", "images", whole[:250], whole[250:], levels=17)


@pytest.mark.parametrize("name", OURS)
def test_pictures_are_taken_and_their_bits_told(name: str) -> None:
    data = pictures()
    short = {"chain": 20} if name in ("ddpm", "iddpm") else {}
    model = registry.create("lab.methods", name, Method).model(data, width=8, **short)
    loss = model.loss(data.train[:8], None, torch.Generator().manual_seed(0)).mean()
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert model.sample(2, 0, steps=3).x.shape == (2, 1, 8, 8)
    bound = model.bound(data.test[:2], 0)
    if name != "ncsn":
        assert bound is not None and not bound.exact and bound.bits_per_dimension is not None
        assert bound.bits_per_dimension > 0  # 64 numbers that two decide, by a network that knows nothing


def test_tokens_have_no_network_here() -> None:
    tokens = Data(
        "words", "tokens", torch.zeros(4, 6, dtype=torch.int64), torch.zeros(4, 6, dtype=torch.int64)
    )
    for name in OURS:
        assert "tokens" not in registry.load("lab.methods", name).kinds
    with pytest.raises(SettingError, match="use mlp"):
        registry.create("lab.methods", "edm", Method).model(tokens, name="unet")

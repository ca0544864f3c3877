"""The two losses of a GAN against arithmetic, and whose gradients they are."""

from __future__ import annotations

import math

import pytest
import torch

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.gan import GanFamily, discriminator_loss, generator_loss

TRUE, DRAWN = torch.tensor([0.5, 2.0]), torch.tensor([-1.0, 0.3])


def chance(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_the_losses_are_those_of_2_15() -> None:
    told = [math.log(chance(logit)) for logit in TRUE.tolist()]
    fooled = [math.log(1 - chance(logit)) for logit in DRAWN.tolist()]
    wanted = -sum(told) / 2 - sum(fooled) / 2
    assert discriminator_loss(TRUE, DRAWN).item() == pytest.approx(wanted, abs=1e-6)
    assert generator_loss(DRAWN, "minimax").item() == pytest.approx(sum(fooled) / 2, abs=1e-6)
    other = -sum(math.log(chance(logit)) for logit in DRAWN.tolist()) / 2
    assert generator_loss(DRAWN, "non-saturating").item() == pytest.approx(other, abs=1e-6)


@pytest.mark.parametrize("objective", ["minimax", "non-saturating"])
def test_both_pull_a_sample_towards_true_and_one_gives_up(objective: str) -> None:
    drawn = torch.tensor([-8.0], requires_grad=True)
    generator_loss(drawn, objective).backward()  # type: ignore[arg-type]
    assert drawn.grad is not None and drawn.grad.item() < 0, "the logit of a drawn example must rise"
    assert (abs(drawn.grad.item()) < 1e-3) == (objective == "minimax")


@pytest.mark.parametrize("objective", ["minimax", "non-saturating"])
def test_each_network_learns_from_its_own_loss_alone(objective: str) -> None:
    family = GanFamily(objective, width=8, latent=3)  # type: ignore[arg-type]
    x = torch.randn(16, 2)
    family.network = family.build(Data("points", "points", x, x))  # type: ignore[assignment]
    network = family.network
    family.loss(x, torch.Generator().manual_seed(1))[0].backward()
    together = {name: one.grad.clone() for name, one in network.named_parameters() if one.grad is not None}
    noise = torch.randn(16, 3, generator=torch.Generator().manual_seed(1))
    drawn = network.generator(noise)
    judged = discriminator_loss(network.discriminator(x), network.discriminator(drawn.detach()))
    own = torch.autograd.grad(judged, list(network.discriminator.parameters()))
    fooling = generator_loss(network.discriminator(drawn), objective)  # type: ignore[arg-type]
    other = torch.autograd.grad(fooling, list(network.generator.parameters()))
    wanted = [*other, *own]
    assert len(together) == len(wanted)
    for found, right in zip(together.values(), wanted, strict=True):
        torch.testing.assert_close(found, right)


def test_the_penalty_is_the_squared_slope_at_true_examples() -> None:
    plain, penalised = GanFamily(width=8, latent=3), GanFamily(width=8, latent=3, penalty=3.0)
    x = torch.randn(16, 2)
    plain.network = plain.build(Data("points", "points", x, x))  # type: ignore[assignment]
    penalised.build(Data("points", "points", x, x))
    penalised.network = plain.network
    one, two = (float(f.loss(x, torch.Generator().manual_seed(0))[0].detach()) for f in (plain, penalised))
    at, step = x.double(), 1e-4
    judge = plain.network.discriminator.double()
    slopes = [
        (judge(at + step * axis) - judge(at - step * axis)).squeeze(1) / (2 * step)
        for axis in torch.eye(2, dtype=torch.float64)
    ]
    squares = (slopes[0] ** 2 + slopes[1] ** 2).mean()
    assert two - one == pytest.approx(1.5 * float(squares.detach()), rel=1e-3)


def test_pictures_come_out_in_their_range_and_no_likelihood_is_told() -> None:
    family = GanFamily(width=8, latent=3)
    x = torch.zeros(4, 1, 8, 8)
    family.network = family.build(Data("pictures", "images", x, x, levels=17))  # type: ignore[assignment]
    assert family.sample(50, 0).x.abs().max() <= 1
    assert family.log_prob(x) is None and "density" in str(family.no_likelihood)


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(SettingError, match="non-saturating, minimax"):
        GanFamily("hinge")  # type: ignore[arg-type]

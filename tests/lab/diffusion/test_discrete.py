"""Diffusion over tokens against enumeration: posteriors, the chain back, the bound, trained networks."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.data import tokens
from tasvir.lab.data.opening import open_data
from tasvir.lab.diffusion.discrete.analog_bits import from_bits, to_bits, width
from tasvir.lab.diffusion.discrete.chain import ChainModel
from tasvir.lab.diffusion.discrete.kernels import KERNELS, Kernel, apart, kernel_of
from tasvir.lab.diffusion.discrete.masked import MaskedModel
from tasvir.lab.diffusion.methods.analog_bits import AnalogBitsMethod
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.diffusion.methods.d3pm import D3pmMethod
from tasvir.lab.diffusion.methods.masked import MaskedMethod
from tasvir.lab.diffusion.networks.tokens import TokenNetwork
from tasvir.lab.diffusion.oracles.table import TableLaw, all_states, kl, shares_of

PAIRS = TableLaw(tokens.chain("pairs").table())
STEPS = 12


@pytest.fixture(params=sorted(KERNELS))
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return kernel_of(request.param, 4, STEPS)


class Told(ChainModel):
    """A model whose network is the oracle."""

    def __init__(self, law: TableLaw, kernel: Kernel) -> None:
        super().__init__(TokenNetwork(2, kernel.states, kernel.values, width=8, depth=1), kernel, 2, 0.0)
        self.law = law

    def tell(self, x: Tensor, t: Tensor) -> Tensor:
        return torch.cat(
            [self.law.tell(self.kernel, row[None], int(at)) for row, at in zip(x, t, strict=True)]
        )


def test_noised_tokens_have_the_law_of_the_product(kernel: Kernel) -> None:
    """Rows sum to 1, and q(x_t | x_0) by drawing is the row of Q_1 ... Q_t."""
    x0 = torch.full((40_000, 1), 2)
    for t in (1, STEPS // 2, STEPS):
        drawn = kernel.noised(x0, torch.full((len(x0),), t), torch.Generator().manual_seed(t))
        shares = torch.bincount(drawn[:, 0], minlength=kernel.states) / len(x0)
        product = torch.linalg.multi_dot([torch.eye(kernel.states).double(), *kernel.single[:t]])
        assert torch.allclose(kernel.whole[t], product)
        assert float((shares - product[2]).abs().max()) < 5 * 0.5 / 200


def test_the_posterior_is_bayes_rule(kernel: Kernel) -> None:
    """q(x_{t-1} | x_t, x_0) = q(x_t | x_{t-1}) q(x_{t-1} | x_0) / q(x_t | x_0), summed by hand."""
    for t in (1, 2, STEPS // 2, STEPS):
        for first in range(4):
            for late in range(kernel.states):
                joint = kernel.single[t - 1][:, late] * kernel.whole[t - 1][first]
                if float(joint.sum()) == 0:
                    continue  # x_0 = first never becomes that
                certain = torch.nn.functional.one_hot(torch.tensor([[first]]), kernel.states).double()
                at = torch.tensor([t])
                told = kernel.posterior(torch.tensor([[late]]), at - 1, at, certain)[0, 0]
                assert torch.allclose(told, joint / joint.sum(), atol=1e-12)


def test_leaps_are_products(kernel: Kernel) -> None:
    """q(x_early | x_late) over several steps, for a token on its own: exact by the true belief."""
    law = TableLaw(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    late, early = 9, 4
    x = all_states(kernel.states, 1)
    x = x[(law.reached(kernel, x, late) @ law.table) > 0]
    at = torch.full((len(x),), late)
    told = kernel.posterior(x, at - 5, at, law.tell(kernel, x, late))[:, 0]
    before = law.table @ kernel.whole[early][:4]
    joint = before[None] * kernel.between(early, late).T[x[:, 0]]
    assert torch.allclose(told, joint / joint.sum(1, keepdim=True), atol=1e-12)


def test_the_exact_chain_back_returns_the_data(kernel: Kernel) -> None:
    """Whole sequences, step by step by enumeration."""
    states = all_states(kernel.states, 2)
    share = PAIRS.reached(kernel, states, STEPS) @ PAIRS.table.flatten()
    for t in range(STEPS, 0, -1):
        back = PAIRS.back(kernel, states, t, states).nan_to_num(0.0)
        share = share @ back
    values = (states < 4).all(1)
    assert float(share[~values].sum()) == pytest.approx(0.0, abs=1e-12)
    assert torch.allclose(share[values], PAIRS.table.flatten(), atol=1e-10)


def chained(kernel: Kernel, law: TableLaw) -> Tensor:
    """The law of samples of the exact network, whose tokens step back each for itself, by enumeration."""
    states = all_states(kernel.states, 2)
    share = kernel.resting[states].prod(1)
    for t in range(kernel.steps, 0, -1):
        at = torch.full((len(states),), t)
        each = kernel.posterior(states, at - 1, at, law.tell(kernel, states, t).nan_to_num(0.0))
        back = each[:, 0, states[:, 0]] * each[:, 1, states[:, 1]]
        share = share @ back
    return share[(states < 4).all(1)]


def test_stepping_back_token_by_token_comes_closer_with_more_steps() -> None:
    """The gap of a factorised step is of first order: KL falls with the number of steps."""
    gaps = [kl(PAIRS.table.flatten(), chained(kernel_of("absorbing", 4, n), PAIRS)) for n in (4, 8, 16, 32)]
    assert all(later < 0.65 * earlier for earlier, later in pairwise(gaps)), gaps


def test_the_bound_is_the_enumerated_sum_and_lies_above_the_entropy(kernel: Kernel) -> None:
    """E[-bound] = H(data) + KL(q(x_{1:T} | ...) || p): above the entropy, near it, and as drawn."""
    model = Told(PAIRS, kernel)
    exact = 0.0
    for number, sequence in enumerate(PAIRS.sequences):
        exact += float(PAIRS.table.flatten()[number]) * enumerated(model, sequence)
    drawn = PAIRS.sequences[torch.multinomial(PAIRS.table.flatten(), 1500, replacement=True,
                                              generator=torch.Generator().manual_seed(0))]  # fmt: skip
    found = model.bound(drawn, 1, draws=2)
    assert found.error is not None and not found.exact
    error = float(found.nats.std() / len(drawn) ** 0.5)
    assert PAIRS.entropy() <= exact + 1e-9
    assert -float(found.nats.mean()) == pytest.approx(exact, abs=4 * error)
    gap = kl(PAIRS.table.flatten(), chained(kernel, PAIRS))
    assert exact - PAIRS.entropy() >= gap - 1e-9, "a bound lies above what it bounds"
    assert found.bits_per_dimension == pytest.approx(-float(found.nats.mean()) / (2 * math.log(2)))


def enumerated(model: Told, x0: Tensor) -> float:
    """The whole bound of one sequence in nats, every x_t weighed by its probability."""
    kernel, states = model.kernel, all_states(model.kernel.states, 2)
    total = float(apart(kernel.whole[-1][x0], kernel.resting).sum())
    truth = torch.nn.functional.one_hot(x0, kernel.states).double()[None]
    for t in range(1, kernel.steps + 1):
        share = kernel.whole[t][x0[0]][states[:, 0]] * kernel.whole[t][x0[1]][states[:, 1]]
        here = states[share > 0]
        at = torch.full((len(here),), t)
        one = kernel.posterior(here, at - 1, at, truth.expand(len(here), -1, -1))
        other = kernel.posterior(here, at - 1, at, model.tell(here, at))
        total += float((share[share > 0] * apart(one, other).sum(1)).sum())
    return total


def test_a_perfect_network_samples_the_data(kernel: Kernel) -> None:
    model = Told(PAIRS, kernel)
    found = shares_of(model.sample(4000, 0).x, 4)
    expected = chained(kernel, PAIRS)
    assert float((found - expected).abs().max()) < 4 * 0.5 / 4000**0.5


def test_masked_bound_of_a_perfect_network_is_the_entropy() -> None:
    """In continuous time the factorised bound of the exact posterior is the entropy itself."""

    class Perfect(MaskedModel):
        def tell(self, x: Tensor, t: Tensor) -> Tensor:
            shares = torch.where((x[:, None] == self.values), 1.0, (x[:, None] == PAIRS.sequences).double())
            joint = shares.prod(2) * PAIRS.table.flatten()
            joint = joint / joint.sum(1, keepdim=True)
            each = torch.zeros(len(x), 2, 4, dtype=torch.float64)
            for i in range(2):
                each[:, i].index_add_(1, PAIRS.sequences[:, i], joint)
            return each.log()

    model = Perfect(TokenNetwork(2, 5, 4, width=8, depth=1), 4, 2, 64)
    drawn = tokens.chain("pairs").sample(4000, torch.Generator().manual_seed(0))
    found = model.bound(drawn, 0)
    error = float(found.nats.std() / len(drawn) ** 0.5)
    assert -float(found.nats.mean()) == pytest.approx(PAIRS.entropy(), abs=4 * error)
    shares = shares_of(model.sample(4000, 0, steps=200).x, 4)
    assert float((shares - PAIRS.table.flatten()).abs().max()) < 0.03


def taught(method: Method, steps: int, **options: object) -> Model:
    """A small network taught on pairs."""
    torch.manual_seed(0)
    model = method.model(open_data("tokens:pairs"), **options)
    optimizer = torch.optim.Adam(model.network.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(0)
    data = open_data("tokens:pairs").train
    for _ in range(steps):
        chosen = torch.randint(len(data), (256,), generator=generator)
        loss = model.loss(data[chosen], None, generator).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.network.eval()
    return model


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (D3pmMethod(), {"kernel": "uniform", "chain": 20}),
        (D3pmMethod(), {"kernel": "absorbing", "chain": 20}),
        (MaskedMethod(), {}),
    ],
    ids=["uniform", "absorbing", "masked"],
)
def test_networks_learn_the_law_of_pairs(method: Method, options: dict[str, object]) -> None:
    """The bound comes within 0.25 nats of the entropy, and samples near the table."""
    model = taught(method, 250, width=32, depth=2, **options)
    test = open_data("tokens:pairs").test[:500]
    found = model.bound(test, 0)
    assert found is not None
    truth = -float(tokens.chain("pairs").log_probability(test).mean())
    assert truth - 0.02 < -float(found.nats.mean()) < truth + 0.25
    shares = shares_of(model.sample(4000, 0).x, 4)
    assert float((shares - PAIRS.table.flatten()).abs().sum() / 2) < 0.12


def test_analog_bits_go_there_and_back_and_learn() -> None:
    x = torch.arange(6)[None].repeat(2, 1)
    assert width(6) == 3 and torch.equal(from_bits(to_bits(x, 6), 6), x)
    model = taught(AnalogBitsMethod(), 400, width=64)
    shares = shares_of(model.sample(4000, 0).x, 4)
    assert float((shares - PAIRS.table.flatten()).abs().sum() / 2) < 0.15


def test_laws_of_tokens_know_their_entropy() -> None:
    law = tokens.chain("markov")
    drawn = law.sample(20_000, torch.Generator().manual_seed(0))
    told = -law.log_probability(drawn)
    assert float(told.mean()) == pytest.approx(law.entropy(), abs=4 * float(told.std()) / len(drawn) ** 0.5)
    assert PAIRS.entropy() == pytest.approx(tokens.chain("pairs").entropy(), abs=1e-12)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UnknownNameError, match="known: uniform"):
        kernel_of("nope", 4, 10)
    with pytest.raises(SettingError, match="2 or more"):
        kernel_of("uniform", 1, 10)
    with pytest.raises(SettingError, match="noises more"):
        Kernel(2, torch.eye(2).repeat(3, 1, 1), torch.tensor([0.5, 0.5]))
    with pytest.raises(SettingError, match="not tokens"):
        D3pmMethod().model(open_data("2d:moons"))
    model = D3pmMethod().model(open_data("tokens:pairs"), chain=5, width=8, depth=1)
    for asked in ({"steps": 6}, {"steps": 0}, {"labels": torch.zeros(2)}):
        with pytest.raises(SettingError):
            model.sample(2, 0, **asked)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="tokens:markov"):
        open_data("tokens:nope")
    with pytest.raises(SettingError, match="equally long"):
        TableLaw(torch.ones(2, 3))

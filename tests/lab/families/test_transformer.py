"""The transformer: causality, kept keys and values, bins, levels and code books."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.families.codings import BinCoding, LevelCoding, PatchCoding, code_book
from tasvir.lab.families.transformer import Decoder, TransformerFamily, smallest_patch
from tasvir.lab.training.settings import LoopSettings

POINTS = Data("two", "points", torch.randn(500, 2), torch.randn(10, 2))
NOISE = torch.Generator()


def pictures(n: int = 30, shape: tuple[int, ...] = (1, 4, 4), levels: int = 5) -> Data:
    x = torch.randint(levels, (n, *shape)) * 2 / (levels - 1) - 1
    return Data("random", "images", x, x, levels=levels)


def made(data: Data, patch: int | None = None, codes: int = 256) -> TransformerFamily:
    family = TransformerFamily(patch=patch, codes=codes, width=16, depth=2, heads=2)
    family.network = family.build(data).eval()  # type: ignore[assignment]
    return family


def test_logits_depend_on_all_tokens_before_and_on_no_other() -> None:
    family = made(pictures())
    tokens = torch.randint(5, (1, 16))
    before = family.network(tokens)[0]
    for place in range(16):
        other = tokens.clone()
        other[0, place] = (other[0, place] + 1) % 5
        felt = (family.network(other)[0] - before).abs().amax(1) > 1e-6
        assert felt.tolist() == [at > place for at in range(16)]


@torch.no_grad()
def test_steps_with_kept_keys_and_values_tell_what_a_whole_pass_tells() -> None:
    network: Decoder = made(pictures()).network
    tokens = torch.randint(5, (7, 16))
    whole, kept = network(tokens), network.empty(7)
    last = torch.full((7,), 5)
    for at in range(16):
        assert torch.allclose(network.step(last, at, kept), whole[:, at], atol=1e-5)
        last = tokens[:, at]


@torch.no_grad()
def test_nats_are_the_sum_of_log_softmax_by_hand() -> None:
    data = pictures(6)
    family = made(data)
    told = family.log_prob(data.test)
    assert told is not None and told.exact and told.nats.dtype == torch.float64
    for x, found in zip(data.test, told.nats, strict=True):
        tokens = ((x.flatten() + 1) * 2).round().long()
        shares = family.network(tokens[None])[0].double().softmax(1)
        expected = sum(math.log(float(shares[at, token])) for at, token in enumerate(tokens.tolist()))
        assert float(found) == pytest.approx(expected, abs=1e-4)


def test_a_density_of_points_is_constant_in_bins_and_integrates_to_1() -> None:
    family = made(POINTS)
    coding = family.network.coding
    assert isinstance(coding, BinCoding)
    every = torch.cartesian_prod(torch.arange(100), torch.arange(100))
    middles = coding.low + (every + 0.5) * coding.width
    told = family.log_prob(middles)
    assert told is not None and told.exact and told.bits_per_dimension is None
    assert float(told.nats.exp().sum() * coding.width.prod()) == pytest.approx(1, abs=1e-5)
    elsewhere = family.log_prob(coding.low + (every + 0.05) * coding.width)
    assert elsewhere is not None and torch.allclose(elsewhere.nats, told.nats)
    beyond = family.log_prob(torch.tensor([[99.0, 0.0], [0.0, -99.0]]))
    assert beyond is not None and beyond.nats.tolist() == [-math.inf, -math.inf]


def test_drawn_points_lie_anywhere_in_the_bin_of_their_tokens() -> None:
    coding = BinCoding(POINTS)
    tokens = torch.randint(coding.values, (5000, 2))
    points = coding.decode(tokens, NOISE.manual_seed(0))
    assert float((coding.encode(points) == tokens).double().mean()) > 0.999  # but for rounding at an edge
    within = (points - coding.low) / coding.width - tokens
    assert float(within.mean()) == pytest.approx(0.5, abs=0.02) and float(within.std()) > 0.27
    assert int(coding.encode(POINTS.train).min()) > 0 and int(coding.encode(POINTS.train).max()) < 99


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 2, 4)])
def test_levels_go_there_and_back(shape: tuple[int, ...]) -> None:
    data = pictures(shape=shape)
    coding = LevelCoding(data)
    tokens = coding.encode(data.train)
    assert tokens.shape == (30, math.prod(shape)) and coding.values == 5
    assert torch.allclose(coding.decode(tokens, NOISE), data.train, atol=1e-6)
    assert int(tokens[0, 0]) == round(float(data.train[0, 0, 0, 0] + 1) * 2)


def test_a_code_book_of_all_patches_loses_nothing_and_a_smaller_one_little() -> None:
    data = pictures(200, (1, 4, 4), levels=2)  # 16 different patches of 2 x 2
    coding = PatchCoding(data, 2, 256)
    assert coding.values == 16 and coding.length == 4
    assert torch.allclose(coding.decode(coding.encode(data.train), NOISE), data.train, atol=1e-6)
    errors = []
    for codes in (2, 4, 8):
        smaller = PatchCoding(data, 2, codes)
        back = smaller.decode(smaller.encode(data.train), NOISE)
        errors.append(float((back - data.train).square().mean()))
    assert 1 > errors[0] > errors[1] > errors[2] > 0


def test_centres_are_means_of_what_is_nearest() -> None:
    around = torch.tensor([[-3.0, 0.0], [3.0, 1.0]])
    patches = (around[:, None] + 0.1 * torch.randn(2, 40, 2)).flatten(0, 1)
    found = code_book(patches, 2)
    found = found[found[:, 0].argsort()]
    assert torch.allclose(found, torch.stack((patches[:40].mean(0), patches[40:].mean(0))), atol=1e-5)


@torch.no_grad()
def test_patches_have_no_likelihood_but_their_tokens_have() -> None:
    data = pictures(200, (1, 4, 2), levels=2)
    family = made(data, patch=2, codes=4)
    assert family.no_likelihood is not None and "patch 1 it is exact" in family.no_likelihood
    assert family.log_prob(data.test) is None
    coding = family.network.coding
    every = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    told = family.token_nats(coding.decode(every, NOISE))
    assert float(told.exp().sum()) == pytest.approx(1, abs=1e-5)
    drawn = family.sample(9, 0)
    assert drawn.x.shape == (9, 1, 4, 2) and drawn.evaluations == 2
    assert torch.allclose(coding.decode(coding.encode(drawn.x), NOISE), drawn.x)


def test_a_code_book_is_kept_with_the_weights(tmp_path: Path) -> None:
    data = pictures(300)
    family, other = (TransformerFamily(patch=2, codes=8, width=16, depth=1) for _ in range(2))
    family.fit(data, LoopSettings(tmp_path, steps=3, batch=16))
    torch.set_flush_denormal(False)  # the loop sets it for the whole process
    torch.manual_seed(123)  # from which another book would come
    other.open(tmp_path, data)
    assert other.no_likelihood == family.no_likelihood
    assert torch.equal(other.network.coding.book, family.network.coding.book)  # type: ignore[arg-type]
    assert torch.equal(other.sample(5, 0).x, family.sample(5, 0).x)


def test_pixels_as_long_as_there_are_few_then_patches() -> None:
    assert [smallest_patch(shape) for shape in ((1, 8, 8), (1, 28, 28), (3, 16, 16), (3, 32, 32))] == [
        1,
        2,
        2,
        2,
    ]
    with pytest.raises(SettingError, match="no equal square patches"):
        smallest_patch((1, 17, 31))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(SettingError, match="fall into patches of 3 x 3"):
        made(pictures(), patch=3)
    with pytest.raises(SettingError, match="5 heads"):
        TransformerFamily(width=16, heads=5).build(POINTS)
    with pytest.raises(SettingError, match="whole number from 1"):
        TransformerFamily(codes=0)
    with pytest.raises(SettingError, match="whole number from 1"):
        TransformerFamily(patch=0)
    with pytest.raises(SettingError, match="declared levels"):
        made(Data("real", "images", torch.rand(4, 1, 2, 2), torch.rand(4, 1, 2, 2)))

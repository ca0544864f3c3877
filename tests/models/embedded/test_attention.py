"""Attention written out equals torch's own, and what is masked does not count."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tasvir.models.embedded.attention import attend


def random_inputs(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    noise = torch.Generator().manual_seed(seed)
    q = torch.randn(2, 3, 5, 8, generator=noise)
    k, v = (torch.randn(2, 3, 7, 8, generator=noise) for _ in range(2))
    visible = torch.rand(2, 1, 1, 7, generator=noise) < 0.6
    visible[..., 0] = True
    return q, k, v, torch.zeros(visible.shape).masked_fill(~visible, -1e4)


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_torch(seed: int) -> None:
    q, k, v, mask = random_inputs(seed)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(attend(q, k, v, mask), expected.transpose(1, 2).reshape(2, 5, 24))


def test_masked_keys_have_no_weight_at_all() -> None:
    q, k, v, mask = random_inputs(7)
    hidden = (mask != 0).transpose(-1, -2)
    assert hidden.any()
    changed = attend(q, k.masked_fill(hidden, 9.0), v.masked_fill(hidden, -50.0), mask)
    assert torch.equal(changed, attend(q, k, v, mask))


def test_one_key_gives_its_value() -> None:
    q, v = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 1, 4)
    mixed = attend(q, torch.randn(1, 2, 1, 4), v, torch.zeros(1, 1, 1, 1))
    torch.testing.assert_close(mixed, v.transpose(1, 2).flatten(2).expand(1, 3, 8))

"""Scaled dot-product attention for the small sequences of the embedded models."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d) + mask) v (Vaswani et al. 2017).

    Args:
        q: [N, heads, Q, d].
        k: [N, heads, K, d]; v: the same shape.
        mask: Added to the scores; broadcasts to [N, heads, Q, K].

    Returns:
        [N, Q, heads * d].
    """
    if q.device.type == "cpu":
        # written out: for a hundred tokens the fused kernel's backward pass is several times slower on CPUs
        scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2)) + mask.to(q.dtype)
        mixed = torch.matmul(scores.softmax(-1), v)
    else:
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
    return mixed.transpose(1, 2).flatten(2)

"""The text encoder of the embedded generator: words of a closed vocabulary to vectors.

A prompt becomes one vector a word (a small transformer, so that "a red car left of a dog" differs from its
mirror). A phrase ("a small red striped ball") becomes one vector, the sum of its words' through a perceptron:
word order says nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded.attention import attend

MAX_WORDS = 48
"""Words of a prompt that are read; the rest is cut, see `EmbeddedTextEncoder.unread`."""

_WORD = re.compile(r"[a-z0-9']+|,")


def words(text: str) -> list[str]:
    """Lower-case words and commas of a text, in order."""
    return _WORD.findall(text.lower())


class TextBlock(nn.Module):
    """A pre-norm transformer layer over words."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [N, L, width], mask [N, 1, 1, L] additive."""
        n, length, _ = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + self.out(attend(q, k, v, mask))
        mixed: Tensor = x + self.down(F.gelu(self.up(self.mlp_norm(x))))
        return mixed


class EmbeddedTextEncoder(ModelMixin, ConfigMixin):
    """Word vectors of prompts and phrase vectors of things.

    Args:
        vocabulary: Known words; index 0 and 1 of the table are padding and the unknown word.
        width: Size of a vector.
        depth: Transformer layers over a prompt.
    """

    @register_to_config
    def __init__(self, vocabulary: tuple[str, ...] = (), width: int = 192, depth: int = 2) -> None:
        super().__init__()
        self.index = {word: number + 2 for number, word in enumerate(vocabulary)}
        self.table = nn.Embedding(len(vocabulary) + 2, width, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(MAX_WORDS, width) * 0.02)
        self.blocks = nn.ModuleList(TextBlock(width, width // 64) for _ in range(depth))
        self.phrase = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        nn.init.normal_(self.table.weight, std=0.5)
        with torch.no_grad():
            self.table.weight[0].zero_()

    def tokenize(self, texts: Sequence[str], limit: int = MAX_WORDS) -> Tensor:
        """Word numbers, shape [N, longest text], padded with 0; words beyond ``limit`` are cut."""
        rows = [[self.index.get(word, 1) for word in words(text)[:limit]] for text in texts]
        longest = max((len(row) for row in rows), default=0) or 1
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=torch.long)

    def unread(self, text: str, limit: int = MAX_WORDS) -> tuple[str, ...]:
        """What `tokenize` loses of a text: unknown words, and all beyond ``limit``; each once, in order."""
        lost = (
            word
            for place, word in enumerate(words(text))
            if word != "," and (place >= limit or word not in self.index)
        )
        return tuple(dict.fromkeys(lost))

    def encode_prompts(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [N, L, width] and a mask [N, L] that is True at words, for tokens [N, L]."""
        mask = tokens != 0
        closed = torch.zeros(mask.shape, device=tokens.device).masked_fill(~mask, -1e4)[:, None, None]
        states = self.table(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            states = block(states, closed)
        return states, mask

    def encode_phrases(self, tokens: Tensor) -> Tensor:
        """Vectors [..., width] for phrase tokens [..., L]."""
        summed = self.table(tokens).sum(-2)
        vectors: Tensor = self.phrase(summed)
        return vectors

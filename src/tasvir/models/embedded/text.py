"""The text encoder of the embedded generator: words of a closed vocabulary to vectors.

A prompt becomes one vector a word (a small transformer, so that "a red car left of a dog" differs from its mirror). A phrase
("a small red striped ball") becomes one vector, the sum of its words' through a perceptron: word order says nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

MAX_WORDS = 48
"""Words of a prompt that are read; the rest is cut and the pipeline says so."""

_WORD = re.compile(r"[a-z0-9']+|,")


def words(text: str) -> list[str]:
    """Lower-case words and commas of a text, in order."""
    return _WORD.findall(text.lower())


class EmbeddedTextEncoder(ModelMixin, ConfigMixin):
    """Word vectors of prompts and phrase vectors of things.

    Args:
        vocabulary: Known words; index 0 and 1 of the table are padding and the unknown word.
        width: Size of a vector.
        depth: Transformer layers over a prompt.
    """

    @register_to_config
    def __init__(self, vocabulary: tuple[str, ...] = (), width: int = 256, depth: int = 2) -> None:
        super().__init__()
        self.index = {word: number + 2 for number, word in enumerate(vocabulary)}
        self.table = nn.Embedding(len(vocabulary) + 2, width, padding_idx=0)
        self.positions = nn.Parameter(torch.randn(MAX_WORDS, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, max(width // 64, 1), 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
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

    def unknown(self, text: str) -> tuple[str, ...]:
        """The words of a text that are not in the vocabulary, each once."""
        return tuple(dict.fromkeys(word for word in words(text) if word != "," and word not in self.index))

    def encode_prompts(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [N, L, width] and a mask [N, L] that is True at words, for tokens [N, L]."""
        mask = tokens != 0
        states = self.table(tokens) + self.positions[: tokens.shape[1]]
        # an empty prompt keeps its first place open, or attention would have nothing to look at
        opened = mask.clone()
        opened[:, 0] = True
        states = self.blocks(states, src_key_padding_mask=~opened)
        return states, mask

    def encode_phrases(self, tokens: Tensor) -> Tensor:
        """Vectors [..., width] for phrase tokens [..., L]."""
        summed = self.table(tokens).sum(-2)
        vectors: Tensor = self.phrase(summed)
        return vectors

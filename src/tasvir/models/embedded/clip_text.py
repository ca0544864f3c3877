"""Another text encoder for the embedded generator: the frozen text tower of a CLIP, as in Stable Diffusion.

It offers what `EmbeddedTextEncoder` offers, so that pipeline and training take either. Only the two maps from
CLIP's width to the denoiser's are trained (Rombach et al. 2022 keep the text tower frozen likewise).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel

from tasvir.errors import WeightsError
from tasvir.models.embedded.text import MAX_WORDS, words
from tasvir.models.quiet import quiet


class ClipTextEncoder(ModelMixin, ConfigMixin):
    """Word vectors of prompts and phrase vectors of things, from a frozen CLIP text tower.

    Args:
        clip: The `CLIPTextConfig` as a dictionary.
        vocabulary: CLIP's number of each word that it knows.
        unknown: CLIP's number of the unknown word.
        width: Size of a vector for the denoiser.
    """

    @register_to_config
    def __init__(
        self,
        clip: Mapping[str, Any],
        vocabulary: Mapping[str, int],
        unknown: int,
        width: int = 192,
    ) -> None:
        super().__init__()
        shape = CLIPTextConfig(**dict(clip))
        self.tower = CLIPTextModel(shape).requires_grad_(False)
        self.index, self.unknown = dict(vocabulary), unknown
        self.ends = (int(shape.bos_token_id), int(shape.eos_token_id))
        self.project = nn.Linear(shape.hidden_size, width)
        self.phrase = nn.Sequential(
            nn.Linear(shape.hidden_size, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    @classmethod
    def from_clip(cls, folder: Path, width: int = 192) -> Self:
        """With the tower of a CLIP folder in the manner of transformers, whose tokenizer knows whole words.

        Raises:
            WeightsError: The folder cannot be read.
        """
        try:
            with quiet():
                tower = CLIPTextModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
                tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as problem:
            raise WeightsError(
                f"{folder} holds no CLIP that can be read ({problem}): give the folder of a finished "
                "`tasvir train encoder`"
            ) from problem
        vocabulary = {word: number for word, number in tokenizer.get_vocab().items() if words(word) == [word]}
        encoder: Self = cls(tower.config.to_diff_dict(), vocabulary, int(tokenizer.unk_token_id), width)
        encoder.tower.load_state_dict(tower.float().state_dict())
        return encoder

    @property
    def longest(self) -> int:
        """Words of a text that fit between the tower's begin and end."""
        return int(self.tower.config.max_position_embeddings) - len(self.ends)

    def tokenize(self, texts: Sequence[str], limit: int = MAX_WORDS) -> Tensor:
        """CLIP's numbers plus 1, shape [N, longest text], padded with 0; no text is padding alone."""
        most = min(limit - len(self.ends), self.longest)
        rows = []
        for text in texts:
            inner = [self.index.get(word, self.unknown) for word in words(text)[:most]]
            rows.append([number + 1 for number in (self.ends[0], *inner, self.ends[1])] if inner else [])
        width = max(map(len, rows), default=0) or 1
        return torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.long)

    def unread(self, text: str, limit: int = MAX_WORDS) -> tuple[str, ...]:
        """What `tokenize` loses of a text: unknown words, and all beyond ``limit``; each once, in order."""
        most = min(limit - len(self.ends), self.longest)
        lost = (
            word
            for place, word in enumerate(words(text))
            if word != "," and (place >= most or word not in self.index)
        )
        return tuple(dict.fromkeys(lost))

    def encode_prompts(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [N, L, width] and a mask [N, L] that is True at words, for tokens [N, L]."""
        states, mask = self._read(tokens)
        projected: Tensor = self.project(states)
        return projected, mask

    def encode_phrases(self, tokens: Tensor) -> Tensor:
        """Vectors [..., width] for phrase tokens [..., L]: the state at the end of the phrase."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        states, mask = self._read(flat)
        last = (mask.sum(-1) - 1).clamp_min(0)
        ends = states[torch.arange(len(flat), device=flat.device), last]
        vectors: Tensor = self.phrase(ends)
        return vectors.reshape(*tokens.shape[:-1], -1)

    def _read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The tower's last states and where there are words; the tower is causal, so padding after the end
        changes nothing before it."""
        tokens = tokens[:, : self.tower.config.max_position_embeddings]  # beyond are no words
        mask = tokens != 0
        numbers = torch.where(mask, tokens - 1, self.ends[1])
        with torch.no_grad():
            states = self.tower(input_ids=numbers).last_hidden_state
        return states, mask

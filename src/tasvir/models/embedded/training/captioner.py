"""Training the captioner: the next word of each scene's plain caption; what each patch shows beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tasvir.models.embedded.image_text_networks import LONGEST_CAPTION, new_captioner, save_blip
from tasvir.models.embedded.training.image_text_figures import captioner_figures, write_figures
from tasvir.models.embedded.training.plain_captions import plain_caption
from tasvir.models.embedded.training.seeing import SeeingTask
from tasvir.models.embedded.words import PAD

PATCH_WEIGHT = 0.5


class CaptionerTask(SeeingTask):
    """Write what is to be seen.

    Its vision tower may begin from an answerer's (``--start`` with the average.safetensors of that run).
    """

    name = "captioner"
    build = staticmethod(new_captioner)
    longest = LONGEST_CAPTION

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        scenes, pictures = self.source.draw(rng, noise, batch)
        tokens = self.model.vision_model(pictures).last_hidden_state
        taught, figures = self.teacher(tokens, scenes)
        part, right = self._written(tokens, [plain_caption(scene)[0] for scene in scenes])
        total = PATCH_WEIGHT * taught + part
        return total, {
            "loss": float(total.detach()), "words": float(part.detach()), "words_right": right, **figures
        }  # fmt: skip

    def _written(self, tokens: Tensor, captions: Sequence[str]) -> tuple[Tensor, float]:
        """Cross entropy of each next word, and the share that is the likeliest."""
        texts = self.tokenizer(list(captions), padding=True, truncation=True, return_tensors="pt")
        ids, mask = texts["input_ids"].to(self.device), texts["attention_mask"].to(self.device)
        said = self.model.text_decoder(
            input_ids=ids[:, :-1], attention_mask=mask[:, :-1], encoder_hidden_states=tokens
        ).logits.float()
        words = ids[:, 1:]
        loss = F.cross_entropy(said.flatten(0, 1), words.flatten(), ignore_index=PAD)
        right = (said.argmax(-1) == words)[words != PAD].float().mean()
        return loss, float(right)

    def finish(self, out: Path) -> None:
        """Save the averaged network with its processor, and measure what was saved."""
        save_blip(self.model.eval(), LONGEST_CAPTION, out / "captioner")
        write_figures(out, "captioner", captioner_figures(out / "captioner", self.source))

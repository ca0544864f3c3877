"""Training the answerer: several questions a picture, one word each, and what each patch shows beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tasvir.models.embedded.image_text_networks import (
    LONGEST_QUESTION,
    PATCH,
    SIDE,
    mask_crossed,
    new_answerer,
    save_blip,
)
from tasvir.models.embedded.training.image_text_figures import answerer_figures, write_figures
from tasvir.models.embedded.training.patch_labels import patch_labels
from tasvir.models.embedded.training.pointing import Pointing
from tasvir.models.embedded.training.questions import Question, long_questions, short_questions
from tasvir.models.embedded.training.seeing import SeeingTask
from tasvir.models.embedded.words import BEGIN, table

SHORT, LONG = 4, 2
"""Questions about single facts, and whole captions, of each picture; each kind is a pass of its own."""
PATCH_WEIGHT, POINTING_WEIGHT = 0.5, 0.2


class AnswererTask(SeeingTask):
    """Say the one word that answers a question about a picture."""

    name = "answerer"
    build = staticmethod(new_answerer)
    longest = LONGEST_QUESTION

    def __init__(self, device: torch.device, seed: int, vae: Path | None, pipeline: Path | None) -> None:
        super().__init__(device, seed, vae, pipeline)
        mask_crossed(self.model)
        self.pointing = Pointing(self.model.text_encoder.encoder.layer[0].crossattention.self)

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        scenes, pictures = self.source.draw(rng, noise, batch)
        tokens = self.model.vision_model(pictures).last_hidden_state
        total, figures = self.teacher(tokens, scenes)
        total = PATCH_WEIGHT * total
        kinds = patch_labels(scenes, SIDE // PATCH)[0][..., 0]
        for name, ask, number in (("short", short_questions, SHORT), ("long", long_questions, LONG)):
            asked = [question for scene in scenes for question in ask(scene, rng, number)]
            part, right, words = self._answered(tokens, asked)
            looked = self.pointing.loss(words, scenes, kinds)
            total = total + part + POINTING_WEIGHT * looked
            figures |= {name: float(part.detach()), f"{name}_right": right, "looked": float(looked.detach())}
        return total, {"loss": float(total.detach()), **figures}

    def _answered(self, tokens: Tensor, asked: Sequence[Question]) -> tuple[Tensor, float, Tensor]:
        """Cross entropy of the answers, the share that is right, and the words [N, T] of all questions.

        Args:
            tokens: [N, 1 + patches, width] of N pictures.
            asked: N times as many questions each, those of a picture together. They are read as one text in
                which no question sees another, so that a picture's keys and values are made once for all.
        """
        texts = self.tokenizer([question.text for question in asked], padding=True, return_tensors="pt")
        ids, mask = texts["input_ids"].to(self.device), texts["attention_mask"].to(self.device)
        pictures, longest = len(tokens), ids.shape[1]
        number = len(asked) // pictures
        owner = torch.arange(number, device=self.device).repeat_interleave(longest)
        open_ = (owner[:, None] == owner) & mask.view(pictures, 1, -1).bool()
        words = self.model.text_encoder(
            input_ids=ids.view(pictures, -1),
            attention_mask=torch.zeros(open_.shape, device=self.device).masked_fill(~open_, -1e4)[:, None],
            position_ids=torch.arange(longest, device=self.device).repeat(number)[None],
            encoder_hidden_states=tokens,
        ).last_hidden_state
        said = self.model.text_decoder(
            input_ids=torch.full((len(asked), 1), BEGIN, device=self.device),
            encoder_hidden_states=words.view(len(asked), longest, -1),
            encoder_attention_mask=mask,
        ).logits[:, -1]
        answers = torch.tensor([table()[question.answer] for question in asked], device=self.device)
        right = float((said.argmax(-1) == answers).float().mean())
        return F.cross_entropy(said.float(), answers), right, ids.view(pictures, -1)

    def finish(self, out: Path) -> None:
        """Save the averaged network with its processor, and measure what was saved."""
        save_blip(self.model.eval(), LONGEST_QUESTION, out / "answerer")
        write_figures(out, "answerer", answerer_figures(out / "answerer", self.source))

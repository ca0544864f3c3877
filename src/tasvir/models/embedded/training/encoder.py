"""Training the encoder: captions to their pictures and pictures to their captions, against false twins.

Contrastive as CLIP (Radford et al. 2021). Among the texts that a picture must not choose are false twins of
its own caption, each wrong in one thing (as in NegCLIP, Yuksekgonul et al. 2023), for to tell random scenes
apart a bag of words is enough. What each patch shows is taught beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tasvir.models.embedded.image_text_networks import LONGEST_CAPTION, new_encoder, save_encoder
from tasvir.models.embedded.training.faults import falsified
from tasvir.models.embedded.training.image_text_figures import encoder_figures, write_figures
from tasvir.models.embedded.training.seeing import SeeingTask
from tasvir.world.captions import caption
from tasvir.world.placing import Dice
from tasvir.world.scene import Scene
from tasvir.world.writing import write

TWINS = 2
"""False twins of each caption."""
PATCH_WEIGHT, TWIN_WEIGHT = 0.5, 0.5
PREFIXES = ("a photo depicts", "a photo of", "a picture of", "an image of")
PREFIXED = 0.2
"""Share of captions behind a prefix: CLIPScore (Hessel et al. 2021) puts one before every caption."""
LARGEST_SCALE = 4.6052
"""Natural logarithm of the greatest inverse temperature, 100, as CLIP's."""


class EncoderTask(SeeingTask):
    """Bring a picture and its caption together."""

    name = "encoder"
    build = staticmethod(new_encoder)
    longest = LONGEST_CAPTION

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        scenes, pictures = self.source.draw(rng, noise, batch)
        seen = self.model.vision_model(pixel_values=pictures)
        total, figures = self.teacher(seen.last_hidden_state, scenes)
        images = F.normalize(self.model.visual_projection(seen.pooler_output).float(), dim=-1)
        texts = self._embed(written(scenes, rng))
        scale = self.model.logit_scale.clamp(max=LARGEST_SCALE).exp()
        scores = scale * images @ texts.T
        own = torch.arange(batch, device=self.device)
        contrast = (F.cross_entropy(scores, own) + F.cross_entropy(scores[:, :batch].T, own)) / 2
        columns = own[:, None] + batch * torch.arange(1 + TWINS, device=self.device)
        among_twins = scores.gather(1, columns)
        twins = F.cross_entropy(among_twins, torch.zeros_like(own))
        total = PATCH_WEIGHT * total + contrast + TWIN_WEIGHT * twins
        with torch.no_grad():
            figures |= {
                "found": float((scores[:, :batch].argmax(1) == own).float().mean()),
                "true": float((among_twins[:, 0] > among_twins[:, 1]).float().mean()),
            }
        parts = {"loss": total, "contrast": contrast, "twins": twins}
        return total, {**{name: float(part.detach()) for name, part in parts.items()}, **figures}

    def _embed(self, texts: Sequence[str]) -> Tensor:
        tokens = self.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(
            self.device
        )
        pooled = self.model.text_model(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).pooler_output
        return F.normalize(self.model.text_projection(pooled).float(), dim=-1)

    def finish(self, out: Path) -> None:
        """Save the averaged network with its processor, and measure what was saved."""
        save_encoder(self.model.eval(), out / "encoder")
        write_figures(out, "encoder", encoder_figures(out / "encoder", self.source))


def written(scenes: Sequence[Scene], rng: np.random.Generator) -> list[str]:
    """A true caption of each scene, then TWINS rounds of false ones."""
    dice = Dice(rng)
    rounds: list[list[str]] = [[] for _ in range(1 + TWINS)]
    for scene in scenes:
        text, described = caption(scene, rng)
        prefix = f"{dice.pick(PREFIXES)} " if dice.chance(PREFIXED) else ""
        rounds[0].append(prefix + text)
        for row in rounds[1:]:
            while (wrong := falsified(described, scene, dice)) is None:
                continue  # none in these draws: every caption has one in some
            row.append(prefix + write(wrong[1], dice)[0])
    return [text for row in rounds for text in row]

"""Grounding has an effect: a tiny gated U-Net that learnt "what is named is where its box is" does so.

It overfits four boxes at the four noise levels that it then draws at: latents are 1 inside the box and -1
outside. Noise, text and seed are the same for all pictures, so that the box alone tells where to paint.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tasvir.models.gligen.denoising import Course, denoise, start
from tasvir.models.gligen.grounding import Grounding, ground
from tasvir.models.gligen.texts import encode_texts
from tasvir.models.hub.drawing import generators
from tasvir.models.tiny import parts
from tasvir.models.tiny.families import build
from tasvir.records import Box, Layout, Thing

BOXES = (Box(0, 0, 0.5, 0.5), Box(0.5, 0, 1, 0.5), Box(0, 0.5, 0.5, 1), Box(0.5, 0.5, 1, 1))
LAYOUTS = [Layout((Thing("a ball", box),)) for box in BOXES]
INSIDE = torch.stack(
    [
        torch.tensor([[box.x0 <= x < box.x1 and box.y0 <= y < box.y1 for x in columns] for y in columns])
        for box in BOXES
        for columns in [[(cell + 0.5) / 8 for cell in range(8)]]
    ]
)
STEPS, BATCH, RATE = 300, 8, 4e-3
TIMES = torch.tensor([999, 749, 499, 249])
"""What four steps with trailing spacing pass through; most is learnt of pure noise, which needs boxes."""


def overfit(pipeline: Any) -> None:
    net, random = pipeline.unet, torch.Generator().manual_seed(0)
    seen = ground(pipeline, LAYOUTS)
    text = encode_texts(pipeline, ["a ball"], None, False, (64, 64)).embeddings
    clean = torch.where(INSIDE, 1.0, -1.0)[:, None].expand(-1, 4, -1, -1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        which = torch.randint(4, (BATCH,), generator=random)
        times = TIMES[(torch.randint(8, (BATCH,), generator=random) - 4).clamp(min=0)]
        noise = torch.randn(BATCH, 4, 8, 8, generator=random)
        shown = Grounding(seen.boxes[which], seen.embeddings[which], seen.masks[which]).arguments(False)
        guess = net(
            pipeline.scheduler.add_noise(clean[which], noise, times),
            times,
            encoder_hidden_states=text.expand(BATCH, -1, -1),
            cross_attention_kwargs={"gligen": shown},
            return_dict=False,
        )[0]
        torch.nn.functional.mse_loss(guess, clean[which]).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def latents(pipeline: Any, beta: float) -> Tensor:
    """One picture a box, all from the same noise, averaged over channels: (4, 8, 8)."""
    course = Course(len(TIMES), 1.0, beta)
    noise = generators([1] * 4)
    text = encode_texts(pipeline, ["a ball"] * 4, None, False, (64, 64))
    first = start(pipeline, noise, (64, 64), course.steps)
    return denoise(pipeline, first, text, ground(pipeline, LAYOUTS), noise, course).mean(dim=1)


@pytest.mark.slow
def test_what_was_learnt_appears_where_the_box_is() -> None:
    pipeline = build("gligen")
    schedule = {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True}  # starts at noise alone
    pipeline.scheduler = parts.scheduler(prediction_type="sample", **schedule)
    overfit(pipeline)
    grounded, plain = latents(pipeline, 1.0), latents(pipeline, 0.0)
    assert pipeline.scheduler.timesteps.tolist() == TIMES.tolist()
    contrasts = [
        (picture[inside].mean() - picture[~inside].mean()).item()
        for picture, inside in zip(grounded, INSIDE, strict=True)
    ]
    assert min(contrasts) > 1.5, contrasts  # 2 is perfect, 0 is chance; measured 1.99 and more
    assert torch.equal(plain[0], plain[3])  # without grounding nothing tells the pictures apart

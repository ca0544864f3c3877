"""What the trainings of encoder, answerer and captioner share: a tower that sees, and what each patch shows
taught beside the lesson that is a model's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from tasvir.models.embedded.training.patch_labels import PatchTeacher
from tasvir.models.embedded.training.picture_source import PictureSource
from tasvir.models.embedded.words import tokenizer


class SeeingTask:
    """Base of the three: subclasses give the attributes, and `loss` and `finish` of the loop's `Task`.

    Args:
        device: Where to train.
        seed: Seeds the weights.
        vae: Folder of a trained autoencoder; None = the pipeline's.
        pipeline: Folder of a trained generator; None = no redrawn pictures.

    Attributes:
        build: Makes the model with fresh weights.
        longest: Tokens of a text that it reads.
    """

    build: ClassVar[Callable[[], Any]]
    longest: ClassVar[int]
    lr = 1.5e-3
    batch = 32

    def __init__(self, device: torch.device, seed: int, vae: Path | None, pipeline: Path | None) -> None:
        torch.manual_seed(seed)
        self.model = type(self).build().to(device).train()
        self.teacher = PatchTeacher(self.model.config.vision_config.hidden_size).to(device)
        self.device = device
        self.source = PictureSource(device, vae, pipeline)
        self.tokenizer = tokenizer(self.longest)

    def network(self) -> nn.Module:
        return nn.ModuleDict({"model": self.model, "teacher": self.teacher})

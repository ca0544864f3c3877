"""What patches show, and where nouns are told to look: arithmetic by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tasvir.models.embedded.recogniser_labels import COLORS, KINDS
from tasvir.models.embedded.training.patch_labels import PatchTeacher, patch_labels
from tasvir.models.embedded.training.pointing import Pointing
from tasvir.models.embedded.words import table
from tasvir.world.scene import Placed, Scene

BOX = Placed("box", (0.0, 0.0, 0.5, 0.5), "red")
SCENE = Scene((BOX,), background="park")


def test_patches_in_a_box_show_its_thing_and_lead_to_its_edges() -> None:
    labels, edges = patch_labels([SCENE], 8)
    grid = labels.reshape(8, 8, 5)
    assert grid[2, 1, 0] == KINDS.index("box") and grid[2, 1, 1] == COLORS.index("red")
    assert (grid[4:, :, 0] == len(KINDS)).all() and (grid[:, 4:, 0] == len(KINDS)).all()
    middle = np.array([1.5 / 8, 2.5 / 8])
    assert edges.reshape(8, 8, 4)[2, 1] == pytest.approx([*middle, *(0.5 - middle)], abs=1e-6)


def test_the_teacher_learns_what_tokens_show() -> None:
    torch.manual_seed(0)
    scenes = [SCENE, Scene((Placed("ball", (0.5, 0.5, 0.9, 0.9), "blue"),), background="sea")]
    tokens = torch.randn(2, 65, 16)
    teacher = PatchTeacher(16)
    adam = torch.optim.Adam([*teacher.parameters(), tokens.requires_grad_(True)], lr=0.05)
    first = None
    for _ in range(60):
        loss, figures = teacher(tokens, scenes)
        first = first or float(loss.detach())
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert first > 5 * float(loss.detach()) and figures["kind"] < 0.3


class Looking(nn.Module):
    """Returns given probabilities where BLIP's cross-attention returns its own."""

    def __init__(self, looks: torch.Tensor) -> None:
        super().__init__()
        self.looks = looks

    def forward(self) -> tuple[None, torch.Tensor]:
        return None, self.looks


def test_a_noun_shall_look_at_its_patches_and_at_the_class_token_for_what_is_not_there() -> None:
    words = torch.tensor([[table()["a"], table()["box"], table()["dogs"]]])
    labels = np.array([[KINDS.index("box"), KINDS.index("box"), len(KINDS), -100]])
    looks = torch.zeros(1, 4, 3, 5)
    looks[:, :2, 1] = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0])
    looks[:, :2, 2] = torch.tensor([0.8, 0.2, 0.0, 0.0, 0.0])
    attention = Looking(looks)
    pointing = Pointing(attention)
    attention()
    wanted = -(math.log(0.2 + 0.3) + math.log(0.8)) / 2
    assert float(pointing.loss(words, [SCENE], labels)) == pytest.approx(wanted, abs=1e-5)


def test_a_thing_that_no_patch_shows_is_not_asked_for() -> None:
    attention = Looking(torch.full((1, 4, 2, 5), 0.2))
    pointing = Pointing(attention)
    attention()
    words = torch.tensor([[table()["box"], table()["dog"]]])
    hidden = np.full((1, 4), len(KINDS))
    assert float(pointing.loss(words, [SCENE], hidden)) == pytest.approx(-math.log(0.2), abs=1e-5)

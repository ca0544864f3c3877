"""A step of Langevin dynamics at one level: what annealed Langevin and the correctors are made of.

x + step / 2 score + sqrt(step) z keeps, in the limit of small steps, the law whose score it follows. At a
finite step a Gaussian of variance s^2 comes to rest at s^2 / (1 - step / (4 s^2)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.lab.diffusion.samplers.base import Noise, Question, Walk
from tasvir.lab.diffusion.schedules.base import Level


def langevin_step(x: Tensor, level: Level, step: float, noise: Noise) -> Walk:
    """One question; ``step`` is a_i of the thesis' table 4.2, and twice epsilon_i of tables 4.3 and 4.4."""
    score = yield Question(x, level, "score")
    return torch.add(torch.add(x, score, alpha=step / 2), noise(x), alpha=math.sqrt(step))

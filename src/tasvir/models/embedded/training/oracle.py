"""Training the oracle on worn renders of its own seed range: what each cell shows, and its thing's box."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded.oracle import new_oracle
from tasvir.models.embedded.training.oracle_data import IGNORED, SEEDS, draw_batch
from tasvir.models.embedded.training.oracle_evaluation import evaluate_on_renders, evaluate_on_suite
from tasvir.models.embedded.training.oracle_wear import wear
from tasvir.models.embedded.training.pixels import to_tensor

WEIGHTS = {"kind": 1.0, "color": 0.6, "surface": 0.4, "pose": 0.4, "facing": 0.4}
"""Of each cross entropy in the loss."""
BACKGROUND_WEIGHT = 0.2
EDGE_WEIGHT = 12.0
"""Of the mean absolute error of a box's edges, in fractions of the picture."""


class OracleTask:
    """Dense cross entropies and box edges, a small thing's cells weighing more than a large one's."""

    name = "oracle"
    lr = 3e-3
    batch = 32

    def __init__(self, device: torch.device, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = new_oracle().to(device, memory_format=torch.channels_last).train()
        self.device = device

    def network(self) -> nn.Module:
        network: nn.Module = self.model
        return network

    def loss(
        self, rng: np.random.Generator, _noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        own = np.random.default_rng([SEEDS, *rng.integers(2**31, size=4).tolist()])
        pixels, labels = draw_batch(own, batch)
        found = self.model(wear(to_tensor(pixels, self.device), int(own.integers(2**31))))
        classes = {name: torch.from_numpy(values).to(self.device) for name, values in labels.classes.items()}
        weight = torch.from_numpy(labels.weight).to(self.device)
        figures: dict[str, float] = {}
        backgrounds = torch.from_numpy(labels.background).to(self.device)
        total = BACKGROUND_WEIGHT * F.cross_entropy(found["background"], backgrounds)
        for name, share in WEIGHTS.items():
            losses = F.cross_entropy(found[name], classes[name], reduction="none")
            part = _weighted(losses, weight, classes[name] != IGNORED)
            total = total + share * part
            figures[name] = float(part.detach())
        wanted = torch.from_numpy(labels.edges).to(self.device)
        off = (found["edges"] - wanted).abs().mean(1)
        edges = _weighted(off, weight, classes["kind"] > 0)
        total = total + EDGE_WEIGHT * edges
        figures |= {"loss": float(total.detach()), "edges": float(edges.detach())}
        return total, figures

    def finish(self, out: Path) -> None:
        """Save the averaged network (diffusers' layout, half precision) and its error on rendered scenes."""
        self.model.eval()
        figures = evaluate_on_renders(1000, seed=1, oracle=self.model)
        figures["suite"] = evaluate_on_suite(600, seed=1, oracle=self.model)
        self.model.half().save_pretrained(out / "oracle")
        self.model.float()
        text = json.dumps(figures, indent=2) + "\n"
        for path in (out / "figures.json", out / "oracle" / "figures.json"):
            path.write_text(text, "utf-8")


def _weighted(values: Tensor, weight: Tensor, mask: Tensor) -> Tensor:
    kept = weight * mask
    return (values * kept).sum() / kept.sum().clamp(min=1e-6)

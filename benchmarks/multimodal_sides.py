"""Both sides of a comparison with MultiVae: the networks, our stacks of them, the peer in its process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.mopoe import MoPoE
from tasvir.lab.multimodal.experts.poe_prior import PoEWithPrior
from tasvir.lab.multimodal.likelihoods import (
    BernoulliLikelihood,
    CategoricalLikelihood,
    GaussianLikelihood,
    Likelihood,
)
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting

RATE = 1e-3
IMAGE_LABEL: dict[str, Any] = {
    "latent": 20,
    "modalities": {"image": [784, 128, "bernoulli"], "label": [10, 32, "categorical"]},
}
GAUSSIANS: dict[str, Any] = {
    "latent": 1,
    "modalities": {name: [1, 5, "normal"] for name in ("x1", "x2", "x3")},
}
LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": BernoulliLikelihood(),
    "categorical": CategoricalLikelihood(),
    "normal": GaussianLikelihood(),
}
RULES: dict[str, tuple[Expert, Objective]] = {
    "mvae": (PoEWithPrior(), Objective()),
    "mvae-joint": (PoEWithPrior(), Objective(unimodal=0)),
    "mmvae": (MoE(), Objective(unimodal=0, assignment="all")),
    "mopoe": (MoPoE(), Objective(unimodal=0)),
}
"""Their rule -> ours, and the objective that is made of the same terms."""


class Peer:
    """MultiVae's Python, asked one question after the other.

    Args:
        python: Of its environment.
    """

    def __init__(self, python: str) -> None:
        side = Path(__file__).with_name("multimodal_peer_side.py")
        self.process = subprocess.Popen(
            [python, str(side)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, do: str, **asked: Any) -> dict[str, Any]:
        """Its answer.

        Raises:
            RuntimeError: It ended without one.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **asked}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"the peer ended at {do!r}: give the question to multimodal_peer_side.py by hand to see why"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self.process.communicate()


def stack(rule: str, networks: dict[str, Any], weightings: int, seeds: range) -> StackedVAE:
    """Our models of a rule with networks as the peer is told them."""
    modalities = [
        Modality(name, size, LIKELIHOODS[likelihood], (hidden,))
        for name, (size, hidden, likelihood) in networks["modalities"].items()
    ]
    return StackedVAE(modalities, networks["latent"], RULES[rule][0], [FixedWeighting()] * weightings, seeds)

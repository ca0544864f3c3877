"""Diffusion models as one family among others: an adapter over the methods of the diffusion laboratory."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tasvir.errors import UnknownNameError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Bound, Method, Model
from tasvir.lab.diffusion.methods.ddpm import DdpmMethod
from tasvir.lab.diffusion.methods.edm import EdmMethod
from tasvir.lab.diffusion.methods.flow_matching import FlowMatchingMethod
from tasvir.lab.diffusion.methods.ncsn import NcsnMethod
from tasvir.lab.diffusion.methods.rectified_flow import RectifiedFlowMethod
from tasvir.lab.diffusion.methods.vdm import VdmMethod
from tasvir.lab.diffusion.methods.vp_sde import VpSdeMethod
from tasvir.lab.diffusion.sampling import Sampled
from tasvir.lab.families.base import Family

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        DdpmMethod,
        EdmMethod,
        FlowMatchingMethod,
        NcsnMethod,
        RectifiedFlowMethod,
        VdmMethod,
        VpSdeMethod,
    )
}
"""Methods by the name that stands after "diffusion:"; any other comes made."""
PICTURES = 64
"""Examples a step where they are pictures."""


class DiffusionFamily(Family):
    """Denoising step by step; edm unless another method is named, as diffusion:rectified-flow.

    Args:
        model: A name of `METHODS`, or a method of the diffusion laboratory.
        options: Of the method and its network, see its ``model``.

    Raises:
        UnknownNameError: No such method.
    """

    name: ClassVar[str] = "diffusion"
    source: ClassVar[str] = "Sohl-Dickstein et al. 2015; Ho et al. 2020; thesis 2.2.7"

    model: Model

    def __init__(self, model: str | Method = "edm", **options: Any) -> None:
        if isinstance(model, str) and model not in METHODS:
            raise UnknownNameError(
                f"no method of this family is called {model!r}; known: {', '.join(METHODS)} (all others are "
                "trained by `tasvir lab train`)"
            )
        self.method = METHODS[model]() if isinstance(model, str) else model
        self.settings = options
        self.no_likelihood = self.method.no_bound

    def options(self) -> dict[str, Any]:
        """See `Family.options`."""
        return {"model": self.method.name, **self.settings}

    def build(self, data: Data) -> nn.Module:
        """See `Family.build`.

        Raises:
            SettingError: The method does not take such data, or has no such option.
        """
        self.model = self.method.model(data, **self.settings)
        if data.kind == "images":
            self.batch = PICTURES
        return self.model.network

    def loss(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """See `Family.loss`: the method's own, of examples without their classes."""
        loss = self.model.loss(x, None, generator).mean()
        return loss, {"loss": float(loss.detach())}

    def sample(self, n: int, seed: int) -> Sampled:
        """See `Family.sample`: the method's own sampler and steps."""
        return self.model.sample(n, seed)

    def log_prob(self, x: Tensor, seed: int = 0) -> Bound | None:
        """See `Family.log_prob`: the method's own likelihood or bound; edm's is the probability flow's."""
        return self.model.bound(x, seed)

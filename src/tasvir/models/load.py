"""How a model is loaded, in one record for all loaders, so that the same flags mean the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tasvir.errors import SettingError

DType = Literal["auto", "float32", "float16", "bfloat16"]
Offload = Literal["none", "model", "sequential"]
LOADED_BY = ("dtype", "revision", "trust_remote_code", "safety")
"""What of `LoadSettings` pictures and answers hang on; the rest says where a model works."""


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """Where, in which precision and from where a model is loaded.

    Args:
        device: "auto" (CUDA, then MPS, then CPU), "cpu", "mps", "cuda" or "cuda:N".
        dtype: "auto" takes what the model's card names on CUDA and float32 elsewhere.
        offload: "model" keeps only the part at work on the GPU, "sequential" only the layer at work.
        compile: Run the denoiser through torch.compile: slow at first, faster afterwards.
        trust_remote_code: Run Python that comes with a model. It can do anything that you can.
        revision: Branch, tag or commit on the hub; None takes the card's.
        local_only: Use what is on this disk; never ask the network.
        safety: Keep a model's safety checker where it has one; what it blocks is marked in the provenance.

    Raises:
        SettingError: No such dtype or offload.
    """

    device: str = "auto"
    dtype: str = "auto"
    offload: str = "none"
    compile: bool = False
    trust_remote_code: bool = False
    revision: str | None = None
    local_only: bool = False
    safety: bool = True

    def __post_init__(self) -> None:
        for name, known in (("dtype", get_args(DType)), ("offload", get_args(Offload))):
            if getattr(self, name) not in known:
                raise SettingError(f"{name} is {getattr(self, name)!r}: expected one of {', '.join(known)}")

"""What the walk asks of a family of pipelines; one file a family answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from PIL import Image
from torch import Tensor, nn

from tasvir.models.embedded.conditioning import Grounding
from tasvir.models.walk.attention import AttentionSum
from tasvir.models.walk.record import AttentionKind, Encoder, Fact


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture to be drawn: what every family's pipeline is told."""

    prompt: str
    seed: int
    steps: int
    scale: float
    grounding: Grounding | None = None


@dataclass(frozen=True, slots=True)
class TextPlaces:
    """Where words and other keys lie among the keys of the attention.

    Args:
        words: Of each word that is read, its text and its places among the text's tokens.
        others: Names of other keys and their places among all keys.
        offset: Place of the text's first token among all keys.
    """

    words: Sequence[tuple[str, tuple[int, ...]]]
    others: Mapping[str, tuple[int, ...]]
    offset: int


class Family(ABC):
    """A kind of pipeline, with the seams at which it can be watched.

    Args:
        pipeline: As it was loaded; the walk changes nothing of it.
    """

    name: ClassVar[str]
    kind: ClassVar[AttentionKind]
    text_row: ClassVar[int]
    """Row of the denoiser's batch that carries the text: 0, or -1 where the empty half comes first."""
    arguments: ClassVar[tuple[str, str, str]]
    """The denoiser's parameters for latents, timestep and the text's vectors [N, tokens, width]."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    @property
    @abstractmethod
    def denoiser(self) -> nn.Module:
        """Called once a step, on latents and timestep."""

    @property
    @abstractmethod
    def readers(self) -> Sequence[tuple[nn.Module, str]]:
        """Each text encoder and the name of the method that the pipeline calls."""

    @property
    @abstractmethod
    def stages(self) -> Sequence[tuple[str, nn.Module]]:
        """Parts of the decoder that run one after the other, by name."""

    @abstractmethod
    def defaults(self) -> tuple[int, float]:
        """Steps and guidance scale where nobody says otherwise."""

    @abstractmethod
    def draw(self, drawing: Drawing) -> Image.Image:
        """The pipeline's own call."""

    @abstractmethod
    def encoders(self, prompt: str, seconds: Sequence[float]) -> tuple[Encoder, ...]:
        """The text encoders and the prompt's tokens, with the measured seconds of each."""

    @abstractmethod
    def places(self, encoder: Encoder, shape: Sequence[int]) -> TextPlaces:
        """Where the words of ``encoder`` lie in attention maps of shape (keys, rows, columns)."""

    @abstractmethod
    def watch(
        self,
        sums: AttentionSum,
        cells: Callable[[], tuple[int, int]],
        aside: Callable[[], AbstractContextManager[None]],
    ) -> AbstractContextManager[int]:
        """Sum up attention while the context is open.

        Args:
            sums: Takes in the softmaxes of the row with the text.
            cells: Rows and columns of the latents now at work.
            aside: Context in which time is not the model's.

        Returns:
            A context that gives the number of layers watched.
        """

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Latents [C, H, W] of the denoiser as a picture [3, H', W'] in 0..1."""

    @abstractmethod
    def facts(self) -> dict[str, Fact]:
        """What the model is, by keys of the page's texts."""


def parameters(*modules: nn.Module) -> int:
    """Weights of modules."""
    return sum(weight.numel() for module in modules for weight in module.parameters())

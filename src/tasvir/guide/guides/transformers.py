"""Guides in this process: `transformers:google/gemma-3-27b-it`, or a folder with such a model."""

from __future__ import annotations

from typing import Any, ClassVar

from tasvir.guide.mllm.guide import MllmGuide
from tasvir.models.load import LoadSettings
from tasvir.models.mllm.client import MllmClient
from tasvir.models.service import ServiceSettings


class TransformersGuide(MllmGuide):
    """A model in this process, transformers:ID of the Gemma-3 or Qwen-VL class.

    Args:
        model: Hub id or folder.
        load: Device, precision, revision.
        service, templates, examples, shots, pictures: See `MllmGuide`.
    """

    name: ClassVar[str] = "transformers"
    waits = False

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        service: ServiceSettings = ServiceSettings(),  # noqa: B008  # frozen
        templates: str | None = None,
        examples: str | None = None,
        shots: int = 3,
        pictures: int = 2,
    ) -> None:
        self._load = load
        super().__init__(model, service, templates, examples, shots, pictures)

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:
        """See `Guide.identity`."""
        from tasvir.models.hub.pinning import pin

        return {} if model is None else pin(model, load)

    def _connect(self, service: ServiceSettings) -> MllmClient:
        return MllmClient(self.name, self.model, service, load=self._load)

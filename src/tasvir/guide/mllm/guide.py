"""A guide that asks a multimodal model: words from `conversation`, answers from `tasvir.models.mllm`."""

from __future__ import annotations

from pathlib import Path

from tasvir.guide.base import Guide, Request
from tasvir.guide.mllm import schemas
from tasvir.guide.mllm.conversation import Conversation
from tasvir.models.mllm.client import MllmClient
from tasvir.models.service import ServiceSettings
from tasvir.records import Usage


class MllmGuide(Guide):
    """Base of the guides of all providers; a subclass's name is its provider's.

    Args:
        model: The provider's name for the model.
        service: How it is called.
        templates: Folder of prompt templates that stand before ours, by file name.
        examples: Folder of few-shot examples in place of ours.
        shots: Most examples shown, the nearest to the prompt; 0 shows none.
        pictures: Most pictures before the last that a redesign shows.

    Raises:
        SettingError: A folder, template, example or number is wrong.
    """

    waits = True

    def __init__(
        self,
        model: str,
        service: ServiceSettings = ServiceSettings(),  # noqa: B008  # frozen
        templates: str | None = None,
        examples: str | None = None,
        shots: int = 3,
        pictures: int = 2,
    ) -> None:
        self.model = model
        self._client = self._connect(service)
        own, shown = (None if folder is None else Path(folder) for folder in (templates, examples))
        self._conversation = Conversation(own, shown, shots, pictures)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    def reply(self, request: Request, *, seed: int) -> str:
        """Ask the model and count what it took.

        Raises:
            ServiceError: It gave no answer.
            BudgetError: The call could cost more than is left.
        """
        messages = self._conversation.messages(request)
        answer = self._client.ask(messages, schema=schemas.BY_SKILL.get(request.skill), seed=seed)
        if answer.replayed:
            self.usage += Usage(calls=1, replayed=1, seconds=answer.seconds)
        else:
            tokens = answer.input_tokens, answer.output_tokens
            self.usage += Usage(1, 0, tokens[0], tokens[1], answer.money, answer.seconds)
        return answer.text

    def _connect(self, service: ServiceSettings) -> MllmClient:
        return MllmClient(self.name, self.model, service)

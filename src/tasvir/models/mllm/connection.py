"""One hosted model, reached through pydantic-ai: our messages in, an answer or a failure in words out.

pydantic-ai knows each provider's wire protocol; its own retries and those of the SDKs below it are off, so
that attempts are counted once, in `calls`.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from tasvir.errors import ServiceError
from tasvir.models.mllm.calls import Answer, FailureError
from tasvir.models.mllm.endpoints import Endpoint, key
from tasvir.models.mllm.question import Question

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

_log = logging.getLogger(__name__)
SEEDS = 2**31
"""Seeds go to Google modulo this: it takes 32 bits with a sign."""


class Connection:
    """A model at its service.

    Args:
        endpoint: Which and where.
        schema: "auto": JSON by schema until the service refuses one; "native": always; "text": never.
        timeout: Seconds for one attempt.

    Raises:
        ServiceError: No key is set, or the packages of ``tasvir[mllm]`` are missing.
    """

    def __init__(self, endpoint: Endpoint, schema: str, timeout: float) -> None:
        self.endpoint = endpoint
        self._secret = key(endpoint)
        self._mode = schema
        self._takes_schema = schema != "text"
        self._timeout = timeout
        try:
            self._model = _model(endpoint, self._secret)
        except ImportError as problem:
            raise ServiceError(
                f"{endpoint.label} needs packages that are not installed ({problem.name or problem}): "
                "pip install 'tasvir[mllm]'"
            ) from problem

    async def answer(self, question: Question) -> Answer:
        """One attempt at an answer.

        Raises:
            FailureError: It failed; says whether a later one may succeed.
        """
        by_schema = question.schema is not None and self._takes_schema
        try:
            return await self._request(question, by_schema)
        except FailureError as failure:
            if not (by_schema and failure.refused and self._mode == "auto"):
                raise
        answer = await self._request(question, by_schema=False)
        if self._takes_schema:
            self._takes_schema = False
            _log.warning("%s refuses JSON schemas: it is asked in words from now on", self.endpoint.label)
        return answer

    async def _request(self, question: Question, by_schema: bool) -> Answer:
        from pydantic_ai.direct import model_request

        from tasvir.models.mllm.failures import failure

        try:
            response = await model_request(
                self._model,
                _messages(question),
                model_settings=self._settings(question),
                model_request_parameters=_parameters(question, by_schema),
            )
        except (
            Exception
        ) as problem:  # pydantic-ai and SDKs raise much: an IndexError for a reply without choices
            failed = failure(problem, self.endpoint, keyed=self._secret is not None)
        else:
            return Answer(
                response.text or "",
                response.model_name or question.endpoint.model,
                response.usage.input_tokens,
                response.usage.output_tokens,
                response.finish_reason,
            )
        raise failed

    def _settings(self, question: Question) -> ModelSettings:
        # the SDK's own timeout only backs up ours, which covers the whole attempt
        settings: ModelSettings = {
            "max_tokens": question.max_tokens,
            "max_retries": 0,
            "timeout": self._timeout + 5,
        }
        if question.temperature is not None and _takes_temperature(self._model):
            settings["temperature"] = question.temperature
        if question.seed is not None:
            google = self.endpoint.provider == "google"
            settings["seed"] = question.seed % SEEDS if google else question.seed
        return settings


@cache
def _http() -> AsyncClient:
    """What all calls of the process go through; each gets a connection of its own.

    Beside an answer's seconds a new connection costs little, and none goes stale or stays open.
    """
    from httpx2 import Limits
    from pydantic_ai.models import create_async_httpx2_client

    return create_async_httpx2_client(limits=Limits(max_keepalive_connections=0))


def _model(endpoint: Endpoint, secret: str | None) -> Model:
    http = _http()
    if endpoint.provider == "google":
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        provider = GoogleProvider(api_key=secret or "", base_url=endpoint.address, http_client=http)
        return GoogleModel(endpoint.model, provider=provider)
    if endpoint.provider == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        claude = AnthropicProvider(api_key=secret or "", base_url=endpoint.address, http_client=http)
        return AnthropicModel(endpoint.model, provider=claude)
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    if endpoint.provider == "openai":
        openai = OpenAIProvider(base_url=endpoint.address, api_key=secret, http_client=http)
        return OpenAIChatModel(endpoint.model, provider=openai)
    compatible = OpenAICompatibleProvider(
        "server", base_url=endpoint.address, api_key=secret, http_client=http
    )
    return OpenAIChatModel(endpoint.model, provider=compatible)


def _takes_temperature(model: Model) -> bool:
    """Whether a model can be told a temperature: some that reason refuse any."""
    profile: Any = model.profile
    reasons = profile.get("openai_supports_reasoning") and profile.get("thinking_enabled_by_default")
    return not reasons and not profile.get("anthropic_disallows_sampling_settings")


def _parameters(question: Question, by_schema: bool) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition

    if not by_schema or question.schema is None:
        return ModelRequestParameters()
    wanted = OutputObjectDefinition(json_schema=dict(question.schema), name="reply")
    return ModelRequestParameters(output_mode="native", output_object=wanted)


def _messages(question: Question) -> list[ModelMessage]:
    from pydantic_ai.messages import (
        BinaryContent,
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    told: list[ModelMessage] = []
    for message in question.messages:
        if message.role == "assistant":
            told.append(ModelResponse(parts=[TextPart(message.text)]))
        elif message.role == "system":
            told.append(ModelRequest(parts=[SystemPromptPart(message.text)]))
        else:
            pictures = [BinaryContent(image, media_type="image/png") for image in message.images]
            told.append(ModelRequest(parts=[UserPromptPart([message.text, *pictures])]))
    return told

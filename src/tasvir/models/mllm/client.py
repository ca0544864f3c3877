"""The door to multimodal models: a question goes in, an answer that is kept, counted and within the budget
comes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from tasvir.errors import NotStoredError, ServiceError, SettingError
from tasvir.models.load import LoadSettings
from tasvir.models.mllm.calls import Answer, Calls
from tasvir.models.mllm.endpoints import Endpoint, endpoint
from tasvir.models.mllm.ledger import Ledger
from tasvir.models.mllm.messages import Message, Reply
from tasvir.models.mllm.prices import price, read_prices
from tasvir.models.mllm.question import Question
from tasvir.models.mllm.store import ReplyStore, default_folder
from tasvir.models.service import ServiceSettings

if TYPE_CHECKING:
    from tasvir.models.mllm.connection import Connection

_LOCK = threading.Lock()


class MllmClient:
    """One multimodal model, asked from any number of threads.

    All clients of a process that are opened with equal settings share one budget, one set of limits and one
    folder of answers: a guide and its judge spend from the same purse.

    Args:
        provider: "openai", "google", "anthropic", "http", "https" (a server that speaks OpenAI's protocol) or
            "transformers" (in this process).
        model: As the provider names it; for "http" and "https" the rest of the address:
            "//localhost:8000/v1#gemma"; for "transformers" a hub id or a folder.
        service: Budget, limits, and where answers are kept.
        load: How a model in this process is opened.

    Raises:
        SettingError: No such provider, no usable address, or a budget for a model whose price is not known.
    """

    def __init__(
        self,
        provider: str,
        model: str,
        service: ServiceSettings = ServiceSettings(),  # noqa: B008  # frozen
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
    ) -> None:
        self.endpoint = endpoint(provider, model)
        self._service, self._load = service, load
        with _LOCK:
            self._shared = _shared(replace(service, replies=service.replies or default_folder()))
        self._price = price(self.endpoint, read_prices(service.prices))
        if self._price is None and service.budget is not None and not service.replay:
            raise SettingError(
                f"--budget {service.budget:g} cannot be kept, as no price of {self.endpoint.label} is known: "
                "put it into a file and give that with --prices:\n"
                f'["{self.endpoint.label}"]\ninput = 1.00  # US dollars a million tokens\noutput = 2.00'
            )

    @property
    def ledger(self) -> Ledger:
        """The money of all clients with the same settings."""
        return self._shared.ledger

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> Reply:
        """Put a question and wait for its answer; a kept answer is given without a call.

        Args:
            messages: The conversation; the last one is the user's.
            schema: JSON schema for the answer. Where the service takes none, the messages alone say what is
                wanted, and the answer may be anything.
            seed: For models that sample by one.

        Raises:
            SettingError: Nothing is asked, or a picture is no PNG.
            NotStoredError: Replaying, and the question was never answered before.
            BudgetError: The call could cost more than is left.
            ServiceError: The service cannot be reached, refuses, or gave no answer.
            HubError: A model in this process cannot be had.
            OutputError: The answer cannot be kept.
            RecordError: Replaying, and the kept answer is damaged.
        """
        start = time.monotonic()
        question = self._question(messages, schema, seed)
        store = self._shared.store
        with store.alone(question.digest()):
            kept = store.get(question)
            if kept is not None:
                return _timed(kept, start)
            if self._service.replay:
                raise NotStoredError(
                    f"{self.endpoint.label}: no answer to this question is kept in {store.folder}; leave out "
                    f"--replay to ask it (it begins {messages[-1].text[:60]!r})"
                )
            reply = self._paid(question, start)
            store.put(question, reply)
        return reply

    def _question(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None, seed: int | None
    ) -> Question:
        service = self._service
        local = self.endpoint.provider == "transformers"
        wanted = None if service.schema == "text" or local else schema
        opened = f"{self._load.revision or 'main'} {self._load.dtype}" if local else None
        return Question(
            self.endpoint, tuple(messages), wanted, service.temperature, service.max_tokens, seed, opened
        )

    def _paid(self, question: Question, start: float) -> Reply:
        most = None if self._price is None else self._price.most(question)
        with self.ledger.entry(most) as entry:
            answer = self._asker()(question)
            money = None
            if self._price is not None:
                # a service that counts no tokens is taken to have used all that it could
                counted = answer.input_tokens > 0
                money = self._price.cost(answer.input_tokens, answer.output_tokens) if counted else most
                entry.spent = money or 0.0
        _refuse_empty(answer, self.endpoint)
        seconds = time.monotonic() - start
        return Reply(
            answer.text,
            answer.model,
            answer.input_tokens,
            answer.output_tokens,
            money,
            seconds,
            replayed=False,
        )

    def _asker(self) -> Callable[[Question], Answer]:
        """What makes a call to this model."""
        if self.endpoint.provider != "transformers":
            return partial(self._shared.call, self.endpoint)
        from tasvir.models.mllm.local import open_local

        return open_local(self.endpoint.model, self._load).answer


class _Shared:
    """What all clients with equal settings have in common."""

    def __init__(self, service: ServiceSettings) -> None:
        self.store = ReplyStore(service.replies or default_folder(), strict=service.replay)
        self.ledger = Ledger(service.budget)
        self._service = service
        self._calls = Calls(service.concurrency, service.per_minute, service.timeout, service.retries)
        self._connections: dict[Endpoint, Connection] = {}
        self._lock = threading.Lock()

    def call(self, endpoint: Endpoint, question: Question) -> Answer:
        connection = self._connection(endpoint)
        return self._calls.make(endpoint.label, lambda: connection.answer(question))

    def _connection(self, endpoint: Endpoint) -> Connection:
        from tasvir.models.mllm.connection import Connection

        with self._lock:
            if endpoint not in self._connections:
                self._connections[endpoint] = Connection(
                    endpoint, self._service.schema, self._service.timeout
                )
            return self._connections[endpoint]


@cache
def _shared(service: ServiceSettings) -> _Shared:
    return _Shared(service)


def _timed(kept: Reply, start: float) -> Reply:
    return Reply(
        kept.text,
        kept.model,
        kept.input_tokens,
        kept.output_tokens,
        0.0,
        time.monotonic() - start,
        replayed=True,
    )


def _refuse_empty(answer: Answer, endpoint: Endpoint) -> None:
    if answer.finish == "content_filter":
        raise ServiceError(
            f"{endpoint.label} refused to answer: its safety filter found fault with the question"
        )
    if answer.text.strip():
        return
    if answer.finish == "length":
        raise ServiceError(
            f"{endpoint.label} used up all tokens of its answer before it said anything: raise the most that "
            "it may use (max_tokens)"
        )
    raise ServiceError(f"{endpoint.label} gave an empty answer: ask again, or ask another model")

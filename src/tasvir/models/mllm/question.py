"""A question to a model with all that its answer hangs on, and the digest that it is kept under."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tasvir.errors import SettingError
from tasvir.models.mllm.endpoints import Endpoint
from tasvir.models.mllm.messages import Message

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Args:
        endpoint: Whom it is put to.
        messages: The conversation so far; the last one asks.
        schema: JSON schema that the answer shall follow; None = free text.
        temperature: Of sampling; None = the model's own.
        max_tokens: Most tokens of the answer.
        seed: Of sampling, where the service takes one.
        opened: How a model in this process was opened, as far as its answers hang on it.

    Raises:
        SettingError: Nothing is asked, or a picture that is no PNG or that nobody can show.
    """

    endpoint: Endpoint
    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None
    temperature: float | None
    max_tokens: int
    seed: int | None
    opened: str | None = None

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1].role != "user":
            raise SettingError("nothing is asked: the last message must be the user's")
        for message in self.messages:
            if message.images and message.role != "user":
                raise SettingError(f"a message of the {message.role} shows a picture: only the user can")
            for image in message.images:
                if not image.startswith(_PNG) or len(image) < 24:
                    raise SettingError("a picture in a message is no PNG: convert it first")

    def readable(self) -> dict[str, Any]:
        """The question as it is kept: whole texts, and of each picture its sha256."""
        turns = [
            {
                "role": message.role,
                "text": message.text,
                "images": [sha256(image).hexdigest() for image in message.images],
            }
            for message in self.messages
        ]
        return {
            "provider": self.endpoint.provider,
            "model": self.endpoint.model,
            "address": self.endpoint.address,
            "opened": self.opened,
            "messages": turns,
            "schema": self.schema,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }

    def digest(self) -> str:
        """sha256 over `readable`."""
        return digest(self.readable())


def digest(readable: Mapping[str, Any]) -> str:
    """sha256 over a question's canonical JSON, in hexadecimal."""
    text = json.dumps(readable, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sizes(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """Width and height in pixels of every picture, as their headers say."""
    return [struct.unpack(">II", image[16:24]) for message in messages for image in message.images]

"""The wire protocols of OpenAI, Google Gemini and Anthropic, from the side of the service.

Requests are read into one form and answers are written in three, as far as questions with pictures, JSON
schemas and errors go; `mllm_server` does the talking.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

IMAGE_TOKENS = 258
"""What a picture counts here, whatever its size."""
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1beta/models/")
"""OpenAI, Anthropic, Google."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it came over the wire: its role in tasvir's words, its text, and its pictures' bytes."""

    role: str
    text: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One request as it was understood.

    Args:
        protocol: "openai", "google" or "anthropic".
        model: The model that was asked for.
        messages: In order, the system's first.
        key: What stood in the protocol's own header for it; "" if nothing did.
        schema: The JSON schema asked for, if any.
        temperature: As sent, if it was.
        max_tokens: As sent, if it was.
        seed: As sent, if it was.
        at: Seconds of a steady clock when it came in.
    """

    protocol: str
    model: str
    messages: tuple[Said, ...]
    key: str
    schema: Mapping[str, Any] | None
    temperature: float | None
    max_tokens: int | None
    seed: int | None
    at: float

    @property
    def text(self) -> str:
        """What was said last."""
        return self.messages[-1].text

    @property
    def tokens(self) -> int:
        """Words of all messages, and 258 a picture."""
        return sum(len(said.text.split()) + IMAGE_TOKENS * len(said.images) for said in self.messages)


class WireError(Exception):
    """A request that the real service would refuse.

    Args:
        status: HTTP status.
        message: What is wrong with it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def protocol_of(path: str) -> str:
    """Which protocol a path belongs to; OpenAI's where it belongs to none."""
    names = ("openai", "anthropic", "google")
    return next((name for name, start in zip(names, PATHS, strict=True) if path.startswith(start)), "openai")


def understood(protocol: str, path: str, headers: Mapping[str, str], body: bytes) -> Question:
    """A request's question, read as strictly as the service would.

    Raises:
        WireError: No such path, no JSON, a picture that cannot be read, or a field of the wrong type.
    """
    if not path.startswith(PATHS):
        raise WireError(404, f"Invalid URL (POST {path})")
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        content = json.loads(body)
        read = {"openai": _from_openai, "google": _from_google, "anthropic": _from_anthropic}[protocol]
        return read(path, lowered, content)
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise WireError(400, f"Invalid request: {error!r}") from error


def _from_openai(_path: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Question:
    asked = content.get("response_format") or {}
    limit = content.get("max_completion_tokens", content.get("max_tokens"))
    return Question(
        "openai",
        content["model"],
        tuple(_openai_said(message) for message in content["messages"]),
        _bearer(headers),
        asked["json_schema"]["schema"] if asked.get("type") == "json_schema" else None,
        content.get("temperature"),
        limit,
        content.get("seed"),
        time.monotonic(),
    )


def _bearer(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").removeprefix("Bearer ")


def _openai_said(message: Mapping[str, Any]) -> Said:
    content = message["content"]
    if isinstance(content, str):
        return Said(message["role"], content)
    texts = [part["text"] for part in content if part["type"] == "text"]
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    return Said(message["role"], "\n".join(texts), tuple(_data_url(url) for url in urls))


def _data_url(url: str) -> bytes:
    head, _, data = url.partition(",")
    if head != "data:image/png;base64":
        raise ValueError(f"no PNG as a data URL: {head!r}")
    return base64.b64decode(data, validate=True)


def _from_google(path: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Question:
    model, _, verb = path.removeprefix(PATHS[2]).partition(":")
    if verb.partition("?")[0] != "generateContent":
        raise WireError(404, f"no such method: {verb}")
    settings = content.get("generationConfig") or {}
    messages = [_google_said(turn) for turn in content["contents"]]
    if instruction := content.get("systemInstruction"):
        messages.insert(0, Said("system", _google_said(instruction).text))
    return Question(
        "google",
        model,
        tuple(messages),
        headers.get("x-goog-api-key", ""),
        settings.get("responseJsonSchema") or settings.get("responseSchema"),
        settings.get("temperature"),
        settings.get("maxOutputTokens"),
        settings.get("seed"),
        time.monotonic(),
    )


def _google_said(turn: Mapping[str, Any]) -> Said:
    texts = [part["text"] for part in turn["parts"] if "text" in part]
    pictures = [part["inlineData"] for part in turn["parts"] if "inlineData" in part]
    # the API takes both spellings of its fields, and Google's own client sends this one
    if any(picture.get("mimeType", picture.get("mime_type")) != "image/png" for picture in pictures):
        raise ValueError("a picture that is no PNG")
    images = tuple(base64.b64decode(_standard(picture["data"]), validate=True) for picture in pictures)
    role = {"model": "assistant"}.get(turn.get("role", "user"), "user")
    return Said(role, "\n".join(texts), images)


def _standard(data: str) -> str:
    """Base64 in the alphabet for URLs, which Google takes too, in the common one."""
    return data.replace("-", "+").replace("_", "/")


def _from_anthropic(_path: str, headers: Mapping[str, str], content: Mapping[str, Any]) -> Question:
    if "anthropic-version" not in headers:
        raise WireError(400, "anthropic-version: header is required")
    if "max_tokens" not in content:
        raise WireError(400, "max_tokens: Field required")
    asked = (content.get("output_config") or {}).get("format") or content.get("output_format") or {}
    messages = [_anthropic_said(message["role"], message["content"]) for message in content["messages"]]
    if system := content.get("system"):
        messages.insert(0, _anthropic_said("system", system))
    return Question(
        "anthropic",
        content["model"],
        tuple(messages),
        headers.get("x-api-key") or _bearer(headers),
        asked.get("schema"),
        content.get("temperature"),
        content["max_tokens"],
        None,
        time.monotonic(),
    )


def _anthropic_said(role: str, content: Any) -> Said:
    if isinstance(content, str):
        return Said(role, content)
    texts = [block["text"] for block in content if block["type"] == "text"]
    sources = [block["source"] for block in content if block["type"] == "image"]
    if any(source["type"] != "base64" or source["media_type"] != "image/png" for source in sources):
        raise ValueError("a picture that is no PNG in base64")
    images = tuple(base64.b64decode(source["data"], validate=True) for source in sources)
    return Said(role, "\n".join(texts), images)


def answered(question: Question, text: str, finish: str) -> dict[str, Any]:
    """An answer in the protocol's own form, with the tokens that were counted."""
    given = 0 if finish in ("refused", "empty") else len(text.split())
    write = {"openai": _to_openai, "google": _to_google, "anthropic": _to_anthropic}[question.protocol]
    return write(question, text, finish, given)


def _to_openai(question: Question, text: str, finish: str, given: int) -> dict[str, Any]:
    reason = {"refused": "content_filter"}.get(finish, finish)
    message = {"role": "assistant", "content": None if finish == "refused" else text}
    choices = [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": question.model,
        "choices": [] if finish == "empty" else choices,
        "usage": {
            "prompt_tokens": question.tokens,
            "completion_tokens": given,
            "total_tokens": question.tokens + given,
        },
    }


def _to_google(question: Question, text: str, finish: str, given: int) -> dict[str, Any]:
    counts = {
        "promptTokenCount": question.tokens,
        "candidatesTokenCount": given,
        "totalTokenCount": question.tokens + given,
    }
    whole = {"usageMetadata": counts, "modelVersion": question.model, "responseId": "1"}
    if finish == "refused":
        return {**whole, "promptFeedback": {"blockReason": "SAFETY"}}
    content = {"role": "model", "parts": [{"text": text}]}
    reason = {"length": "MAX_TOKENS"}.get(finish, "STOP")
    candidates = [] if finish == "empty" else [{"content": content, "finishReason": reason, "index": 0}]
    return {**whole, "candidates": candidates}


def _to_anthropic(question: Question, text: str, finish: str, given: int) -> dict[str, Any]:
    silent = finish in ("refused", "empty")
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": [] if silent else [{"type": "text", "text": text}],
        "stop_reason": {"refused": "refusal", "length": "max_tokens"}.get(finish, "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": question.tokens, "output_tokens": given},
    }


def error_body(protocol: str, status: int, message: str) -> dict[str, Any]:
    """An error in the protocol's own form."""
    if protocol == "google":
        names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
        names |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
        return {"error": {"code": status, "message": message, "status": names.get(status, "UNAVAILABLE")}}
    names = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}
    kind = {**names, 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}.get(
        status, "api_error"
    )
    if protocol == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}

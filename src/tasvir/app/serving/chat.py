"""Bodies of OpenAI's chat completions: a question as messages, an answer or an error as JSON.

What would change the answer and cannot be done here (streams, tools, sound, several choices, pictures by
address) is refused; temperature and the like are let pass.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from tasvir.app.cli.arguments import decoded_picture
from tasvir.errors import SettingError
from tasvir.models.mllm.messages import Message, Role

MAX_MESSAGES = 200
MAX_PICTURES = 64
MAX_PIXELS = 4096 * 4096
"""Of one picture."""
MAX_SEED = 2**63 - 1
_DATA_URL = re.compile(r"data:image/[a-z0-9.+-]+;base64,")
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_FORMATS = ("text", "json_object", "json_schema")


@dataclass(frozen=True, slots=True)
class Chat:
    """A question.

    Args:
        model: The model that is asked.
        messages: What was said so far.
        seed: What the answer's random draws come from.
    """

    model: str
    messages: tuple[Message, ...]
    seed: int


def read_chat(body: object) -> Chat:
    """Read the body of POST /v1/chat/completions.

    Raises:
        SettingError: A field is missing, of the wrong type, or asks for what cannot be done here.
    """
    if not isinstance(body, Mapping):
        raise SettingError("the body must be a JSON object")
    model, rows, seed = body.get("model"), body.get("messages"), body.get("seed")
    if not isinstance(model, str):
        raise SettingError("'model' must be a text")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_MESSAGES:
        raise SettingError(f"'messages' must be a list of 1 to {MAX_MESSAGES} messages")
    if seed is not None and (type(seed) is not int or not 0 <= seed <= MAX_SEED):
        raise SettingError(f"'seed' must be a whole number from 0 to {MAX_SEED}")
    _check_wishes(body)
    messages = tuple(_message(f"messages[{index}]", row) for index, row in enumerate(rows))
    if sum(len(message.images) for message in messages) > MAX_PICTURES:
        raise SettingError(f"the messages show more than {MAX_PICTURES} pictures")
    return Chat(model, messages, seed or 0)


def _check_wishes(body: Mapping[str, Any]) -> None:
    if body.get("stream"):
        raise SettingError("'stream' is not offered here: leave it out")
    if body.get("n") not in (None, 1):
        raise SettingError("'n' must be 1: there is one answer to a question")
    if body.get("tools") or body.get("functions"):
        raise SettingError("'tools' are not offered here: leave them out")
    form = body.get("response_format")
    if form is not None and not (isinstance(form, Mapping) and form.get("type") in _FORMATS):
        raise SettingError(f"'response_format' must have a 'type' of {', '.join(_FORMATS)}")


def _message(where: str, row: object) -> Message:
    said_by = row.get("role") if isinstance(row, Mapping) else None
    if not isinstance(row, Mapping) or not isinstance(said_by, str) or said_by not in _ROLES:
        raise SettingError(f"{where} must be an object with a 'role' of {', '.join(_ROLES)}")
    role, content = cast(Role, _ROLES[said_by]), row.get("content")
    if isinstance(content, str) or (content is None and role == "assistant"):
        return Message(role, content or "")
    if not isinstance(content, list):
        raise SettingError(f"{where}.content must be a text or a list of parts")
    texts: list[str] = []
    images: list[bytes] = []
    for index, part in enumerate(content):
        _read_part(f"{where}.content[{index}]", part, texts, images)
    return Message(role, "\n".join(texts), tuple(images))


def _read_part(where: str, part: object, texts: list[str], images: list[bytes]) -> None:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if isinstance(part, Mapping) and kind == "text" and isinstance(part.get("text"), str):
        texts.append(part["text"])
    elif isinstance(part, Mapping) and kind == "image_url" and isinstance(part.get("image_url"), Mapping):
        images.append(_image(where, part["image_url"].get("url")))
    else:
        raise SettingError(f"{where} must be a 'text' or an 'image_url'")


def _image(where: str, url: object) -> bytes:
    """The picture of a data URL as PNG; addresses are never followed."""
    head = _DATA_URL.match(url) if isinstance(url, str) else None
    if not isinstance(url, str) or head is None:
        raise SettingError(f"{where}: give the picture itself, as data:image/png;base64,...")
    try:
        content = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as problem:
        raise SettingError(f"{where}: the picture is not base64: {problem}") from problem
    _check_size(where, content)
    return decoded_picture(io.BytesIO(content), where).png


def _check_size(where: str, content: bytes) -> None:
    """Refuse by its header what would take minutes to decode: a few kilobytes can hold very many pixels."""
    from PIL import Image

    # what is no picture, or far too large, is told when it is decoded
    with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        with Image.open(io.BytesIO(content)) as opened:
            width, height = opened.size
        if width * height > MAX_PIXELS:
            raise SettingError(
                f"{where}: the picture has {width} x {height} pixels, at most {MAX_PIXELS} are read"
            )


def write_answer(chat: Chat, text: str) -> dict[str, Any]:
    """The body of an answer; words stand for tokens, since not every guide has any."""
    asked, given = _words([message.text for message in chat.messages]), _words([text])
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": chat.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given},
    }


def write_models(name: str) -> dict[str, Any]:
    """The body of GET /v1/models."""
    return {"object": "list", "data": [write_model(name)]}


def write_model(name: str) -> dict[str, Any]:
    """The body of GET /v1/models/NAME."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "tasvir"}


def write_error(status: int, message: str) -> dict[str, Any]:
    """The body of an error."""
    kind = "invalid_request_error" if status < 500 else "api_error"
    code = "model_not_found" if status == 404 else None
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _words(texts: Sequence[str]) -> int:
    return sum(len(text.split()) for text in texts)

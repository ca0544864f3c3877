"""A request as JSON inside a message, and back: what a model reads is also what `tasvir serve guide` reads.

The prompt is a JSON string, so that no text in it can end the block that it stands in. Pictures travel beside
the text, in the order of their numbers; the one to look at is the last.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from tasvir.errors import SettingError
from tasvir.guide.base import Request, Skill
from tasvir.guide.replies import find_object, layout_form
from tasvir.layout import parse_layout
from tasvir.models.mllm.messages import Message
from tasvir.records import Attempt, Layout, Picture, Prompt, Verdict


def write(request: Request, earlier: int) -> tuple[str, tuple[Picture, ...]]:
    """The request as JSON, and the pictures that go with it.

    Args:
        request: What is asked.
        earlier: How many pictures before the last a redesign shows at most.
    """
    data: dict[str, Any] = {"skill": request.skill, "prompt": request.prompt.text}
    if request.skill == "redesign":
        shown = request.attempts[-1 - earlier :]
        first = len(request.attempts) - len(shown)
        data["attempts"] = [_attempt(a, max(i - first + 1, 0)) for i, a in enumerate(request.attempts)]
        return _json(data), tuple(attempt.picture for attempt in shown)
    if request.layout is not None:
        data["layout"] = layout_form(request.layout)
    return _json(data), () if request.picture is None else (request.picture,)


def _attempt(attempt: Attempt, picture: int) -> dict[str, Any]:
    """One attempt; the picture's number counts from 1, and 0 says that it is not shown."""
    verdict = attempt.verdict
    return {
        "picture": picture or None,
        "layout": None if attempt.layout is None else layout_form(attempt.layout),
        "score": None if verdict is None else verdict.score,
        "missing": [] if verdict is None else list(verdict.missing),
    }


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def read(messages: Sequence[Message]) -> Request:
    """The request that a conversation holds; free talk is a prompt to plan, or to judge with a picture.

    What follows a request is its repair rounds: the last reply, and what was wrong with it.

    Raises:
        SettingError: No text, or a request with parts missing or broken.
        PromptError: The prompt is empty or too long.
    """
    asked = [message for message in messages if message.role == "user"]
    if not asked or not asked[-1].text.strip():
        raise SettingError("the conversation does not end with words of a user: send a message with text")
    for index, message in reversed(list(enumerate(messages))):
        data = _request_data(message) if message.role == "user" else None
        if data is not None:
            return _request(data, message.images, messages[index + 1 :])
    last = asked[-1]
    data = {"skill": "judge" if last.images else "plan", "prompt": last.text}
    return _request(data, last.images, ())


def _request_data(message: Message) -> dict[str, Any] | None:
    data, _ = find_object(message.text, "skill")
    return data if data is not None and "prompt" in data else None


def _request(data: Mapping[str, Any], images: Sequence[bytes], later: Sequence[Message]) -> Request:
    skill, text = data["skill"], data["prompt"]
    if skill not in get_args(Skill) or not isinstance(text, str):
        known = ", ".join(get_args(Skill))
        raise SettingError(f"a request needs a text 'prompt' and a 'skill' of {known}; got {skill!r:.40}")
    pictures = [_picture(image) for image in images]
    attempts = _attempts(data.get("attempts"), pictures) if skill == "redesign" else ()
    layout = attempts[-1].layout if attempts else _layout(data.get("layout"))
    if skill == "revise" and layout is None:
        raise SettingError("a request to revise needs a 'layout'")
    if skill in ("judge", "redesign") and not pictures:
        raise SettingError(f"a request to {skill} needs a picture in the same message")
    said = [message.text for message in later if message.role == "assistant"]
    told = [message.text for message in later if message.role == "user"]
    return Request(
        skill=cast(Skill, skill),
        prompt=Prompt(text),
        layout=layout,
        picture=pictures[-1] if pictures else None,
        attempts=attempts,
        problems=tuple(told[-1:]),
        previous=said[-1] if said else "",
    )


def _attempts(rows: object, pictures: Sequence[Picture]) -> tuple[Attempt, ...]:
    """The attempts whose pictures came along."""
    found: list[Attempt] = []
    for row in rows if isinstance(rows, list) else []:
        number = row.get("picture") if isinstance(row, Mapping) else None
        if type(number) is int and 1 <= number <= len(pictures):
            found.append(Attempt(len(found), _layout(row.get("layout")), pictures[number - 1], _verdict(row)))
    if not found:
        raise SettingError("a request to redesign needs 'attempts', each with its picture's number from 1")
    return tuple(found)


def _layout(data: object) -> Layout | None:
    if data is None:
        return None
    layout, problems = parse_layout(data)
    if layout is None:
        raise SettingError(f"the request's 'layout' cannot be read: {'; '.join(problems[:5])}")
    return layout


def _verdict(row: Mapping[str, Any]) -> Verdict | None:
    score, missing = row.get("score"), row.get("missing")
    if score not in (1, 2, 3, 4, 5):
        return None
    return Verdict(int(score), "", tuple(str(item) for item in missing) if isinstance(missing, list) else ())


def _picture(png: bytes) -> Picture:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(png)) as opened:
            return Picture(png, *opened.size)
    except UnidentifiedImageError as problem:
        raise SettingError("a picture of the conversation cannot be read: send a PNG") from problem

"""From a request to the messages that a model gets: template, nearest examples, pictures, repairs."""

from __future__ import annotations

from pathlib import Path

from tasvir.errors import SettingError
from tasvir.guide.base import Request
from tasvir.guide.mllm.examples import Examples
from tasvir.guide.mllm.request_text import write
from tasvir.guide.mllm.templates import Templates
from tasvir.models.mllm.messages import Message

MAX_PREVIOUS_CHARS = 8_000
"""How much of a reply is shown again when its problems are sent back."""


class Conversation:
    """Writes messages.

    Args:
        templates: Folder of templates that stand before ours.
        examples: Folder of few-shot examples in place of ours.
        shots: Most examples shown, the nearest to the prompt.
        pictures: Most pictures before the last that a redesign shows.

    Raises:
        SettingError: A folder, template, example or number is wrong.
    """

    def __init__(
        self,
        templates: Path | None = None,
        examples: Path | None = None,
        shots: int = 3,
        pictures: int = 2,
    ) -> None:
        if pictures < 0:
            raise SettingError(f"pictures is {pictures}: give 0 or more")
        self._templates = Templates(templates)
        self._examples = Examples(examples, shots)
        self._earlier = pictures

    def messages(self, request: Request) -> tuple[Message, ...]:
        """What is said to the model, the repair round's turns included."""
        text, pictures = write(request, self._earlier)
        values = {
            "request": text,
            "prompt": request.prompt.text,
            "pictures": len(pictures),
            "examples": self._examples.nearest(request.prompt.text, request.skill),
        }
        system, user = self._templates.render(request.skill, values)
        images = tuple(picture.png for picture in pictures)
        said = [Message("system", _sendable(system))] if system else []
        said.append(Message("user", _sendable(user), images))
        if request.problems:
            _, repair = self._templates.render("repair", {"problems": request.problems})
            previous = request.previous[:MAX_PREVIOUS_CHARS]
            said.append(Message("assistant", _sendable(previous) if previous.strip() else "(nothing)"))
            said.append(Message("user", _sendable(repair)))
        return tuple(said)


def _sendable(text: str) -> str:
    """Text that UTF-8 can carry: half of a surrogate pair, which JSON lets into a reply, becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")

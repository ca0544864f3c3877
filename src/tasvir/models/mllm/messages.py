"""What is said to a multimodal model and what it answers, in no provider's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Args:
        role: Who speaks.
        text: What is said.
        images: PNG files, shown after the text; only the user shows any.
    """

    role: Role
    text: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer and what it took.

    Args:
        text: The answer, unread: it may be anything.
        model: The model that says it answered, as its service names it.
        input_tokens: Tokens of the question, as counted by the service; 0 if it counts none.
        output_tokens: Tokens of the answer, with those of its reasoning where the service counts these.
        money: US dollars by the table of prices; None = not known; 0 if replayed or on an own machine.
        seconds: From the question to the answer, with waiting and repeated attempts.
        replayed: Whether the answer comes from the folder of kept answers.
    """

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    money: float | None
    seconds: float
    replayed: bool

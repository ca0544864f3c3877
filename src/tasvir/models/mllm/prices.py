"""What tokens cost, from a dated table that a user's own file stands before.

Before a call its cost is bounded from above: a token for every two bytes of text, 16 tokens a message, and
for a picture of w x h pixels w h / 384 + 1200 tokens, which is more than the published rules of the three
providers give (a model that counts pictures otherwise has an ``image_factor``); then all tokens that the
answer may have.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from tasvir.errors import SettingError
from tasvir.models.mllm.endpoints import Endpoint
from tasvir.models.mllm.question import Question, sizes

_DATED = re.compile(r"-(latest|\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of one model.

    Args:
        input: Of the question; cached ones are counted at the full price.
        output: Of the answer, its reasoning included.
        image_factor: By how much its pictures take more tokens than the rule above.
        checked: When the price was last looked up.
        source: Where.
    """

    input: float
    output: float
    image_factor: float = 1.0
    checked: date | None = None
    source: str = ""

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for so many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6

    def most(self, question: Question) -> float:
        """US dollars that a question can cost at most, by the rule above."""
        return self.cost(most_tokens(question, self.image_factor), question.max_tokens)


FREE = Price(0.0, 0.0, source="runs on an own machine")


def most_tokens(question: Question, image_factor: float = 1.0) -> int:
    """Upper bound of a question's tokens, by the rule above."""
    texts = [message.text for message in question.messages]
    if question.schema is not None:
        texts.append(json.dumps(question.schema))
    text = sum(math.ceil(len(text.encode("utf-8", "replace")) / 2) + 16 for text in texts)
    pictures = sum(math.ceil(width * height / 384) + 1200 for width, height in sizes(question.messages))
    return text + math.ceil(image_factor * pictures)


def price(endpoint: Endpoint, prices: Mapping[str, Price]) -> Price | None:
    """The price of a model; None if nobody knows. A dated version costs what its undated name costs.

    Args:
        endpoint: The model.
        prices: By label; see `read_prices`.
    """
    label = endpoint.label
    known = prices.get(label) or prices.get(_DATED.sub("", label))
    return known or (FREE if endpoint.own_machine else None)


def read_prices(own: Path | None = None) -> dict[str, Price]:
    """The shipped table, with the user's own entries before it.

    Raises:
        SettingError: The user's file cannot be read, or an entry is wrong.
    """
    shipped = (files("tasvir.models.mllm") / "prices.toml").read_text("utf-8")
    table = _parsed(shipped, "prices.toml")
    if own is None:
        return table
    try:
        return {**table, **_parsed(own.read_text("utf-8"), str(own))}
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingError(f"--prices {own}: cannot be read: {problem}") from problem


def _parsed(text: str, where: str) -> dict[str, Price]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise SettingError(f"{where}: no TOML: {problem}") from problem
    return {label: _entry(label, fields, where) for label, fields in content.items()}


def _entry(label: str, fields: Any, where: str) -> Price:
    try:
        entry = Price(**fields)
        numbers = (entry.input, entry.output, entry.image_factor)
        if all(math.isfinite(number) and number >= 0 for number in numbers):
            return entry
    except TypeError:
        pass
    raise SettingError(
        f"{where}: the price of {label!r} cannot be read; expected\n"
        '["provider:model"]\ninput = 2.50  # US dollars a million tokens\noutput = 10.00'
    )

"""How a multimodal model's service is called: money, patience, and what is kept of its answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tasvir.errors import SettingError

ANSWERED_BY = ("temperature", "max_tokens", "schema")
"""What of `ServiceSettings` answers hang on."""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What a guide that calls a model outside this process is given.

    Args:
        budget: US dollars that may be spent by this process; None sets no limit.
        replies: Folder that keeps every answer, so that no question is paid twice; None = the user's cache.
        replay: Answer from that folder alone: no network, no key.
        concurrency: Calls on their way at once, at least 1.
        per_minute: Calls a minute at most; None sets no limit.
        timeout: Seconds to wait for one answer.
        retries: How often a call is tried again after a failure that may pass (429, 5xx, a lost connection).
        temperature: Of the model's sampling; None leaves it to the provider (some models refuse any other).
        max_tokens: Most tokens of an answer.
        prices: A file with prices that stand before the shipped ones; None = the shipped ones.
        schema: Ask for JSON by schema where the provider knows that ("auto"), always ("native"), or in words
            ("text").

    Raises:
        SettingError: A number out of its range.
    """

    budget: float | None = None
    replies: Path | None = None
    replay: bool = False
    concurrency: int = 8
    per_minute: float | None = None
    timeout: float = 120.0
    retries: int = 4
    temperature: float | None = 0.0
    max_tokens: int = 2048
    prices: Path | None = None
    schema: str = "auto"

    def __post_init__(self) -> None:
        least = {"budget": 0.0, "concurrency": 1, "per_minute": 0.001, "timeout": 0.001, "retries": 0}
        least |= {"temperature": 0.0, "max_tokens": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= low):
                raise SettingError(f"{name} is {value}: give a number of at least {low:g}")
        if self.schema not in ("auto", "native", "text"):
            raise SettingError(f"schema is {self.schema!r}: expected auto, native or text")

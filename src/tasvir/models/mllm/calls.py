"""How often, how many at once and how patiently services are called, whoever calls from whichever thread.

All calls run on one event loop in a thread of their own; who asks waits for the result, so that Ctrl-C is
heard at once. Failures that may pass are tried again after a wait that doubles (with jitter, against herds:
Brooker, AWS 2015), or after what the service asks for in Retry-After.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from tasvir.errors import ServiceError

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

FIRST_WAIT = 1.0
"""Seconds before the second attempt, at most; doubled for each further one."""
LONGEST_WAIT = 60.0
"""Seconds that no wait of ours exceeds."""
PATIENCE = 300.0
"""Seconds that a service may ask for; if it asks for more, the call fails at once."""
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one question: see `tasvir.models.mllm.messages.Reply`."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    finish: str | None = None
    """"stop", "length" (cut off at `max_tokens`), "content_filter", or None if unsaid."""


class FailureError(Exception):
    """One attempt that failed; never leaves this package.

    Args:
        message: What happened and what to do, fit to be shown.
        passing: Whether the same call may succeed later.
        wait: Seconds that the service asks to wait.
        refused: Whether the service found fault with what was asked, and not with who asks or when.
    """

    def __init__(
        self, message: str, passing: bool = False, wait: float | None = None, refused: bool = False
    ) -> None:
        super().__init__(message)
        self.passing, self.wait, self.refused = passing, wait, refused


class Calls:
    """The limits that all calls under the same settings share.

    Args:
        concurrency: Calls on their way at once; one that waits for its next attempt counts.
        per_minute: Attempts a minute, evenly spaced; None sets no limit.
        timeout: Seconds for one attempt.
        retries: Further attempts after one that failed and may pass.
    """

    def __init__(self, concurrency: int, per_minute: float | None, timeout: float, retries: int) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._next_start = 0.0
        self._timeout, self._retries = timeout, retries

    def make(self, label: str, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call and wait for its answer; from any thread but the loop's own.

        Args:
            label: The model's, for messages.
            attempt: Makes one attempt; raises `FailureError`.

        Raises:
            ServiceError: The last attempt failed; says how many there were.
        """
        return on_loop(self._made(label, attempt))

    async def _made(self, label: str, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        async with self._places:
            for number in range(self._retries + 1):
                result = await self._attempted(attempt)
                if isinstance(result, Answer):
                    return result
                wait = _wait(result, number)
                if not result.passing or number == self._retries or wait > PATIENCE:
                    break
                _log.info("%s: %s; trying again in %.1f s", label, result, wait)
                await asyncio.sleep(wait)
        # raised apart from where it was caught: what a service said may hold a key, and would be in the
        # traceback
        count = f" ({number + 1} attempts)" if number else ""
        raise ServiceError(f"{label} {result}{count}")

    async def _attempted(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer | FailureError:
        await self._turn()
        try:
            async with asyncio.timeout(self._timeout):
                return await attempt()
        except TimeoutError:
            return FailureError(f"gave no answer within {self._timeout:g} s: raise --timeout", passing=True)
        except FailureError as failure:
            return failure

    async def _turn(self) -> None:
        """Wait until the next attempt may start."""
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + self._spacing
        if start > now:
            await asyncio.sleep(start - now)


def _wait(failure: FailureError, number: int) -> float:
    if failure.wait is not None:
        return failure.wait
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2**number) * random.uniform(0.5, 1.0))


def on_loop(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine on the calls' loop and wait for it; cancelled if the wait is interrupted."""
    with _LOCK:
        loop = _loop()
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    finally:
        future.cancel()  # of no effect on what is done


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="tasvir-mllm", daemon=True).start()
    return loop

"""What went wrong with a call, in words that say what to do, without a key in them."""

from __future__ import annotations

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelTimeoutError,
    UserError,
)

from tasvir.models.mllm.calls import FailureError
from tasvir.models.mllm.endpoints import KEYS, Endpoint, scrub

PASSING = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same call may succeed."""
REFUSING = frozenset({400, 422})
"""Statuses of a service that found fault with what was asked."""


def failure(problem: Exception, endpoint: Endpoint, keyed: bool) -> FailureError:
    """A provider's error as one of ours.

    Args:
        problem: What pydantic-ai, or an SDK below it, raised.
        endpoint: Who was asked.
        keyed: Whether a key was sent.
    """
    if isinstance(problem, ModelHTTPError):
        return _http_failure(problem, endpoint, keyed)
    if isinstance(problem, ModelTimeoutError):
        return FailureError("gave no answer in time: raise --timeout", passing=True)
    if isinstance(problem, ModelConnectionError):
        if problem.phase == "connect":
            message = f"cannot be reached at {endpoint.address}: is the server running, and the network up?"
            return FailureError(message, passing=not endpoint.own_machine)
        return FailureError("broke off the connection before its answer was complete", passing=True)
    if isinstance(problem, UserError):
        return FailureError(f"cannot be asked so: {scrub(str(problem))}", refused=True)
    said = scrub(problem.message if isinstance(problem, ModelAPIError) else str(problem))
    return FailureError(
        f"gave nothing that is an answer ({said}): is {endpoint.address} the right address (one that speaks "
        "OpenAI's protocol ends in /v1), and is no proxy or login page in between?"
    )


def _http_failure(problem: ModelHTTPError, endpoint: Endpoint, keyed: bool) -> FailureError:
    said = f"(status {problem.status_code}: {scrub(_words(problem.body))})"
    names = " or ".join(KEYS[endpoint.provider])
    if isinstance(problem, ModelQuotaExceededError):
        return FailureError(f"says that the account has no credit left: add some, or wait {said}")
    if isinstance(problem, ModelAuthenticationError):
        what = "refuses the key" if keyed else "asks for a key"
        return FailureError(f"{what}: check that {names} is set, right, and may use this model {said}")
    if isinstance(problem, ModelNotFoundError):
        return FailureError(
            f"is not known at {endpoint.address}: check the model's name and the address (one that speaks "
            f"OpenAI's protocol ends in /v1) {said}"
        )
    if isinstance(problem, ModelContextWindowExceededError):
        return FailureError(f"cannot take a question as long as this one: use another model {said}")
    if problem.status_code == 429:
        hint = "asks for fewer calls: lower --concurrency or set --per-minute"
        return FailureError(f"{hint} {said}", passing=True, wait=problem.retry_after)
    if problem.status_code in PASSING:
        return FailureError(f"has trouble of its own {said}", passing=True, wait=problem.retry_after)
    refused = problem.status_code in REFUSING
    return FailureError(f"refuses the question {said}", refused=refused)


def _words(body: object) -> str:
    """The message in an error's body; the whole body if it has none where one is expected."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message") if isinstance(inner, dict) else inner
    return str(message if message is not None else body)

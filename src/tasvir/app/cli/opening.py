"""The flags of loading and services on any command that opens a model, written down once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any

from tasvir.app.cli.models import parse_options
from tasvir.app.cli.options import (
    Budget,
    Compile,
    Concurrency,
    Device,
    DTypeName,
    LocalOnly,
    MaxTokens,
    NoSafety,
    OffloadName,
    Options,
    PerMinute,
    Prices,
    Replay,
    Replies,
    Retries,
    Revision,
    Schema,
    Temperature,
    Timeout,
    TrustRemoteCode,
)
from tasvir.models.opening import Opening

_LOADING: dict[str, tuple[Any, Any]] = {
    "device": (Device, "auto"),
    "dtype": (DTypeName, "auto"),
    "offload": (OffloadName, "none"),
    "compiled": (Compile, False),
    "revision": (Revision, None),
    "local_only": (LocalOnly, False),
    "trust_remote_code": (TrustRemoteCode, False),
    "no_safety_checker": (NoSafety, False),
    "options": (Options, None),
}
_SERVICES: dict[str, tuple[Any, Any]] = {
    "budget": (Budget, None),
    "replies": (Replies, None),
    "replay": (Replay, False),
    "concurrency": (Concurrency, 8),
    "per_minute": (PerMinute, None),
    "timeout": (Timeout, 120.0),
    "retries": (Retries, 4),
    "temperature": (Temperature, 0.0),
    "max_tokens": (MaxTokens, 2048),
    "schema": (Schema, "auto"),
    "prices": (Prices, None),
}


def opens_models(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of them; it takes what they say as one argument, ``opening``."""
    return _with_flags(command, {**_LOADING, **_SERVICES})


def loads_models(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that calls no service."""
    return _with_flags(command, _LOADING)


def _with_flags(command: Callable[..., None], flags: Mapping[str, tuple[Any, Any]]) -> Callable[..., None]:
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "opening"]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in flags.items()
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        flagged = {name: given.pop(name) for name in flags}
        command(**given, opening=_opening(**flagged))

    parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in own] + added
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _opening(*, compiled: bool, no_safety_checker: bool, options: list[str] | None, **others: Any) -> Opening:
    from tasvir.models.load import LoadSettings
    from tasvir.models.service import ServiceSettings

    load = {name: others.pop(name) for name in ("device", "dtype", "offload", "revision")}
    load |= {name: others.pop(name) for name in ("local_only", "trust_remote_code")}
    return Opening(
        LoadSettings(**load, compile=compiled, safety=not no_safety_checker),
        ServiceSettings(**others),
        parse_options(options or []),
    )

"""Where a model answers, and with which key: addresses and keys come from the environment, never from a file.

Keys are read when a call is made and are kept out of names, files and messages; `scrub` is what every word of
a service passes before it is shown.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tasvir.errors import ServiceError, SettingError

ADDRESSES = {
    "openai": ("https://api.openai.com/v1", "OPENAI_BASE_URL"),
    "google": ("https://generativelanguage.googleapis.com", "GOOGLE_GEMINI_BASE_URL"),
    "anthropic": ("https://api.anthropic.com", "ANTHROPIC_BASE_URL"),
}
"""A provider's own address, and the variable that leads elsewhere."""
KEYS = {
    "openai": ("OPENAI_API_KEY",),
    "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "http": ("TASVIR_API_KEY",),
    "https": ("TASVIR_API_KEY",),
    "transformers": (),
}
"""Variables that may hold a provider's key; the first one that is set counts."""
PROVIDERS = tuple(KEYS)
SHOWN = 300
"""Letters of a service's message that are quoted."""
_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|key|gsk|hf|xai)[-_][\w-]{8,}|\bAIza[\w-]{10,}|(?i:bearer\s+)\S{8,}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model at one place.

    Args:
        provider: One of `PROVIDERS`.
        model: The model as the service, or the hub, knows it.
        address: Base URL; "" for a model in this process.
        label: What the user called it: "openai:gpt-4o".
    """

    provider: str
    model: str
    address: str
    label: str

    @property
    def optional_key(self) -> bool:
        """Whether it may answer without a key."""
        return self.provider not in ADDRESSES

    @property
    def own_machine(self) -> bool:
        """Whether it runs here or in the user's own network, where no call costs money."""
        host = urlsplit(self.address).hostname
        if self.provider in ADDRESSES or host is None:
            return self.provider == "transformers"
        try:
            return ipaddress.ip_address(host).is_private
        except ValueError:
            return "." not in host or host.endswith((".local", ".localhost", ".internal"))


def endpoint(provider: str, model: str) -> Endpoint:
    """The endpoint of a provider's model.

    Args:
        provider: One of `PROVIDERS`.
        model: For "http" and "https" the rest of the address: "//localhost:8000/v1#gemma".

    Raises:
        SettingError: No such provider, no model, or an address that cannot be used.
    """
    if provider not in KEYS:
        raise SettingError(f"no provider of models is called {provider!r}: there are {', '.join(PROVIDERS)}")
    label = f"{provider}:{model}"
    if provider == "transformers":
        return Endpoint(provider, _named(model, label), "", label)
    if provider in ADDRESSES:
        home, variable = ADDRESSES[provider]
        address = _checked(os.environ.get(variable) or home, variable)
        return Endpoint(provider, _named(model, label), address, label)
    address, _, name = label.partition("#")
    return Endpoint(provider, _named(name, address), _checked(address, "the address"), label)


def _named(model: str, label: str) -> str:
    if not model.strip():
        raise SettingError(
            f"{label} names no model: write openai:gpt-4o, transformers:owner/name or http://host:port/v1#model"
        )
    return model


def _checked(address: str, where: str) -> str:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError(f"{where}: not an address, expected something like http://localhost:8000/v1")
    if parts.username or parts.password or parts.query:
        raise SettingError(
            f"{where} holds a user, a password or a query, which would show in files and messages: leave "
            "these out and put the key into TASVIR_API_KEY"
        )
    return address.rstrip("/")


def key(endpoint: Endpoint) -> str | None:
    """The key for a service; None where none is set and it may do without.

    Raises:
        ServiceError: None of the variables that may hold it is set.
    """
    names = KEYS[endpoint.provider]
    found = next((value for name in names if (value := os.environ.get(name, "").strip())), None)
    if found is None and not endpoint.optional_key:
        raise ServiceError(
            f"{endpoint.label} needs a key: set {' or '.join(names)}; with --replay, kept answers need none"
        )
    return found


def scrub(text: str) -> str:
    """A service's words in one line, at most `SHOWN` letters of them, without keys and codes of terminals."""
    for name in {name for names in KEYS.values() for name in names}:
        if value := os.environ.get(name, "").strip():
            text = text.replace(value, "***")
    printable = "".join(letter if letter.isprintable() else " " for letter in _LIKE_A_KEY.sub("***", text))
    text = " ".join(printable.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."

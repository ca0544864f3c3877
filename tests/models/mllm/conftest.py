"""A local server that speaks the providers' protocols, keys for it, and waits that are short."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tasvir.models.mllm import client as client_module
from tasvir.models.mllm.client import MllmClient
from tasvir.models.service import ServiceSettings

if TYPE_CHECKING:
    from mllm_server import MllmServer

KEYS = {
    "OPENAI_API_KEY": "sk-open-4711-secret",
    "GEMINI_API_KEY": "gem-4712-secret",
    "ANTHROPIC_API_KEY": "sk-ant-4713-secret",
    "TASVIR_API_KEY": "own-4714-secret",
}
MODELS = {"openai": "gpt-4o", "google": "gemini-2.5-flash", "anthropic": "claude-sonnet-4-6", "http": "gemma"}
Opened = Callable[..., MllmClient]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    monkeypatch.setattr("tasvir.models.mllm.calls.FIRST_WAIT", 0.01)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def server() -> Iterator[MllmServer]:
    from mllm_server import MllmServer

    with MllmServer() as running:
        yield running


@pytest.fixture
def opened(server: MllmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens a client for the server; options are those of ServiceSettings."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.openai_address)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.address)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.address)

    def make(provider: str = "openai", model: str | None = None, **options: Any) -> MllmClient:
        model = model or MODELS[provider]
        if provider == "http":
            model = f"{server.openai_address.removeprefix('http:')}#{model}"
        options = {"replies": tmp_path / "replies", **options}
        return MllmClient(provider, model, ServiceSettings(**options))

    return make


@pytest.fixture
def restarted() -> Callable[[], None]:
    """Forgets what clients of this process share, as a new process would."""
    return client_module._shared.cache_clear


def picture(color: tuple[int, int, int] = (200, 30, 40), size: tuple[int, int] = (60, 40)) -> bytes:
    """A PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()

"""Names of models become addresses; keys stay out of everything that is written or shown."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.models.mllm.conftest import KEYS, MODELS, Opened, picture

from tasvir.errors import ServiceError, SettingError
from tasvir.models.mllm.endpoints import SHOWN, endpoint, scrub
from tasvir.models.mllm.messages import Message

if TYPE_CHECKING:
    from mllm_server import MllmServer


@pytest.mark.parametrize(
    ("provider", "model", "address", "name"),
    [
        ("http", "//localhost:8000/v1#gemma", "http://localhost:8000/v1", "gemma"),
        ("https", "//api.example.com/v1/#qwen/vl:free", "https://api.example.com/v1", "qwen/vl:free"),
        ("http", "//[::1]:11434/v1#llava:7b", "http://[::1]:11434/v1", "llava:7b"),
        ("transformers", "google/gemma-3-4b-it", "", "google/gemma-3-4b-it"),
        ("openai", "gpt-4o", "https://api.openai.com/v1", "gpt-4o"),
        ("google", "gemini-2.5-flash", "https://generativelanguage.googleapis.com", "gemini-2.5-flash"),
        ("anthropic", "claude-opus-5", "https://api.anthropic.com", "claude-opus-5"),
    ],
)  # fmt: skip
def test_a_name_leads_to_an_address(
    provider: str, model: str, address: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    found = endpoint(provider, model)
    assert (found.address, found.model, found.label) == (address, name, f"{provider}:{model}")


@pytest.mark.parametrize(
    ("provider", "model", "words"),
    [
        ("mistral", "large", "no provider of models is called 'mistral'"),
        ("openai", " ", "names no model"),
        ("http", "//localhost:8000/v1", "names no model"),
        ("http", "//localhost:8000/v1#", "names no model"),
        ("http", "localhost:8000/v1#m", "not an address"),
        ("http", "//localhost:99999/v1#m", "not an address"),
        ("http", "//#m", "not an address"),
        ("https", "//me:hunter2@example.com/v1#m", "put the key into TASVIR_API_KEY"),
        ("https", "//example.com/v1?key=hunter2#m", "put the key into TASVIR_API_KEY"),
    ],
)
def test_what_is_no_name_is_refused(provider: str, model: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        endpoint(provider, model)
    assert "hunter2" not in str(caught.value)


def test_words_of_a_service_are_shown_short_and_without_keys() -> None:
    said = (
        f"Incorrect key {KEYS['OPENAI_API_KEY']}, or sk-proj-abcdefgh12345, or Bearer abcdef123456.\n  See."
    )
    assert scrub(said) == "Incorrect key ***, or ***, or *** See."
    assert scrub("gone\x1b[2J\nfor now") == "gone [2J for now"
    assert scrub("x" * 1000) == "x" * SHOWN + "..."
    assert scrub("x" * (SHOWN - 3) + KEYS["GEMINI_API_KEY"]).endswith("***")


@pytest.mark.parametrize("provider", MODELS)
def test_keys_are_in_no_file_no_log_and_no_error(
    provider: str, opened: Opened, server: MllmServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from mllm_server import Fault

    caplog.set_level(logging.DEBUG)
    shown = []

    def fail(*faults: Fault) -> None:
        server.fault(*faults)
        with pytest.raises(ServiceError) as caught:
            opened(provider, retries=0).ask([Message("user", "Well?", (picture(),))])
        shown.extend(traceback.format_exception(caught.value))
        if caught.value.__context__ is not None:
            shown.extend(traceback.format_exception(caught.value.__context__))

    echo = " ".join(KEYS.values()).encode()
    for status in (200, 400, 403, 404, 429, 500):
        fail(Fault(status, body=echo, content_type="text/plain"))
        fail(Fault(status, body=b'{"error": {"message": "your key is ' + echo + b'"}}'))
    server.key = "another"
    fail()  # the server's own words repeat the key
    server.key = None
    client = opened(provider)
    client.ask([Message("user", "Well?", (picture(),))])
    assert server.questions[-1].key in KEYS.values()
    files = [path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for text in (*shown, caplog.text, repr(client), str(vars(client)), *files):
        for key in KEYS.values():
            assert key not in text

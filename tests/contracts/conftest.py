"""Stands in for hosted services: the embedded guide answers in the protocols of OpenAI, Google, Anthropic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasvir.errors import TasvirError
from tasvir.guide.guides.embedded import EmbeddedGuide
from tasvir.guide.mllm.request_text import read
from tasvir.models.mllm import connection
from tasvir.models.mllm.messages import Message

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KEYS = ("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY")


@pytest.fixture(scope="module", autouse=True)
def _services() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        from mllm_server import MllmServer, WireError

        guide = EmbeddedGuide()

        def answer(question: Any) -> str:
            said = [Message(said.role, said.text, said.images) for said in question.messages]
            try:
                return guide.reply(read(said), seed=question.seed or 0)
            except TasvirError as problem:
                raise WireError(400, str(problem)) from problem

        with MllmServer(answer, key="a-key-for-tests") as server:
            patch.setenv("NO_PROXY", "*")
            for name in KEYS:
                patch.setenv(name, "a-key-for-tests")
            patch.setenv("OPENAI_BASE_URL", server.openai_address)
            patch.setenv("GOOGLE_GEMINI_BASE_URL", server.address)
            patch.setenv("ANTHROPIC_BASE_URL", server.address)
            patch.delenv("SSL_CERT_FILE", raising=False)  # and so put back what a stand-in sets
            yield
    connection._http.cache_clear()

"""Guides behind any server that speaks OpenAI's protocol: `http://localhost:8000/v1#MODEL`.

vLLM, Ollama, llama.cpp, LM Studio and `tasvir serve guide` are such servers.
"""

from __future__ import annotations

from typing import ClassVar

from tasvir.guide.mllm.guide import MllmGuide


class HttpGuide(MllmGuide):
    """A server that speaks OpenAI's protocol, http://HOST:PORT/v1#MODEL; key TASVIR_API_KEY."""

    name: ClassVar[str] = "http"


class HttpsGuide(MllmGuide):
    """The same with encryption, https://HOST/v1#MODEL."""

    name: ClassVar[str] = "https"

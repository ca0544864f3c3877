"""Guides that OpenAI hosts: `openai:gpt-4o`."""

from __future__ import annotations

from typing import ClassVar

from tasvir.guide.mllm.guide import MllmGuide


class OpenAIGuide(MllmGuide):
    """A model of OpenAI, openai:MODEL; the key is OPENAI_API_KEY."""

    name: ClassVar[str] = "openai"

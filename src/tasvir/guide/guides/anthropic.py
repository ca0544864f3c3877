"""Guides that Anthropic hosts: `anthropic:claude-sonnet-4-6`."""

from __future__ import annotations

from typing import ClassVar

from tasvir.guide.mllm.guide import MllmGuide


class AnthropicGuide(MllmGuide):
    """A model of Anthropic, anthropic:MODEL; the key is ANTHROPIC_API_KEY."""

    name: ClassVar[str] = "anthropic"

"""Guides that Google hosts: `google:gemini-2.5-flash`."""

from __future__ import annotations

from typing import ClassVar

from tasvir.guide.mllm.guide import MllmGuide


class GoogleGuide(MllmGuide):
    """A model of Google, google:MODEL; the key is GEMINI_API_KEY."""

    name: ClassVar[str] = "google"

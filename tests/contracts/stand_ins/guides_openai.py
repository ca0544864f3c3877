"""The hosted service is the local server of ``conftest.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tasvir.models.service import ServiceSettings


def arguments() -> dict[str, Any]:
    replies = Path(tempfile.mkdtemp(prefix="tasvir-replies-"))
    return {"model": "gpt-4o", "service": ServiceSettings(replies=replies, retries=0)}

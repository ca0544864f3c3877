"""The embedded guide behind `tasvir serve guide`'s server."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

from tasvir.app.serving.server import GuideServer
from tasvir.guide.guides.embedded import EmbeddedGuide
from tasvir.models.service import ServiceSettings


def arguments() -> dict[str, Any]:
    server = GuideServer(EmbeddedGuide())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    replies = Path(tempfile.mkdtemp(prefix="tasvir-replies-"))
    address = server.address.removeprefix("http:")
    return {"model": f"{address}#embedded", "service": ServiceSettings(replies=replies, retries=0)}

"""Servers that are gone when their test is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tasvir.app.serving.server import GuideServer
from tasvir.guide.base import Guide

Serve = Callable[[Guide], GuideServer]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves a guide at a free port of this machine."""
    monkeypatch.setenv("NO_PROXY", "*")
    servers: list[GuideServer] = []

    def start(guide: Guide) -> GuideServer:
        server = GuideServer(guide)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()

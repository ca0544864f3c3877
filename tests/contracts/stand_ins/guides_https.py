"""The same server as for http, behind TLS, with a certificate made here and trusted by this process."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from tasvir.app.serving.server import GuideServer
from tasvir.guide.guides.embedded import EmbeddedGuide
from tasvir.models.mllm import connection
from tasvir.models.service import ServiceSettings


def arguments() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="tasvir-https-"))
    certificate, key = _certificate(folder)
    server = GuideServer(EmbeddedGuide())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["SSL_CERT_FILE"] = str(certificate)  # the contracts' conftest takes it back
    connection._http.cache_clear()  # whom a process trusts is read once
    address = server.address.removeprefix("http:")
    return {"model": f"{address}#embedded", "service": ServiceSettings(replies=folder, retries=0)}


def _certificate(folder: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key

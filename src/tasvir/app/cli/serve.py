"""`tasvir serve`: what of this machine others can use over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from tasvir.app.cli.models import open_guide
from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import GuideName
from tasvir.models.opening import Opening

app = typer.Typer(no_args_is_help=True, help="Serve a guide over HTTP.")


@app.callback()
def options() -> None:
    """Serve a guide over HTTP."""


@app.command("guide")
@opens_models
def guide(
    guide: GuideName = "embedded",
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets others in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8008,
    *,
    opening: Opening,
) -> None:
    """Offer a guide on OpenAI's protocol, for --guide http://HOST:PORT/v1#NAME and for other programs."""
    from tasvir.app.serving.server import GuideServer

    opened = open_guide(guide, opening)
    with GuideServer(opened, host, port, lambda line: typer.echo(line, err=True)) as server:
        typer.echo(f"{opened.label} answers at {server.address}  (Ctrl-C stops)")
        server.serve_forever()

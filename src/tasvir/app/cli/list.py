"""`tasvir list`: what is installed, and why a broken plugin is broken."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from tasvir import registry
from tasvir.app.cli.options import Json
from tasvir.errors import UnknownNameError
from tasvir.registry import KINDS


def list_plugins(
    kind: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(KINDS)}; all of them if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is installed: guides, generators, editors, metrics, suites, samplers, the laboratory's."""
    if kind is not None and kind not in KINDS:
        raise UnknownNameError(f"there is no kind {kind!r}: expected one of {', '.join(KINDS)}")
    found = {name: registry.describe(name) for name in ((kind,) if kind else KINDS)}
    if as_json:
        rows = {name: [asdict(plugin) for plugin in plugins] for name, plugins in found.items()}
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for name, plugins in found.items():
        typer.secho(name, bold=True)
        width = max((len(plugin.name) for plugin in plugins), default=0)
        for plugin in plugins:
            text = plugin.summary if plugin.broken is None else f"broken: {plugin.broken}"
            typer.secho(f"  {plugin.name:<{width}}  {text}", fg=None if plugin.broken is None else "red")
        if not plugins:
            typer.echo("  (none installed)")

"""`tasvir list`: what is installed, and why a broken plugin is broken."""

from __future__ import annotations

import json
from typing import Annotated

import typer

KINDS = ("guides", "generators", "metrics", "suites", "samplers")


def list_plugins(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}; all of them if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show the installed guides, generators, metrics, suites and samplers."""
    from tasvir import registry
    from tasvir.errors import UnknownNameError

    if kind is not None and kind not in KINDS:
        raise UnknownNameError(f"there is no kind {kind!r}: expected one of {', '.join(KINDS)}")
    found = {name: list(registry.describe(name)) for name in ((kind,) if kind else KINDS)}
    if as_json:
        typer.echo(json.dumps({name: dict(entries) for name, entries in found.items()}, indent=2, ensure_ascii=False))
        return
    for name, entries in found.items():
        typer.secho(name, bold=True)
        width = max((len(entry) for entry, _ in entries), default=0)
        for entry, summary in entries:
            typer.echo(f"  {entry:<{width}}  {summary}")
        if not entries:
            typer.echo("  (none installed)")

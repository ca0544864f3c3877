"""How far a download is, on a line that is written over, where people look on."""

from __future__ import annotations

import sys

import typer


def tell_bytes(done: int, total: int | None) -> None:
    """Takes bytes that are there and how many there will be; silent where nobody looks on."""
    if not sys.stderr.isatty():
        return
    share = f" of {total / 1024:.0f}" if total else ""
    typer.echo(f"\r{done / 1024:.0f}{share} KiB", nl=done == total, err=True)

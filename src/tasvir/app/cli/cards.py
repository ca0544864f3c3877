"""`tasvir models`: which models of the hub are known by name, what is known of each, and tiny ones to try."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.options import Json, Seed
from tasvir.errors import UnknownNameError

if TYPE_CHECKING:
    from tasvir.models.hub.cards import Card

app = typer.Typer(no_args_is_help=True, help="Models of the hub by name, and tiny ones to try.")


@app.command("list")
def list_models(
    task: Annotated[
        str | None, typer.Option(help="Only those for a task, e.g. text-to-image; all if left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the models that are known by name; every other one is opened by its hub id or folder."""
    from tasvir.models.hub.cards import cards

    found = cards(task)
    if not found:
        tasks = ", ".join(sorted({card.task for card in cards()}))
        raise UnknownNameError(f"there are no models for the task {task!r}: expected one of {tasks}")
    if as_json:
        typer.echo(json.dumps([_plain(card) for card in found], indent=2, ensure_ascii=False))
        return
    width = max(len(card.name) for card in found)
    for name in dict.fromkeys(card.task for card in found):
        typer.secho(name, bold=True)
        for card in found:
            if card.task == name:
                typer.echo(f"  {card.name:<{width}}  {_line(card)}")


@app.command("show")
def show(
    model: Annotated[str, typer.Argument(help="A name of `tasvir models list`, a hub id or a folder.")],
    as_json: Json = False,
) -> None:
    """Show all that is known of a model before it is downloaded."""
    from tasvir.models.hub.cards import find

    card = find(model)
    if as_json:
        typer.echo(json.dumps(_plain(card), indent=2, ensure_ascii=False))
        return
    for name, value in _plain(card).items():
        if value not in (None, ""):
            typer.echo(f"{name.replace('_', ' '):<12}  {_shown(value)}")


@app.command("tiny")
def tiny(
    family: Annotated[str, typer.Argument(help="Name of a family; a wrong one lists them.")],
    folder: Annotated[Path, typer.Argument(help="Where it is written; new or empty.")],
    seed: Seed = 0,
) -> None:
    """Write a random-weight model of a family, which draws noise by the same code as a real one."""
    from tasvir.models.tiny.families import write

    typer.echo(f"{folder}  {write(family, folder, seed)} with random weights")


def _plain(card: Card) -> dict[str, Any]:
    data = asdict(card)
    data["checked"] = None if card.checked is None else card.checked.isoformat()
    data["native_size"] = None if card.native_size is None else list(card.native_size)
    return {**data, "source": card.source}


def _line(card: Card) -> str:
    size = "x".join(str(side) for side in card.native_size or ())
    billions = "" if card.parameters is None else f"{card.parameters:g} B"
    facts = [size, billions, card.licence]
    facts += ["gated"] if card.gated else []
    facts += ["needs --trust-remote-code"] if card.remote_code else []
    facts += [f"mirror of {card.hub_id}, {card.removed}"] if card.removed else []
    return f"{card.source}  ({', '.join(fact for fact in facts if fact)})"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "x".join(str(part) for part in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)

"""`tasvir suites`: prompt suites; which there are, what is in them, and bringing published ones here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.byte_counter import tell_bytes
from tasvir.app.cli.options import Json, Seed

if TYPE_CHECKING:
    from tasvir.bench.importing import Imported

app = typer.Typer(
    no_args_is_help=True, help="Prompt suites: which there are, what is in them, adding published ones."
)
Name = Annotated[str, typer.Argument(help="See `tasvir suites list`.", show_default=False)]


@app.command("list")
def list_suites(as_json: Json = False) -> None:
    """Show the suites, how many prompts each has here, and how to bring those that are not here yet."""
    from tasvir import registry

    rows = [_row(name) for name in registry.names("suites")]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        count = "-" if row["rows"] is None else str(row["rows"])
        typer.echo(f"{row['name']:<{width}}  {count:>5}  {row['told']}")


@app.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(help="NAME, NAME:CATEGORY, or file:PATH for a file of your own.", show_default=False),
    ],
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    sample: Annotated[str | None, typer.Option(help="A random sample: 2-per-category, or 50 of all.")] = None,
    sample_seed: Seed = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many, from the categories in turn.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON lines, with the facts of each prompt.")
    ] = False,
) -> None:
    """Show the prompts of a suite, or those that a sample of it takes."""
    from tasvir import registry
    from tasvir.bench.base import Suite
    from tasvir.bench.sampling import choose
    from tasvir.errors import UnknownNameError

    prompts = registry.create("suites", name, Suite).prompts()
    known = list(dict.fromkeys(entry.category for entry in prompts))
    if category is not None and category not in known:
        raise UnknownNameError(f"{name} has no category {category!r}: expected one of {', '.join(known)}")
    found = [entry for entry in prompts if category in (None, entry.category)]
    for entry in choose(found, sample, sample_seed, limit):
        if as_json:
            typer.echo(json.dumps(asdict(entry), ensure_ascii=False))
        else:
            typer.echo(f"{entry.id:<16} {entry.category:<18} {entry.text}")


@app.command("add")
def add(
    name: Name,
    source: Annotated[
        str, typer.Option("--from", help="File, folder, or address of the suite's files.", show_default=False)
    ] = "",
    accept: Annotated[
        bool, typer.Option("--accept", help="Take it with other numbers of prompts than were published.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring a published suite here: read, checked against what is known of it, kept in your data folder."""
    from tasvir.bench.importing import add_suite, importable
    from tasvir.errors import SettingError

    if not source:
        known = importable(name).published()
        where = "\n".join(f"  {file.url or known.home}" for file in known.files)
        raise SettingError(
            f"say with --from which file, folder or address {name} is to be read from:\n{where}"
        )
    told = add_suite(name, source, accept=accept, on_progress=tell_bytes)
    if as_json:
        typer.echo(json.dumps({**asdict(told), "folder": str(told.folder)}, indent=2, ensure_ascii=False))
    else:
        _tell(told)


@app.command("remove")
def remove(name: Name) -> None:
    """Take an imported suite away from this machine."""
    from tasvir.bench.importing import importable
    from tasvir.bench.suite_folder import remove_suite, suite_folder

    importable(name)
    remove_suite(suite_folder(name))
    typer.echo(f"{name} is removed")


def _row(name: str) -> dict[str, Any]:
    """A line of the list: what is here, or why not."""
    from tasvir import registry
    from tasvir.bench.base import Suite
    from tasvir.errors import TasvirError

    try:
        plugin = registry.load("suites", name)
        takes = registry.parameters(plugin)
        if "model" in takes and takes["model"].default is takes["model"].empty:
            summary = (plugin.__doc__ or "").partition("\n")[0]
            return {"name": name, "rows": None, "told": summary, "provenance": {}}
        found = registry.create("suites", name, Suite).provenance
    except TasvirError as problem:
        return {"name": name, "rows": None, "told": str(problem), "provenance": {}}
    told = [
        found.get("version"),
        f"from {found['source']}" if "source" in found else None,
        found.get("licence"),
    ]
    return {
        "name": name,
        "rows": found.get("rows"),
        "told": "; ".join(str(part) for part in told if part),
        "provenance": found,
    }


def _tell(told: Imported) -> None:
    for note in told.notes:
        typer.secho(f"note: {note}", err=True)
    for warning in told.warnings:
        typer.secho(f"warning: {warning}", fg="yellow", err=True)
    named = len(told.categories) if any(told.categories) else 0
    parts = f" in {named} categories" if named else ""
    version = f" ({told.version})" if told.version else ""
    typer.echo(f"{told.suite}: {told.rows} prompts{parts}{version}")
    typer.echo(f"folder   {told.folder}")

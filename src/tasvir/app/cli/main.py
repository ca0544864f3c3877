"""The `tasvir` command: gathers the commands and turns errors into messages and exit codes.

Exit codes: 0 done, 1 something failed, 2 what was asked cannot be done as asked, 130 stopped with Ctrl-C.
Nothing heavy is imported here or at the top of a command's file, so that `tasvir --help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tasvir import __version__
from tasvir.app.cli import (
    ask,
    audit,
    bench,
    cards,
    compare,
    edit,
    explain,
    generate,
    guide,
    judge,
    lab,
    pictures,
    plan,
    query,
    rate,
    report,
    score,
    serve,
    suites,
    survey,
    train,
    world,
)
from tasvir.app.cli import list as list_command
from tasvir.app.cli.spaced import SpacedCommand
from tasvir.errors import TasvirError, UserInputError

INTERRUPTED = 130


class SpeakingGroup(TyperGroup):
    """Says what went wrong in one red message instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TasvirError as problem:
            typer.secho(f"error: {problem}", fg="red", err=True)
            raise typer.Exit(2 if isinstance(problem, UserInputError) else 1) from problem
        except KeyboardInterrupt as problem:
            typer.secho("stopped", fg="yellow", err=True)
            raise typer.Exit(INTERRUPTED) from problem


app = typer.Typer(
    cls=SpeakingGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Guided text-to-image: plan a layout, draw it, judge the picture, redesign, keep the best.",
)
app.command("generate")(generate.generate)
app.command("plan")(plan.plan)
app.command("judge")(judge.judge)
app.command("ask")(ask.ask)
app.command("edit")(edit.edit)
app.command("explain")(explain.explain)
app.command("query")(query.query)
app.command("bench", cls=SpacedCommand)(bench.bench)
app.command("audit", cls=SpacedCommand)(audit.audit)
app.command("score", cls=SpacedCommand)(score.score)
app.add_typer(pictures.app, name="pictures")
app.command("compare", cls=SpacedCommand)(compare.compare)
app.command("rate")(rate.rate)
app.command("report")(report.report)
app.command("list")(list_command.list_plugins)
app.command("survey")(survey.survey)
app.add_typer(cards.app, name="models")
app.add_typer(guide.app, name="guide")
app.add_typer(serve.app, name="serve")
app.add_typer(suites.app, name="suites")
app.add_typer(world.app, name="world")
app.add_typer(train.app, name="train")
app.add_typer(lab.app, name="lab")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"tasvir {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Guided text-to-image: plan a layout, draw it, judge the picture, redesign, keep the best."""


def main() -> None:
    """Entry point of the `tasvir` script."""
    sys.exit(app())


if __name__ == "__main__":
    main()

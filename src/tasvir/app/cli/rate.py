"""`tasvir rate`: people rate a run's pictures on a page of this machine, blind and in random order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.errors import SettingError

if TYPE_CHECKING:
    from tasvir.app.rating.server import RatingServer


def rate(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    rater: Annotated[str | None, typer.Option(help="Who rates; left out, the page asks.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="So many pictures, evenly over models and categories.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    exported: Annotated[
        Path | None, typer.Option("--export", help="Write the ratings to this CSV file instead.")
    ] = None,
    imported: Annotated[
        Path | None, typer.Option("--import", help="Take in ratings made elsewhere from a CSV file instead.")
    ] = None,
) -> None:
    """Rate pictures from 1 to 5 without knowing who drew them; every answer is kept at once.

    Coming back goes on where you stopped. `tasvir compare` and `tasvir report` then tell how far people agree
    and which metrics agree with them.
    """
    from tasvir.bench.rating import check_rater, export_ratings, read_ratings
    from tasvir.bench.reading import load_results
    from tasvir.bench.store import RunStore

    if exported is not None and imported is not None:
        raise SettingError("give either --export or --import")
    name = None if rater is None else check_rater(rater)
    results = load_results(run)
    if exported is not None:
        typer.echo(f"{export_ratings(results, exported)} ratings written to {exported}")
        return
    if imported is not None:
        found = read_ratings(results, imported)
        with RunStore(run) as store:
            for rating in found:
                store.add_rating(rating)
        typer.echo(f"{len(found)} new ratings taken in from {imported}")
        return
    _serve(run, name, sample, port, browser=browser)


def _serve(run: Path, rater: str | None, sample: int | None, port: int, *, browser: bool) -> None:
    from tasvir.app.rating.server import RatingServer
    from tasvir.bench.rating import rateable
    from tasvir.bench.reading import load_results
    from tasvir.bench.store import RunStore

    with RunStore(run) as store:
        results = load_results(run)
        server = RatingServer(store, rateable(results, sample), results.ratings, rater, port)
        typer.echo(f"rate at {server.address}  (Ctrl-C stops; every answer is kept at once)")
        _work(server, browser=browser)


def _work(server: RatingServer, *, browser: bool) -> None:
    import threading
    import webbrowser

    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    if browser:
        webbrowser.open(server.address)
    try:
        while thread.is_alive():
            thread.join(0.2)
    except KeyboardInterrupt:
        typer.echo("stopped")
    finally:
        server.close()

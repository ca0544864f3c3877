"""`tasvir lab data`: bring published picture data to this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from tasvir.app.cli.byte_counter import tell_bytes
from tasvir.app.cli.lab.options import DataFolder, lab_folder


def data(
    name: Annotated[str, typer.Argument(help="mnist, fashion-mnist or cifar10.", show_default=False)],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="Folder, file or address of the files.", show_default="the authors' and mirrors"
        ),
    ] = None,
    data_dir: DataFolder = None,
) -> None:
    """Fetch published data, or take files of yours; checked and kept in your data folder."""
    from tasvir.bench.data_files import PUBLISHED, bring

    folder = bring(name, source, lab_folder(data_dir), tell_bytes)
    typer.echo(f"{name} is in {folder} (licence: {PUBLISHED[name].licence})")

"""`tasvir edit`: pictures in, pictures out: larger, inpainted, varied, or redrawn with their depth kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.models import open_alone
from tasvir.app.cli.opening import loads_models
from tasvir.app.cli.options import MAX_SEED, Json, Number, Sampler, Scale, Seed, Steps
from tasvir.errors import OutputError, SettingError
from tasvir.models.opening import Opening

if TYPE_CHECKING:
    from tasvir.generate.editing import Edit, Editor, EditSettings
    from tasvir.records import Picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@loads_models
def edit(
    editor: Annotated[
        str, typer.Argument(help="NAME or NAME:MODEL; see `tasvir list editors`.", show_default=False)
    ],
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE... [PROMPT]",
            help="Picture files, and what the result shall show.",
            show_default=False,
        ),
    ],
    guide_picture: Annotated[
        list[Path] | None,
        typer.Option(
            help="Mask (white is drawn anew) or depth map (white is near); one for all pictures, or one each."
        ),
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="Share of the picture that is drawn anew, up to 1.")
    ] = None,
    steps: Steps = None,
    scale: Scale = None,
    sampler: Sampler = None,
    number: Number = 1,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder, or a .png file where one picture comes out.")] = Path(
        "out"
    ),
    as_json: Json = False,
    *,
    opening: Opening,
) -> None:
    """Edit pictures: make them larger, redraw parts of them or all, vary them, keep their depth."""
    from tasvir.generate.editing import Editor, EditSettings

    settings = EditSettings(strength, steps, scale, sampler)
    if seed + number - 1 > MAX_SEED:
        raise SettingError(f"--seed {seed} with -n {number} goes beyond {MAX_SEED}: give a smaller seed")
    paths, prompt = sort_words(words)
    targets = _targets(paths, editor, range(seed, seed + number), out)
    edits = _edits(paths, guide_picture or [], prompt, range(seed, seed + number))
    rows = []
    with _Saying(to_stderr=as_json) as say:
        opened = open_alone("editors", editor, Editor, opening)
        opened.check(edits, settings)
        for target, picture in zip(targets, _drawn(opened, edits, settings, say), strict=True):
            _save(target, picture)
            say.done(target, picture)
            rows.append({"picture": str(target), "provenance": picture.provenance})
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))


def sort_words(words: Sequence[str]) -> tuple[list[Path], str | None]:
    """Which words are pictures and which the prompt: a prompt names no file and ends in no picture's suffix.

    Raises:
        SettingError: No picture, or more than one prompt.
    """
    is_picture = [word.lower().endswith(SUFFIXES) or Path(word).is_file() for word in words]
    paths = [Path(word) for word, yes in zip(words, is_picture, strict=True) if yes]
    prompts = [word for word, yes in zip(words, is_picture, strict=True) if not yes]
    if not paths:
        raise SettingError(f"{words[0]!r} is no picture file: name at least one, before the prompt")
    if len(prompts) > 1:
        shown = ", ".join(repr(prompt) for prompt in prompts)
        raise SettingError(f"{shown} are no picture files, and one prompt is read: put it in quotes")
    return paths, prompts[0] if prompts else None


def _edits(paths: Sequence[Path], guides: Sequence[Path], prompt: str | None, seeds: range) -> list[Edit]:
    from tasvir.app.cli.arguments import read_guide_picture, read_picture
    from tasvir.generate.editing import Edit
    from tasvir.records import Prompt

    if len(guides) not in (0, 1, len(paths)):
        raise SettingError(
            f"{len(guides)} guide pictures for {len(paths)} pictures: give one for all, or one each"
        )
    asked = None if prompt is None else Prompt(prompt)
    read: list[Picture | None] = [read_guide_picture(path) for path in guides] or [None]
    pairs = zip(paths, read * len(paths) if len(read) == 1 else read, strict=True)
    return [
        Edit(picture, seed, asked, guide)
        for picture, guide in [(read_picture(path), guide) for path, guide in pairs]
        for seed in seeds
    ]


def _targets(paths: Sequence[Path], editor: str, seeds: range, out: Path) -> list[Path]:
    """Where each result goes: out/STEM-EDITOR-SEED.png; found out, and tried, before a model is opened.

    Raises:
        SettingError: Two results would have one name, a result the name of a picture that is read, or a file
            of another format is asked for.
        OutputError: The folder cannot be made.
    """
    name = editor.partition(":")[0]
    if out.suffix.lower() in SUFFIXES[1:] and not out.is_dir():
        raise SettingError(f"--out {out}: pictures are written as PNG; give a .png file or a folder")
    if out.suffix.lower() == ".png":
        targets = [out] * (len(paths) * len(seeds))
    else:
        targets = [out / f"{path.stem}-{name}-{seed}.png" for path in paths for seed in seeds]
    if len(set(targets)) < len(targets):
        raise SettingError("several results would have the same name: edit them in several calls, with --out")
    if {target.resolve() for target in targets} & {path.resolve() for path in paths}:
        raise SettingError("the result would replace the picture that is read: choose another --out")
    try:
        targets[0].parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(
            f"cannot make the folder {targets[0].parent}: {problem.strerror or problem}; choose another --out"
        ) from problem
    return targets


def _drawn(editor: Editor, edits: Sequence[Edit], settings: EditSettings, say: _Saying) -> Iterator[Picture]:
    """Each picture as soon as its batch is done, so that Ctrl-C keeps those before."""
    for start in range(0, len(edits), editor.batch):
        some = edits[start : start + editor.batch]
        say.now(start + 1, start + len(some), len(edits))
        yield from editor.edit(some, settings)


def _save(target: Path, picture: Picture) -> None:
    from tasvir import __version__
    from tasvir.report.traces import with_text

    told = {
        "Software": f"tasvir {__version__}",
        "prompt": picture.provenance.get("prompt") or "",
        "seed": str(picture.provenance.get("seed")),
        "provenance": json.dumps(picture.provenance, ensure_ascii=False),
    }
    try:
        target.write_bytes(with_text(picture.png, told))
    except OSError as problem:
        raise OutputError(
            f"cannot write {target}: {problem.strerror or problem}; choose another --out"
        ) from problem


class _Saying:
    """A line on what is being done, and one for each picture that is done."""

    def __init__(self, *, to_stderr: bool) -> None:
        from rich.console import Console

        self._console = Console(stderr=to_stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._status = self._console.status("opening the model")

    def __enter__(self) -> _Saying:
        self._status.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._status.stop()

    def now(self, first: int, last: int, total: int) -> None:
        which = f"picture {first}" if first == last else f"pictures {first} to {last}"
        self._status.update(f"editing {which} of {total}")

    def done(self, target: Path, picture: Picture) -> None:
        self._console.print(f"picture  {target}  {picture.width}x{picture.height}")
        lost = picture.provenance.get("unread")
        if lost:
            self._console.print(f"the model does not read: {', '.join(map(str, lost))}", style="yellow")
        blocked = picture.provenance.get("blocked")
        if blocked:
            said = f"blocked: {blocked}; --no-safety-checker loads the model without it"
            self._console.print(said, style="yellow")

"""Cards: what is known of a model before it is downloaded. The table is ``cards.toml``; nothing heavy here.

A model is asked for by a card's name ("sdxl"), a hub id ("owner/name", with a card or without) or the path of
a folder. What a card does not know is None and left to the model's own configuration.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

from tasvir.errors import UnknownNameError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Card:
    """One model.

    Args:
        name: What it was asked for by: the card's name, or the hub id or folder.
        family: "stable-diffusion-1", "flux", ...; "unknown" without a card.
        task: "text-to-image", "layout-to-image", "inpainting", ...; "unknown" without a card.
        hub_id: "owner/name" where the owner put it, or a folder's path.
        revision: Branch, tag or commit that is known to work; None = the main branch.
        licence: As the owner names it.
        gated: The owner wants a signed form and a token first.
        removed: What happened to it on the hub, with the date; None while it is there.
        mirror: Hub id of a copy by somebody else, for a removed one.
        parameters: Of all networks, billions.
        native_size: Width and height in pixels that it was trained at.
        steps: Denoising steps that its owner recommends.
        scale: Guidance scale, likewise.
        dtype: "float16" or "bfloat16", what it runs in on a GPU.
        pipeline: Name of the diffusers class; None takes what the model itself names.
        remote_code: It runs only with Python that comes with it.
        checked: When this was last compared with public pages.
        notes: What else a user should know.
    """

    name: str
    family: str
    task: str
    hub_id: str
    revision: str | None = None
    licence: str = "unknown"
    gated: bool = False
    removed: str | None = None
    mirror: str | None = None
    parameters: float | None = None
    native_size: tuple[int, int] | None = None
    steps: int | None = None
    scale: float | None = None
    dtype: str | None = None
    pipeline: str | None = None
    remote_code: bool = False
    checked: date | None = None
    notes: str = ""

    @property
    def source(self) -> str:
        """The hub id or folder that is opened: for a removed model its mirror, unless asked for by its id."""
        if self.removed and self.mirror and self.name != self.hub_id:
            return self.mirror
        return self.hub_id

    @property
    def is_folder(self) -> bool:
        return Path(self.source).expanduser().is_dir()


def cards(task: str | None = None) -> tuple[Card, ...]:
    """All cards, or those of one task, in the table's order."""
    return tuple(card for card in _table().values() if task is None or card.task == task)


def find(choice: str) -> Card:
    """The card of a name, a hub id (known or not) or a folder.

    Raises:
        UnknownNameError: None of these; the message lists near names.
    """
    if choice in _table():
        return _table()[choice]
    for card in cards():
        if choice == card.hub_id:
            return replace(card, name=choice)
        if choice == card.mirror:
            return replace(card, name=choice, hub_id=choice, removed=None, mirror=None)
    if Path(choice).expanduser().is_dir():
        return Card(choice, "unknown", "unknown", str(Path(choice).expanduser()))
    if _HUB_ID.fullmatch(choice):
        return Card(choice, "unknown", "unknown", choice)
    raise UnknownNameError(_unknown(choice))


def _unknown(choice: str) -> str:
    near = difflib.get_close_matches(choice.lower(), _table(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}? " if near else ""
    return (
        f"no model is called {choice!r}, and there is no such folder; {hint}"
        "give a name of `tasvir models list`, a hub id (owner/name) or the path of a folder"
    )


@cache
def _table() -> dict[str, Card]:
    text = (files("tasvir.models.hub") / "cards.toml").read_text("utf-8")
    return {name: _card(name, entry) for name, entry in tomllib.loads(text).items()}


def _card(name: str, entry: dict[str, object]) -> Card:
    size = entry.pop("native_size", None)
    sized = {"native_size": tuple(size)} if isinstance(size, list) else {}
    return Card(name=name, **entry, **sized)  # type: ignore[arg-type]  # a test opens every entry

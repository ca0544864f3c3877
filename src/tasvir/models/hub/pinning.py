"""Which version of a hub model a name means today, without opening it, so that a run can hold on to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tasvir.errors import HubError
from tasvir.models.fingerprint import fingerprint
from tasvir.models.hub.cards import find
from tasvir.models.load import LoadSettings

_COMMIT = re.compile(r"[0-9a-f]{40}")
_FILES = ("model_index.json", "config.json")
"""One of them is in the cache where a model is."""


def pin(choice: str, load: LoadSettings) -> dict[str, Any]:
    """What a name leads to: {"weights": hash} for a folder, {"model": id, "commit": ...} for the hub.

    What is in the hub's cache stands before what the hub has by now.

    Raises:
        UnknownNameError: No such model.
        HubError: It is not on this disk, and the hub cannot be asked.
    """
    card = find(choice)
    if card.is_folder:
        return {"weights": fingerprint(Path(card.source).expanduser())}
    revision = load.revision or card.revision or "main"
    return {"model": card.source, "commit": _commit(card.source, revision, load.local_only)}


def _commit(repository: str, revision: str, local_only: bool) -> str:
    from huggingface_hub import HfApi, try_to_load_from_cache

    if _COMMIT.fullmatch(revision):
        return revision
    for name in _FILES:
        found = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(found, str):
            return Path(found).parent.name  # snapshots/COMMIT/model_index.json
    if not local_only:
        try:
            told = HfApi().repo_info(repository, revision=revision, timeout=10.0)
        except Exception as problem:  # of whichever client the library brings
            raise HubError(
                f"{repository} is not on this disk, and the hub does not tell its version ({problem}): "
                "check the name and the network, or give the folder of a model"
            ) from problem
        if told.sha:
            return told.sha
    raise HubError(f"{repository} is not on this disk: leave out --local-only, or give the folder of a model")

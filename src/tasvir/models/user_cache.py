"""Where things are kept over runs for this user, and can be made or fetched again when they are removed."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """A folder or file in the user's cache: ``$XDG_CACHE_HOME/tasvir/NAME``, or below ``~/.cache``."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "tasvir" / name

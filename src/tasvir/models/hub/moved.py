"""Packages of diffusers that models on the hub still name where they used to be.

diffusers 0.4x moved unCLIP's package into ``deprecated``; Karlo's files name a part as
["unclip", "UnCLIPTextProjModel"], which its loader no longer finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from diffusers import pipelines

MOVED = {"unclip": "diffusers.pipelines.deprecated.unclip"}


@contextmanager
def old_names() -> Iterator[None]:
    """The moved packages answer to their old names inside."""
    added = [name for name in MOVED if not hasattr(pipelines, name)]
    try:
        for name in added:
            setattr(pipelines, name, import_module(MOVED[name]))
        yield
    finally:
        for name in added:
            delattr(pipelines, name)

"""What is known of published suites: their files, rows and checksums, where they are, who may use them.

The prompts themselves are not part of this package; see `suites/published.toml`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a suite.

    Args:
        name: What its authors call it.
        url: Where that version of it is, or "" where it has no address of its own.
        sha256: Of the bytes of the versions that we know.
        also: Other names that it goes by.
        optional: The suite can be read without it.
    """

    name: str
    url: str = ""
    sha256: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class PublishedSuite:
    """A suite as its authors published it.

    Args:
        about: Who and where.
        licence: What its authors allow.
        home: Its page.
        files: What it is read from.
        categories: Prompts by category; "" where it has none.
        versions: By `texts_hash` of the prompts, what that version is called.
        overlong: Prompts that CLIP's text encoder cuts off at 77 tokens, counted with its tokenizer on the
            versions that we know.
    """

    about: str
    licence: str
    home: str
    files: tuple[PublishedFile, ...]
    categories: Mapping[str, int]
    versions: Mapping[str, str]
    overlong: int = 0

    @property
    def rows(self) -> int:
        return sum(self.categories.values())


@cache
def published_suites() -> Mapping[str, PublishedSuite]:
    """All suites that are known, by name."""
    text = files("tasvir.bench.suites").joinpath("published.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _suite(data) for name, data in tomllib.loads(text).items()})


def texts_hash(texts: Iterable[str]) -> str:
    """SHA-256 of the prompts in order, a line each: equal for equal prompts, however a file is written."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _suite(data: dict[str, Any]) -> PublishedSuite:
    base = data.pop("files_at", "")
    listed = tuple(
        PublishedFile(
            name=entry["name"],
            url=base + entry["name"] if base else entry.get("url", ""),
            sha256=tuple(entry.get("sha256", ())),
            also=tuple(entry.get("also", ())),
            optional=entry.get("optional", False),
        )
        for entry in data.pop("files")
    )
    return PublishedSuite(files=listed, **data)

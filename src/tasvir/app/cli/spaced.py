"""Commands whose list options take several values at once: ``--models a b`` is ``--models a --models b``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from tasvir.errors import SettingError

SPACED = frozenset(
    {"--models", "--metrics", "--judges", "--sweep", "--derived", "--samplers", "--expert", "--weights"}
)


class SpacedCommand(TyperCommand):
    """Reads all words after a list option as its values, up to the next option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click."""
        return super().parse_args(ctx, spelt_out(args))


def spelt_out(args: Sequence[str]) -> list[str]:
    """Every value with its option before it; "--" ends the values of an option.

    Raises:
        SettingError: An option has no value.
    """
    found: list[str] = []
    option: str | None = None
    fresh = False
    for place, word in enumerate(args):
        if fresh and word.startswith("-"):
            raise SettingError(f"{option} needs a value, and {word!r} is none: give one, or leave it out")
        if word == "--" and option is None:
            return [*found, *args[place:]]
        if word == "--":
            option = None
        elif word.startswith("-"):
            option, fresh = (word, True) if word in SPACED else (None, False)
            found.append(word)
        elif option is not None and not fresh:
            found += [option, word]
        else:
            fresh = False
            found.append(word)
    return found

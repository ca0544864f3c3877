"""The pages' templates: what is put into them is escaped, and what is missing is an error."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def template(name: str) -> Template:
    """A template of ``report/templates`` by its file's name; its filter ``fill`` puts values into a text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tasvir.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fill"] = _fill
    return environment.get_template(name)


@cache
def script(name: str) -> str:
    """A script of ``report/templates`` as it is."""
    return (files("tasvir.report") / "templates" / name).read_text("utf-8")


def fingerprint(text: str) -> str:
    """What names a style or script in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _fill(text: str, **values: object) -> str:
    return text.format(**values)

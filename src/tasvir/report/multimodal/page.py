"""The multimodal study as one HTML file: no network, no script, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from tasvir import __version__
from tasvir.report.box_drawing import COLORS
from tasvir.report.multimodal.blocks import Block, Picture, Section
from tasvir.report.multimodal.words import Words
from tasvir.report.page_templates import fingerprint, template


def render(found: Sequence[Section], words: Words, others: Sequence[tuple[str, str]]) -> str:
    """The page.

    Args:
        found: Its sections.
        words: Of its language.
        others: Language and file of the same page in other languages.
    """
    style = template("multimodal.css").render()
    return template("multimodal.html").render(
        sections=found,
        words=words,
        others=others,
        style=style,
        policy=f"default-src 'none'; img-src data:; style-src {fingerprint(style)}",
        version=__version__,
        palette=COLORS,
        kind_of=_kind,
        data_uri=_data_uri,
    )


def _kind(block: Block) -> str:
    return type(block).__name__


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")

"""Sheets of 5 x 5 pictures with number and prompt beneath, for a person to look through."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

ACROSS, DOWN = 5, 5
SIDE, GAP = 192, 16
LETTERS = 14
"""Font size in pixels."""
LINE = 18


def sheets(pictures: Sequence[bytes], texts: Sequence[str]) -> Iterator[Image.Image]:
    """Sheets in order, numbered from 1 on.

    Args:
        pictures: Files' bytes, any size; shown at 192 x 192 px.
        texts: What each picture shall show.
    """
    each = ACROSS * DOWN
    for start in range(0, len(pictures), each):
        numbered = [f"{number}. {text}" for number, text in enumerate(texts[start : start + each], start + 1)]
        yield _sheet(pictures[start : start + each], numbered)


def _sheet(pictures: Sequence[bytes], texts: Sequence[str]) -> Image.Image:
    font = ImageFont.load_default(LETTERS)
    wrapped = [wrap(text, font) for text in texts]
    height = SIDE + LINE * max(map(len, wrapped)) + 2 * GAP
    down = -(-len(pictures) // ACROSS)
    sheet = Image.new("RGB", (GAP + ACROSS * (SIDE + GAP), GAP + down * height), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (png, lines) in enumerate(zip(pictures, wrapped, strict=True)):
        x, y = GAP + index % ACROSS * (SIDE + GAP), GAP + index // ACROSS * height
        with Image.open(io.BytesIO(png)) as opened:
            picture = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(picture, (x, y))
        pen.rectangle((x - 1, y - 1, x + SIDE, y + SIDE), outline="gray")
        for number, line in enumerate(lines):
            pen.text((x, y + SIDE + 6 + number * LINE), line, font=font, fill="black")
    return sheet


def wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The text in lines no wider than a picture; a word that is wider stands alone."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > SIDE:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines

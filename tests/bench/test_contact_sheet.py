"""Sheets: whole texts, no wider than their pictures."""

from __future__ import annotations

import io

from PIL import Image, ImageFont

from tasvir.bench.contact_sheet import LETTERS, SIDE, sheets, wrap
from tasvir.world.suite import world_suite


def test_every_prompt_of_the_suite_fits_beneath_its_picture() -> None:
    font = ImageFont.load_default(LETTERS)
    for entry in world_suite():
        lines = wrap(entry.text, font)
        assert " ".join(lines) == " ".join(entry.text.split())
        assert max(font.getlength(line) for line in lines) <= SIDE


def test_long_texts_make_room_and_leave_no_picture_out() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(buffer, "PNG")
    png = buffer.getvalue()
    (short,) = sheets([png], ["a dog"])
    (long,) = sheets([png], ["a dog " * 40])
    assert long.height > short.height
    assert long.width == short.width
    last = long.crop((0, long.height - 40, long.width, long.height)).convert("L")
    assert last.getextrema()[0] < 100  # the last line is drawn, and inside the sheet
    assert long.crop((0, long.height - 8, long.width, long.height)).convert("L").getextrema()[0] == 255
    assert len(list(sheets([png] * 51, ["a dog"] * 51))) == 3

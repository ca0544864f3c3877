"""Pictures that are kept: drawn once, the same to the byte, and damage is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tasvir.errors import OutputError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.generate.kept import KeptGenerator
from tasvir.records import Box, Layout, Picture, Prompt, Thing

SETTINGS = DrawSettings((32, 16))
LAYOUT = Layout((Thing("a dog", Box(0.1, 0.1, 0.6, 0.6)),))


class Counting(Generator):
    """Every picture is another one, as if rounding were at work."""

    name = "counting"
    native_size = (32, 16)

    def __init__(self) -> None:
        self.drawn = 0

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        first = self.drawn
        self.drawn += len(prompts)
        return [
            Picture(f"{first + i}".encode(), *settings.size, {"seed": seed}) for i, seed in enumerate(seeds)
        ]


def drawn(kept: KeptGenerator, *asked: tuple[str, Layout | None, int]) -> list[bytes]:
    texts, layouts, seeds = zip(*asked, strict=True)
    pictures = kept.draw([Prompt(text) for text in texts], layouts, seeds, SETTINGS)
    assert [picture.provenance["seed"] for picture in pictures] == list(seeds)
    return [picture.png for picture in pictures]


def test_what_was_drawn_is_not_drawn_again_also_by_another_process(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    one = KeptGenerator(first, tmp_path)
    assert (one.label, one.native_size, one.reads_layouts) == ("counting", (32, 16), True)
    assert drawn(one, ("a", None, 1), ("a", LAYOUT, 1)) == [b"0", b"1"]
    other = KeptGenerator(second, tmp_path)
    assert drawn(other, ("b", None, 1), ("a", LAYOUT, 1), ("a", None, 2)) == [b"0", b"1", b"1"]
    assert (first.drawn, second.drawn) == (2, 2)


def test_a_damaged_picture_is_drawn_anew(tmp_path: Path) -> None:
    generator = Counting()
    kept = KeptGenerator(generator, tmp_path)
    drawn(kept, ("a", None, 1))
    next(tmp_path.glob("*.json")).write_text('{"width": 3')
    assert drawn(kept, ("a", None, 1)) == [b"1"]
    assert drawn(kept, ("a", None, 1)) == [b"1"]


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another with --out"):
        drawn(KeptGenerator(Counting(), tmp_path / "file"), ("a", None, 1))

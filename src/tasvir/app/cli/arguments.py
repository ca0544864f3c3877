"""Turns what was typed into records: sizes, picture files, folder names. Light: no numpy, no torch."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tasvir.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    from PIL import Image

    from tasvir.records import Layout, Picture


def parse_size(text: str) -> tuple[int, int]:
    """Read "WxH" in pixels.

    Raises:
        SettingError: Not two whole numbers from 16 to 4096 joined by "x".
    """
    match = re.fullmatch(r"\s*(\d{1,5})\s*[xX×]\s*(\d{1,5})\s*", text)
    size = (int(match[1]), int(match[2])) if match else None
    if size is None or not all(16 <= side <= 4096 for side in size):
        raise SettingError(f"--size {text!r}: expected WIDTHxHEIGHT in pixels, 16 to 4096 each, e.g. 128x128")
    return size


def parse_part(text: str) -> tuple[int, int]:
    """Read "I/N", the I-th (from 0) of N shares.

    Raises:
        SettingError: Not two whole numbers with 0 <= I < N.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if match is None or not int(match[1]) < int(match[2]):
        raise SettingError(f"--part {text!r}: expected I/N with 0 <= I < N, e.g. 0/2 and 1/2 for two halves")
    return int(match[1]), int(match[2])


def read_picture(path: Path) -> Picture:
    """Read a picture file of any common format, upright as its camera says; what is transparent is white.

    Raises:
        UnknownNameError: There is no such file.
        SettingError: It is not a picture, or one of more pixels than is safe to open.
    """
    return decoded_picture(path, str(path))


def read_guide_picture(path: Path) -> Picture:
    """Read a mask or a depth map; grey levels of more than 8 bits are stretched from least to most.

    Raises:
        UnknownNameError: There is no such file.
        SettingError: It is not a picture, is too large, or says in transparency what it should say in grey.
    """
    return _read(path, str(path), _in_grey)


def decoded_picture(source: Path | io.BytesIO, name: str) -> Picture:
    """A picture of any common format as PNG, from a file or from bytes; messages call it by a name.

    Raises:
        UnknownNameError, SettingError: See `read_picture`.
    """
    return _read(source, name, _on_white)


def _read(source: Path | io.BytesIO, name: str, convert: Callable[[Image.Image], Image.Image]) -> Picture:
    from PIL import Image, ImageOps, UnidentifiedImageError

    from tasvir.records import Picture

    try:
        with Image.open(source) as opened:
            rgb = convert(ImageOps.exif_transpose(opened))
    except (UnidentifiedImageError, SyntaxError, ValueError) as problem:  # Pillow's, on damaged files
        raise SettingError(
            f"{name} is not a picture that can be read: give a PNG, JPEG or WebP file"
        ) from problem
    except Image.DecompressionBombError as problem:
        raise SettingError(f"{name} is too large to be read ({problem}): give a smaller picture") from problem
    except OSError as problem:
        raise UnknownNameError(
            f"cannot read the picture {name}: {problem.strerror or problem}; give the path of a picture file"
        ) from problem
    buffer = io.BytesIO()
    rgb.save(buffer, "PNG")
    return Picture(buffer.getvalue(), rgb.width, rgb.height, {"file": Path(name).name})


def _on_white(image: Image.Image) -> Image.Image:
    """RGB; converting alone would uncover whatever colour lies under transparent pixels."""
    from PIL import Image

    if image.mode[0] in "IF":
        return _eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """RGB of a grey picture of 16 bits; converting alone would turn everything above 255 white."""
    import numpy as np
    from PIL import Image

    if not image.mode.startswith("I;16"):
        raise SettingError(
            f"the picture has 32 bits a pixel (mode {image.mode}), and nothing says which of its numbers is "
            "white: save it with 8 or 16 bits"
        )
    levels = np.asarray(image, dtype=np.float64) / 65535 * 255
    return Image.fromarray(levels.round().astype(np.uint8)).convert("RGB")


def _in_grey(image: Image.Image) -> Image.Image:
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise SettingError(
            "the guide picture is partly transparent: give a mask in black and white (white is drawn anew) "
            "or a depth map in grey (white is near)"
        )
    if image.mode[0] not in "IF":
        return image.convert("RGB")
    import numpy as np
    from PIL import Image

    levels = np.asarray(image, dtype=np.float64)  # converting to 8 bits would cut everything above 255
    if not np.ptp(levels):  # nothing to stretch, and a mask that is white everywhere must stay so
        return Image.new("RGB", image.size, "white" if levels.max() > 0 else "black")
    levels = (levels - levels.min()) / np.ptp(levels)
    return Image.fromarray((levels * 255).round().astype(np.uint8)).convert("RGB")


def read_layout_file(path: Path) -> Layout:
    """Read a layout and say on stderr what was put right in it.

    Raises:
        LayoutError: It cannot be read, or breaks the rules.
    """
    from tasvir.layout import read_layout

    layout, report = read_layout(path)
    for note in report.clipped:
        typer.secho(f"note: {path}: {note}", fg="yellow", err=True)
    return layout

"""Pictures as metrics look at them."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from tasvir.records import Picture


class UnmeasurableError(Exception):
    """This prompt, or this picture of it, cannot be measured; says why."""


def opened(picture: Picture) -> Image.Image:
    """A picture as RGB with 8 bits a channel.

    Raises:
        UnmeasurableError: Its bytes are no picture.
    """
    try:
        with Image.open(io.BytesIO(picture.png)) as image:
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise UnmeasurableError("the picture's bytes are not a picture that can be opened") from None

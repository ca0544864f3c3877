"""What metrics of single pictures share: opening pictures, and computing what is equal only once."""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from PIL import Image, UnidentifiedImageError

from tasvir.records import Picture, Score, SuitePrompt

UNREADABLE = "the picture's bytes are not a picture that can be opened"

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Scorer = Callable[[list[SuitePrompt], list[Image.Image]], list[Score]]
"""n prompts and n RGB pictures (one object for equal pictures) -> n scores."""


def open_picture(picture: Picture) -> Image.Image | None:
    """A picture as RGB, or None where its bytes are none."""
    try:
        with Image.open(io.BytesIO(picture.png)) as opened:
            return opened.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def score_readable(
    name: str, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture], scorer: Scorer
) -> list[Score]:
    """Score all that can be opened in one go; what cannot has no value.

    Args:
        name: The metric's label.
        prompts: n prompts.
        pictures: n pictures.
        scorer: Is not called where nothing can be opened.

    Returns:
        n scores in order.
    """
    distinct = {picture.png: picture for picture in pictures}
    opened = {png: open_picture(picture) for png, picture in distinct.items()}
    asked = [
        (prompt, image)
        for prompt, picture in zip(prompts, pictures, strict=True)
        if (image := opened[picture.png]) is not None
    ]
    found = iter(scorer([prompt for prompt, _ in asked], [image for _, image in asked]) if asked else [])
    return [
        Score(name, None, UNREADABLE) if opened[picture.png] is None else next(found) for picture in pictures
    ]


def once(
    items: Sequence[_Item],
    compute: Callable[[list[_Item]], Iterable[_Result]],
    key: Callable[[_Item], Hashable] | None = None,
) -> list[_Result]:
    """Results for n items, equal items computed once and all distinct ones in one call.

    Args:
        items: What may hold equal ones.
        compute: From distinct items to as many results in order.
        key: What tells items apart; None = the items themselves.
    """
    tell: Callable[[Any], Hashable] = key or (lambda item: item)
    distinct = {tell(item): item for item in items}
    if not distinct:
        return []
    results = dict(zip(distinct, compute(list(distinct.values())), strict=True))
    return [results[tell(item)] for item in items]

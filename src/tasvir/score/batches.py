"""Scoring many pictures at once: each opened once, what is equal computed once, what is broken left out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from PIL import Image

from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.pictures import UnmeasurableError, opened

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Scorer = Callable[[list[SuitePrompt], list[Image.Image]], list[Score]]
"""n prompts and n RGB pictures (one object for equal pictures) -> n scores."""


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
    images: dict[bytes, Image.Image] = {}
    broken: dict[bytes, str] = {}
    for png, picture in {picture.png: picture for picture in pictures}.items():
        try:
            images[png] = opened(picture)
        except UnmeasurableError as problem:
            broken[png] = str(problem)
    good = [pair for pair in zip(prompts, pictures, strict=True) if pair[1].png in images]
    asked = [prompt for prompt, _ in good], [images[picture.png] for _, picture in good]
    found = iter(scorer(*asked) if good else [])
    return [
        Score(name, None, broken[picture.png]) if picture.png in broken else next(found)
        for picture in pictures
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

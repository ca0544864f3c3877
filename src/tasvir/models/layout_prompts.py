"""A prompt and a layout as the one text that a model was trained to read; boxes by `tasvir.codecs`.

FLUX 3 reads a caption that cites every element as <id>, one space, and a JSON table of the elements
(diffusers 0.42.1). MOSS-Image reads one JSON object with a caption, an entry a box and how boxes are written
(ComfyUI's documents, November 2026, which do not tell the names of the fields). Neither was tried with real
weights.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from tasvir.codecs import encode
from tasvir.errors import SettingError
from tasvir.models.quiet import quiet
from tasvir.records import Layout


def _flux3(text: str, layout: Layout, canvas: tuple[int, int]) -> str:
    rows = [{**row, "id": f"thing_{row['id'] + 1}"} for row in encode("flux3", layout, canvas)]
    cited = ", ".join(f"{row['desc']} <{row['id']}>" for row in rows)
    scene = f" Background: {layout.background}." if layout.background else ""
    return f"{_sentence(text)}{scene} In the picture: {cited}. {json.dumps(rows, ensure_ascii=False)}"


def _moss(text: str, layout: Layout, canvas: tuple[int, int]) -> str:
    scene = f" Background: {layout.background}." if layout.background else ""
    rows = encode("moss", layout, canvas)
    data = {
        "caption": f"{_sentence(text)}{scene}",
        "items": [{"label": "object", "caption": row["phrase"], "bbox": row["box"]} for row in rows],
        "bbox_format": "yxyx, pixels from the centre of the canvas",
        "canvas": {"width": canvas[0], "height": canvas[1]},
    }
    return json.dumps(data, ensure_ascii=False)


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


WRITERS: dict[str, Callable[[str, Layout, tuple[int, int]], str]] = {"flux3": _flux3, "moss": _moss}
"""By codec."""


def written(codec: str, text: str, layout: Layout | None, canvas: tuple[int, int]) -> str:
    """The text that the model reads; without things the prompt as it is.

    Args:
        codec: A key of `WRITERS`.
        text: The prompt.
        layout: What is where.
        canvas: Width and height in pixels of the picture that is drawn.
    """
    if layout is None or not layout.things:
        return text
    return WRITERS[codec](text, layout, canvas)


def require_readable(pipeline: Any, text: str) -> None:
    """Check that at least one of a pipeline's text encoders reads a text to its end.

    Raises:
        SettingError: All would cut it off, and boxes with it.
    """
    parameter = inspect.signature(type(pipeline).__call__).parameters.get("max_sequence_length")
    most = parameter.default if parameter is not None else None
    cut = []
    for name, tokenizer in pipeline.components.items():
        if "tokenizer" not in name or tokenizer is None:
            continue
        with quiet():  # a tokenizer warns of what the message below says better
            tokens = len(tokenizer(text).input_ids)
        reads = min(tokenizer.model_max_length, most or tokenizer.model_max_length)
        if tokens <= reads:
            return
        cut.append(f"{tokens} tokens of which {reads} are read")
    raise SettingError(
        f"the prompt with its layout is too long for this model ({'; '.join(cut) or 'it has no tokenizer'}): "
        "leave things out, or take a model that was trained to read layouts"
    )

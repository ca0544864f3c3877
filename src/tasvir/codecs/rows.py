"""Formats that are JSON data: one row a thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasvir.codecs.codec import (
    XYWH,
    XYWH_PX,
    XYXY,
    XYXY_PX,
    YXYX_1000,
    YXYX_CENTERED_PX,
    BrokenEntryError,
    Canvas,
    Codec,
    Form,
    numbers,
    read_all,
)
from tasvir.errors import LayoutError
from tasvir.records import Layout, Thing

Row = dict[str, Any]


def _writer(form: Form, phrase: str, box: str) -> Callable[[Layout, Canvas], list[Row]]:
    def write(layout: Layout, canvas: Canvas) -> list[dict[str, Any]]:
        return [{phrase: t.phrase, box: list(form.write(t.box, canvas))} for t in layout.things]

    return write


def _reader(name: str, form: Form, phrase: str, box: str) -> Callable[[Any, Canvas], Layout]:
    def read(data: Any, canvas: Canvas) -> Layout:
        return Layout(_read_rows(name, data, form, phrase, box, canvas))

    return read


def _read_rows(name: str, data: Any, form: Form, phrase: str, box: str, canvas: Canvas) -> tuple[Thing, ...]:
    def read_row(index: int, row: Any) -> Thing:
        if not isinstance(row, Mapping) or not isinstance(row.get(phrase), str):
            raise BrokenEntryError(f"row {index} must be an object with a text {phrase!r} and a list {box!r}")
        return Thing(row[phrase], form.read(numbers(row.get(box), f"row {index}: {box!r}"), canvas))

    return read_all(name, _rows(name, data), read_row)


def _rows(name: str, data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise LayoutError([f"expected a list of rows, got {type(data).__name__}"], name)
    return data


def _write_gligen(layout: Layout, _: Canvas) -> dict[str, Any]:
    return {
        "gligen_phrases": [thing.phrase for thing in layout.things],
        "gligen_boxes": [list(thing.box.as_tuple()) for thing in layout.things],
    }


def _read_gligen(data: Any, canvas: Canvas) -> Layout:
    phrases, boxes = (
        (data.get("gligen_phrases"), data.get("gligen_boxes")) if isinstance(data, Mapping) else (None, None)
    )
    if not isinstance(phrases, list) or not isinstance(boxes, list) or len(phrases) != len(boxes):
        raise LayoutError(
            ["expected 'gligen_phrases' and 'gligen_boxes', two lists of equal length"], "gligen"
        )
    rows = [{"phrase": phrase, "box": box} for phrase, box in zip(phrases, boxes, strict=True)]
    return Layout(_read_rows("gligen", rows, XYXY, "phrase", "box", canvas))


def _write_instancediffusion(layout: Layout, canvas: Canvas) -> dict[str, Any]:
    rows = _writer(XYWH_PX, "caption", "bbox")(layout, canvas)
    return {"caption": layout.background or "", "width": canvas[0], "height": canvas[1], "annos": rows}


def _read_instancediffusion(data: Any, canvas: Canvas) -> Layout:
    if not isinstance(data, Mapping):
        raise LayoutError(["expected an object with 'annos'"], "instancediffusion")
    sides = data.get("width", canvas[0]), data.get("height", canvas[1])
    if not all(type(side) is int and side > 0 for side in sides):
        raise LayoutError(["'width' and 'height' must be positive whole numbers"], "instancediffusion")
    things = _read_rows("instancediffusion", data.get("annos"), XYWH_PX, "caption", "bbox", sides)
    caption = data.get("caption")
    return Layout(things, caption if isinstance(caption, str) and caption else None)


def _write_genartist(layout: Layout, _: Canvas) -> list[dict[str, Any]]:
    return [
        {"object": t.phrase, "box": list(XYWH.write(t.box, (1, 1))), "pixels": False} for t in layout.things
    ]


def _read_genartist(data: Any, canvas: Canvas) -> Layout:
    def read_row(index: int, row: Any) -> Thing:
        if not isinstance(row, Mapping) or not isinstance(row.get("object"), str):
            raise BrokenEntryError(f"row {index} must be an object with a text 'object' and a list 'box'")
        form = XYXY_PX if row.get("pixels") is True else XYWH
        return Thing(row["object"], form.read(numbers(row.get("box"), f"row {index}: 'box'"), canvas))

    return Layout(read_all("genartist", _rows("genartist", data), read_row))


def _write_flux3(layout: Layout, canvas: Canvas) -> list[dict[str, Any]]:
    rows = _writer(YXYX_1000, "desc", "bbox")(layout, canvas)
    return [{"id": index, "bbox": row["bbox"], "desc": row["desc"]} for index, row in enumerate(rows)]


def _read_flux3(data: Any, canvas: Canvas) -> Layout:
    def read_row(index: int, row: Any) -> Thing:
        if not isinstance(row, Mapping) or not isinstance(row.get("desc"), str):
            raise BrokenEntryError(
                f"row {index} must be an object with 'id', a text 'desc' and a list 'bbox'"
            )
        values = numbers(row.get("bbox"), f"row {index}: 'bbox'")
        if min(values) < 0 or max(values) > 1000 or max(values) <= 1:
            raise BrokenEntryError(
                f"row {index}: 'bbox' must lie in 0 to 1000 and not in 0 to 1, got {values}"
            )
        if values[0] >= values[2] or values[1] >= values[3]:
            raise BrokenEntryError(f"row {index}: 'bbox' must be top, left, bottom, right, got {values}")
        return Thing(row["desc"], YXYX_1000.read(values, canvas))

    return Layout(read_all("flux3", _rows("flux3", data), read_row))


CODECS = (
    Codec(
        "gligen", "GLIGEN, IGLIGEN, InstanceDiffusion in diffusers, CreatiLayout", "x0, y0, x1, y1 in 0 to 1",
        (512, 512), 0.0, "fraction", _write_gligen, _read_gligen,
    ),
    Codec(
        "instancediffusion", "InstanceDiffusion's command line", "x, y, w, h in pixels",
        (512, 512), 0.5, "px", _write_instancediffusion, _read_instancediffusion, ("background",),
    ),
    Codec(
        "genartist", "GenArtist", "x, y, w, h in 0 to 1, or with the flag 'pixels' x0, y0, x1, y1 in pixels",
        (512, 512), 1e-12, "fraction", _write_genartist, _read_genartist,
    ),
    Codec(
        "t2i-copilot", "T2I-Copilot", "x0, y0, x1, y1 in pixels of 1024", (1024, 1024), 0.5, "px",
        _writer(XYXY_PX, "object", "bbox"), _reader("t2i-copilot", XYXY_PX, "object", "bbox"),
    ),
    Codec(
        "flux3", "FLUX 3", "table of id, [top, left, bottom, right] in whole 0 to 1000, desc",
        (1000, 1000), 0.0005, "fraction", _write_flux3, _read_flux3,
    ),
    Codec(
        "moss", "MOSS-Image", "y0, x0, y1, x1 in pixels from the centre of a canvas as large as the picture",
        (1024, 1024), 0.5, "px",
        _writer(YXYX_CENTERED_PX, "phrase", "box"), _reader("moss", YXYX_CENTERED_PX, "phrase", "box"),
    ),
)  # fmt: skip

"""A trace as one HTML file to enjoy reading: no network, no script, everything inline and escaped."""

from __future__ import annotations

import base64
import json
from typing import Any

from tasvir.records import Layout, Picture, Trace, Usage
from tasvir.report.box_drawing import VIEW_WIDTH, DrawnBox, colors_of, draw_boxes
from tasvir.report.page_templates import template

_ENDINGS = {
    "good": "The judge was content, so the loop stopped.",
    "rounds": "All rounds were used; the best picture was kept.",
    "aligned": "The guide found nothing left to change, so the loop stopped.",
    "single": "One picture was asked for, without a loop.",
    "interrupted": "The run was stopped before its end; what had been drawn is here.",
}


def render_trace(trace: Trace) -> str:
    """One self-contained HTML page of everything that happened to the prompt, finished or not."""
    layouts = [*trace.drafts, *(attempt.layout for attempt in trace.attempts if attempt.layout is not None)]
    colors = colors_of(layouts)
    height = _view_height(trace)
    attempts = [_attempt_view(trace, index, colors) for index in range(len(trace.attempts))]
    given = bool(trace.settings.get("layout_given"))
    return template("trace.html").render(
        prompt=trace.prompt.text,
        long=len(trace.prompt.text) > 90,
        seed=trace.seed,
        ending=_ENDINGS.get(trace.finished, trace.finished),
        attempts=attempts,
        best=None if trace.best_index is None else attempts[trace.best_index],
        drafts=_draft_views(trace.drafts, colors, height, given),
        layout_given=given,
        judged=any(attempt.verdict is not None for attempt in trace.attempts),
        view_width=VIEW_WIDTH,
        draft_height=height,
        seconds=_seconds(sum(sum(attempt.seconds.values()) for attempt in trace.attempts)),
        cost=_cost(trace.usage, trace.repairs),
        models=[
            (key, trace.settings[key]) for key in ("guide", "judge", "generator") if trace.settings.get(key)
        ],
        settings=[
            (key, "default" if value is None else _plain(value)) for key, value in trace.settings.items()
        ],
        trace_json=trace.to_json(),
    )


def _view_height(trace: Trace) -> float:
    """Height of the drafts' view: that of the first picture, or of the size in the settings, or a square."""
    if trace.attempts:
        return _height_of(trace.attempts[0].picture)
    size = trace.settings.get("size")
    if isinstance(size, list | tuple) and len(size) == 2 and size[0]:
        return round(VIEW_WIDTH * float(size[1]) / float(size[0]), 1)
    return VIEW_WIDTH


def _height_of(picture: Picture) -> float:
    return round(VIEW_WIDTH * picture.height / picture.width, 1)


def _draft_views(
    drafts: tuple[Layout, ...], colors: dict[str, str], height: float, given: bool
) -> list[dict[str, Any]]:
    views = []
    for index, layout in enumerate(drafts):
        before = drafts[index - 1] if index else None
        views.append(
            {
                "title": f"Revision {index}" if index else "Given" if given else "First plan",
                "unchanged": layout == before,
                "boxes": draw_boxes(layout, colors, height, before),
                "background": layout.background,
                "words": _words(layout),
            }
        )
    return views


def _attempt_view(trace: Trace, index: int, colors: dict[str, str]) -> dict[str, Any]:
    attempt = trace.attempts[index]
    height = _height_of(attempt.picture)
    boxes: tuple[DrawnBox, ...] = ()
    if attempt.layout is not None:
        boxes = draw_boxes(attempt.layout, colors, height)
    return {
        "number": attempt.index + 1,
        "is_best": index == trace.best_index,
        "image": "data:image/png;base64," + base64.b64encode(attempt.picture.png).decode("ascii"),
        "width": attempt.picture.width,
        "height": attempt.picture.height,
        "view_height": height,
        "boxes": boxes,
        "words": "" if attempt.layout is None else _words(attempt.layout),
        "plain": attempt.layout is None,
        "verdict": attempt.verdict,
        "changes": attempt.changes,
        "seconds": [(step, _seconds(value)) for step, value in attempt.seconds.items()],
        "next": _next_sentence(trace, index),
        "provenance": [(key, _plain(value)) for key, value in attempt.picture.provenance.items()],
        "seed": attempt.picture.provenance.get("seed", trace.seed),
    }


def _next_sentence(trace: Trace, index: int) -> str:
    """What the loop did after the last picture; nothing after the others, whose next round says it."""
    is_last = index == len(trace.attempts) - 1
    return _ENDINGS.get(trace.finished, trace.finished) if is_last else ""


def _words(layout: Layout) -> str:
    """The layout for those who do not see it."""
    things = "; ".join(
        f"{phrase} from ({box.x0:.2f}, {box.y0:.2f}) to ({box.x1:.2f}, {box.y1:.2f})"
        for phrase, box in ((thing.phrase, thing.box) for thing in layout.things)
    )
    return f"Layout, back to front: {things or 'no things'}."


def _cost(usage: Usage, repairs: int) -> str:
    """What the guide's calls cost, in one line; "" where none was made."""
    if not usage.calls:
        return ""
    parts = [f"{usage.calls} calls"]
    parts += [f"{usage.replayed} from kept replies"] if usage.replayed else []
    parts += [f"{repairs} to repair a reply"] if repairs else []
    parts.append(f"{usage.input_tokens:,} tokens read, {usage.output_tokens:,} written")
    parts.append("price not known" if usage.money is None else f"${usage.money:.4f}")
    return "; ".join([*parts, f"{_seconds(usage.seconds)} waited"])


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _plain(value: object) -> str:
    """A setting in one line: text as it is, everything else as JSON."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

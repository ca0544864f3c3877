"""The form of a reply as JSON schema, for providers that can hold a model to one.

The same form that `tasvir.guide.replies` reads; what a schema cannot say (sizes, overlaps, order of corners)
is checked there. Only what OpenAI, Google and Anthropic all take is used: lists are not counted here, and
every field is required.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


_REASONING = {"type": "string", "description": "at most 40 words"}

LAYOUT: dict[str, Any] = _object(
    reasoning=_REASONING,
    objects=_list(
        _object(
            phrase={"type": "string", "description": "one thing with its attributes"},
            box=_list({"type": "number"}, "x0, y0, x1, y1 in fractions of the picture, origin top left"),
        ),
        "farthest thing first",
    ),
    background={"anyOf": [{"type": "string"}, {"type": "null"}], "description": "what is behind the things"},
    overlaps=_list(
        _list({"type": "integer"}, "two indices into objects"),
        "pairs of things that a relation lets cover each other by more than half",
    ),
)

VERDICT: dict[str, Any] = _object(
    reasoning=_REASONING,
    score={"type": "integer", "enum": [1, 2, 3, 4, 5]},
    missing=_list({"type": "string"}, "what the prompt asks for and the picture does not show"),
)

BY_SKILL: Mapping[str, dict[str, Any]] = {
    "plan": LAYOUT,
    "revise": LAYOUT,
    "redesign": LAYOUT,
    "judge": VERDICT,
}
"""Skill -> the schema of its reply; a free question has none."""

"""The tree drawn in the docstring is the tree of the classes."""

from __future__ import annotations

import inspect
import re

from tasvir import errors
from tasvir.errors import LanguageError, LayoutError, ReplyError, TasvirError


def test_the_tree_is_as_drawn() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([│ ]*(?:[├└]── )?)([A-Z]\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4
            path = [*path[:depth], match[2]]
            drawn[match[2]] = path[depth - 1] if depth else "Exception"
    real = {
        name: value.__mro__[1].__name__
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, TasvirError)
    }
    assert drawn == real


def test_a_layout_error_lists_every_problem_at_once() -> None:
    problem = LayoutError(["box 0 is empty", "box 1 is outside"], "plan")
    assert str(problem) == "plan: 2 problems\n  - box 0 is empty\n  - box 1 is outside"
    assert problem.problems == ("box 0 is empty", "box 1 is outside")
    assert str(LayoutError(["x"])).startswith("layout: 1 problem\n")


def test_errors_keep_what_they_are_about() -> None:
    assert ReplyError("no JSON", "hello").reply == "hello"
    language = LanguageError("unknown word", ["dgo"], {"dgo": ["dog"]})
    assert (language.words, language.near) == (("dgo",), {"dgo": ["dog"]})

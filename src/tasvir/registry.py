"""Plugins by kind and name, through entry points: built-ins come in by the same door as strangers.

A kind is an entry-point group: "guides" is "tasvir.guides", and so on. Adding a plugin is one line in a
package's metadata; nothing is imported before it is asked for. A broken plugin is listed with its reason and
raises when it is loaded.

A plugin that stands for many models takes one after a colon: "openai:gpt-4o" is plugin "openai" with model
"gpt-4o", "http://localhost:8000/v1#name" is plugin "http" with the rest of the address.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from tasvir.errors import PluginError, TasvirError, UnknownNameError

Instance = TypeVar("Instance")

KINDS = (
    "guides",
    "generators",
    "editors",
    "metrics",
    "suites",
    "samplers",
    "lab.samplers",
    "lab.methods",
    "lab.families",
    "lab.experts",
    "lab.weightings",
)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One line of ``tasvir list``.

    Args:
        kind: One of `KINDS`.
        name: What the user types.
        package: The distribution it comes from.
        summary: First line of its docstring, "" where it has none or is broken.
        broken: Why it cannot be used, or None.
    """

    kind: str
    name: str
    package: str
    summary: str
    broken: str | None = None


def names(kind: str) -> tuple[str, ...]:
    """All names of a kind, sorted, broken ones included.

    Raises:
        UnknownNameError: No such kind.
    """
    return tuple(sorted({point.name for point in _points(kind)}))


def split(choice: str) -> tuple[str, str | None]:
    """Plugin and model: "openai:gpt-4o" -> ("openai", "gpt-4o"), "embedded" -> ("embedded", None)."""
    name, colon, model = choice.partition(":")
    return name, model if colon else None


def find(kind: str, choice: str) -> EntryPoint:
    """The entry point of a name (with or without a model), without importing it.

    Raises:
        UnknownNameError: No such kind or name; the message lists near names.
        PluginError: Two packages give the same name.
    """
    name, _ = split(choice)
    points = [point for point in _points(kind) if point.name == name]
    if not points:
        raise UnknownNameError(_unknown(f"no {_one(kind)} is called {choice!r}", name, names(kind)))
    if len(points) > 1:
        raise PluginError(_clash(kind, points))
    return points[0]


def load(kind: str, choice: str) -> Any:
    """Import a plugin and return what its entry point names (for most kinds a class).

    Raises:
        UnknownNameError: No such kind or name.
        PluginError: It cannot be imported, or two packages give the same name.
    """
    point = find(kind, choice)
    try:
        return point.load()
    except Exception as problem:
        raise PluginError(
            f"{_one(kind)} {point.name!r} of package {_package(point)!r} cannot be loaded: "
            f"{_reason(problem)}; mend or remove that package, or choose another name"
        ) from problem


def create(kind: str, choice: str | Instance, base: type[Instance], **options: Any) -> Instance:
    """An instance of a plugin by its name; an instance is handed through.

    Args:
        kind: One of `KINDS`.
        choice: "NAME" or "NAME:MODEL"; the model is the plugin's first argument.
        base: What the plugin must extend.
        options: Further keyword arguments of the plugin.

    Raises:
        UnknownNameError: No such name.
        PluginError: It cannot be loaded or made, or does not extend `base`.
    """
    plugin: object = choice
    if isinstance(choice, str):
        plugin = load(kind, choice)
        if isinstance(plugin, type) and issubclass(plugin, base):
            plugin = _make(kind, choice, plugin, options)
    if not isinstance(plugin, base):
        raise PluginError(
            f"{_one(kind)} {choice!r} must extend {base.__module__}.{base.__name__}, and does not"
        )
    return plugin


def _make(kind: str, choice: str, plugin: type[Instance], options: dict[str, Any]) -> Instance:
    _check_model(kind, choice, plugin)
    name, model = split(choice)
    try:
        return plugin(**({} if model is None else {"model": model}), **options)
    except TasvirError:
        raise
    except Exception as problem:
        raise PluginError(f"{_one(kind)} {name!r} cannot be started: {_reason(problem)}") from problem


def load_whole(kind: str, choice: str) -> Any:
    """Import a plugin as `load` does, and check that a model stands after the colon where one must.

    Raises:
        UnknownNameError: No such kind or name, or a model too many or too few.
        PluginError: It cannot be imported.
    """
    plugin = load(kind, choice)
    _check_model(kind, choice, plugin)
    return plugin


def _check_model(kind: str, choice: str, plugin: Any) -> None:
    name, model = split(choice)
    takes = parameters(plugin)
    what = f"{_one(kind)} {name!r}"
    if model is not None and "model" not in takes:
        raise UnknownNameError(f"{what} takes nothing after a colon: write {name!r}")
    if model is None and "model" in takes and takes["model"].default is inspect.Parameter.empty:
        if kind == "suites":
            raise UnknownNameError(f"{what} stands for many suites: say which, such as {name}:PATH")
        raise UnknownNameError(f"{what} stands for many models: write {name}:MODEL")


def package(kind: str, choice: str) -> str:
    """The distribution that a plugin comes from, with its version: "tasvir 0.1.0".

    Raises:
        UnknownNameError: No such kind or name.
    """
    point = find(kind, choice)
    return f"{_package(point)} {point.dist.version if point.dist else ''}".strip()


def parameters(plugin: Any) -> dict[str, inspect.Parameter]:
    """What a plugin can be made with, by name."""
    return dict(inspect.signature(plugin).parameters)


def describe(kind: str) -> tuple[Plugin, ...]:
    """Every plugin of a kind with its summary or the reason why it is broken.

    Our own plugins are read without being imported, so that listing loads no torch; a stranger's are really
    loaded, because only that shows whether they work.
    """
    found = []
    for name in names(kind):
        points = [point for point in _points(kind) if point.name == name]
        package = " and ".join(_package(point) for point in points)
        try:
            if len(points) > 1:
                raise PluginError(_clash(kind, points))
            summary = _summary_unseen(points[0]) if package == "tasvir" else _summary(points[0].load())
            found.append(Plugin(kind, name, package, summary))
        except Exception as problem:
            found.append(Plugin(kind, name, package, "", _reason(problem)))
    return tuple(found)


def _points(kind: str) -> list[EntryPoint]:
    if kind not in KINDS:
        raise UnknownNameError(_unknown(f"no kind of plugin is called {kind!r}", kind, KINDS))
    points = _installed(kind, tuple(sys.path))
    return sorted(points, key=lambda point: (point.name, _package(point)))


@cache
def _installed(kind: str, _: tuple[str, ...]) -> EntryPoints:
    """The entry points of a kind in the packages on a path; reading them takes some 20 ms."""
    return entry_points(group=f"tasvir.{kind}")


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"


def _clash(kind: str, points: Sequence[EntryPoint]) -> str:
    packages = " and ".join(repr(_package(point)) for point in points)
    return f"{_one(kind)} {points[0].name!r} is given by {packages}: uninstall all but one"


def _one(kind: str) -> str:
    """A plugin of a kind, in the singular."""
    return f"{kind.removesuffix('ies')}y" if kind.endswith("ies") else kind.removesuffix("s")


def _unknown(message: str, name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(word) for word in near)}? " if near else ""
    return f"{message}; {hint}known: {', '.join(known) or 'none'}"


def _reason(problem: Exception) -> str:
    return str(problem) if isinstance(problem, PluginError) else f"{type(problem).__name__}: {problem}"


def _summary(plugin: Any) -> str:
    lines = (inspect.getdoc(plugin) or "").strip().splitlines()
    return lines[0] if lines else ""


def _summary_unseen(point: EntryPoint) -> str:
    """Read a plugin's summary from its source, and check that the module, its imports and the name are there.

    Raises:
        PluginError: Something is missing.
    """
    spec = find_spec(point.module)
    if spec is None or spec.origin is None:
        raise PluginError(f"module {point.module!r} is missing")
    if not point.module.startswith("tasvir."):
        return f"{point.attr} of {point.module}"
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for module in _top_imports(tree):
        if find_spec(module) is None:
            raise PluginError(f"needs the package {module!r}, which is not installed")
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise PluginError(f"module {point.module!r} has no {point.attr!r}")


def _top_imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found

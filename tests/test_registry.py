"""Plugins through real metadata: a third-party package laid on sys.path, sound and broken."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasvir import generate, registry
from tasvir.errors import PluginError, UnknownNameError
from tasvir.generate.base import Generator
from tasvir.guide.base import Guide

EXAMPLE = Path(__file__).parent / "example_plugin"
Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that Python searches for packages."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("tasvir_example", "stranger")):
            del sys.modules[name]


def install(site: Path, package: str, entry_points: dict[str, dict[str, str]], **modules: str) -> None:
    """Lay a package's metadata and modules down as an installer would."""
    info = site / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8"
    )
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source, encoding="utf-8")


@pytest.fixture
def example(site: Path) -> None:
    """The example package, installed from its own pyproject.toml."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(site, project["name"], project["entry-points"])
    shutil.copytree(EXAMPLE / "tasvir_example", site / "tasvir_example")


@pytest.mark.usefixtures("example")
def test_a_strangers_plugins_are_listed_beside_ours() -> None:
    assert {"embedded", "middle"} <= set(registry.names("guides"))
    (middle,) = [plugin for plugin in registry.describe("guides") if plugin.name == "middle"]
    assert (middle.package, middle.broken) == ("tasvir-example", None)
    assert middle.summary == "Puts the whole prompt into one box in the middle."


@pytest.mark.usefixtures("example")
def test_a_strangers_plugins_draw_a_picture() -> None:
    trace = generate("a red car", guide="middle", generator="blocks", seed=1)
    assert (trace.finished, trace.best.verdict.score) == ("good", 5)  # type: ignore[union-attr]
    assert trace.settings["generator"] == "blocks"


@pytest.mark.usefixtures("example")
def test_create_makes_plugins_and_hands_instances_through() -> None:
    guide = registry.create("guides", "middle", Guide)
    assert guide.name == "middle" and registry.create("guides", guide, Guide) is guide
    with pytest.raises(PluginError, match="must extend"):
        registry.create("guides", "middle", Generator)


BROKEN = {
    "no module": ("stranger_missing:Guide", "", "ModuleNotFoundError"),
    "no name": ("stranger:Nothing", "x = 1", "Nothing"),
    "raises": ("stranger:Guide", "raise RuntimeError('licence expired')", "licence expired"),
    "needs more": ("stranger:Guide", "import package_that_is_not_there", "package_that_is_not_there"),
    "syntax": ("stranger:Guide", "def", "SyntaxError"),
}


@pytest.mark.parametrize(("target", "source", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason_and_raises(
    site: Path, target: str, source: str, words: str
) -> None:
    install(site, "stranger-things", {"tasvir.guides": {"strange": target}}, stranger=source)
    (plugin,) = [plugin for plugin in registry.describe("guides") if plugin.name == "strange"]
    assert plugin.broken is not None and words in plugin.broken
    with pytest.raises(PluginError, match="stranger-things") as caught:
        registry.load("guides", "strange")
    assert words in str(caught.value)
    assert "embedded" in registry.names("guides")


def test_a_plugin_that_cannot_be_started(site: Path) -> None:
    source = "from tasvir.guide.base import Guide\nclass Half(Guide):\n    name = 'half'\n"
    install(site, "stranger-things", {"tasvir.guides": {"half": "stranger:Half"}}, stranger=source)
    with pytest.raises(PluginError, match=r"cannot be started.*reply"):
        registry.create("guides", "half", Guide)


def test_two_packages_with_one_name(site: Path) -> None:
    for package in ("stranger-one", "stranger-two"):
        install(site, package, {"tasvir.guides": {"same": "stranger:Guide"}})
    with pytest.raises(PluginError, match="'stranger-one' and 'stranger-two'"):
        registry.load("guides", "same")
    (plugin,) = [plugin for plugin in registry.describe("guides") if plugin.name == "same"]
    assert plugin.broken is not None and plugin.package == "stranger-one and stranger-two"
    assert registry.names("guides").count("same") == 1


def test_unknown_names_and_kinds() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'embedded'"):
        registry.load("guides", "embedde")
    with pytest.raises(UnknownNameError, match="did you mean 'guides'"):
        registry.names("guide")


def test_a_kind_is_named_in_the_singular() -> None:
    with pytest.raises(UnknownNameError, match=r"^no lab\.family is called 'nope'"):
        registry.find("lab.families", "nope")
    with pytest.raises(UnknownNameError, match=r"^no generator is called 'nope'"):
        registry.find("generators", "nope")

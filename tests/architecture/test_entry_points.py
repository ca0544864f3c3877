"""Every entry point of this package leads somewhere, and the light paths stay light."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tasvir import registry

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = ("torch", "diffusers", "transformers", "tokenizers")
OURS = [
    (kind, name, target)
    for kind in registry.KINDS
    for name, target in PROJECT["entry-points"].get(f"tasvir.{kind}", {}).items()
]


@pytest.mark.parametrize(("kind", "name", "target"), OURS, ids=[f"{kind}-{name}" for kind, name, _ in OURS])
def test_each_entry_point_loads(kind: str, name: str, target: str) -> None:
    plugin = registry.load(kind, name)
    assert f"{plugin.__module__}:{plugin.__qualname__}".startswith(target.partition(":")[0])
    if kind != "samplers":
        assert plugin.name == name
        assert (plugin.__doc__ or "").strip(), f"{target} needs a docstring: tasvir list shows its first line"


def test_the_installed_metadata_is_that_of_pyproject() -> None:
    for kind in registry.KINDS:
        installed = {
            p.name: p.value
            for p in entry_points(group=f"tasvir.{kind}")
            if p.dist and p.dist.name == "tasvir"
        }
        assert installed == PROJECT["entry-points"].get(f"tasvir.{kind}", {})


def test_nothing_of_ours_is_listed_as_broken() -> None:
    broken = [plugin for kind in registry.KINDS for plugin in registry.describe(kind) if plugin.broken]
    assert broken == []


def _loaded_after(code: str) -> set[str]:
    """Heavy packages that a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "from tasvir import generate",
        "import tasvir.pipeline, tasvir.codecs, tasvir.world.scene",
        "from tasvir import registry\nfor kind in registry.KINDS: registry.describe(kind)",
    ],
    ids=["generate", "rooms", "list"],
)
def test_light_paths_load_nothing_heavy(code: str) -> None:
    assert _loaded_after(code) == set()


def test_generate_stays_callable_whatever_is_imported_first() -> None:
    script = (
        "import tasvir.generate.base, tasvir.guide.base, tasvir\n"
        "from tasvir import generate\n"
        "for call in (generate, tasvir.generate):\n"
        "    try: call('  ')\n"
        "    except tasvir.errors.PromptError as problem: print('refused')\n"
        "print(tasvir.generate.base.Generator.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["refused", "refused", "Generator"]


def test_importing_tasvir_alone_loads_no_numpy() -> None:
    script = "import tasvir, sys; print('numpy' in sys.modules, 'generate' in dir(tasvir))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]

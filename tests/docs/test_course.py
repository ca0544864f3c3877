"""The course: all seventeen notebooks are there, are their pages as run, and each page still runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "docs" / "lab" / "course"
PAGES = sorted((COURSE / "source").glob("*.md"))
IDS = [page.stem for page in PAGES]
MACHINE_PATH = re.compile(r"/(work|home|root|tmp|usr|Users)/|ipykernel_\d+")


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("course", ROOT / "scripts" / "course.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builder = _builder()


def test_there_is_a_notebook_for_every_section() -> None:
    assert len(PAGES) == 17
    assert [one.stem for one in sorted(COURSE.glob("*.ipynb"))] == IDS
    front = (COURSE / "README.md").read_text("utf-8")
    assert all(f"({name}.ipynb)" in front for name in IDS)
    assert sum(one.stat().st_size for one in COURSE.rglob("*") if one.is_file()) < 3_000_000


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_stored_notebook_is_its_page_as_run(page: Path) -> None:
    stored = nbformat.read(COURSE / f"{page.stem}.ipynb", as_version=4)
    text = page.read_text("utf-8")
    assert [(cell.cell_type, cell.source) for cell in stored.cells] == builder.cells_of(text)
    outputs = [output for cell in stored.cells if cell.cell_type == "code" for output in cell.outputs]
    kinds = {output.output_type for output in outputs}
    assert "stream" in kinds and "error" not in kinds
    assert all(output.get("name") != "stderr" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    told = "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs
    )
    assert not MACHINE_PATH.search(told + text)
    assert "## Exercise" in text and "assert " in text


def test_a_cell_that_raises_stops_the_builder() -> None:
    from nbclient.exceptions import CellExecutionError

    broken = builder.notebook_of("# Broken\n\n```python\nassert 1 + 1 == 3\n```\n")
    with pytest.raises(CellExecutionError, match="AssertionError"):
        builder.execute(broken)


@pytest.mark.notebooks
@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_page_runs(page: Path) -> None:
    builder.execute(builder.notebook_of(page.read_text("utf-8")))

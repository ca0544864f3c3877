"""Figures go into their cells and nowhere else."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

DOCUMENT = (
    "Help: <!-- result:help -->not measured yet<!-- /result -->, "
    "peak: <!-- result:peak -->not\nyet<!-- /result -->."
)


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("fill_results")


def test_a_cell_is_filled_and_can_be_filled_again(module: ModuleType, tmp_path: Path) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text(DOCUMENT, "utf-8")
    for value in ("0.3 s", r"0.2 s (\1)"):
        figures.write_text(json.dumps({"help": value}), "utf-8")
        module.main([str(figures), str(page)])
        assert page.read_text("utf-8") == DOCUMENT.replace("not measured yet", value)


def test_a_figure_without_a_cell_changes_nothing(
    module: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text(DOCUMENT, "utf-8")
    figures.write_text(json.dumps({"help": "0.3 s", "speed": "9"}), "utf-8")
    with pytest.raises(SystemExit):
        module.main([str(figures), str(page)])
    assert "no document has a cell for speed" in capsys.readouterr().err
    assert page.read_text("utf-8") == DOCUMENT


def test_the_cells_of_readme_and_notebook_are_whole(module: ModuleType) -> None:
    root = Path(__file__).parents[2]
    for page in (root / "README.md", root / "docs" / "notebook.md"):
        text = page.read_text("utf-8")
        cells = list(module.CELL.finditer(text))
        assert cells
        assert len(cells) == text.count("<!-- result:") == text.count("<!-- /result -->")
        assert all("<!--" not in cell["text"] for cell in cells)

"""WeasyPrint for tests, by the product's own door, which keeps Pillow as strict as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tasvir.errors import PluginError
from tasvir.report.study.paper import check_pdf


def weasyprint_or_skip() -> Any:
    """The module; the test is skipped where it cannot be loaded."""
    try:
        check_pdf()
    except PluginError as problem:
        pytest.skip(str(problem))
    import weasyprint

    return weasyprint

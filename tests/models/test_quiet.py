"""The libraries are silent inside, and outside as they were."""

from __future__ import annotations

import pytest
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from tasvir.models.quiet import quiet

LIBRARIES = (diffusers_logging, transformers_logging)


@pytest.mark.parametrize("bar", [True, False])
def test_quiet_ends_as_it_was_before_even_after_an_error(bar: bool) -> None:
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in LIBRARIES]
    try:
        for library in LIBRARIES:
            library.set_verbosity_info()
            (library.enable_progress_bar if bar else library.disable_progress_bar)()
        with pytest.raises(ZeroDivisionError), quiet():
            for library in LIBRARIES:
                assert library.get_verbosity() == library.ERROR
                assert not library.is_progress_bar_enabled()
            _ = 1 / 0
        for library in LIBRARIES:
            assert library.get_verbosity() == library.INFO
            assert library.is_progress_bar_enabled() is bar
    finally:
        for library, (verbosity, shown) in zip(LIBRARIES, before, strict=True):
            library.set_verbosity(verbosity)
            (library.enable_progress_bar if shown else library.disable_progress_bar)()

"""Samplers are looked up by name before anything is loaded, the laboratory's too."""

from __future__ import annotations

import pytest

from tasvir import pipeline
from tasvir.bench.asked import settings_of
from tasvir.errors import UnknownNameError
from tasvir.generate.samplers import find_sampler


def test_names_that_exist() -> None:
    for name in ("euler", "lab:ddim", "lab:dpmpp-2m"):
        find_sampler(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("eulr", "did you mean 'euler'"),
        ("lab:ddmi", "did you mean 'ddim'"),
        ("lab", "say which, such as lab:heun"),
        ("lab:", "say which, such as lab:heun"),
    ],
)
def test_names_that_do_not(name: str, said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        find_sampler(name)
    with pytest.raises(UnknownNameError, match=said):
        settings_of({"sampler": name}, {})
    with pytest.raises(UnknownNameError, match=said):
        pipeline.generate("a ball", sampler=name)

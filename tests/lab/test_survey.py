"""The survey's facts: whole, linked to files that are there, and found by what is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tasvir
from tasvir.errors import UnknownNameError
from tasvir.lab.survey import CATEGORIES, DATASETS, Wanted, Work, figures, find_figures, find_works, works

HOUSE = Path(tasvir.__file__).parent


def test_every_work_is_of_a_category_and_has_an_idea() -> None:
    assert len(works()) == 144
    assert {work.category for work in works().values()} == set(CATEGORIES)
    assert all(work.idea and 2005 < work.year < 2024 for work in works().values())


@pytest.mark.parametrize("work", [w for w in works().values() if w.implemented], ids=lambda work: work.name)
def test_what_is_called_implemented_is_there(work: Work) -> None:
    assert work.implemented is not None
    assert (HOUSE / work.implemented).is_file(), f"{work.name}: {work.implemented} is not there"


def test_every_row_has_its_work_and_a_figure() -> None:
    assert {figure.dataset for figure in figures()} == set(DATASETS)
    for figure in figures():
        assert figure.reference in works(), figure
        assert any(value is not None for value in (figure.fid, figure.inception_score, figure.nll)), figure


def test_the_tables_are_as_long_as_printed_and_in_order_of_fid() -> None:
    lengths = {name: len(find_figures(name, Wanted())) for name in DATASETS}
    assert lengths == {"cifar10": 80, "celeba64": 39, "imagenet64": 24}
    fids = [figure.fid for figure, _ in find_figures("cifar10", Wanted()) if figure.fid is not None]
    assert fids == sorted(fids)


def test_single_facts() -> None:
    """Read off tables 4.5 and 4.7 by eye."""
    edm = [figure for figure, work in find_figures("cifar10", Wanted(text="edm")) if figure.model == "EDM"]
    assert (edm[0].fid, edm[0].nll) == (1.97, None)
    ctm = next(figure for figure in figures() if figure.model == "CTM" and figure.dataset == "imagenet64")
    assert ctm.inception_score == 63.9 and ctm.nll is None and "printed in the column of NLL" in ctm.note


def test_filters() -> None:
    found = find_figures("cifar10", Wanted("space projection", (2021, 2021)))
    assert found and all(work.year == 2021 and work.category == "space projection" for _, work in found)
    free = find_works(Wanted("training-free"))
    assert {work.category for work in free} >= {"SDE solver", "ODE solver", "distillation"}
    assert len(find_works(Wanted(implemented=True))) + len(find_works(Wanted(implemented=False))) == 144
    assert [work.name for work in find_works(Wanted(text="gotta go"))] == ["Gotta Go Fast"]


@pytest.mark.parametrize("call", [lambda: find_figures("mnist", Wanted()), lambda: find_works(Wanted("x"))])
def test_unknown_names_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(UnknownNameError, match="known:"):
        call()

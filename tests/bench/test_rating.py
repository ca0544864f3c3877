"""Which pictures people rate, in which order, and ratings as CSV, out and in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasvir.bench.rating import check_rater, export_ratings, order_for, rateable, ratings_of, read_ratings
from tasvir.errors import RecordError, SettingError
from tasvir.records import SuitePrompt
from tasvir.results import Cell, ModelInfo, Rating, RunResults

MODELS = ("plain", "guided")


def run(n_prompts: int = 6, ratings: tuple[Rating, ...] = ()) -> RunResults:
    prompts = {
        ("own", f"p{i}"): SuitePrompt(f"p{i}", f"text {i}", ("one", "two")[i % 2]) for i in range(n_prompts)
    }
    cells = [
        Cell("own", prompt, model, 0, picture=f"{prompt}-{model}")
        for _, prompt in prompts
        for model in MODELS
    ]
    cells.append(Cell("own", "p0", "guided", 1, reason="not drawn yet"))
    cells.append(Cell("own", "p1", "guided", 1, picture="black", story={"blocked": "taken for unsafe"}))
    cells.append(Cell("own", "p2", "guided", 1, picture="p2-plain"))  # the same picture once more
    models = tuple(ModelInfo(name, name) for name in MODELS)
    return RunResults({}, {"own": {}}, prompts, models, (), tuple(cells), ratings=ratings)


def test_every_picture_comes_once_and_blocked_ones_never() -> None:
    found = rateable(run())
    assert sorted(one.picture for one in found) == sorted(f"p{i}-{m}" for i in range(6) for m in MODELS)
    assert {one.text for one in found} == {f"text {i}" for i in range(6)}


def test_a_sample_is_the_same_for_all_and_even_over_models_and_categories() -> None:
    sample = rateable(run(), 4)
    assert sample == rateable(run(), 4)
    of = [(one.picture.split("-")[1], int(one.prompt[1]) % 2) for one in sample]
    assert sorted(of) == [("guided", 0), ("guided", 1), ("plain", 0), ("plain", 1)]
    assert len(rateable(run(), 99)) == 12
    with pytest.raises(SettingError, match="no pictures"):
        rateable(RunResults({}, {}, {}, (), (), ()))


def test_each_rater_has_an_order_of_their_own_and_keeps_it() -> None:
    assert order_for("Ada", 50) == order_for("Ada", 50) != order_for("Bo", 50)
    assert sorted(order_for("Ada", 50)) == list(range(50))


@pytest.mark.parametrize("name", ["", "  ", "=1+1", "@x", "a" * 61, "a\nb", "\x00"])
def test_names_that_cannot_be_kept_are_refused(name: str) -> None:
    with pytest.raises(SettingError, match="name or initials"):
        check_rater(name)


def test_ratings_come_back_as_they_went_out(tmp_path: Path) -> None:
    ratings = (
        Rating("Ada, PhD", "own", "p0", "p0-plain", 5, 2.5),
        Rating("Şirin", "own", "p1", "p1-guided", 1, None),
    )
    file = tmp_path / "ratings.csv"
    assert export_ratings(run(ratings=ratings), file) == 2
    assert read_ratings(run(), file) == list(ratings)
    assert read_ratings(run(ratings=ratings), file) == []  # nothing is taken in twice
    assert ratings_of(run(ratings=ratings), "Şirin") == {("own", "p1", "p1-guided"): 1}


def test_ratings_made_elsewhere_may_name_the_model(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "Rater;Prompt;Model;Value;Seed;Seconds\nBo;p1;plain;4;0;3,5\nBo;p2;guided;2;0;\n", "utf-8-sig"
    )
    assert read_ratings(run(), file) == [
        Rating("Bo", "own", "p1", "p1-plain", 4, 3.5),
        Rating("Bo", "own", "p2", "p2-guided", 2, None),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Bo,p1,plain,6", "line 3.*expected a whole number from 1 to 5"),
        ("Bo,p1,plain,", "lacks value"),
        ("Bo,p1,,3", "lacks picture or model"),
        ("Bo,p9,plain,3", "0 pictures"),
        ("Bo,p2,guided,3", "2 pictures"),
        ("=x(),p1,plain,3", "name or initials"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken_in(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(f"rater,prompt,model,value\nBo,p1,plain,3\n{line}\n", "utf-8")
    with pytest.raises(RecordError, match=message):
        read_ratings(run(), file)
    with pytest.raises(RecordError, match="cannot read"):
        read_ratings(run(), tmp_path / "none.csv")

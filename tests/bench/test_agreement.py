"""A person's answers against the oracle's: who is asked what, and what comes of it."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasvir.bench import kept
from tasvir.bench.agreement import choose, draw_sample, measure_agreement
from tasvir.bench.lines import append_line, replace_lines
from tasvir.bench.result import agreement_words
from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.records import Picture

ARMS = ("unguided", "loop")
CATEGORIES = ("spatial", "count", "action")
STAMP = {"generator": "g", "guide": "h", "weights": None, "metric": "m", "oracle": "o1"}


def picture(red: int) -> Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (128, 128), (red, 0, 0)).save(buffer, "PNG")
    return Picture(buffer.getvalue(), 128, 128)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """10 prompts of each of 3 categories by 2 arms; a picture's red is its row's number. Row 0: no score."""
    out = tmp_path / "run"
    out.mkdir()
    keys = [(f"{name}-{number}", name, arm) for name in CATEGORIES for number in range(10) for arm in ARMS]
    for red, (name, category, arm) in enumerate(keys):
        kept.write_picture(out, arm, name, picture(red))
        correct = None if red == 0 else red % 3 == 0
        row = {"id": name, "category": category, "arm": arm, "seed": 0, "text": f'the "{name}", once'}
        append_line(out / kept.RESULTS, {**row, "correct": correct, "models": STAMP})
    return out


def form(folder: Path) -> list[dict[str, str]]:
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fill(folder: Path, answers: dict[int, str], delimiter: str = ",") -> Path:
    """Write answers by the pictures' numbers, as a spreadsheet would save them."""
    lines = [{**line, "correct": answers.get(int(line["number"]), "")} for line in form(folder)]
    path = folder / "filled.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, list(lines[0]), delimiter=delimiter)
        table.writeheader()
        table.writerows(lines)
    return path


def said(run: Path) -> dict[tuple[str, str], bool | None]:
    return {key: row["correct"] for key, row in kept.read_rows(run).items()}


def test_a_sample_is_even_over_arms_and_categories() -> None:
    rows = [
        {"id": str(number), "arm": arm, "category": category}
        for arm, category, count in [("a", "x", 40), ("a", "y", 4), ("b", "x", 40), ("b", "y", 40)]
        for number in range(count)
    ]
    chosen = choose(rows, 30, np.random.default_rng(0))
    counts = Counter((row["arm"], row["category"]) for row in chosen)
    assert counts["a", "y"] == 4
    assert sorted(counts.values()) == [4, 8, 9, 9]
    assert len({(row["arm"], row["category"], row["id"]) for row in chosen}) == 30
    assert chosen == choose(rows, 30, np.random.default_rng(0))
    assert chosen != choose(rows, 30, np.random.default_rng(1))
    blocks = [(row["arm"], row["category"]) for row in chosen]
    assert blocks != sorted(blocks) and blocks[:4] != blocks[4:8]  # nor in turns: the order tells no arm
    with pytest.raises(SettingError, match="out of 124 scored pictures"):
        choose(rows, 125, np.random.default_rng(0))


def test_the_sample_holds_the_run_s_pictures_by_number(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample"
    sheets = draw_sample(run, out, count=30, seed=3)
    lines = form(out)
    assert [int(line["number"]) for line in lines] == list(range(1, 31))
    assert {line["correct"] for line in lines} == {""}
    assert Counter(line["arm"] for line in lines) == {"unguided": 15, "loop": 15}
    rows = kept.read_rows(run)
    for line in lines:
        source = run / "pictures" / line["arm"] / f"{line['id']}.png"
        assert (out / "pictures" / f"{int(line['number']):03}.png").read_bytes() == source.read_bytes()
        assert line["text"] == rows[line["id"], line["arm"]]["text"]
    assert ("spatial-0", "unguided") not in {(line["id"], line["arm"]) for line in lines}  # was not scored
    assert [path.name for path in sheets] == ["sheet-1.png", "sheet-2.png"]
    first, last = (Image.open(path) for path in sheets)
    assert first.width == last.width >= 5 * 192
    assert first.height >= 5 * 192 > last.height >= 192
    reds = [Image.open(out / "pictures" / f"{number:03}.png").getpixel((0, 0))[0] for number in (1, 2, 26)]
    middle = [
        sheet.getpixel(place)[0]
        for sheet, place in ((first, (112, 112)), (first, (320, 112)), (last, (112, 112)))
    ]
    assert middle == reds


def test_only_the_arms_asked_for(run: Path, tmp_path: Path) -> None:
    draw_sample(run, tmp_path / "sample", count=30, arms=["loop"])
    assert {line["arm"] for line in form(tmp_path / "sample")} == {"loop"}
    with pytest.raises(SettingError, match="nothing of the arm 'lop': it holds unguided, loop"):
        draw_sample(run, tmp_path / "other", count=1, arms=["lop"])
    with pytest.raises(SettingError, match="a sample of 60 out of 59"):
        draw_sample(run, tmp_path / "other", count=60)
    with pytest.raises(RecordError, match="holds no results"):
        draw_sample(tmp_path / "nowhere", tmp_path / "other", count=1)
    assert not (tmp_path / "other").exists()


def test_answers_are_never_overwritten(run: Path, tmp_path: Path) -> None:
    draw_sample(run, tmp_path / "sample", count=2)
    with pytest.raises(OutputError, match=r"holds an answers\.csv already"):
        draw_sample(run, tmp_path / "sample", count=2)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_agreement_by_hand(run: Path, tmp_path: Path, delimiter: str) -> None:
    """The person says yes to what the oracle says yes to but for one, and to one more; ten stay open."""
    out = tmp_path / "sample"
    draw_sample(run, out, count=59)
    oracle = {int(line["number"]): said(run)[line["id"], line["arm"]] for line in form(out)}
    yes = [number for number, correct in oracle.items() if correct]
    no = [number for number, correct in oracle.items() if not correct]
    assert (len(yes), len(no)) == (19, 40)
    answers = dict.fromkeys(yes[1:], "Yes ") | dict.fromkeys(no[11:], "no") | {yes[0]: "no", no[10]: "y"}
    figures = measure_agreement(run, fill(out, answers, delimiter))
    assert figures["confusion"] == {
        "person yes, oracle yes": 18,
        "person yes, oracle no": 1,
        "person no, oracle yes": 1,
        "person no, oracle no": 29,
    }
    assert (figures["n"], figures["unanswered"]) == (49, 10)
    chance = (19 / 49) ** 2 + (30 / 49) ** 2
    assert figures["agreement"] == pytest.approx(47 / 49)
    assert figures["kappa"] == pytest.approx((47 / 49 - chance) / (1 - chance))
    low, high = figures["interval"]
    assert (low, high) == (pytest.approx(0.8629, abs=1e-4), pytest.approx(0.9887, abs=1e-4))
    assert figures["scored_by"] == {"metric": "m", "oracle": "o1"}
    assert json.loads((out / "agreement.json").read_text()) == figures
    assert agreement_words(figures) == (
        f"0.959, 95 % interval [0.863, 0.989], Cohen's kappa {figures['kappa']:.2f}, n 49"
    )


def test_one_answer_always_has_no_kappa(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample"
    draw_sample(run, out, count=20)
    right = [int(line["number"]) for line in form(out) if said(run)[line["id"], line["arm"]]]
    figures = measure_agreement(run, fill(out, dict.fromkeys(right, "yes")))
    assert (figures["agreement"], figures["kappa"]) == (1.0, None)
    assert figures["kappa_reason"]


def test_answers_that_cannot_be_used_are_refused(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample"
    draw_sample(run, out, count=3)
    with pytest.raises(RecordError, match="no answer yet"):
        measure_agreement(run, out / "answers.csv")
    with pytest.raises(RecordError, match="picture 2 is answered 'perhaps': write yes or no"):
        measure_agreement(run, fill(out, {1: "yes", 2: "perhaps"}))
    with pytest.raises(RecordError, match="cannot read the answers"):
        measure_agreement(run, out / "nothing.csv")
    (out / "other.csv").write_text("number,correct\n1,yes\n")
    with pytest.raises(RecordError, match="needs the columns number, id, arm, text, correct"):
        measure_agreement(run, out / "other.csv")
    with pytest.raises(RecordError, match="holds no scored picture of"):
        measure_agreement(tmp_path, fill(out, {1: "yes"}))
    assert not (out / "agreement.json").exists()


def test_a_run_scored_by_two_oracles_has_no_agreement(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "sample"
    draw_sample(run, out, count=2)
    filled = fill(out, {1: "yes", 2: "yes"})
    rows: list[dict[str, Any]] = list(kept.read_rows(run).values())
    second = (form(out)[1]["id"], form(out)[1]["arm"])
    replace_lines(
        run / kept.RESULTS,
        [
            {**row, "models": {**STAMP, "oracle": "o2"}} if (row["id"], row["arm"]) == second else row
            for row in rows
        ],
    )
    with pytest.raises(RecordError, match="several oracles"):
        measure_agreement(run, filled)

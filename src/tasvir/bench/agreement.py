"""Does a person see what the oracle sees? A sample of evaluated pictures to answer, and the agreement.

The sample is spread evenly over arms and categories and then shuffled; neither pictures nor sheets tell the
arm or what the oracle said, so that the answers are the person's own.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasvir.bench import kept
from tasvir.bench.contact_sheet import sheets
from tasvir.bench.filled_table import filled_table
from tasvir.bench.kept import Row
from tasvir.bench.lines import try_writing, writing
from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.score.statistics import cohens_kappa, mean_interval

COLUMNS = ("number", "id", "arm", "text", "correct")
ANSWERS = {"yes": True, "y": True, "no": False, "n": False}


def draw_sample(run: Path, out: Path, *, count: int, seed: int = 0, arms: Sequence[str] = ()) -> list[Path]:
    """Put a sample of a run's scored pictures into ``out`` with sheets and an empty ``answers.csv``.

    Args:
        run: Folder of an evaluation.
        out: Where to; ``pictures/001.png`` and so on, ``sheet-1.png`` and so on, ``answers.csv``.
        count: How many pictures.
        seed: What the draws come from.
        arms: Only these; none given = all that the run holds.

    Returns:
        The sheets.

    Raises:
        SettingError: The run holds fewer scored pictures of these arms, or none of an arm.
        RecordError: The run or a picture cannot be read.
        OutputError: ``out`` holds answers already, or cannot be written.
    """
    if os.path.exists(out / "answers.csv"):
        raise OutputError(f"{out} holds an answers.csv already: choose another folder with --out")
    chosen = choose(_scored_rows(run, arms), count, np.random.default_rng(seed))
    pictures = [kept.read_picture(run, row).png for row in chosen]
    try_writing(out)
    with writing(out):
        (out / "pictures").mkdir(exist_ok=True)
        for number, png in enumerate(pictures, 1):
            (out / "pictures" / f"{number:03}.png").write_bytes(png)
        paths = []
        for number, sheet in enumerate(sheets(pictures, [row["text"] for row in chosen]), 1):
            paths.append(out / f"sheet-{number}.png")
            sheet.save(paths[-1])
        (out / "answers.csv").write_text(_form(chosen), "utf-8", newline="")
    return paths


def choose(rows: Sequence[Row], count: int, rng: np.random.Generator) -> list[Row]:
    """So many rows, as evenly over arms and categories as there are rows of each, in random order.

    Raises:
        SettingError: There are fewer rows.
    """
    if not 1 <= count <= len(rows):
        raise SettingError(f"a sample of {count} out of {len(rows)} scored pictures: give 1 to {len(rows)}")
    strata: dict[tuple[str, str], list[Row]] = {}
    for index in rng.permutation(len(rows)):
        row = rows[index]
        strata.setdefault((row["arm"], row["category"]), []).append(row)
    names = sorted(strata)
    order = [names[index] for index in rng.permutation(len(names))]
    turns = range(max(map(len, strata.values())))
    even = [strata[name][turn] for turn in turns for name in order if turn < len(strata[name])][:count]
    return [even[index] for index in rng.permutation(count)]


def measure_agreement(run: Path, answers: Path) -> dict[str, Any]:
    """What a person answered against what the oracle said; also written to ``agreement.json`` beside it.

    Args:
        run: Folder of the evaluation that the sample came from.
        answers: The filled ``answers.csv``; pictures without an answer are left out.

    Returns:
        n, unanswered, agreement (share) with its 95 % interval by Wilson's score, kappa (None with
        kappa_reason), confusion (counts by what both said), and by whose weights the run was scored.

    Raises:
        RecordError: A file cannot be read, an answer is neither yes nor no, or none was given.
        OutputError: The folder of the answers cannot be written.
    """
    rows = kept.read_rows(run)
    given, unanswered = _answers(answers)
    pairs, scorers = [], set()
    for key, person in given.items():
        row = rows.get(key)
        if row is None or row["correct"] is None:
            raise RecordError(
                f"{answers}: {run} holds no scored picture of {key[0]} by {key[1]}: name its run"
            )
        pairs.append((person, bool(row["correct"])))
        scorers.add(tuple(row["models"].get(half) for half in kept.SCORED_BY))
    if len(scorers) > 1:
        raise RecordError(
            f"{run} was scored by several oracles: `tasvir world evaluate --rescore --out {run}`"
        )
    scorer = dict(zip(kept.SCORED_BY, scorers.pop(), strict=True))
    figures = {**_figures(pairs), "unanswered": unanswered, "scored_by": scorer}
    with writing(answers.parent):
        (answers.parent / "agreement.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return figures


def _figures(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Of (person, oracle) pairs."""
    share, low, high = mean_interval([float(person == oracle) for person, oracle in pairs])
    kappa = cohens_kappa(pairs)
    return {
        "n": len(pairs),
        "agreement": share,
        "interval": [low, high],
        "kappa": kappa,
        "kappa_reason": "" if kappa is not None else "person and oracle gave one and the same answer always",
        "confusion": {
            f"person {_word(person)}, oracle {_word(oracle)}": pairs.count((person, oracle))
            for person in (True, False)
            for oracle in (True, False)
        },
    }


def _word(correct: bool) -> str:
    return "yes" if correct else "no"


def _scored_rows(run: Path, arms: Sequence[str]) -> list[Row]:
    rows = list(kept.read_rows(run).values())
    held = list(dict.fromkeys(row["arm"] for row in rows))
    if not held:
        raise RecordError(f"{run} holds no results: name a folder of `tasvir world evaluate --out`")
    unknown = [arm for arm in arms if arm not in held]
    if unknown:
        raise SettingError(f"{run} holds nothing of the arm {unknown[0]!r}: it holds {', '.join(held)}")
    drawn = [row for row in rows if row["correct"] is not None and row.get("pictures", 1)]
    return [row for row in drawn if row["arm"] in (arms or held)]


def _form(rows: Sequence[Row]) -> str:
    """The table to fill in."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([number, row["id"], row["arm"], row["text"], ""] for number, row in enumerate(rows, 1))
    return text.getvalue()


def _answers(path: Path) -> tuple[dict[kept.Key, bool], int]:
    """Answers by prompt and arm, and how many are not given."""
    table = list(filled_table(path, "answers"))
    given: dict[kept.Key, bool] = {}
    for line in table:
        if any(line.get(column) is None for column in COLUMNS):
            raise RecordError(f"{path} needs the columns {', '.join(COLUMNS)} in every line")
        answer = line["correct"].strip().lower()
        if answer and answer not in ANSWERS:
            raise RecordError(f"{path}: picture {line['number']} is answered {answer!r}: write yes or no")
        if answer:
            given[line["id"], line["arm"]] = ANSWERS[answer]
    if not given:
        raise RecordError(f"{path} holds no answer yet: write yes or no into the column correct")
    return given, len(table) - len(given)

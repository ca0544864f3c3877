"""How well a guide's judge orders pictures whose truth is known.

    python benchmarks/judge_against_truth.py [-n 1000] [--texts suite] [--keep DIR] [--json]

For each text a scene is made in which all of it is true, corrupted step by step (a thing dropped,
recoloured, moved, turned and so on; see tasvir.bench.auditing.corrupting) towards a share of true predicates
that is drawn at random, and rendered; a fifth of the scenes stay true. The truth is the share of the text's
predicates that hold in the scene that was drawn. The judge is given the text and the pixels, nothing else.
Reported:
Spearman's rho of score against true share with a bootstrap interval, also by source of the text, and how
scores spread over true shares. The pictures are rendered, not drawn by a model: what a generator's
artefacts do to the judge is another question.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Spread, options, progress, show, whole_number
from PIL import Image

from tasvir import registry
from tasvir.bench.auditing.corrupting import corrupt
from tasvir.errors import LanguageError, UserInputError
from tasvir.guide.base import Guide
from tasvir.records import Picture, Prompt
from tasvir.score.statistics import correlate
from tasvir.world.captions import caption
from tasvir.world.description import Description
from tasvir.world.render import render
from tasvir.world.sampler import sample_for, sample_scene
from tasvir.world.scene import Scene
from tasvir.world.suite import world_suite

LEFT_TRUE = 0.2
"""Share of the scenes that are not corrupted."""
BINS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
"""True shares in the table, lower end included; 1 itself is a column of its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One picture of graded alignment.

    Args:
        source: The suite's category, or "caption".
        text: What the judge reads.
        share: Share of the text's predicates that are true of the picture.
        corruptions: What was done to the true scene.
        pixels: The picture, uint8 [128, 128, 3].
    """

    source: str
    text: str
    share: float
    corruptions: tuple[str, ...]
    pixels: Any


@dataclass(frozen=True, slots=True)
class Row:
    """One verdict beside the truth."""

    source: str
    text: str
    share: float
    corruptions: tuple[str, ...]
    score: int
    reason: str
    seconds: float


def texts(which: str, seed: int) -> Iterator[tuple[str, str, Description, Scene]]:
    """Endless (source, text, description, true scene); prompts without a scene are passed over."""
    suite, number = world_suite(), 0
    order = np.random.default_rng([seed, 0]).permutation(len(suite))
    while True:
        rng = np.random.default_rng([seed, 1, number])
        from_suite = which == "suite" or (which == "both" and number % 2 == 0)
        if from_suite:
            entry = suite[order[(number if which == "suite" else number // 2) % len(suite)]]
            try:
                yield entry.category, entry.text, entry.description, sample_for(entry.description, rng)
            except UserInputError:
                progress(f"no scene for {entry.id}: passed over")
        else:
            scene = sample_scene(rng, split="any")
            yield "caption", *caption(scene, rng), scene
        number += 1


def cases(count: int, which: str, seed: int) -> Iterator[Case]:
    """Pictures of graded alignment; wanted shares are even over 0 to 1, and 1 for `LEFT_TRUE` of them."""
    for number, (source, text, description, scene) in zip(range(count), texts(which, seed), strict=False):
        rng = np.random.default_rng([seed, 2, number])
        target = 1.0 if rng.random() < LEFT_TRUE else float(rng.random())
        step = corrupt(scene, description, target, rng)
        drawn = Scene(step.things, (), scene.background, scene.seed)
        yield Case(source, text, step.share, step.done, render(drawn))


def judge_case(judge: Guide, case: Case, seed: int) -> Row | None:
    """The judge's verdict from text and pixels alone; None where it cannot read the text."""
    buffer = io.BytesIO()
    Image.fromarray(case.pixels).save(buffer, "PNG")
    picture = Picture(buffer.getvalue(), case.pixels.shape[1], case.pixels.shape[0])
    start = time.perf_counter()
    try:
        verdict = judge.judge(Prompt(case.text), picture, seed=seed)
    except LanguageError as problem:
        progress(f"not read: {case.text!r}: {problem}")
        return None
    seconds = time.perf_counter() - start
    return Row(case.source, case.text, case.share, case.corruptions, verdict.score, verdict.reason, seconds)


def correlation(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Rho, its interval and n; None with a reason where there is no value."""
    scores, shares = [float(row.score) for row in rows], [row.share for row in rows]
    pictures = np.arange(len(rows))  # no prompt has two
    rho = correlate(np.array(scores), np.array(shares), pictures, draws=2000, seed=seed).rho
    if rho.value is None:
        return {"rho": None, "reason": rho.reason, "n": len(rows)}
    return {"rho": rho.value, "interval_95": rho.interval and list(rho.interval), "n": len(rows)}


def table(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """How often each score was given at each true share."""
    names = [f"{low:g} to {high:g}" for low, high in BINS] + ["1"]
    counts = Counter((row.score, names[_bin(row.share)]) for row in rows)
    return {f"score {score}": {name: counts[score, name] for name in names} for score in range(1, 6)}


def figures(rows: Sequence[Row], unread: int, seed: int) -> dict[str, Any]:
    """Everything that is reported."""
    fives = [row for row in rows if row.score == 5]
    true = [row for row in rows if row.share == 1.0]
    both = sum(row.share == 1.0 for row in fives)
    return {
        "spearman": correlation(rows, seed),
        "texts_not_read": unread,
        "by_source": {
            source: correlation([row for row in rows if row.source == source], seed)
            for source in sorted({row.source for row in rows})
        },
        "scores_by_true_share": table(rows),
        "of_scores_of_5_all_true": {"share": both / len(fives) if fives else None, "n": len(fives)},
        "of_all_true_score_5": {"share": both / len(true) if true else None, "n": len(true)},
        "seconds_a_verdict": Spread.of([row.seconds for row in rows]),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(2), default=1000, help="pictures (default 1000)")
    parser.add_argument("--judge", default="embedded", help="see `tasvir list guides`")
    parser.add_argument(
        "--texts", choices=("suite", "captions", "both"), default="suite", help="default suite"
    )
    parser.add_argument("--keep", type=Path, help="folder for pictures and rows.jsonl")
    asked = parser.parse_args(arguments)
    judge = registry.create("guides", asked.judge, Guide)
    rows: list[Row] = []
    for number, case in enumerate(cases(asked.n, asked.texts, asked.seed)):
        row = judge_case(judge, case, asked.seed)
        if row is not None:
            rows.append(row)
            keep(asked.keep, number, case, row)
        if number % 50 == 49:
            progress(f"{number + 1}/{asked.n}")
    if not rows:
        raise SystemExit("no text was read by the judge: nothing to report")
    title = f"judge {asked.judge!r} against the truth"
    settings = {"texts": asked.texts, "seed": asked.seed, "pictures": asked.n}
    show(title, settings | figures(rows, asked.n - len(rows), asked.seed), asked.json)


def keep(folder: Path | None, number: int, case: Case, row: Row) -> None:
    """Save a picture and its row, where a folder was given."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(case.pixels).save(folder / f"{number:04d}.png")
    with (folder / "rows.jsonl").open("a" if number else "w", encoding="utf-8") as file:
        file.write(json.dumps({"picture": f"{number:04d}.png", **asdict(row)}, ensure_ascii=False) + "\n")


def _bin(share: float) -> int:
    return next((i for i, (low, high) in enumerate(BINS) if low <= share < high), len(BINS))


if __name__ == "__main__":
    main()

"""The world suite, drawn by several arms of the same machinery and scored by the oracle.

An arm is the loop with switches, so that every step's worth is seen, plus the baseline of equal cost:
``best-of-n`` draws as many plain pictures as the loop drew for that prompt and shows the one that the same
judge likes best. The oracle only scores what an arm shows; it never steers one. Each prompt's result is
appended to a file as it is ready, so an evaluation that was stopped goes on where it ended.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from tasvir import pipeline, registry
from tasvir.errors import OutputError, RecordError, SettingError, WeightsError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide
from tasvir.loop import attempt_seed
from tasvir.records import Picture, Prompt
from tasvir.score.base import Metric
from tasvir.score.statistics import mean_interval, paired_interval
from tasvir.world.suite import SuitePrompt, world_suite


class Arm(TypedDict, total=False):
    """Switches of the loop that differ from their default."""

    guided: bool
    revise: bool
    judging: bool
    redesign: bool


ARMS: dict[str, Arm] = {
    "unguided": {"guided": False},
    "layout": {"revise": False, "judging": False, "redesign": False},
    "revised": {"judging": False, "redesign": False},
    "aligned": {"judging": False},
    "loop-unrevised": {"revise": False},
    "loop": {},
}
"""Switches of the loop by arm; "best-of-n" is the one arm that is not the loop."""

BEST_OF_N = "best-of-n"

MARKS = {True: "ok", False: "--", None: "??"}
"""How a line of progress shows right, wrong and not measured."""


@dataclass(frozen=True, slots=True)
class Models:
    """What draws, guides, judges and measures."""

    generator: Generator
    guide: Guide
    metric: Metric

    @classmethod
    def embedded(cls) -> Models:
        """The shipped models."""
        return cls(
            registry.create("generators", "embedded", Generator),
            registry.create("guides", "embedded", Guide),
            registry.create("metrics", "predicates", Metric),
        )


@dataclass(frozen=True, slots=True)
class Result:
    """Scores by arm and category.

    Args:
        rows: One a prompt and arm: id, category, arm, seed, text, correct (all predicates true; None where
            the picture could not be scored), details of the score, judged (by the judge, or None),
            pictures, seconds, models (names, and a hash that tells the shipped weights).
        oracle: The oracle's own error on rendered scenes, from its card; empty where it is not shipped.
    """

    rows: tuple[dict[str, Any], ...]
    oracle: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        arms = list(dict.fromkeys(row["arm"] for row in self.rows))
        return {
            "oracle": self.oracle,
            "arms": {arm: _summary([row for row in self.rows if row["arm"] == arm]) for arm in arms},
            "differences": _differences(self.rows, arms),
            "rows": list(self.rows),
        }

    def to_text(self) -> str:
        data = self.to_dict()
        lines = [
            f"{'arm':<16}{'correct':>9}  {'95 % interval':<17}{'n':>5}{'pictures':>10}{'s, median':>11}"
            "  by category"
        ]
        for arm, figures in data["arms"].items():
            lines.append(_line(arm, figures))
        for name, figures in data["differences"].items():
            low, high = figures["interval"]
            lines.append(
                f"{name}: {figures['mean']:+.3f}, 95 % interval [{low:+.3f}, {high:+.3f}], n {figures['n']}"
            )
        error = self.oracle.get("predicate_error")
        lines.append(
            f"oracle's own error on rendered scenes: {'not measured' if error is None else f'{error:.3f}'}"
        )
        return "\n".join(lines)


def evaluate_world(
    arms: Sequence[str] = ("unguided", "loop"),
    *,
    limit: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    part: tuple[int, int] = (0, 1),
    models: Models | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Result:
    """Draw the suite's prompts by each arm and score what it shows.

    Args:
        arms: Names from `ARMS` or "best-of-n" (which needs "loop" beside it).
        limit: Only so many prompts, spread evenly over the categories.
        seed: Seed of every arm; the same for all, so arms are compared in pairs.
        out: Folder for pictures and ``results.jsonl``; prompts already there are not drawn again.
        part: (i, n) takes every n-th prompt from the i-th on: a share of the work for one process.
        models: What draws, guides and measures; None = the shipped models.
        on_progress: Called with a line a prompt.

    Raises:
        SettingError: An unknown arm, "best-of-n" without "loop", a part that is none, or ``out`` holds
            results of another seed or of other models.
        RecordError: ``out`` holds results that cannot be read.
        OutputError: ``out`` cannot be written.
    """
    unknown = [arm for arm in arms if arm not in ARMS and arm != BEST_OF_N]
    if unknown:
        raise SettingError(f"unknown arm {unknown[0]!r}: expected {', '.join([*ARMS, BEST_OF_N])}")
    if BEST_OF_N in arms and "loop" not in arms:
        raise SettingError("best-of-n draws as many pictures as the loop did: ask for the loop too")
    if not 0 <= part[0] < part[1]:
        raise SettingError(f"part is {part[0]}/{part[1]}: give (i, n) with 0 <= i < n")
    ordered = [arm for arm in arms if arm != BEST_OF_N] + [BEST_OF_N] * (BEST_OF_N in arms)
    stamp = _stamp(models)
    done = _read(out, seed, stamp)
    _try_writing(out)
    tools: Models | None = models
    entries = _spread(world_suite(), limit)[part[0] :: part[1]]
    for number, entry in enumerate(entries):
        missing = [arm for arm in ordered if (entry.id, arm) not in done]
        if missing:
            tools = tools or Models.embedded()
            for arm in missing:
                row = {**_one(entry, arm, seed, tools, done, out), "models": stamp}
                done[entry.id, arm] = row
                _append(out, row)
        if on_progress is not None:
            marks = "  ".join(f"{arm} {MARKS[done[entry.id, arm]['correct']]}" for arm in ordered)
            on_progress(f"{number + 1}/{len(entries)}  {marks}  {entry.text}")
    wanted = {entry.id for entry in entries}
    rows = tuple(row for (name, arm), row in done.items() if name in wanted and arm in ordered)
    return Result(rows, _oracle_card())


def _one(
    entry: SuitePrompt,
    arm: str,
    seed: int,
    models: Models,
    done: dict[tuple[str, str], dict[str, Any]],
    out: Path | None,
) -> dict[str, Any]:
    start = time.perf_counter()
    own_seed = attempt_seed(seed, 1 + zlib.crc32(entry.id.encode()))
    judged: int | None = None
    if arm == BEST_OF_N:
        count = int(done[entry.id, "loop"]["pictures"])
        picture, judged = _best_of(entry.text, count, own_seed, models)
    else:
        trace = pipeline.generate(
            entry.text, guide=models.guide, generator=models.generator, seed=own_seed, **ARMS[arm]
        )
        picture, count = trace.best.picture, len(trace.attempts)
        judged = trace.best.verdict.score if trace.best.verdict else None
    seconds = time.perf_counter() - start
    score = models.metric.measure(entry.description, [picture])[0]
    if out is not None:
        folder = out / "pictures" / arm
        with _writing(out):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{entry.id}.png").write_bytes(picture.png)
    return {
        "id": entry.id,
        "category": entry.category,
        "arm": arm,
        "seed": seed,
        "text": entry.text,
        "correct": None if score.value is None else score.value == 1.0,
        "details": score.details,
        "judged": judged,
        "pictures": count,
        "seconds": round(seconds, 3),
    }


def _best_of(text: str, count: int, seed: int, models: Models) -> tuple[Picture, int]:
    """The best-judged of ``count`` plain pictures; ties keep the earlier."""
    prompt = Prompt(text)
    seeds = [attempt_seed(seed, index) for index in range(count)]
    pictures = models.generator.draw([prompt] * count, [None] * count, seeds, DrawSettings())
    scores = [
        models.guide.judge(prompt, picture, seed=seed).score
        for picture, seed in zip(pictures, seeds, strict=True)
    ]
    best = max(range(count), key=lambda index: scores[index])
    return pictures[best], scores[best]


def _spread(suite: Sequence[SuitePrompt], limit: int | None) -> list[SuitePrompt]:
    """The first prompts of every category in turn."""
    by_category: dict[str, list[SuitePrompt]] = {}
    for entry in suite:
        by_category.setdefault(entry.category, []).append(entry)
    turns = [
        entries[index]
        for index in range(max(map(len, by_category.values())))
        for entries in by_category.values()
        if index < len(entries)
    ]
    return turns[:limit]


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares over what could be scored, with how many those are; pictures and seconds over all."""
    scored = [row for row in rows if row["correct"] is not None]
    categories = dict.fromkeys(row["category"] for row in scored)
    return {
        **_share(scored),
        "pictures": float(np.mean([row["pictures"] for row in rows])),
        "seconds_median": float(np.median([row["seconds"] for row in rows])),
        "categories": {
            name: _share([row for row in scored if row["category"] == name]) for name in categories
        },
    }


def _share(scored: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The share that is correct with its interval and n; None where nothing was scored."""
    values = [float(row["correct"]) for row in scored]
    mean, *interval = mean_interval(values) if values else (None, None, None)
    return {"correct": mean, "interval": interval, "n": len(values)}


def _line(arm: str, figures: dict[str, Any]) -> str:
    """One arm's row of the table."""
    low, high = figures["interval"]
    shown = "     none  nothing was scored   "
    if figures["correct"] is not None:
        shown = f"{figures['correct']:>9.3f}  [{low:.3f}, {high:.3f}]   "
    parts = ", ".join(f"{name} {share['correct']:.2f}" for name, share in figures["categories"].items())
    return (
        f"{arm:<16}{shown}{figures['n']:>5}"
        f"{figures['pictures']:>10.2f}{figures['seconds_median']:>11.2f}  {parts}"
    )


def _differences(rows: Iterable[dict[str, Any]], arms: Sequence[str]) -> dict[str, Any]:
    """The loop against each other arm, paired by prompt; needs two prompts that both arms were scored on."""
    scored = [row for row in rows if row["correct"] is not None]
    by_arm = {arm: {row["id"]: float(row["correct"]) for row in scored if row["arm"] == arm} for arm in arms}
    if "loop" not in by_arm:
        return {}
    found = {}
    for arm in arms:
        shared = [name for name in by_arm["loop"] if name in by_arm[arm]]
        if arm != "loop" and len(shared) >= 2:
            pairs = [(by_arm["loop"][name], by_arm[arm][name]) for name in shared]
            mean, low, high = paired_interval(pairs)
            found[f"loop - {arm}"] = {"mean": mean, "interval": [low, high], "n": len(pairs)}
    return found


def _stamp(models: Models | None) -> dict[str, str | None]:
    """What made a row: names, and a hash of the shipped weights' list of hashes (None = none are shipped)."""
    index = files("tasvir.models.embedded").joinpath("weights", "SHA256.json")
    return {
        "generator": models.generator.name if models else "embedded",
        "guide": models.guide.name if models else "embedded",
        "metric": models.metric.name if models else "predicates",
        "weights": sha256(index.read_bytes()).hexdigest()[:16] if index.is_file() else None,
    }


def _read(out: Path | None, seed: int, stamp: dict[str, str | None]) -> dict[tuple[str, str], dict[str, Any]]:
    file = None if out is None else out / "results.jsonl"
    if file is None or not file.exists():
        return {}
    rows = []
    for line in file.read_bytes().split(b"\n"):
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue  # cut short when a run was killed while writing it; its prompt is drawn again
    try:
        done = {(row["id"], row["arm"]): row for row in rows}
        seeds = {row["seed"] for row in rows}
    except (KeyError, TypeError) as problem:
        raise RecordError(
            f"{file} holds a line that is not a result ({problem}): name another folder"
        ) from problem
    if seeds - {seed}:
        raise SettingError(
            f"{file} holds results of seed {min(seeds - {seed})}, not {seed}: name another folder"
        )
    other = next((row.get("models") for row in rows if row.get("models") != stamp), stamp)
    if other != stamp:
        raise SettingError(f"{file} holds results of {other}, not of {stamp}: name another folder")
    return done


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise OutputError(
            f"cannot write to the folder {out}: {problem.strerror or problem}; choose another with --out"
        ) from problem


def _try_writing(out: Path | None) -> None:
    """Find out before hours of drawing whether the folder can be written."""
    if out is not None:
        with _writing(out):
            out.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=out):
                pass


def _append(out: Path | None, row: dict[str, Any]) -> None:
    if out is not None:
        with _writing(out), (out / "results.jsonl").open("a+b") as file:
            torn = False
            if file.tell():
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b"\n"
            line = json.dumps(row, ensure_ascii=False) + "\n"
            file.write(b"\n" * torn + line.encode())  # one write: processes may share the file


def _oracle_card() -> dict[str, Any]:
    from tasvir.models.embedded import weights

    try:
        card = weights.folder("oracle") / "figures.json"
    except WeightsError:  # the metric is another one: the embedded one would have stopped before
        return {}
    figures: dict[str, Any] = json.loads(card.read_text("utf-8")) if card.exists() else {}
    return figures

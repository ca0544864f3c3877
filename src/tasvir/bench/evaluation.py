"""The world suite, drawn by several arms of the same machinery and scored by the oracle.

An arm is the loop with switches, so that every step's worth is seen, plus baselines of equal cost that show
the one of several plain pictures that the same judge likes best: ``best-of-n`` draws as many as the loop drew
for that prompt, ``best-of-6`` always K + 1, the most that the loop may draw. The oracle only scores what an
arm shows; it never steers one. Each prompt's result is appended to a file as it is ready, so an evaluation
that was stopped goes on where it ended; `rescore` scores the kept pictures anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasvir import pipeline, registry
from tasvir.bench import kept
from tasvir.bench.kept import Key, Row, Stamp
from tasvir.bench.lines import append_line, replace_lines, try_writing
from tasvir.bench.methods import ARMS, best_of, own_seed
from tasvir.bench.result import Result
from tasvir.bench.sampling import in_turns
from tasvir.bench.suites.world import as_suite_prompt
from tasvir.errors import RecordError, ReplyError, SettingError
from tasvir.generate.base import Generator
from tasvir.guide.base import Guide
from tasvir.loop import Switches
from tasvir.records import Picture, Prompt, Score, Trace
from tasvir.score.base import Metric
from tasvir.world.suite import WorldPrompt, world_suite

BEST_OF_N, BEST_OF_6 = "best-of-n", "best-of-6"
BEST_OF: dict[str, int | None] = {BEST_OF_N: None, BEST_OF_6: Switches().rounds + 1}
"""How many plain pictures an arm draws; None = as many as the loop drew."""

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
        arms: Names from `ARMS` and `BEST_OF` ("best-of-n" needs "loop" beside it).
        limit: Only so many prompts, spread evenly over the categories.
        seed: Seed of every arm; the same for all, so arms are compared in pairs.
        out: Folder for pictures and ``results.jsonl``; prompts already there are not drawn again.
        part: (i, n) takes every n-th prompt from the i-th on: a share of the work for one process.
        models: What draws, guides and measures; None = the shipped models.
        on_progress: Called with a line a prompt.

    Raises:
        SettingError: An unknown arm, "best-of-n" without "loop", a part that is none, or ``out`` holds
            results of another seed or of other models; says so where `rescore` mends it.
        RecordError: ``out`` holds results that cannot be read.
        OutputError: ``out`` cannot be written.
    """
    ordered = _in_order(arms)
    if not 0 <= part[0] < part[1]:
        raise SettingError(f"part is {part[0]}/{part[1]}: give (i, n) with 0 <= i < n")
    stamp = _stamp(models)
    done: dict[Key, Row] = {}
    if out is not None:
        done = kept.read_rows_of(out, seed, stamp)
        try_writing(out)
    tools: Models | None = models
    entries = in_turns(world_suite(), lambda entry: entry.category)[:limit][part[0] :: part[1]]
    for number, entry in enumerate(entries):
        for arm in (arm for arm in ordered if (entry.id, arm) not in done):
            tools = tools or Models.embedded()
            row = {**_one(entry, arm, seed, tools, done, out), "models": stamp}
            done[entry.id, arm] = row
            if out is not None:
                append_line(out / kept.RESULTS, row)
        if on_progress is not None:
            marks = "  ".join(f"{arm} {MARKS[done[entry.id, arm]['correct']]}" for arm in ordered)
            on_progress(f"{number + 1}/{len(entries)}  {marks}  {entry.text}")
    wanted = {entry.id for entry in entries}
    return _result([row for (name, arm), row in done.items() if name in wanted and arm in ordered])


def rescore(
    out: Path, *, metric: Metric | None = None, on_progress: Callable[[str], None] | None = None
) -> Result:
    """Score every kept picture of a folder with the metric of today and put the new rows in; draws nothing.

    No other process may be at work in the folder.

    Args:
        out: Folder of an evaluation.
        metric: What measures; None = the shipped one.
        on_progress: Called with a line a prompt.

    Raises:
        RecordError: The folder holds no results, a picture is missing, or a prompt is no longer the suite's;
            then nothing was changed.
        OutputError: The folder cannot be written.
    """
    rows = kept.read_rows(out)
    if not rows:
        raise RecordError(f"{out} holds no results to score anew: draw first, without --rescore")
    try_writing(out)
    metric = metric or registry.create("metrics", "predicates", Metric)
    made = kept.make_stamp("", "", metric.name)
    scorer = {key: made[key] for key in kept.SCORED_BY}
    entries = {entry.id: entry for entry in world_suite()}
    keys_of: dict[str, list[Key]] = {}
    for key in rows:
        keys_of.setdefault(key[0], []).append(key)
    fresh: dict[Key, Row] = {}
    for number, (name, keys) in enumerate(keys_of.items()):
        fresh |= _scored_anew(entries.get(name), [rows[key] for key in keys], metric, out)
        if on_progress is not None:
            on_progress(f"{number + 1}/{len(keys_of)}  {rows[keys[0]]['text']}")
    done = [{**fresh[key], "models": {**rows[key]["models"], **scorer}} for key in rows]
    replace_lines(out / kept.RESULTS, done)
    return _result(done)


def _scored_anew(entry: WorldPrompt | None, rows: Sequence[Row], metric: Metric, out: Path) -> dict[Key, Row]:
    """One prompt's rows by all arms with what the metric says of their kept pictures."""
    changed = [row for row in rows if entry is None or row["text"] != entry.text]
    if changed or entry is None:
        raise RecordError(f"{out}: prompt {rows[0]['id']} is no longer the suite's: draw into another folder")
    drawn = [row for row in rows if row.get("pictures", 1) and kept.BLOCKED not in row["details"]]
    pictures = [kept.read_picture(out, row) for row in drawn]
    scores = metric.measure([as_suite_prompt(entry)] * len(drawn), pictures) if drawn else []
    fresh = {
        (row["id"], row["arm"]): {**row, **_scored(score)} for row, score in zip(drawn, scores, strict=True)
    }
    return {(row["id"], row["arm"]): row for row in rows} | fresh


def _in_order(arms: Sequence[str]) -> list[str]:
    """The arms in the order of drawing: "best-of-n" has to know what the loop drew."""
    known = [*ARMS, *BEST_OF]
    unknown = [arm for arm in arms if arm not in known]
    if unknown:
        raise SettingError(f"unknown arm {unknown[0]!r}: expected {', '.join(known)}")
    if BEST_OF_N in arms and "loop" not in arms:
        raise SettingError("best-of-n draws as many pictures as the loop did: ask for the loop too")
    return sorted(dict.fromkeys(arms), key=lambda arm: arm in BEST_OF)


def _stamp(models: Models | None) -> Stamp:
    if models is None:
        return kept.make_stamp("embedded", "embedded", "predicates")
    return kept.make_stamp(models.generator.label, models.guide.label, models.metric.name)


def _result(rows: Sequence[Row]) -> Result:
    return Result(tuple(rows), kept.about_the_oracle("figures.json"), kept.about_the_oracle("agreement.json"))


def _one(
    entry: WorldPrompt, arm: str, seed: int, models: Models, done: dict[Key, Row], out: Path | None
) -> Row:
    start = time.perf_counter()
    own = own_seed(seed, entry.id)
    judged: int | None = None
    row = {"id": entry.id, "category": entry.category, "arm": arm, "seed": seed, "text": entry.text}
    try:
        if arm in BEST_OF:
            count = BEST_OF[arm] or max(int(done[entry.id, "loop"]["pictures"]), 1)
            picture, judged = _best_of(entry.text, count, own, models)
        else:
            trace = _trace(entry.text, arm, own, models)
            picture, count = trace.best.picture, len(trace.attempts)
            judged = trace.best.verdict.score if trace.best.verdict else None
    except ReplyError as problem:  # no picture is no success; the other prompts go on
        failed: Row = {
            "correct": False,
            "details": {kept.FAILED: str(problem)},
            "judged": None,
            "pictures": 0,
        }
        return {**row, **failed, "seconds": round(time.perf_counter() - start, 3)}
    seconds = round(time.perf_counter() - start, 3)
    score = _measured(models.metric, entry, picture)
    if out is not None:
        kept.write_picture(out, arm, entry.id, picture)
    return {**row, **_scored(score), "judged": judged, "pictures": count, "seconds": seconds}


def _trace(text: str, arm: str, seed: int, models: Models) -> Trace:
    """What the loop did; where the guide failed on the way, what was drawn until then stands.

    Raises:
        ReplyError: The guide failed before anything was drawn.
    """
    traces: list[Trace] = []
    try:
        return pipeline.generate(
            text,
            guide=models.guide,
            generator=models.generator,
            seed=seed,
            on_event=lambda event: traces.append(event.trace),
            **ARMS[arm],
        )
    except ReplyError:
        if traces and traces[-1].attempts:
            return traces[-1]
        raise


def _measured(metric: Metric, entry: WorldPrompt, picture: Picture) -> Score:
    """The metric's score; none for a black picture that a safety checker put in place of the one drawn."""
    blocked = picture.provenance.get("blocked")
    if blocked:
        return Score(metric.name, None, blocked, {kept.BLOCKED: blocked})
    return metric.measure([as_suite_prompt(entry)], [picture])[0]


def _scored(score: Score) -> Row:
    """What a metric says, as it stands in a row."""
    return {"correct": None if score.value is None else score.value == 1.0, "details": score.details}


def _best_of(text: str, count: int, seed: int, models: Models) -> tuple[Picture, int]:
    """The best-judged of ``count`` plain pictures."""
    best = best_of(Prompt(text), guide=models.guide, generator=models.generator, count=count, seed=seed).best
    assert best.verdict is not None
    return best.picture, best.verdict.score

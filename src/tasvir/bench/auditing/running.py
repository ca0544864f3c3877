"""An audit's runs: rendered pictures put in with their truth, drawn ones read by the oracle, all scored.

Each part is a run's folder like any other, so that an audit goes on where it was stopped, takes more metrics
later, and can be queried and rated by people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tasvir.bench.asked import OF_OTHERS, Asked
from tasvir.bench.auditing.again import measure_again
from tasvir.bench.auditing.pictures import COLUMNS, AuditPrompt, audit_prompts, truth_of
from tasvir.bench.code_version import WORLD, code_lines
from tasvir.bench.engines.local import LocalEngine
from tasvir.bench.preparing import Request, prepared
from tasvir.bench.reading import load_results
from tasvir.bench.running import DRAWN, Progress
from tasvir.bench.sampling import choose
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import CellRow, PictureRow, digest
from tasvir.bench.suites.world import WorldSuite
from tasvir.errors import SettingError
from tasvir.models.opening import Opening
from tasvir.records import SuitePrompt
from tasvir.results import RunResults
from tasvir.score.auditing.asking import Again
from tasvir.score.auditing.truth import ORACLE, TRUTH

RENDERED, GENERATED = "rendered", "generated"
PARTS = (RENDERED, GENERATED)
SUITE = "audit"
AUDITING = (
    *("bench/auditing/corrupting.py", "bench/auditing/faults.py", "bench/auditing/pictures.py"),
    *WORLD,
)
"""Globs of the code that makes the rendered pictures."""
_CHUNK = 20


@dataclass(frozen=True)
class AuditRequest:
    """What an audit is asked for.

    Args:
        folder: Where; a run's folder a part goes into it.
        metrics: By name; judges are metrics, "judge:GUIDE".
        opening: How they are opened.
        parts: Some of `PARTS`.
        scenes: Texts of the rendered part, and prompts of the generated one.
        seed: What scenes come from.
        repeats: How often a judge judges each picture, and other metrics a sample of them.
        models: Who draws the generated part, as run.json has columns.
        about: See `tasvir.bench.asked.begun`.
    """

    folder: Path
    metrics: Sequence[str]
    opening: Opening
    parts: Sequence[str] = PARTS
    scenes: int = 300
    seed: int = 0
    repeats: int = 3
    models: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartRun:
    """What became of a part.

    Args:
        results: What its folder holds.
        again: By metric, what asking again brought.
        failures: Reasons for what is not there and may pass, with how often.
        stopped_by: What stopped a metric early: a used-up budget.
    """

    results: RunResults
    again: dict[str, Again]
    failures: dict[str, int]
    stopped_by: tuple[str, ...]


def run_part(request: AuditRequest, part: str, progress: Progress) -> PartRun:
    """Make a part's pictures where they are not there yet, and score them.

    Raises:
        SettingError: The folder holds an audit of another seed, or of scenes that other code made.
        UnknownNameError, TasvirError: A metric or model cannot be opened.
        KeyboardInterrupt: Ctrl-C; all that was made is kept.
    """
    folder = request.folder / part
    make = _rendered if part == RENDERED else _generated
    asked = make(request, folder, progress)
    with prepared(asked, progress) as run:
        run.go(LocalEngine(folder / DRAWN) if part == GENERATED else None)
        audited = [one for one in run.metrics if one.info.name != ORACLE]
        again = measure_again(run.store, audited, request.repeats, progress.say)
        failures = {f"{what}: {reason}": count for (what, reason), count in run.failures().items()}
        stopped = tuple(run.stopped_by)
    return PartRun(load_results(folder), again, failures, stopped)


def _opening(request: AuditRequest) -> Opening:
    """With the number of repeats for metrics that repeat themselves, where the user did not say otherwise."""
    return replace(request.opening, options={"repeats": str(request.repeats), **request.opening.options})


def _generated(request: AuditRequest, folder: Path, _progress: Progress) -> Request:
    """Prompts of the suite `world`, as evenly over its categories as they come."""
    suite = WorldSuite()
    prompts = choose(suite.prompts(), limit=request.scenes)
    asked = Asked(
        suites={suite.label: tuple(prompt.id for prompt in prompts)},
        provenances={suite.label: suite.provenance},
        models=dict(request.models),
        seeds=(request.seed,),
    )
    metrics = tuple(dict.fromkeys([*request.metrics, ORACLE]))
    told = {suite.label: prompts}
    return Request(folder, _opening(request), asked, told, metrics, about=request.about)


def _rendered(request: AuditRequest, folder: Path, progress: Progress) -> Request:
    provenance = {"source": "tasvir.bench.auditing", "seed": request.seed, "code": _code()}
    before = Asked.read(folder)
    ready = Request(folder, _opening(request), metrics=tuple(request.metrics), about=request.about)
    if before is not None:
        other = {
            name: (value, provenance[name])
            for name, value in before.provenances.get(SUITE, {}).items()
            if value != provenance.get(name)
        }
        if SUITE not in before.suites or other:
            told = "; ".join(f"{name} was {old}, now {new}" for name, (old, new) in other.items())
            raise SettingError(
                f"{folder} holds other pictures ({told or 'no audit'}): choose another folder with --out"
            )
        if len(before.suites[SUITE]) >= request.scenes:
            return ready
    prompts = _put_in(folder, request.scenes, request.seed, progress)
    asked = Asked(
        suites={SUITE: tuple(prompt.id for prompt in prompts)},
        provenances={SUITE: provenance},
        models={name: {"name": name, "spec": OF_OTHERS, "derived_from": None} for name in COLUMNS},
    )
    return replace(ready, more=asked, prompts={SUITE: prompts})


def _put_in(folder: Path, count: int, seed: int, progress: Progress) -> list[SuitePrompt]:
    """Render all pictures and keep them with their truth; what is there already stays."""
    progress.expect("scenes", count, 0)
    prompts: list[SuitePrompt] = []
    with RunStore(folder) as store:
        chunk: list[AuditPrompt] = []
        for made in audit_prompts(count, seed):
            prompts.append(made.prompt)
            chunk.append(made)
            if len(chunk) == _CHUNK or len(prompts) == count:
                _keep(store, chunk)
                progress.advance("scenes", len(chunk))
                chunk = []
    return prompts


def _keep(store: RunStore, made: Sequence[AuditPrompt]) -> None:
    pictures, cells = [], []
    for one in made:
        for column, picture in one.pictures.items():
            png = one.png(column)
            key = digest(OF_OTHERS, column, one.prompt.text, one.prompt.id, truth_of(picture), png.hex())
            pictures.append(PictureRow(key, png, None, {TRUTH: truth_of(picture)}))
            cells.append(CellRow(SUITE, one.prompt.id, column, 0, {}, key))
    store.add_pictures(pictures)
    store.add_cells(cells)


def _code() -> str:
    return digest(code_lines(AUDITING))[:16]


def check_parts(parts: str) -> tuple[str, ...]:
    """Read "rendered", "generated" or "both".

    Raises:
        SettingError: Another word.
    """
    if parts == "both":
        return PARTS
    if parts not in PARTS:
        raise SettingError(f"--pictures {parts!r}: expected rendered, generated or both")
    return (parts,)

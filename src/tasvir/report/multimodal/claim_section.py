"""The claims' table: claim, what is measured, our numbers, the verdict, what the printed table says."""

from __future__ import annotations

from collections.abc import Sequence

from tasvir.report.multimodal.blocks import Block, Cell, Grid, Text, cells
from tasvir.report.multimodal.printed import printed_tables
from tasvir.report.multimodal.verdicts import Judged, Weighed
from tasvir.report.multimodal.words import Words

LISTED = 3
"""Up to so many comparisons stand in the row themselves; of more the least and the greatest."""
TONES = {"replicated": "good", "not-replicated": "bad"}
MODALITIES = {"gaussians": ("x1", "x2", "x3"), "image-label": ("image", "label")}
"""Of the chapter's experiments, in the order of their weights."""


def claims_grids(judged: Sequence[Judged], words: Words) -> list[Grid]:
    """A grid an experiment and estimator, a row a claim, rule and data set."""
    names = ("claim", "where", "measured", "ours", "verdict", "printed")
    head = tuple(words(f"claims.{name}") for name in names)
    grids = []
    for experiment, estimator in dict.fromkeys((one.claim.experiment, one.estimator) for one in judged):
        about = [one for one in judged if (one.claim.experiment, one.estimator) == (experiment, estimator)]
        caption = words(f"claims.{experiment}")
        if estimator:
            caption = f"{caption}, {words('claims.estimator', estimator=estimator.lstrip(':'))}"
        rows = tuple(_row(one, words) for one in about)
        grids.append(Grid(caption, head, rows, (words("claims.note"),), prose=True, folded=bool(estimator)))
    return grids


def contrast_grids(judged: Sequence[Judged], words: Words) -> list[Grid]:
    """Every comparison, a grid a data set."""
    names = ("claim", "row", "table.figure", "favour", "table.interval", "seeds", "table.adjusted")
    head = tuple(words(name if "." in name else f"claims.{name}") for name in (*names, "printed"))
    places = dict.fromkeys((one.claim.experiment, one.data, one.estimator) for one in judged if one.weighed)
    grids = []
    for place in places:
        rows = [
            _contrast(one, weighed, words)
            for one in judged
            if (one.claim.experiment, one.data, one.estimator) == place
            for weighed in one.weighed
        ]
        where = " · ".join(part for part in (words.data(place[1]), place[2].lstrip(":")) if part)
        grids.append(Grid(words("claims.contrasts", where=where), head, tuple(rows), folded=True))
    return grids


def short(judged: Sequence[Judged], run: Sequence[tuple[str, str, str]], words: Words) -> list[Block]:
    """The counts: of the plain estimator, so that no claim counts twice."""
    plain = [one for one in judged if not one.estimator]
    verdicts = [one.verdict for one in plain]
    said = [
        words(
            "short.claims",
            count=len(plain),
            replicated=verdicts.count("replicated"),
            failed=verdicts.count("not-replicated"),
            undecided=verdicts.count("undecided"),
            missing=verdicts.count("not-run"),
        )
    ]
    told = [one for one in plain if one.printed is not None]
    against = [one for one in told if one.printed_supports is False]
    said.append(words("short.printed", told=len(told), contradicted=len(against)))
    blocks: list[Block] = [Text(tuple(said))]
    if against:
        names = tuple(f"{_claim(one, words)} ({_where(one, words)})" for one in against)
        blocks += [Text((words("short.contradicted"),), quiet=True), Text(names, listed=True)]
    missing = [
        f"{table.number} ({words.table(*key)})" for key, table in printed_tables().items() if key not in run
    ]
    if missing:
        blocks.append(Text((words("short.none_run", tables=", ".join(missing)),)))
    return blocks


def _claim(one: Judged, words: Words) -> str:
    return words(f"claim.{one.claim.id}")


def _where(one: Judged, words: Words) -> str:
    experts = ", ".join(expert.upper().replace("OE", "oE") for expert in one.claim.experts)
    return f"{experts} · {words.data(one.data)}"


def _row(one: Judged, words: Words) -> tuple[Cell, ...]:
    return (
        Cell(_claim(one, words)),
        Cell(_where(one, words), small=(words("claims.thesis", section=one.claim.section),)),
        Cell(words(f"measured.{one.claim.id}")),
        _ours(one, words),
        Cell(words(f"verdict.{one.verdict}"), True, tone=TONES.get(one.verdict, "")),
        _told(one, words),
    )


def _ours(one: Judged, words: Words) -> Cell:
    if not one.weighed:
        return Cell(words.number(None))
    sides = [weighed.side for weighed in one.weighed]
    count = words(
        "claims.count",
        favour=sides.count(1),
        against=sides.count(-1),
        count=len(sides),
        needed=one.claim.needed(len(sides)),
    )
    if len(one.weighed) <= LISTED:
        return Cell(count, small=tuple(_line(one, weighed, words) for weighed in one.weighed))
    ordered = sorted(one.weighed, key=lambda each: each.tested.difference)
    ends = (("least", ordered[0]), ("most", ordered[-1]))
    small = tuple(f"{words(f'claims.{end}')}: {_line(one, each, words)}" for end, each in ends)
    return Cell(count, small=small)


def _line(one: Judged, weighed: Weighed, words: Words) -> str:
    parts = (_name(one, weighed.row, words), _figure(weighed, words))
    what = " \N{RIGHTWARDS ARROW} ".join(part for part in parts if part)
    mean, interval = words.signed(weighed.tested.difference), words.interval(weighed.tested.interval)
    told = {"mean": mean, "interval": interval, "p": words.p(weighed.holm)}
    return words("claims.line", what=what or _where(one, words), **told)


def _name(one: Judged, row: str, words: Words) -> str:
    """A row's name; "a|b" is one row against another."""
    modalities = MODALITIES[one.claim.experiment]
    return " / ".join(words.weighting(part, modalities) for part in row.split("|") if part)


def _figure(weighed: Weighed, words: Words) -> str:
    """A column; of the Gaussians the modality that it is of."""
    name = words.modality(weighed.figure)
    return words.figure(weighed.figure) if name == weighed.figure else name


def _told(one: Judged, words: Words) -> Cell:
    if one.printed is None:
        return Cell(words("claims.untold"))
    supports = one.printed_supports
    counted = words("claims.counted", favour=one.printed[0], count=one.printed[1])
    return Cell(
        words("claims.supports" if supports else "claims.contradicts"),
        small=(counted,),
        tone="" if supports else "bad",
    )


def _contrast(one: Judged, weighed: Weighed, words: Words) -> tuple[Cell, ...]:
    tested = weighed.tested
    return (
        Cell(_claim(one, words), small=(_where(one, words),)),
        *cells(_name(one, weighed.row, words), _figure(weighed, words)),
        Cell(words.signed(tested.difference, 5), weighed.side != 0),
        Cell(words.interval(tested.interval, 5), small=(tested.reason,) if tested.reason else ()),
        *cells(str(weighed.n), words.p(weighed.holm), words.signed(weighed.printed)),
    )

"""An audit as tables and sentences: what its page, its Markdown and the command line show alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasvir.score.auditing.figures import Audited, Lead, Part, Sort, Twins
from tasvir.score.statistics import Figure

SECONDS = (0.1, 10.0)
"""Below and above these, seconds are told with more and with fewer digits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a table.

    Args:
        text: The value, or "none".
        small: Interval, n, or the reason why there is no value.
        share: 0 to 1, how strongly it is tinted; None for no tint.
    """

    text: str
    small: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True)
class AuditTable:
    """A table with its caption and what must be known to read it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str


def audit_tables(part: Part) -> list[AuditTable]:
    """All tables of a part; those with nothing in them are left out."""
    made = [_metrics(part), _asking(part), _leads(part)]
    made += [_sorts(part, "faults"), _sorts(part, "relations")]
    return [table for table in made if table.rows]


def findings(part: Part) -> list[str]:
    """The thesis' claim on every judge and every other metric: shown, refuted, or undecided."""
    told = []
    for lead in part.leads:
        judges = [name.partition(":")[0].startswith("judge") for name in (lead.first, lead.second)]
        if judges[0] != judges[1]:
            told.append(_finding(lead, judge_first=judges[0]))
    return told


def _finding(lead: Lead, *, judge_first: bool) -> str:
    judge, other = (lead.first, lead.second) if judge_first else (lead.second, lead.first)
    if lead.tau.value is None:
        return f"{judge} and {other} cannot be compared: {lead.tau.reason}."
    sign = 1 if judge_first else -1
    value = sign * lead.tau.value
    between = ""
    if lead.tau.interval is not None:
        low, high = sorted(sign * end for end in lead.tau.interval)
        between = f" (95 % {low:+.3f} to {high:+.3f}, {lead.n_pictures} pictures of {lead.n_prompts} texts)"
    if lead.verdict == "undecided":
        said = f"Undecided whether {judge} or {other} follows the truth better"
    else:
        better = "better" if value > 0 else "less well"
        said = f"{judge} follows the truth {better} than {other}"
    return f"{said}: tau differs by {value:+.3f}{between}."


def _metrics(part: Part) -> AuditTable:
    head = ("metric", "tau", "rho", "tau with the share", "true above its twin", "pictures", "no value")
    rows = tuple(
        (
            Entry(one.metric),
            _figure(one.rating.tau, tint=True),
            _figure(one.rating.rho, tint=True),
            _figure(one.share.tau, tint=True),
            _above(one.twins),
            Entry(str(one.rating.n_pictures), f"{one.rating.n_prompts} texts"),
            _missing(one),
        )
        for one in part.metrics
    )
    return AuditTable(
        "Agreement with the truth",
        head,
        rows,
        "Kendall's tau-b and Spearman's rho with ratings from 1 to 5 made of the truth; tau with the share "
        "of true predicates itself; share of pairs in which the true picture stands above its twin with one "
        "fault (ties count half, chance is 50 %). Intervals: 95 %, whole texts drawn again.",
    )


def _asking(part: Part) -> AuditTable:
    head = ("metric", "answers not read", "same every time", "alpha", "seconds a picture", "US dollars")
    rows = []
    for one in part.metrics:
        asked = one.asking
        unread = "asks nobody" if asked.n_questions is None else f"{asked.n_unread} of {asked.n_questions}"
        equal = Entry("none", asked.equal.reason)
        if asked.equal.value is not None:
            equal = Entry(f"{asked.equal.value:.1%}", f"{asked.n_repeated} pictures, {asked.times} times")
        money = "none" if asked.money is None else f"{asked.money:.5f}"
        rows.append(
            (
                Entry(one.metric),
                Entry(unread),
                equal,
                _figure(asked.alpha),
                _seconds(asked.seconds),
                Entry(money),
            )
        )
    return AuditTable(
        "Answers, repeatability, cost",
        head,
        tuple(rows),
        "A judge is asked about every picture several times, with another seed each time; other metrics "
        "measure a sample again in other batches. Alpha is Krippendorff's (ordinal), the rounds as raters. "
        "Seconds include all rounds of a judge. Money is none where nobody asks for any.",
    )


def _leads(part: Part) -> AuditTable:
    head = ("first", "second", "tau apart", "rho apart", "pictures", "closer to the truth")
    rows = tuple(
        (
            Entry(lead.first),
            Entry(lead.second),
            _figure(lead.tau, signed=True),
            _figure(lead.rho, signed=True),
            Entry(str(lead.n_pictures), f"{lead.n_prompts} texts"),
            Entry({"first": lead.first, "second": lead.second}.get(lead.verdict, "undecided")),
        )
        for lead in part.leads
    )
    return AuditTable(
        "Metrics against each other",
        head,
        rows,
        "Differences on the pictures that both scored, in the same resamples. Decided where the interval of "
        "tau leaves out 0; each interval stands for its own row alone.",
    )


def _sorts(part: Part, which: str) -> AuditTable:
    """Rows are sorts, columns are metrics."""
    of_metrics: list[dict[str, Sort]] = [
        {sort.name: sort for sort in getattr(one, which)} for one in part.metrics
    ]
    names = dict.fromkeys(name for sorts in of_metrics for name in sorts)
    by_pairs = which == "faults"
    rows = []
    for name in names:
        found = [sorts.get(name) for sorts in of_metrics]
        count = max((_count(sort, by_pairs) for sort in found if sort is not None), default="")
        rows.append((Entry(name, count), *(_sort(sort, by_pairs) for sort in found)))
    caption = "True above its faulty twin, by fault" if by_pairs else "By kind of relation"
    note = (
        "Share of pairs in which the true picture has the better value; below it tau of the two kinds."
        if by_pairs
        else "Tau-b with the ratings over pictures of texts that claim such a relation; below it, where one "
        "was broken on purpose, the share of pairs in which the true picture stands above."
    )
    return AuditTable(caption, ("", *(one.metric for one in part.metrics)), tuple(rows), note)


def _count(sort: Sort, by_pairs: bool) -> str:
    number, word = (sort.twins.n_pairs, "pair") if by_pairs else (sort.ranked.n_pictures, "picture")
    return f"{number} {word}{'s' * (number != 1)}"


def _sort(sort: Sort | None, by_pairs: bool) -> Entry:
    if sort is None:
        return Entry("none", "no picture has a value")
    tau, above = _figure(sort.ranked.tau, tint=True), _above(sort.twins)
    if by_pairs:
        below = "" if tau.text == "none" else f"; tau {tau.text}"
        return Entry(above.text, above.small + below, above.share)
    below = "" if above.text == "none" else f"; above {above.text}"
    return Entry(tau.text, tau.small + below, tau.share)


def _above(twins: Twins) -> Entry:
    if twins.above.value is None:
        return Entry("none", twins.above.reason)
    interval = twins.above.interval
    small = twins.above.reason if interval is None else f"{interval[0]:.1%} to {interval[1]:.1%}"
    return Entry(f"{twins.above.value:.1%}", small, max(2 * twins.above.value - 1, 0.0))


def _missing(one: Audited) -> Entry:
    reasons = "; ".join(f"{count} x {reason.partition(': ')[0]}" for reason, count in one.reasons[:2])
    return Entry(str(one.n_missing), reasons)


def _figure(figure: Figure, *, signed: bool = False, tint: bool = False) -> Entry:
    if figure.value is None:
        return Entry("none", figure.reason)
    form = "+.3f" if signed else ".3f"
    small = figure.reason
    if figure.interval is not None:
        small = f"{figure.interval[0]:{form}} to {figure.interval[1]:{form}}"
    return Entry(f"{figure.value:{form}}", small, max(figure.value, 0.0) if tint else None)


def _seconds(seconds: float | None) -> Entry:
    if seconds is None:
        return Entry("none", "not measured")
    low, high = SECONDS
    return Entry(
        f"{seconds:.4f}" if seconds < low else f"{seconds:.0f}" if seconds > high else f"{seconds:.2f}"
    )


def in_markdown(tables: Sequence[AuditTable]) -> str:
    """Tables in Markdown, small print in brackets."""
    blocks = []
    for table in tables:
        lines = [_line(table.head), _line(["---"] * len(table.head))]
        lines += [
            _line([f"{entry.text} ({entry.small})" if entry.small else entry.text for entry in row])
            for row in table.rows
        ]
        blocks.append("\n".join([f"### {table.caption}", "", table.note, "", *lines]))
    return "\n\n".join(blocks)


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entry.replace('|', chr(92) + '|') for entry in entries)} |"

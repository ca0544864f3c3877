"""Who leads on a metric, by how much, whether that is more than chance, and whether the metrics agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasvir.report.study.score_sheets import oriented, pair_id
from tasvir.report.study.scored import Scored, same
from tasvir.report.study.statements import interval_of, names, say
from tasvir.report.study.values import Listed, Message, Name, Ref, Slot, Statement, Value
from tasvir.score.comparison import Pair

MOST_PAIRS = 6
"""So many decided pairs are told one by one; the table has them all."""


def lead(one: Scored, values: Mapping[str, Value]) -> list[Statement]:
    """Everything about the means of one table."""
    known = [mean for mean in one.table.overall.means if mean.value is not None]
    every = [one.id("means", mean.model) for mean in one.table.overall.means]
    if not known:
        return [say("lead.nothing", every, **one.names)]
    ranked = sorted(known, key=lambda mean: -one.sign(mean.value or 0.0))
    best = one.id("means", ranked[0].model)
    told: dict[str, Slot] = {
        **one.names,
        "value": Ref(best),
        "interval": interval_of(values[best]),
        "count": Ref(best, "n"),
    }
    if len(known) == 1:
        return [say("lead.alone", every, model=Name(ranked[0].model), **told)]
    leaders = [mean.model for mean in ranked if same(mean.value or 0.0, ranked[0].value or 0.0)]
    if len(leaders) == len(known):
        return [say("lead.all_tied", every, models=names(leaders), value=Ref(best), **one.names)]
    if len(leaders) > 1:
        return [say("lead.tied", every, models=names(leaders), value=Ref(best), **one.names)]
    second = ranked[1].model
    told |= {"second": Name(second), "other": Ref(one.id("means", second))}
    return [
        say("lead.first", every, model=Name(leaders[0]), **told),
        *_sureness(one, leaders[0], second, values),
        *_place(one, leaders[0]),
        *_pairs(one, {leaders[0], second}, values),
    ]


def pair_of(one: Scored, first: str, second: str, pairs: Sequence[Pair] | None = None) -> Pair | None:
    """The pair of two models, the better mean first; None where they were not compared."""
    among = one.table.overall.pairs if pairs is None else pairs
    found = next((pair for pair in among if {pair.first, pair.second} == {first, second}), None)
    return None if found is None else oriented(one, found)


def told_pair(one: Scored, pair: Pair, values: Mapping[str, Value], category: str = "") -> dict[str, Slot]:
    """What messages about a pair may say."""
    gap = pair_id(one, category, pair, "difference")
    return {
        "first": Name(pair.first),
        "second": Name(pair.second),
        "gap": Ref(gap, absolute=True),
        "interval": interval_of(values[gap]),
        "p": Ref(pair_id(one, category, pair, "p_holm")),
        "count": Ref(pair_id(one, category, pair, "n")),
    }


def power_of(one: Scored, pair: Pair) -> Message:
    """What so many prompts could have shown of an undecided pair."""
    if pair.too_few:
        return Message("part.too_few")
    if pair.mde is None:
        return Message("part.no_power")
    return Message("part.power", {"mde": Ref(pair_id(one, "", pair, "mde"))})


def couple(pair: Pair) -> Message:
    """Two models as one name."""
    return Message("word.versus", {"first": Name(pair.first), "second": Name(pair.second)})


def _sureness(one: Scored, leader: str, second: str, values: Mapping[str, Value]) -> list[Statement]:
    """Whether the lead over the next is more than chance."""
    pair = pair_of(one, leader, second)
    if pair is None or pair.difference is None:
        return []
    told = told_pair(one, pair, values)
    if pair.p_holm is None:
        return [say("lead.untested", **told, reason=Name(pair.reason))]
    if same(pair.difference, 0.0):
        return [say("lead.level", first=told["first"], second=told["second"], count=told["count"])]
    if pair.first != leader:
        verdict = Message("word.decided" if pair.better else "word.undecided")
        return [say("lead.other_way", **told, verdict=verdict)]
    if pair.better:
        return [say("lead.shown", **told)]
    return [say("lead.noise", **told, power=power_of(one, pair))]


def _place(one: Scored, leader: str) -> list[Statement]:
    """How sure the leader's place is."""
    place = next((place for place in one.table.overall.places if place.model == leader), None)
    if place is None:
        return []
    ids = {key: Ref(one.id("places", leader, key)) for key in ("first", "best", "worst")}
    return [say("lead.stable" if place.low == place.high else "lead.unstable", model=Name(leader), **ids)]


def _pairs(one: Scored, told: set[str], values: Mapping[str, Value]) -> list[Statement]:
    """How many pairs are decided, and which besides the one of which was told."""
    pairs = [oriented(one, pair) for pair in one.table.overall.pairs]
    if len(pairs) < 2:
        return []
    among = [pair_id(one, "", pair, "p_holm") for pair in pairs]
    whole, count = one.id("verdicts", "pairs"), one.id("verdicts", "decided_pairs")
    said = [say("pairs.decided", among, count=Ref(count), pairs=Ref(whole))]
    decided = sorted((pair for pair in pairs if pair.better), key=lambda pair: -abs(pair.difference or 0))
    others = [pair for pair in decided if {pair.first, pair.second} != told]
    said += [say("pairs.better", **told_pair(one, pair, values)) for pair in others[:MOST_PAIRS]]
    undecided = [pair for pair in pairs if not pair.better]
    if undecided and decided:
        listed = Listed(tuple(map(couple, undecided)))
        said.append(say("pairs.undecided", among, pairs=listed))
    return said


def agreement_of_metrics(scored: Sequence[Scored]) -> list[Statement]:
    """Whether the metrics of one suite and setting put the same model first."""
    firsts = {one.table.metric: _first(one) for one in scored}
    clear = {metric: first for metric, first in firsts.items() if first is not None}
    if len(clear) < 2:
        return []
    among = [one.id("means", mean.model) for one in scored for mean in one.table.overall.means]
    if len(set(clear.values())) == 1:
        return [say("agree.same", among, metrics=names(clear), model=Name(next(iter(clear.values()))))]
    listed = Listed(
        tuple(Message("part.puts_first", {"metric": Name(m), "model": Name(f)}) for m, f in clear.items())
    )
    return [say("agree.differ", among, firsts=listed)]


def _first(one: Scored) -> str | None:
    """The model that alone has the best mean."""
    known = {mean.model: mean.value for mean in one.table.overall.means if mean.value is not None}
    if len(known) < 2:
        return None
    best = max(known.values(), key=one.sign)
    leaders = [model for model, value in known.items() if same(value, best)]
    return leaders[0] if len(leaders) == 1 else None

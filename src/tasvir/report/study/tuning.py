"""What fine-tuning changed: every model that was marked as derived from another, against that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasvir.report.study.leading import pair_of, power_of, told_pair
from tasvir.report.study.score_sheets import pair_id
from tasvir.report.study.scored import Scored, same
from tasvir.report.study.statements import say
from tasvir.report.study.values import Name, Ref, Slot, Statement, Value
from tasvir.score.comparison import Comparison, Pair


def fine_tuning(
    scored: Sequence[Scored], comparison: Comparison, values: Mapping[str, Value]
) -> list[Statement]:
    """By derived model and table: better, worse, or not told apart; for the main table by category too."""
    couples = [(model.name, model.derived_from) for model in comparison.models if model.derived_from]
    if not couples:
        return [say("tuning.none", ["models"])]
    said: list[Statement] = []
    for tuned, base in couples:
        said.append(say("tuning.couple", ["models"], tuned=Name(tuned), base=Name(base)))
        for one in scored:
            said += _overall(one, tuned, base, values)
            said += _by_category(one, tuned, base, values) if one.is_main else []
    return said


def _overall(one: Scored, tuned: str, base: str, values: Mapping[str, Value]) -> list[Statement]:
    slots: dict[str, Slot] = {"tuned": Name(tuned), "base": Name(base), **one.names}
    means = [one.id("means", tuned), one.id("means", base)]
    pair = pair_of(one, tuned, base)
    if pair is None or pair.difference is None:
        return [say("tuning.unknown", means, **slots)]
    slots |= {"value": Ref(means[0]), "other": Ref(means[1])}
    if same(pair.difference, 0.0):
        return [say("tuning.same", **slots)]
    told = {key: slot for key, slot in told_pair(one, pair, values).items() if key not in ("first", "second")}
    if pair.p_holm is None:
        return [say("tuning.untested", gap=told["gap"], **slots)]
    if pair.better is None:
        return [say("tuning.noise", **slots, **told, power=power_of(one, pair))]
    return [say("tuning.better" if pair.better == tuned else "tuning.worse", **slots, **told)]


def _by_category(one: Scored, tuned: str, base: str, values: Mapping[str, Value]) -> list[Statement]:
    """Categories in which the two are told apart; that there is none, where it was tested."""
    found: list[Statement] = []
    tested: list[str] = []
    for group in one.table.categories:
        pair: Pair | None = pair_of(one, tuned, base, group.pairs)
        if pair is None or pair.p_holm is None:
            continue
        tested.append(pair_id(one, group.category, pair, "p_holm"))
        if pair.better is not None:
            key = "tuning.category_better" if pair.better == tuned else "tuning.category_worse"
            told = told_pair(one, pair, values, group.category)
            told = {name: told[name] for name in ("gap", "interval", "p", "count")}
            found.append(say(key, tuned=Name(tuned), category=Name(group.category), **told))
    if tested and not found:
        return [say("tuning.no_category", tested, tuned=Name(tuned), base=Name(base))]
    return found

"""Which categories are hard, who does well on which, and which prompts split the models."""

from __future__ import annotations

from collections.abc import Mapping

from tasvir.report.study.leading import told_pair
from tasvir.report.study.score_sheets import ALL, oriented, pair_id
from tasvir.report.study.scored import Scored, same
from tasvir.report.study.statements import names, say
from tasvir.report.study.values import Name, Ref, Slot, Statement, Value

MOST_SPLITS = 3
MOST_CATEGORY_PAIRS = 8


def categories(one: Scored, values: Mapping[str, Value]) -> list[Statement]:
    """The hardest and the easiest, each model's own, and the differences that are more than chance."""
    groups = one.table.categories
    if not groups:
        return []
    sheet = one.id("categories")
    said = _extremes(one, ALL, values, "category.hardest", "category.all_tied")
    for mean in one.table.overall.means:
        said += _extremes(one, mean.model, values, "category.own", "category.own_tied")
    decided = [
        (group.category, oriented(one, pair)) for group in groups for pair in group.pairs if pair.better
    ]
    decided.sort(key=lambda found: -abs(found[1].difference or 0))
    for category, pair in decided[:MOST_CATEGORY_PAIRS]:
        said.append(say("category.better", category=Name(category), **told_pair(one, pair, values, category)))
    tested = [
        pair_id(one, group.category, oriented(one, pair), "p_holm")
        for group in groups
        for pair in group.pairs
        if pair.p_holm is not None
    ]
    if tested and not decided:
        pairs = [pair for group in groups for pair in group.pairs if pair.p_holm is not None]
        few = all(pair.too_few for pair in pairs)
        said.append(say("category.too_few" if few else "category.none_decided", tested))
    return [*said] if said else [say("category.nothing", [sheet])]


def _extremes(
    one: Scored, model: str, values: Mapping[str, Value], different: str, tied: str
) -> list[Statement]:
    """The category with the worst and the one with the best value of a model, or of all together."""
    ids = {group.category: one.id("categories", group.category, model) for group in one.table.categories}
    known = {
        name: round(number, one.digits)  # as they are written: what looks equal is called equal
        for name, id in ids.items()
        if (number := values[id].value) is not None
    }
    if len(known) < 2:
        return []
    slots: dict[str, Slot] = {} if model == ALL else {"model": Name(model)}
    best, worst = max(known.values(), key=one.sign), min(known.values(), key=one.sign)
    if best == worst:
        return [say(tied, ids.values(), value=Ref(ids[next(iter(known))]), **slots)]
    easy = [name for name, number in known.items() if number == best]
    hard = [name for name, number in known.items() if number == worst]
    return [
        say(
            different,
            ids.values(),
            hard=names(hard),
            least=Ref(ids[hard[0]]),
            easy=names(easy),
            most=Ref(ids[easy[0]]),
            **slots,
        )
    ]


def prompts(one: Scored, values: Mapping[str, Value]) -> list[Statement]:
    """Who is best on how many prompts, the best value of all, and where two models differ most."""
    return [*_alone(one, values), *_best_of_all(one), *_splits(one)]


def _alone(one: Scored, values: Mapping[str, Value]) -> list[Statement]:
    ids = {place.model: one.id("places", place.model, "alone") for place in one.table.overall.places}
    if len(ids) < 2:
        return []
    most = max(values[id].value or 0 for id in ids.values())
    leaders = [model for model, id in ids.items() if values[id].value == most]
    count = Ref(ids[leaders[0]])
    if most == 0:
        return [say("prompts.no_one_alone", ids.values())]
    slots: dict[str, Slot] = {"count": count, "n": Ref(ids[leaders[0]], "n")}
    if len(leaders) == 1:
        return [say("prompts.alone", ids.values(), model=Name(leaders[0]), **slots)]
    return [say("prompts.alone_tied", ids.values(), models=names(leaders), **slots)]


def _best_of_all(one: Scored) -> list[Statement]:
    """Said only where a single prompt and model has it: of many equal ones none is the best."""
    known = [
        (number, prompt, model)
        for prompt, numbers in one.by_prompt.items()
        for model, number in numbers.items()
        if number is not None
    ]
    if len(known) < 2:
        return []
    best = max((number for number, *_ in known), key=one.sign)
    found = [(prompt, model) for number, prompt, model in known if same(number, best)]
    if len(found) > 1:
        return []
    prompt, model = found[0]
    slots: dict[str, Slot] = {"prompt": Name(one.texts[prompt]), "model": Name(model)}
    return [say("prompts.best", [one.id("prompts")], value=Ref(one.id("prompts", prompt, model)), **slots)]


def _splits(one: Scored) -> list[Statement]:
    """The prompts with the greatest differences, each once."""
    found: dict[str, Statement] = {}
    for split in sorted(one.table.splits, key=lambda split: -abs(split.difference)):
        if split.prompt not in found and len(found) < MOST_SPLITS:
            found[split.prompt] = say(
                "prompts.split",
                [one.id("prompts")],
                prompt=Name(one.texts[split.prompt]),
                better=Name(split.better),
                value=Ref(one.id("prompts", split.prompt, split.better)),
                worse=Name(split.worse),
                other=Ref(one.id("prompts", split.prompt, split.worse)),
            )
    return list(found.values())

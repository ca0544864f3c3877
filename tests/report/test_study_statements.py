"""What a study says: numbers stand in tables, superlatives are recomputed, other data say other things."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from results_builder import SUITE, build_results, metric_info

from tasvir.records import Score, SetScore
from tasvir.report.languages import LANGUAGES
from tasvir.report.study.charts import Charts
from tasvir.report.study.document import Drawn, sections, statements_of
from tasvir.report.study.people import people
from tasvir.report.study.study import Study, build_study
from tasvir.report.study.table_files import as_json
from tasvir.report.study.values import Listed, Message, Name, Ref, Slot, Statement, Value
from tasvir.report.study.words import Words, catalogue
from tasvir.results import Cell, RunResults, SetFigure
from tasvir.score.comparing import compare
from tasvir.score.comparison import CorrelationGap
from tasvir.score.statistics import Figure

NUMBER = re.compile(r"[+−]?\d[\d.,]*\d|[+−]?\d")
FOUR = {"oak": 0.9, "elm": 0.7, "fir": 0.68, "ash": 0.4}
FINE = {"fir": "elm", "oak": "ash"}


def study_of(results: RunResults) -> Study:
    return build_study(results, compare(results, draws=400))


def said_of(study: Study) -> list[Statement]:
    return statements_of(sections(study))


def found(said: list[Statement], key: str, **slots: str) -> Statement:
    """The one statement of that key whose named places hold these names."""
    fitting = [
        one
        for one in said
        if one.message.key == key
        and all(getattr(one.message.slots[place], "text", None) == name for place, name in slots.items())
    ]
    assert len(fitting) == 1, f"{key}: {len(fitting)} of {sorted({one.message.key for one in said})}"
    return fitting[0]


def keys(said: list[Statement]) -> set[str]:
    return {one.message.key for one in said}


def _two_metrics() -> tuple[Any, Any]:
    return metric_info("truth"), metric_info("distance", higher_is_better=False)


RUNS: dict[str, Callable[[], RunResults]] = {
    "plain": lambda: build_results(FOUR, prompts=36, derived=FINE),
    "two metrics": lambda: build_results(FOUR, metrics=_two_metrics(), prompts=30, derived=FINE),
    "few": lambda: build_results(FOUR, metrics=_two_metrics(), prompts=4, seeds=(3,), derived=FINE),
    "missing": lambda: build_results(FOUR, prompts=20, missing=0.3, undrawn=0.2, derived=FINE),
    "sweep": lambda: build_results(
        FOUR, metrics=_two_metrics(), prompts=12, sweep=[{"steps": n} for n in (1, 4, 16, 64)]
    ),
    "two settings": lambda: build_results(
        {"oak": 0.9, "elm": 0.6},
        prompts=10,
        sweep=[{"steps": steps, "size": size} for steps in (2, 8) for size in (64, 128)],
    ),
    "people": lambda: build_results(FOUR, metrics=_two_metrics(), prompts=15, raters=("an", "bo", "cy")),
    "one rater": lambda: build_results(FOUR, prompts=15, raters=("an",)),
    "noise": lambda: build_results({"oak": 0.5, "elm": 0.5}, prompts=25, derived={"elm": "oak"}, seed=1),
    "one model": lambda: build_results({"oak": 0.9}, prompts=6),
    "one prompt": lambda: build_results(FOUR, prompts=1, derived=FINE),
    "tied": lambda: _with_values(build_results(FOUR, prompts=12, derived=FINE), lambda _: 0.5),
    "dust": lambda: _with_values(
        build_results(FOUR, prompts=12), lambda cell: 0.1 + 0.2 if cell.model == "oak" else 0.3
    ),
    "top tied": lambda: _with_values(
        build_results(FOUR, prompts=12, derived=FINE), lambda cell: 0.25 if cell.model == "ash" else 1.0
    ),
    "all failed": lambda: build_results(FOUR, prompts=6, undrawn=1.0, derived=FINE),
    "nothing scored": lambda: build_results(FOUR, prompts=6, missing=1.0, derived=FINE),
    "no metrics": lambda: build_results(FOUR, prompts=6, metrics=()),
    "no models": lambda: _empty(build_results(FOUR, prompts=6), "models"),
    "no prompts": lambda: _empty(build_results(FOUR, prompts=0), "prompts"),
}  # fmt: skip


def _with_values(results: RunResults, value: Callable[[Any], float]) -> RunResults:
    cells = tuple(
        replace(cell, scores={name: Score(name, value(cell)) for name in cell.scores})
        for cell in results.cells
    )
    return replace(results, cells=cells)


def _empty(results: RunResults, what: str) -> RunResults:
    if what == "models":
        return replace(results, models=(), cells=(), speeds=())
    return replace(results, prompts={}, suites={}, cells=(), speeds=())


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    return {name: study_of(make()) for name, make in RUNS.items()}


def without_names(slot: Slot) -> Slot:
    """The same with letters in the place of every name."""
    if isinstance(slot, Name):
        return Name("x")
    if isinstance(slot, Message):
        return Message(slot.key, {key: without_names(inner) for key, inner in slot.slots.items()})
    if isinstance(slot, Listed):
        return Listed(tuple(without_names(item) for item in slot.items))  # type: ignore[arg-type]
    return slot


def templates(slot: Slot) -> Iterator[str]:
    if isinstance(slot, Message):
        yield slot.key
        for inner in slot.slots.values():
            yield from templates(inner)
    elif isinstance(slot, Listed):
        for item in slot.items:
            yield from templates(item)


def constants(statement: Statement, language: str) -> list[str]:
    """Numbers that the catalogue itself writes, such as the 95 of "95 % interval"."""
    numbers = []
    for key in templates(statement.message):
        section, _, name = key.partition(".")
        text = catalogue(language)[section][name]
        text = text["other"] if isinstance(text, dict) else text
        numbers += NUMBER.findall(re.sub(r"\{\w+\}", "", text))
    return numbers


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", RUNS)
def test_every_number_stands_in_a_table(studies: dict[str, Study], name: str, language: str) -> None:
    """Read from tables.json alone: the evidence of a sentence holds each of its numbers, as it is written."""
    study = studies[name]
    said = said_of(study)
    words = Words(language, study.values)
    data = json.loads(as_json(study, words, said))
    tables = {table["id"]: table for table in data["tables"]}
    cells = {
        cell["id"]: cell
        for table in tables.values()
        for row in table["rows"]
        for cell in row
        if isinstance(cell, dict)
    }
    assert said
    for statement, told in zip(said, data["statements"], strict=True):
        assert told["evidence"], f"{told['key']} rests on nothing"
        written = set(constants(statement, language))
        for id in told["evidence"]:
            assert id in cells or id in tables, f"{told['key']}: there is no {id}"
            for text in cells.get(id, {"written": {}})["written"].values():
                written |= {text, *NUMBER.findall(text), *(n.lstrip("+−") for n in NUMBER.findall(text))}
        text = words(without_names(statement.message))  # type: ignore[arg-type]
        assert "{" not in text
        for number in NUMBER.findall(text):
            assert number in written, f"{told['key']}: {number} of {told['text']!r}"


def test_constants_are_few() -> None:
    """A number in a template is no figure of the run's: 95 of intervals, 0.05 of the test, a scale's ends."""
    numbers = {
        number
        for section in ("aim", "lead", "pairs", "category", "prompts", "time", "sweep", "people", "tuning",
                        "cannot", "future", "part", "sets", "agree", "missing", "method")
        for text in catalogue("en")[section].values()
        for form in (text.values() if isinstance(text, dict) else [text])
        for number in NUMBER.findall(re.sub(r"\{\w+\}", "", form))
    }  # fmt: skip
    assert numbers == {"95", "0.05"}


@pytest.mark.parametrize("name", RUNS)
def test_values_say_why_they_are_missing(studies: dict[str, Study], name: str) -> None:
    """Missing is None: nothing is called 0 for want of a value."""
    study = studies[name]
    for one in study.scored:
        for mean in one.table.overall.means:
            value = study.values[one.id("means", mean.model)]
            assert (value.value is None) == (mean.n_prompts == 0)
            assert value.value is not None or value.reason


def by_hand(
    results: RunResults, metric: str, settings: dict[str, Any] | None = None
) -> dict[str, dict[str, float]]:
    """Prompt -> model -> mean over seeds, from the cells alone."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in results.cells:
        score = cell.scores.get(metric)
        if score is not None and score.value is not None:
            found[cell.prompt][cell.model].append(score.value)
    return {prompt: {m: fmean(values) for m, values in models.items()} for prompt, models in found.items()}


def means(values: dict[str, dict[str, float]], prompts: set[str] | None = None) -> dict[str, float]:
    models: dict[str, list[float]] = defaultdict(list)
    for prompt, row in values.items():
        if prompts is None or prompt in prompts:
            for model, value in row.items():
                models[model].append(value)
    return {model: fmean(found) for model, found in models.items()}


def number(study: Study, statement: Statement, place: str) -> float | None:
    slot = statement.message.slots[place]
    assert isinstance(slot, Ref)
    value = getattr(study.values[slot.id], slot.part)
    return abs(value) if slot.absolute else value


def text(statement: Statement, place: str) -> str:
    slot = statement.message.slots[place]
    assert isinstance(slot, Name)
    return slot.text


def texts(statement: Statement, place: str) -> set[str]:
    slot = statement.message.slots[place]
    assert isinstance(slot, Listed)
    return {item.text for item in slot.items if isinstance(item, Name)}


@pytest.mark.parametrize("name", ["plain", "two metrics", "missing", "few", "people"])
def test_the_leader_leads(studies: dict[str, Study], name: str) -> None:
    study = studies[name]
    for metric in study.results.metrics:
        turn = 1 if metric.higher_is_better else -1
        ranked = sorted(means(by_hand(study.results, metric.name)).items(), key=lambda item: -turn * item[1])
        said = next(
            one
            for one in said_of(study)
            if one.message.key == "lead.first" and text(one, "metric") == metric.name
        )  # fmt: skip
        assert (text(said, "model"), text(said, "second")) == (ranked[0][0], ranked[1][0])
        assert number(study, said, "value") == pytest.approx(ranked[0][1])
        assert number(study, said, "other") == pytest.approx(ranked[1][1])
        assert {f"means/{SUITE}//{metric.name}/{model}" for model in FOUR} <= set(said.evidence)


def test_a_clear_lead_and_one_within_noise(studies: dict[str, Study]) -> None:
    clear, noise = said_of(studies["plain"]), said_of(studies["noise"])
    assert {"lead.shown"} <= keys(clear)
    assert "lead.noise" not in keys(clear)
    assert "lead.noise" in keys(noise)
    shown = {"lead.shown", "pairs.better", "category.better", "tuning.better", "tuning.worse"}
    assert shown & keys(noise) == set()
    p = next(number(studies["noise"], one, "p") for one in noise if one.message.key == "lead.noise")
    assert p is not None
    assert p >= 0.05


@pytest.mark.parametrize("name", ["plain", "two metrics", "missing", "noise"])
def test_better_is_said_only_where_it_is_shown(studies: dict[str, Study], name: str) -> None:
    """Each "better" has an adjusted p below 0.05 and a difference that points that way."""
    study, told = studies[name], 0
    for one in said_of(study):
        if one.message.key in ("lead.shown", "pairs.better", "category.better"):
            told += 1
            p = number(study, one, "p")
            assert p is not None
            assert p < 0.05
            category = text(one, "category") if one.message.key == "category.better" else ""
            prompts = {
                id for (_, id), p in study.results.prompts.items() if p.category == category or not category
            }
            gap = next(slot for key, slot in one.message.slots.items() if key == "gap")
            assert isinstance(gap, Ref)
            metric = next(m for m in study.results.metrics if f"/{m.name}/" in gap.id)
            values = by_hand(study.results, metric.name)
            first, second = text(one, "first"), text(one, "second")
            both = {p for p in prompts & set(values) if {first, second} <= set(values[p])}
            difference = fmean(values[p][first] - values[p][second] for p in both)
            assert number(study, one, "gap") == pytest.approx(abs(difference))
            assert (difference > 0) == metric.higher_is_better
    assert told or name == "noise"


@pytest.mark.parametrize("name", ["plain", "two metrics"])
def test_hardest_and_easiest_category(studies: dict[str, Study], name: str) -> None:
    study = studies[name]
    metric = study.results.metrics[0]
    values = by_hand(study.results, metric.name)
    prompts: dict[str, set[str]] = defaultdict(set)
    for (_, id), prompt in study.results.prompts.items():
        prompts[prompt.category].add(id)
    over_all = {category: fmean(means(values, ids).values()) for category, ids in prompts.items()}
    said = found(said_of(study), "category.hardest")
    assert texts(said, "hard") == {min(over_all, key=over_all.__getitem__)}
    assert texts(said, "easy") == {max(over_all, key=over_all.__getitem__)}
    assert number(study, said, "least") == pytest.approx(min(over_all.values()))
    for model in FOUR:
        own = {category: means(values, ids)[model] for category, ids in prompts.items()}
        said = found(said_of(study), "category.own", model=model)
        assert min(own, key=own.__getitem__) in texts(said, "hard")
        assert max(own, key=own.__getitem__) in texts(said, "easy")


@pytest.mark.parametrize("name", ["plain", "missing", "people"])
def test_prompts_that_stand_out(studies: dict[str, Study], name: str) -> None:
    study = studies[name]
    metric = study.results.metrics[0].name
    values = by_hand(study.results, metric)
    id_of = {prompt.text: id for (_, id), prompt in study.results.prompts.items()}
    whole = {id: row for id, row in values.items() if len(row) == len(FOUR)}
    counts = {model: sum(max(row, key=row.__getitem__) == model for row in whole.values()) for model in FOUR}
    most = max(counts.values())
    leaders = [model for model in FOUR if counts[model] == most]
    said = said_of(study)
    if len(leaders) == 1:
        alone = found(said, "prompts.alone", model=leaders[0])
        assert (number(study, alone, "count"), number(study, alone, "n")) == (most, len(whole))
    else:
        assert texts(found(said, "prompts.alone_tied"), "models") == set(leaders)
    splits = [one for one in said if one.message.key == "prompts.split"]
    gaps = [max(row.values()) - min(row.values()) for row in values.values() if len(row) > 1]
    told = []
    for one in splits:
        row = values[id_of[text(one, "prompt")]]
        better, worse = row[text(one, "better")], row[text(one, "worse")]
        assert (number(study, one, "value"), number(study, one, "other")) == (better, worse)
        assert better > worse
        told.append(better - worse)
    assert told == pytest.approx(sorted(gaps, reverse=True)[: len(told)])
    every = [value for row in values.values() for value in row.values()]
    if every.count(max(every)) == 1:
        assert number(study, found(said, "prompts.best"), "value") == max(every)
    else:
        assert "prompts.best" not in keys(said)


def test_fast_and_slow() -> None:
    results = build_results(FOUR, prompts=30)
    spent = {"oak": 4.0, "elm": 2.0, "fir": 3.0, "ash": 1.0}
    study = study_of(replace(results, cells=tuple(replace(c, seconds=spent[c.model]) for c in results.cells)))
    said = said_of(study)
    assert texts(found(said, "time.fastest"), "models") == {"ash"}
    slowest = found(said, "time.slowest")
    assert (texts(slowest, "models"), number(study, slowest, "ratio")) == ({"oak"}, 4.0)
    quality = means(by_hand(results, "score"))
    beaten = {
        m for m in FOUR if any(spent[o] <= spent[m] and quality[o] >= quality[m] and o != m for o in FOUR)
    }
    assert beaten, "or this shows nothing"
    assert texts(found(said, "time.front"), "models") == set(FOUR) - beaten
    assert {text(one, "model") for one in said if one.message.key == "time.beaten"} == beaten


def test_knees_are_those_of_the_comparison(studies: dict[str, Study]) -> None:
    study = studies["sweep"]
    told = 0
    for one in said_of(study):
        if one.message.key.startswith("sweep."):
            sweep = next(
                s
                for s in study.comparison.sweeps
                if (s.metric, s.model, s.key) == (text(one, "metric"), text(one, "model"), text(one, "key"))
            )
            told += 1
            assert number(study, one, "best") == sweep.best
            if one.message.key == "sweep.knee":
                assert number(study, one, "knee") == sweep.knee < sweep.best
            else:
                assert sweep.knee == sweep.best
    assert told == len(study.comparison.sweeps) == 2 * len(FOUR)


def test_fine_tuning_is_told_as_it_is(studies: dict[str, Study]) -> None:
    """oak is far above ash, which it is derived from; fir is close to elm."""
    said = said_of(studies["plain"])
    assert text(found(said, "tuning.better"), "tuned") == "oak"
    assert "tuning.worse" not in keys(said)
    turned = said_of(study_of(build_results(FOUR, prompts=36, derived={"ash": "oak"})))
    assert text(found(turned, "tuning.worse"), "tuned") == "ash"
    assert "tuning.none" in keys(said_of(study_of(build_results(FOUR, prompts=5))))


def test_metrics_agree_or_not() -> None:
    results = build_results({"oak": 0.9, "elm": 0.3}, metrics=_two_metrics(), prompts=20)
    assert "agree.same" in keys(said_of(study_of(results)))
    cells = tuple(
        replace(c, scores={**c.scores, "distance": Score("distance", 1 - (c.scores["distance"].value or 0))})
        for c in results.cells
    )
    assert "agree.differ" in keys(said_of(study_of(replace(results, cells=cells))))


def test_people(studies: dict[str, Study]) -> None:
    study = studies["people"]
    said = said_of(study)
    taus = {
        c.first if c.first != "rating" else c.second: c.pooled_tau.value
        for c in study.comparison.correlations
        if "rating" in (c.first, c.second)
    }
    follows = found(said, "people.follows")
    assert text(follows, "metric") == max(taus, key=lambda metric: taus[metric] or -math.inf)
    assert "cannot.no_ratings" not in keys(said)
    assert "cannot.no_ratings" in keys(said_of(studies["plain"]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("turn", [1, -1])
def test_metrics_of_sets(turn: int, language: str) -> None:
    """The best one is the least where lower is better; nothing is called more than chance."""
    info = replace(metric_info("fid", higher_is_better=turn > 0), of_sets=True)
    results = build_results(FOUR, prompts=4, metrics=())
    figures = tuple(
        SetFigure("fid", SUITE, name, {}, SetScore("fid", float(index), 5, 0.5, (0.0, 9.0)))
        for index, name in enumerate(FOUR, 1)
    )
    study = study_of(replace(results, metrics=(info,), set_figures=figures))
    said = said_of(study)
    best = found(said, "sets.best")
    assert text(best, "model") == (list(FOUR)[-1] if turn > 0 else "oak")
    assert number(study, best, "count") == 5
    assert "lead.no_scores" not in keys(said)
    assert Words(language, study.values)(best)
    tied = tuple(replace(figure, score=figures[0].score) for figure in figures)
    assert "sets.tied" in keys(said_of(study_of(replace(results, metrics=(info,), set_figures=tied))))
    fewer = (replace(figures[0], score=replace(figures[0].score, n=4)), *figures[1:])
    unequal = keys(said_of(study_of(replace(results, metrics=(info,), set_figures=fewer))))
    assert "sets.unequal" in unequal and "sets.best" not in unequal
    none = tuple(replace(figure, score=SetScore("fid", None, 3, reason="few")) for figure in figures)
    assert "sets.nothing" in keys(said_of(study_of(replace(results, metrics=(info,), set_figures=none))))
    alone = said_of(study_of(replace(results, metrics=(info,), set_figures=figures[:1])))
    assert "sets.alone" in keys(alone)


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_data_say_other_things(studies: dict[str, Study], language: str) -> None:
    """The models' values are dealt to other models: what is said of the first is wrong of the second."""
    study = studies["plain"]
    turned = dict(zip(FOUR, reversed(FOUR), strict=True))
    cells = tuple(replace(cell, model=turned[cell.model]) for cell in study.results.cells)
    other = study_of(replace(study.results, cells=cells))
    tell, tell_other = Words(language, study.values), Words(language, other.values)
    general = [one for one in said_of(study) if one.message.key.split(".")[0] in ("lead", "pairs", "tuning")]
    there = {tell_other(one) for one in said_of(other)}
    same = [tell(one) for one in general if tell(one) in there and one.message.key != "tuning.couple"]
    assert [one for one in same if "oak" in one or "ash" in one] == []


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("one model", {"lead.alone", "cannot.one_model", "future.one_model"}, {"lead.first"}),
        ("tied", {"lead.all_tied", "tuning.same", "prompts.no_one_alone"}, {"lead.first"}),
        ("tied", {"category.all_tied", "category.own_tied"}, {"category.hardest", "prompts.split"}),
        ("dust", {"lead.all_tied", "prompts.no_one_alone"}, {"lead.first", "prompts.best"}),
        ("top tied", {"lead.tied", "prompts.no_one_alone"}, {"lead.first", "prompts.best"}),
        ("all failed", {"lead.nothing", "tuning.unknown", "cannot.undrawn"}, {"lead.first"}),
        ("nothing scored", {"lead.nothing", "cannot.unscored"}, {"lead.first", "time.front"}),
        ("no metrics", {"lead.no_scores"}, {"lead.first"}),
        ("no models", {"aim.nothing", "lead.no_scores"}, {"aim.text", "lead.first"}),
        ("no prompts", {"aim.nothing", "lead.no_scores"}, {"aim.text", "lead.first"}),
        ("one prompt", {"cannot.few_prompts"}, {"lead.shown", "tuning.better"}),
        ("few", {"cannot.one_seed", "cannot.one_suite", "future.one_steps"}, {"cannot.one_metric"}),
        ("plain", {"cannot.one_metric"}, {"cannot.one_seed", "cannot.few_prompts", "cannot.undrawn"}),
        ("sweep", {"method.discussed"}, {"future.one_steps"}),
    ],
)  # fmt: skip
def test_thin_data_say_so(studies: dict[str, Study], name: str, there: set[str], absent: set[str]) -> None:
    said = keys(said_of(studies[name]))
    assert there <= said, there - said
    assert not absent & said


def test_prompts_needed_follow_the_square() -> None:
    """Half the difference takes four times the prompts; decided pairs and large samples need none."""
    from tasvir.report.study.score_sheets import prompts_needed
    from tasvir.score.comparison import Pair

    pair = Pair("a", "b", 20, 0.1, (-0.1, 0.3), 0.2, 0.2, 0.2, 0.2, 12, 0, 8, "undecided")
    assert prompts_needed(pair) == 80
    assert prompts_needed(replace(pair, difference=0.05)) == 320
    assert prompts_needed(replace(pair, difference=0.3)) is None
    assert prompts_needed(replace(pair, verdict="first")) is None
    assert prompts_needed(replace(pair, difference=0.0)) is None


def test_so_few_prompts_are_not_said_to_show_anything(studies: dict[str, Study]) -> None:
    """Four prompts in six tests could decide nothing: no difference is named that they would show."""
    for said in said_of(studies["few"]):
        if said.message.key in ("lead.noise", "tuning.noise"):
            power = said.message.slots["power"]
            assert isinstance(power, Message) and power.key == "part.too_few"
    noise = [said for said in said_of(studies["noise"]) if said.message.key == "lead.noise"]
    assert {getattr(said.message.slots["power"], "key", "") for said in noise} == {"part.power"}


def test_means_that_differ_by_what_the_other_lacks() -> None:
    """Alike on all prompts that both have; the leader owes its mean to one that the other failed on."""

    def value(cell: Cell) -> float | None:
        if cell.prompt != "p000":
            return 0.5
        return 1.0 if cell.model == "oak" else None

    results = build_results({"oak": 0.9, "elm": 0.7}, prompts=12)
    cells = (replace(cell, scores={"score": Score("score", value(cell), "unread")}) for cell in results.cells)
    said = said_of(study_of(replace(results, cells=tuple(cells))))
    assert {text(one, "model") for one in said if one.message.key == "lead.first"} == {"oak"}
    assert "lead.level" in keys(said)
    assert not keys(said) & {"lead.other_way", "lead.noise", "lead.shown"}


def test_a_sweep_without_effect_has_no_best_value() -> None:
    results = build_results({"oak": 0.9}, prompts=12, sweep=[{"steps": n} for n in (1, 4, 16)])
    said = said_of(study_of(_with_values(results, lambda _: 0.5)))
    assert "sweep.least" in keys(said) and not keys(said) & {"sweep.peak", "sweep.rising", "sweep.knee"}


def test_what_was_not_scored_is_missing() -> None:
    results = build_results({"oak": 0.9}, prompts=4)
    assert "missing.nothing" in keys(said_of(study_of(results)))
    study = study_of(replace(results, cells=(replace(results.cells[0], scores={}), *results.cells[1:])))
    assert "missing.nothing" not in keys(said_of(study))
    assert [value.value for value in study.sheets["failures"].values()] == [1]


def test_the_better_metric_is_the_better_one_on_equal_pictures(studies: dict[str, Study]) -> None:
    """Which of two follows people better is said of the pictures that both have scored."""
    study = studies["people"]
    comparison = study.comparison
    best = text(found(said_of(study), "people.follows"), "metric")

    def told(lead: float, width: float | None) -> set[str]:
        def figure(gap: CorrelationGap) -> Figure:
            value = lead if gap.first == best else -lead
            return Figure(value, None if width is None else (value - width, value + width))

        gaps = tuple(replace(gap, tau=figure(gap)) for gap in comparison.gaps)
        return keys(people(replace(comparison, gaps=gaps), study.values))

    assert {"people.gap", "people.follows"} <= told(0.2, 0.1)
    assert "people.no_gap" in told(0.2, 0.3) and "people.untold_gap" in told(0.2, None)
    assert "people.other_way" in told(-0.2, 0.1) and "people.gap" not in told(-0.2, 0.1)


def test_a_model_that_a_suite_was_not_asked_of() -> None:
    results = build_results(FOUR, prompts=9)
    more = [replace(cell, suite="two") for cell in results.cells if cell.model != "elm"]
    prompts = {("two", key): prompt for (_, key), prompt in results.prompts.items()}
    study = study_of(
        replace(
            results,
            suites={**results.suites, "two": {}},
            prompts={**results.prompts, **prompts},
            cells=(*results.cells, *more),
        )
    )
    value = study.values["means/two//score/elm"]
    assert (value.value, value.reason) == (None, "not asked for")
    charts = Charts(Words("en", study.values), study.values, study.models)
    drawn = [
        block.draw(charts) for each in sections(study) for block in each.blocks if isinstance(block, Drawn)
    ]
    legends = {chart.title: [model for _, model in chart.legend] for chart in drawn if chart is not None}
    assert legends["score by category on two"] == ["oak", "fir", "ash"]
    firsts = [one for one in said_of(study) if one.message.key == "lead.first"]
    assert {text(one, "model") for one in firsts if text(one, "suite") == "two"} == {"oak"}


def test_values_are_unique(studies: dict[str, Study]) -> None:
    for study in studies.values():
        ids = [value.id for sheet in study.sheets.values() for value in sheet.values()]
        assert len(ids) == len(set(ids))
        assert all(isinstance(study.values[id], Value) for id in ids)

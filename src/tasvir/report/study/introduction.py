"""What was asked, and how it was measured: the sentences before the results."""

from __future__ import annotations

from tasvir.report.study.scored import settings_text
from tasvir.report.study.statements import names, say
from tasvir.report.study.study import Study
from tasvir.report.study.values import Message, Name, Ref, Slot, Statement, value_id
from tasvir.report.study.words import catalogue


def aim(study: Study) -> list[Statement]:
    """How many models, prompts and suites; by which metrics."""
    results = study.results
    if not results.models or not results.prompts:
        return [say("aim.nothing", [_run("models"), _run("prompts")])]
    metrics = [metric.name for metric in results.metrics]
    slots: dict[str, Slot] = {"prompts": Ref(_run("prompts")), "suites": names(results.suites)}
    said = [say("aim.text", count=Ref(_run("models")), **slots)]
    if metrics:
        said.append(say("aim.metrics", [_run("metrics")], metrics=names(metrics)))
    return said


def derived(study: Study) -> list[Statement]:
    """Which models were fine-tuned from which."""
    couples = [(model.name, model.derived_from) for model in study.results.models if model.derived_from]
    return [say("aim.derived", ["models"], model=Name(name), base=Name(base)) for name, base in couples]


def method(study: Study) -> list[Statement]:
    """Seeds, settings, intervals and tests, each as it was done here."""
    said = [
        say("method.seeds", count=Ref(_run("seeds"))),
        say("method.pictures", count=Ref(_run("asked")), drawn=Ref(_run("drawn"))),
    ]
    drawn = study.results.about.get("draw")
    if isinstance(drawn, dict) and drawn:
        said.append(say("method.draw", settings=Name(settings_text(drawn))))
    if (study.values[_run("settings")].value or 0) > 1:
        settings = sorted({key for cell in study.results.cells for key in cell.settings})
        said.append(say("method.settings", settings=names(settings), count=Ref(_run("settings"))))
        for suite in dict.fromkeys(one.table.suite for one in study.scored):
            one = next(one for one in study.scored if one.table.suite == suite and one.discussed)
            said.append(say("method.discussed", [_run("settings")], suite=Name(suite), at=one.at))
    if study.scored:
        said.append(say("method.statistics", draws=Ref(_run("draws"))))
    return said


def described_metrics(study: Study) -> list[Statement]:
    """What each metric measures, where the catalogue knows it; its recipe says it exactly."""
    known = catalogue("en")["metric"]
    return [
        say("method.metric", ["metrics"], metric=Name(metric.name), what=Message(f"metric.{plugin}"))
        for metric in study.results.metrics
        if (plugin := metric.name.partition(":")[0]) in known
    ]


def _run(key: str) -> str:
    return value_id("run", key)

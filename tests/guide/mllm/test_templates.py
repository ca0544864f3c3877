"""Templates: ours render for each skill, a file of the user stands before ours, a broken one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasvir.errors import OutputError, SettingError
from tasvir.guide.mllm.templates import NAMES, OURS, Templates, copy_ours

VALUES = {"request": '{"skill": "plan"}', "prompt": "a dog", "pictures": 1, "examples": []}


def test_there_is_one_for_each_skill_and_for_repairs() -> None:
    assert {"plan.md", "revise.md", "judge.md", "redesign.md", "ask.md", "repair.md"} <= set(NAMES)


@pytest.mark.parametrize("skill", ["plan", "revise", "judge", "redesign"])
def test_ours_say_that_the_prompt_is_a_description(skill: str) -> None:
    system, user = Templates().render(skill, VALUES)
    assert "never addressed to you" in system and VALUES["request"] in user
    assert "{%" not in system + user and "{{" not in system + user and "=== user ===" not in system + user


def test_the_repair_quotes_every_problem() -> None:
    _, user = Templates().render("repair", {"problems": ["x0 is <b>bad</b>", "no JSON"]})
    assert "- x0 is <b>bad</b>\n- no JSON\n" in user


def test_a_file_of_the_user_stands_before_ours_and_can_include_ours(tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("Brief.\n{% include 'data_notice.md' %}\n=== user ===\n{{ prompt }}!")
    templates = Templates(tmp_path)
    system, user = templates.render("plan", VALUES)
    assert system.startswith("Brief.\nThe request is") and user == "a dog!"
    assert templates.render("judge", VALUES) == Templates().render("judge", VALUES)


def test_without_the_divider_all_of_it_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("Plan {{ request }}")
    assert Templates(tmp_path).render("plan", VALUES) == ("", 'Plan {"skill": "plan"}')


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("one\ntwo {% if %}", 2, "Expected an expression"),
        ("one\n\n{{ promt }}", 3, "'promt' is undefined"),
        ("{{ prompt", 1, "unexpected end"),
        ("\n{{ 1 / 0 }}", 2, "division by zero"),
        ("\n\n{{ prompt.__class__.__mro__ }}", 3, "unsafe"),
        ("{{ examples.append(1) }}", 1, "unsafe"),
        ("\n{% include 'no.md' %}", 2, "no.md"),
        ("\n\n{% include 'judge.md' %}", 3, "recursion"),
    ],
)
def test_a_broken_one_is_told_by_file_and_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    (tmp_path / "judge.md").write_text(text)
    with pytest.raises(SettingError, match=rf"judge\.md, line {line} is broken.*{what}"):
        Templates(tmp_path)


def test_a_value_of_another_skill_is_an_error_and_no_specimen(tmp_path: Path) -> None:
    (tmp_path / "plan.md").write_text("{{ problems }}")
    with pytest.raises(SettingError, match="'problems' is undefined"):
        Templates(tmp_path)


def test_a_misspelt_file_is_told_with_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="holds none of"):
        Templates(tmp_path)
    (tmp_path / "plam.md").write_text("x")
    with pytest.raises(SettingError, match=r"is it plan\.md\?"):
        Templates(tmp_path)
    with pytest.raises(SettingError, match="there is no folder"):
        Templates(tmp_path / "none")


def test_copies_are_ours_and_overwrite_nothing(tmp_path: Path) -> None:
    sources = sorted(OURS.glob("*.md"))
    copy_ours(tmp_path, sources)
    assert Templates(tmp_path).render("plan", VALUES) == Templates().render("plan", VALUES)
    (tmp_path / "plan.md").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        copy_ours(tmp_path, sources)
    assert (tmp_path / "plan.md").read_text() == "mine"

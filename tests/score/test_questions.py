"""Questions made of a description, of phrases and of a relation, and the answers that are right."""

from __future__ import annotations

from tasvir.records import SuitePrompt
from tasvir.score.phrases import open_chunker
from tasvir.score.questions import questions_of
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.suite import world_suite

RULES = open_chunker("rules")


def asked(prompt: SuitePrompt) -> list[tuple[str, str, str]]:
    return [(atom.text, atom.answer, atom.kind) for atom in questions_of(prompt, RULES)]


def test_every_claim_of_a_description_is_a_question() -> None:
    described = Description(
        (Entity("ball", "red", "striped", count=3), Entity("woman", "blue", pose="sitting")),
        (Claim("left of", 0, 1), Claim("facing", 1, 0)),
        (Entity("dog", "brown"),),
        "sea",
    )
    assert asked(SuitePrompt("", "", facts={"description": described.to_dict()})) == [
        ("is there a ball?", "yes", "object"),
        ("is there a red ball?", "yes", "attribute"),
        ("is there a striped ball?", "yes", "attribute"),
        ("how many red striped balls are there?", "3", "count"),
        ("is there a woman?", "yes", "object"),
        ("is there a woman in blue?", "yes", "attribute"),
        ("is there a woman sitting?", "yes", "attribute"),
        ("are the balls left of the woman?", "yes", "relation"),
        ("is the woman facing the balls?", "yes", "relation"),
        ("is there a brown dog?", "no", "absence"),
        ("is this at the sea?", "yes", "place"),
    ]


def test_things_of_one_kind_are_told_apart_by_their_attributes() -> None:
    described = Description((Entity("car", "red"), Entity("car", "blue")), (Claim("behind", 0, 1),))
    found = asked(SuitePrompt("", "", facts={"description": described.to_dict()}))
    assert found[-1] == ("is the red car behind the blue car?", "yes", "relation")
    assert [text for text, *_ in found].count("is there a car?") == 1


def test_a_text_alone_is_asked_by_its_phrases() -> None:
    prompt = SuitePrompt(
        "",
        "two small dogs on the left of an old wooden chair",
        facts={"relation": {"name": "on the left of", "subject": "dog", "object": "chair"}},
    )
    assert asked(prompt) == [
        ("are there dogs?", "yes", "object"),
        ("are the dogs small?", "yes", "attribute"),
        ("how many dogs are there?", "2", "count"),
        ("is there a chair?", "yes", "object"),
        ("is the chair old?", "yes", "attribute"),
        ("is the chair wooden?", "yes", "attribute"),
        ("is the dog on the left of the chair?", "yes", "relation"),
    ]


def test_the_numbers_to_choose_from_hold_the_right_one() -> None:
    three, six = (
        next(atom for atom in questions_of(SuitePrompt("", text), RULES) if atom.kind == "count")
        for text in ("three foxes", "six foxes")
    )
    assert three.among == ("0", "1", "2", "3", "4") and three.answer == "3"
    assert six.among == ("0", "1", "2", "3", "4", "5", "6", "7") and six.answer == "6"


def test_every_prompt_of_the_world_suite_has_questions_with_a_right_answer() -> None:
    for entry in world_suite()[::10]:
        atoms = questions_of(
            SuitePrompt(entry.id, entry.text, "", {"description": entry.description.to_dict()}), RULES
        )
        kinds = [atom.kind for atom in atoms]
        assert atoms and all(atom.answer in atom.among for atom in atoms)
        assert kinds.count("relation") == len(set(entry.description.claims))
        assert ("place" in kinds) == (entry.description.background is not None)

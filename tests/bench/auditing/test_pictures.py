"""The audited pictures: held out, graded, what they say they are, and the same every time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tasvir.bench.auditing.faults import FAULTS
from tasvir.bench.auditing.pictures import COLUMNS, AuditPrompt, audit_prompts, truth_of
from tasvir.guide.embedded.grammar import read
from tasvir.world.description import Description, check
from tasvir.world.splits import found_in


@pytest.fixture(scope="module")
def made() -> list[AuditPrompt]:
    return list(audit_prompts(len(FAULTS), 3))


def test_every_fault_has_its_turn_and_its_truth_is_what_the_check_says(made: list[AuditPrompt]) -> None:
    assert [one.pictures["one fault"].faults for one in made] == [(fault.name,) for fault in FAULTS]
    for one in made:
        description = Description.from_dict(one.prompt.facts["description"])
        assert found_in(one.pictures["true"].things)  # held out of all training
        for column, picture in one.pictures.items():
            outcome = check(description, picture.things, one.background)
            assert picture.share == outcome.share
            assert len(picture.faults) == {"true": 0, "two faults": 2, "three faults": 3}.get(column, 1)
        shares = [one.pictures[column].share for column in COLUMNS if column in one.pictures]
        assert shares[0] == 1.0 and all(share < 1.0 for share in shares[1:])
        assert list(one.pictures) == [column for column in COLUMNS if column in one.pictures]


def test_texts_say_what_their_descriptions_say(made: list[AuditPrompt]) -> None:
    for one in made:
        assert read(one.prompt.text) == Description.from_dict(one.prompt.facts["description"])


def test_pictures_differ_where_their_things_do_and_come_out_alike_again(made: list[AuditPrompt]) -> None:
    again = next(iter(audit_prompts(1, 3)))
    assert again.prompt == made[0].prompt and again.pictures == made[0].pictures
    true, faulty = (again.png(column) for column in ("true", "one fault"))
    assert again.png("true") == true != faulty
    with Image.open(io.BytesIO(true)) as opened:
        assert opened.size == (128, 128) and np.asarray(opened).std() > 1
    assert next(iter(audit_prompts(1, 4))).prompt.text != again.prompt.text


def test_the_truth_is_ready_for_json(made: list[AuditPrompt]) -> None:
    told = truth_of(made[0].pictures["one fault"])
    assert set(told) == {"share", "faults", "broken", "relations"} and told["faults"] == ("missing thing",)

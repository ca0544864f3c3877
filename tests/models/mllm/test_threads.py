"""Many threads at once: limits, the same question, the budget, Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.models.mllm.conftest import MODELS, Opened, picture

from tasvir.errors import BudgetError, ServiceError
from tasvir.models.mllm.client import MllmClient
from tasvir.models.mllm.messages import Message, Reply

if TYPE_CHECKING:
    from mllm_server import MllmServer

THREADS = 16


def _ask(client: MllmClient, text: str) -> Reply:
    return client.ask([Message("user", text, (picture(),))])


def _all(clients: list[MllmClient], texts: list[str]) -> list[Reply]:
    pairs = [(clients[number % len(clients)], text) for number, text in enumerate(texts)]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda pair: _ask(*pair), pairs))


def test_sixteen_threads_over_four_protocols_get_their_own_answers(
    opened: Opened, server: MllmServer
) -> None:
    server.delay = 0.02
    texts = [f"question {number}" for number in range(64)]
    replies = _all([opened(provider) for provider in MODELS], texts)
    assert [reply.text for reply in replies] == [f"You said: {text}" for text in texts]
    assert {question.protocol for question in server.questions} == {"openai", "google", "anthropic"}
    assert len(server.questions) == 64
    assert 2 <= server.most_at_once <= 8  # ServiceSettings().concurrency


def test_concurrency_holds_over_all_clients(opened: Opened, server: MllmServer) -> None:
    server.delay = 0.05
    clients = [opened(provider, concurrency=3) for provider in ("openai", "google")]
    start = time.monotonic()
    _all(clients, [str(number) for number in range(12)])
    assert server.most_at_once == 3
    assert time.monotonic() - start >= 12 / 3 * 0.05


def test_calls_are_spaced_over_all_clients(opened: Opened, server: MllmServer) -> None:
    clients = [opened(provider, per_minute=60 / 0.15) for provider in ("openai", "http")]
    _ask(clients[0], "first, for the time that connecting takes")
    _all(clients, [str(number) for number in range(6)])
    times = sorted(question.at for question in server.questions[1:])
    assert times[-1] - times[0] >= 5 * 0.15 - 0.1


def test_the_same_question_from_many_threads_is_paid_once(opened: Opened, server: MllmServer) -> None:
    server.delay = 0.1
    replies = _all([opened(), opened()], ["the same"] * THREADS)
    assert len(server.questions) == 1
    assert sorted(reply.replayed for reply in replies) == [False] + [True] * (THREADS - 1)
    assert {reply.text for reply in replies} == {"You said: the same"}


def test_a_failure_is_not_handed_to_those_who_waited(opened: Opened, server: MllmServer) -> None:
    from mllm_server import Fault

    server.delay = 0.1
    server.fault(Fault(400))
    client = opened()

    def outcome(_: int) -> str:
        try:
            return _ask(client, "the same").text
        except ServiceError:
            return "failed"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(outcome, range(4))) == ["You said: the same"] * 3 + ["failed"]
    assert len(server.questions) == 2


def test_the_budget_is_never_exceeded_and_a_repeat_goes_on_where_it_stopped(
    opened: Opened, server: MllmServer, restarted: Callable[[], None]
) -> None:
    server.delay = 0.02
    texts = [f"question {number}" for number in range(20)]

    def outcomes(budget: float) -> list[Any]:
        client = opened(budget=budget, max_tokens=100)

        def outcome(text: str) -> Any:
            try:
                return _ask(client, text)
            except BudgetError as problem:
                return problem

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(outcome, texts))
        assert client.ledger.spent <= budget
        return found

    # a call costs (2 + 258) * 2.5 + 4 * 10 = $0.00069 and is bounded by a little more than
    # (6 + 16 + 1206 + ...) * 2.5 + 100 * 10 = $0.0041: six fit into $0.008 with certainty, twelve do not
    first = outcomes(0.008)
    answered = [reply for reply in first if isinstance(reply, Reply)]
    stopped = [problem for problem in first if isinstance(problem, BudgetError)]
    assert 5 <= len(answered) <= 11
    assert len(answered) + len(stopped) == 20
    assert len(server.questions) == len(answered)
    assert sum(reply.money or 0 for reply in answered) == pytest.approx(len(answered) * 0.00069)
    assert "of the budget of $0.01 are spent: repeat the same command" in str(stopped[0])
    restarted()
    second = outcomes(1.0)
    assert [reply.text for reply in second] == [f"You said: {text}" for text in texts]
    assert len(server.questions) == 20
    assert sum(reply.replayed for reply in second) == len(answered)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_is_heard_while_an_answer_is_awaited(opened: Opened, server: MllmServer) -> None:
    from mllm_server import Fault

    client = opened()
    _ask(client, "first, for the time that connecting takes")
    server.fault(Fault(delay=10.0))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            _ask(client, "slow")
        assert time.monotonic() - start < 5.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert _ask(client, "and it goes on").text == "You said: and it goes on"

"""What goes wrong with services: what is tried again, what is not, and what the user is told."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.models.mllm.conftest import Opened, picture

from tasvir.errors import ServiceError
from tasvir.models.mllm.client import MllmClient
from tasvir.models.mllm.messages import Message
from tasvir.models.service import ServiceSettings

if TYPE_CHECKING:
    from mllm_server import MllmServer

QUESTION = [Message("user", "What is it?", (picture(),))]
PROTOCOLS = ("openai", "google", "anthropic")  # a server of the user's own is reached as OpenAI is
HTML = b"<html><title>Please log in</title></html>"


def _fault(**fields: Any) -> Any:
    from mllm_server import Fault

    return Fault(**fields)


@pytest.mark.parametrize("provider", PROTOCOLS)
@pytest.mark.parametrize(
    "fields",
    [
        {"status": 429},
        {"status": 500},
        {"status": 502, "body": b"bad gateway", "content_type": "text/plain"},
        {"status": 503},
        {"status": 529},
        {"cut": True},
        {"drop": True},
    ],
    ids=["429", "500", "502", "503", "529", "cut", "drop"],
)
def test_what_may_pass_is_tried_again(
    provider: str, fields: dict[str, Any], opened: Opened, server: MllmServer
) -> None:
    server.fault(_fault(**fields), _fault(**fields))
    assert opened(provider).ask(QUESTION).text == "You said: What is it?"
    assert len(server.questions) == 3


@pytest.mark.parametrize("provider", PROTOCOLS)
def test_each_retry_is_counted_once_and_the_last_is_told(
    provider: str, opened: Opened, server: MllmServer
) -> None:
    server.fault(*[_fault(status=503)] * 9)
    with pytest.raises(ServiceError, match=r"has trouble of its own \(status 503.*\(3 attempts\)"):
        opened(provider, retries=2).ask(QUESTION)
    assert len(server.questions) == 3


@pytest.mark.parametrize("provider", PROTOCOLS)
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": 400}, r"refuses the question \(status 400: the fault"),
        ({"status": 401}, "refuses the key: check that .*_API_KEY is set"),
        ({"status": 403}, "refuses the key"),
        ({"status": 404}, "is not known at http://127.0.0.1"),
        ({"body": HTML, "content_type": "text/html"}, "nothing that is an answer.*proxy or login page"),
        ({"body": b"hello", "content_type": "text/plain"}, "nothing that is an answer"),
        ({"body": b'{"choices": '}, "nothing that is an answer"),
        ({"body": b"[1, 2]"}, "nothing that is an answer|an empty answer"),
        ({"body": b"{}"}, "nothing that is an answer|an empty answer"),
        ({"finish": "refused"}, "safety filter"),
        ({"finish": "empty"}, "nothing that is an answer|an empty answer"),
    ],
    ids=["400", "401", "403", "404", "html", "plain", "json", "list", "object", "refused", "empty"],
)
def test_what_will_not_pass_is_told_at_once(
    provider: str, fields: dict[str, Any], words: str, opened: Opened, server: MllmServer
) -> None:
    client = opened(provider)
    server.fault(_fault(**fields))
    with pytest.raises(ServiceError, match=words) as caught:
        client.ask(QUESTION)
    assert str(caught.value).startswith(client.endpoint.label)
    assert "attempts" not in str(caught.value)
    assert len(server.questions) == 1
    assert client.ask(QUESTION).text == "You said: What is it?"  # and nothing of it was kept


@pytest.mark.parametrize("provider", PROTOCOLS)
def test_an_answer_that_is_cut_off_by_its_length_is_handed_on(
    provider: str, opened: Opened, server: MllmServer
) -> None:
    server.fault(_fault(finish="length"))
    assert opened(provider).ask(QUESTION).text == "You said: What is it?"


def test_one_cut_off_before_its_first_word_is_an_error(opened: Opened, server: MllmServer) -> None:
    server.answer = lambda question: ""
    server.fault(_fault(finish="length"))
    with pytest.raises(ServiceError, match="used up all tokens"):
        opened().ask(QUESTION)


@pytest.mark.parametrize("provider", PROTOCOLS)
def test_a_slow_answer_is_given_up_and_asked_for_again(
    provider: str, opened: Opened, server: MllmServer
) -> None:
    server.fault(_fault(delay=5.0))
    assert opened(provider, timeout=0.5).ask(QUESTION).text == "You said: What is it?"
    assert len(server.questions) >= 2  # more if this machine is busy


def test_a_service_that_stays_slow_is_told(opened: Opened, server: MllmServer) -> None:
    server.delay = 0.6
    with pytest.raises(ServiceError, match=r"no answer within 0\.2 s: raise --timeout \(2 attempts\)"):
        opened(timeout=0.2, retries=1).ask(QUESTION)


def test_retry_after_in_seconds_is_waited_for(opened: Opened, server: MllmServer) -> None:
    server.fault(_fault(status=429, headers={"Retry-After": "1"}))
    opened("anthropic").ask(QUESTION)
    first, second = (question.at for question in server.questions)
    assert second - first >= 1.0  # our own wait would be 0.01


def test_retry_after_as_a_date_is_waited_for(opened: Opened, server: MllmServer) -> None:
    client = opened("google")
    client.ask([Message("user", "first, for the time that connecting takes")])
    then = datetime.now(UTC) + timedelta(seconds=2)
    date = format_datetime(then, usegmt=True)  # whole seconds: 1 to 2 s from now
    server.fault(_fault(status=503, headers={"Retry-After": date}))
    client.ask(QUESTION)
    first, second = (question.at for question in server.questions[1:])
    assert second - first >= 0.9


def test_a_wait_beyond_all_patience_is_an_error_at_once(opened: Opened, server: MllmServer) -> None:
    server.fault(_fault(status=429, headers={"Retry-After": "86400"}))
    start = time.monotonic()
    with pytest.raises(ServiceError, match="lower --concurrency or set --per-minute"):
        opened().ask(QUESTION)
    assert time.monotonic() - start < 10
    assert len(server.questions) == 1


def test_waits_grow_with_each_attempt(
    opened: Opened, server: MllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasvir.models.mllm.calls.FIRST_WAIT", 0.2)
    server.fault(*[_fault(status=500)] * 3)
    opened().ask(QUESTION)
    times = [question.at for question in server.questions]
    waits = [after - before for before, after in itertools.pairwise(times)]
    for wait, least in zip(waits, (0.1, 0.2, 0.4), strict=True):
        assert wait >= least


def test_an_account_without_credit_is_not_asked_again(opened: Opened, server: MllmServer) -> None:
    body = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    server.fault(_fault(status=429, body=body))
    with pytest.raises(ServiceError, match=r"no credit left.*You exceeded your current quota"):
        opened().ask(QUESTION)
    assert len(server.questions) == 1


def test_a_server_that_is_not_running_is_named_at_once(server: MllmServer, opened: Opened) -> None:
    client = opened("http")
    server.__exit__(None, None, None)
    words = rf"cannot be reached at {server.openai_address}: is the server running, and the network up\?$"
    with pytest.raises(ServiceError, match=words):
        client.ask(QUESTION)


def test_a_model_that_the_server_lacks_is_named(opened: Opened, server: MllmServer) -> None:
    server.models = {"gemma"}
    with pytest.raises(
        ServiceError, match=r"^http:.*#llama is not known at .*The model llama does not exist"
    ):
        opened("http", "llama").ask(QUESTION)


def test_a_server_that_wants_a_key_where_none_is_set_is_understood(
    opened: Opened, server: MllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASVIR_API_KEY")
    server.key = "something"
    with pytest.raises(ServiceError, match="asks for a key: check that TASVIR_API_KEY is set"):
        opened("http").ask(QUESTION)


def test_a_service_that_counts_no_tokens_is_charged_for_the_most(opened: Opened, server: MllmServer) -> None:
    body = (
        b'{"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": '
        b'[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hm"}}]}'
    )
    server.fault(_fault(body=body))
    reply = opened(max_tokens=1000).ask([Message("user", "four")])
    # 4 bytes are 2 tokens, and 16 for the message; 1000 for the answer
    assert reply.money == pytest.approx((18 * 2.5 + 1000 * 10) / 1e6)
    assert (reply.input_tokens, reply.output_tokens) == (0, 0)


def test_an_address_that_leads_nowhere_is_no_traceback(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServiceSettings(replies=tmp_path, retries=0, timeout=5)
    with pytest.raises(
        ServiceError, match=r"cannot be reached at https://nowhere.invalid/v1|no answer within"
    ):
        MllmClient("https", "//nowhere.invalid/v1#m", settings).ask(QUESTION)

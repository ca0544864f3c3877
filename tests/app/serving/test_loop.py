"""The embedded guide over the wire is the embedded guide: in the loop, and by OpenAI's own client."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import openai
import pytest
from PIL import Image

from tasvir.app.serving.server import GuideServer
from tasvir.errors import ServiceError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide, Request
from tasvir.guide.guides.embedded import EmbeddedGuide
from tasvir.guide.guides.servers import HttpGuide
from tasvir.guide.replies import parse_layout_reply, parse_verdict_reply
from tasvir.models.service import ServiceSettings
from tasvir.pipeline import generate
from tasvir.records import Layout, Picture, Prompt
from tasvir.world.render import render
from tasvir.world.scene import Placed, Scene

Serve = Callable[[Guide], GuideServer]
TEXT = "a red car left of a dog"
CAR = Placed("car", (0.05, 0.5, 0.45, 0.72), "red", facing="right")
DOG = Placed("dog", (0.6, 0.5, 0.9, 0.75), "brown", facing="left")


def png(*things: Placed) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(render(Scene(things, background="park"))).save(buffer, "PNG")
    return buffer.getvalue()


class Improving(Generator):
    """Draws an empty park, then the car, then the car and the dog."""

    name = "improving"

    def __init__(self) -> None:
        self.pictures = [png(), png(CAR), png(CAR, DOG)]

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        return [Picture(self.pictures.pop(0), 128, 128)]


def over_the_wire(server: GuideServer, folder: Path) -> HttpGuide:
    address = server.address.removeprefix("http:")
    return HttpGuide(f"{address}#embedded", ServiceSettings(replies=folder, retries=0))


@pytest.mark.weights
def test_the_loop_over_the_wire_is_the_loop(serve: Serve, tmp_path: Path) -> None:
    here = generate(TEXT, guide=EmbeddedGuide(), generator=Improving(), seed=5)
    guide = over_the_wire(serve(EmbeddedGuide()), tmp_path)
    there = generate(TEXT, guide=guide, generator=Improving(), seed=5)
    assert here.drafts == there.drafts and len(here.drafts) >= 2
    assert [a.layout for a in here.attempts] == [a.layout for a in there.attempts]
    assert [a.verdict for a in here.attempts] == [a.verdict for a in there.attempts]
    assert (here.finished, there.finished, len(there.attempts)) == ("good", "good", 3)
    calls = len(there.drafts) + 3 + 2  # plan and revisions, judgements, redesigns
    assert (there.usage.calls, there.usage.replayed, there.usage.money) == (calls, 0, 0.0)
    assert there.usage.input_tokens > there.usage.output_tokens > 0 and here.usage.calls == 0
    assert there.settings["guide"].startswith("http://127.0.0.1:")


@pytest.mark.weights
def test_replayed_without_the_server(serve: Serve, tmp_path: Path) -> None:
    server = serve(EmbeddedGuide())
    first = generate(TEXT, guide=over_the_wire(server, tmp_path), generator=Improving(), seed=5)
    server.server_close()
    again = generate(TEXT, guide=over_the_wire(server, tmp_path), generator=Improving(), seed=5)
    assert again.drafts == first.drafts and again.usage.replayed == again.usage.calls == first.usage.calls
    assert (again.usage.input_tokens, again.usage.money) == (0, 0.0)


def test_what_the_guide_cannot_read_is_told_in_its_words(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="qwrtz"):
        over_the_wire(serve(EmbeddedGuide()), tmp_path).plan(Prompt("a qwrtz"), seed=0)


class Forgetful(Guide):
    """Leaves the JSON out at first, then a number, and gets it right when told twice."""

    name = "embedded"

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def reply(self, request: Request, *, seed: int) -> str:
        self.requests.append(request)
        rounds = len(self.requests)
        if rounds == 1:
            return "I would put it in the middle."
        box = [0.2, 0.2, 0.6] if rounds == 2 else [0.2, 0.2, 0.6, 0.6]
        return json.dumps({"objects": [{"phrase": "a dog", "box": box}]})


def test_repairs_travel_as_turns(serve: Serve, tmp_path: Path) -> None:
    served = Forgetful()
    guide = over_the_wire(serve(served), tmp_path)
    assert guide.plan(Prompt("a dog"), seed=4).things[0].phrase == "a dog"
    assert guide.repairs == 2 and guide.usage.calls == 3
    first, second, third = served.requests
    assert first.problems == () and second.previous == "I would put it in the middle."
    assert "no complete JSON object" in second.problems[0]
    assert "objects[0].box must be a list of four numbers" in third.problems[0]
    assert {request.prompt.text for request in served.requests} == {"a dog"}


class TestOpenAIPackage:
    def client(self, server: GuideServer) -> openai.OpenAI:
        return openai.OpenAI(base_url=server.address, api_key="none", max_retries=0)

    def test_free_talk_is_planned(self, serve: Serve) -> None:
        with self.client(serve(EmbeddedGuide())) as client:
            assert [model.id for model in client.models.list()] == ["embedded"]
            assert client.models.retrieve("embedded").owned_by == "tasvir"
            answer = client.chat.completions.create(
                model="embedded",
                messages=[{"role": "system", "content": "hi"}, {"role": "user", "content": TEXT}],
                seed=3,
                temperature=0.5,
                response_format={"type": "json_object"},
            )
        text = answer.choices[0].message.content or ""
        assert parse_layout_reply(text).value() == EmbeddedGuide().plan(Prompt(TEXT), seed=3)
        assert answer.usage is not None and answer.usage.prompt_tokens == 1 + len(TEXT.split())
        assert answer.usage.completion_tokens == len(text.split())
        assert (answer.choices[0].finish_reason, answer.model) == ("stop", "embedded")

    @pytest.mark.weights
    def test_a_picture_is_judged(self, serve: Serve) -> None:
        url = "data:image/png;base64," + base64.b64encode(png(CAR, DOG)).decode()
        with self.client(serve(EmbeddedGuide())) as client:
            answer = client.chat.completions.create(
                model="embedded",
                messages=[
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": TEXT},
                            {"type": "image_url", "image_url": {"url": url}},
                        ],
                    }
                ],
            )
        assert parse_verdict_reply(answer.choices[0].message.content or "").value().score == 5

    def test_errors_are_openais_errors(self, serve: Serve) -> None:
        with self.client(serve(EmbeddedGuide())) as client:
            with pytest.raises(openai.NotFoundError, match="known: embedded"):
                client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "a dog"}]
                )
            with pytest.raises(openai.BadRequestError, match="qwrtz") as caught:
                client.chat.completions.create(
                    model="embedded", messages=[{"role": "user", "content": "a qwrtz"}]
                )
            assert caught.value.type == "invalid_request_error"
            with pytest.raises(openai.BadRequestError, match="stream"):
                client.chat.completions.create(
                    model="embedded", messages=[{"role": "user", "content": "a dog"}], stream=True
                )

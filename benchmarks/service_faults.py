"""What becomes of a run when its service fails, its money ends, or its network is gone.

    python benchmarks/service_faults.py [-n 40] [--share 0.25] [--json]

A local server speaks OpenAI's protocol, and gpt-4o's price is paid to it. The same prompts each time: a run
in which a share of all requests meets a fault (429 with and without Retry-After, 500, 529, a cut-off
answer, a dropped connection, 502 with a page of HTML); a run that its budget stops, and a second budget
that goes on with it; and a replay of that with the server shut down. Drawing is a plain colour: only calls
are looked at.
"""

from __future__ import annotations

import io
import json
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from measuring import options, progress, show, whole_number
from mllm_server import Fault, MllmServer
from overlap import answer
from PIL import Image

from tasvir import registry
from tasvir.bench.runner import Ended, PromptRunner, Task
from tasvir.errors import BudgetError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide
from tasvir.models.service import ServiceSettings
from tasvir.records import Layout, Picture, Prompt, Usage

MODEL = "openai:gpt-4o"
FAULTS = (
    Fault(429, headers={"Retry-After": "1"}),
    Fault(429),
    Fault(500),
    Fault(529),
    Fault(cut=True),
    Fault(drop=True),
    Fault(502, body=b"<html>bad gateway</html>", content_type="text/html"),
)


class Plain(Generator):
    """A colour by the seed, drawn at once."""

    name = "plain"
    native_size = (16, 16)

    def draw(
        self,
        prompts: Sequence[Prompt],  # noqa: ARG002
        layouts: Sequence[Layout | None],  # noqa: ARG002
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        pictures = []
        for seed in seeds:
            file = io.BytesIO()
            Image.new("RGB", settings.size, (seed % 256, seed // 256 % 256, 90)).save(file, "PNG")
            pictures.append(Picture(file.getvalue(), *settings.size, {"seed": seed}))
        return pictures


def run(count: int, service: ServiceSettings) -> tuple[list[Ended], bool]:
    """All prompts once; what became of them, and whether the budget stopped the run."""
    guide = registry.create("guides", MODEL, Guide, service=service)
    runner = PromptRunner(guide, None, Plain(), {"rounds": 2}, at_once=2 * service.concurrency)
    ended: list[Ended] = []
    tasks = [Task(str(i), Prompt(f"a red car left of a dog, view {i}"), i) for i in range(count)]
    stopped = runner.run(tasks, ended.append, lambda *_: None)
    return ended, stopped is not None


def told(ended: Sequence[Ended]) -> dict[str, Any]:
    """Prompts by how they ended, and what their calls cost."""
    usage = sum((one.trace.usage for one in ended if one.trace is not None), Usage())
    return {
        "done": sum(1 for one in ended if one.error is None and one.trace and one.trace.finished == "rounds"),
        "stopped_by_budget": sum(1 for one in ended if isinstance(one.error, BudgetError)),
        "failed": sum(1 for one in ended if one.error and not isinstance(one.error, BudgetError)),
        "calls": usage.calls - usage.replayed,
        "from_kept_replies": usage.replayed,
        "dollars": round(usage.money or 0.0, 4),
    }


def faults(count: int, share: float, seed: int) -> dict[str, Any]:
    """A run whose requests go wrong at random."""
    dice = random.Random(seed)
    planned = [dice.choice(FAULTS) if dice.random() < share else Fault() for _ in range(count * 30)]
    with tempfile.TemporaryDirectory() as folder, MllmServer(answer, faults=planned) as server:
        os.environ["OPENAI_BASE_URL"] = server.openai_address
        ended, _ = run(count, ServiceSettings(replies=Path(folder), concurrency=16))
        asked = len(server.questions)
        met = sum(fault != Fault() for fault in planned[:asked])
        return {"requests": asked, "requests_with_a_fault": met, **told(ended)}


def money(count: int) -> dict[str, Any]:
    """A run that its budget stops, gone on with, and then replayed without the server."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ServiceSettings(replies=Path(folder), concurrency=16)
        with MllmServer(answer) as server:
            os.environ["OPENAI_BASE_URL"] = server.openai_address
            with tempfile.TemporaryDirectory() as other:
                whole = told(run(count, replace(settings, replies=Path(other)))[0])
            asked = len(server.questions)
            budget = round(
                whole["dollars"] / 2 + 0.3, 2
            )  # the last calls are reserved at more than they cost
            first, stopped = run(count, replace(settings, budget=budget))
            second, again = run(count, replace(settings, budget=budget + whole["dollars"]))
            paid = len(server.questions) - asked
        replayed, _ = run(count, replace(settings, replay=True))
    return {
        "whole_run": whole,
        "budget": budget,
        "stopped_by_budget": stopped and not again,
        "first": told(first),
        "second": told(second),
        "requests_of_both": paid,
        "replay_without_server": told(replayed),
        "replay_brings_the_same_layouts_pictures_and_verdicts": brought(replayed) == brought(second),
    }


def brought(ended: Sequence[Ended]) -> dict[str, list[Any]]:
    """What each prompt came to, times left out."""
    return {
        one.task.id: [
            (attempt.layout, attempt.picture.png, attempt.verdict) for attempt in one.trace.attempts
        ]
        for one in ended
        if one.trace is not None
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(1), default=40, help="prompts (default 40)")
    parser.add_argument("--share", type=float, default=0.25, help="of requests with a fault (default 0.25)")
    given = parser.parse_args()
    os.environ["OPENAI_API_KEY"] = "only-for-the-local-server"
    figures = {"faults": faults(given.n, given.share, given.seed)}
    progress(json.dumps(figures))
    show("faults, budget and replay", {**figures, "money": money(given.n)}, given.json)


if __name__ == "__main__":
    main()

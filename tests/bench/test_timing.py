"""The first batches are timed, medians and rates come from them, and nothing else."""

from __future__ import annotations

import pytest

from tasvir.bench.drawing import Drawn, Undrawn, Wish
from tasvir.bench.engines.base import Job
from tasvir.bench.models import BenchModel, Spec
from tasvir.bench.timing import Stopwatch, stretch
from tasvir.models.load import LoadSettings
from tasvir.models.opening import Opening
from tasvir.models.service import ServiceSettings
from tasvir.records import SuitePrompt

OPENING = Opening(LoadSettings(device="cpu"), ServiceSettings())


def job(sizes: list[int]) -> Job:
    batches = tuple(
        tuple(Wish(f"{batch}-{i}", SuitePrompt("a", "a dog"), i) for i in range(size))
        for batch, size in enumerate(sizes)
    )
    return Job(BenchModel("m", Spec("embedded"), OPENING, {}), {"steps": 4}, {}, batches, 8, True)


@pytest.mark.parametrize(
    ("sizes", "timed"),
    [([8, 8, 8, 8], 3), ([1] * 20, 10), ([8, 8], 2), ([3], 1), ([8, 1, 1, 1], 3), ([2, 2, 2, 2, 2, 2], 5)],
)
def test_at_least_three_batches_and_ten_pictures_are_timed(sizes: list[int], timed: int) -> None:
    batches = job(sizes).batches
    first, rest = stretch(batches)
    assert len(first) == timed
    assert [*first, *rest] == list(batches)


def drawn(seconds: float, steps: int | None = 20) -> Drawn:
    return Drawn("k", b"", seconds, {"provenance": {"dtype": "float32"}}, seconds / 2, steps)


def test_quartiles_and_rates_are_those_of_the_pictures() -> None:
    watch = Stopwatch(job([4]), 1.5)
    watch.start()
    assert watch.seen([drawn(1.0), drawn(2.0)]) == [drawn(1.0), drawn(2.0)]
    watch.seen([drawn(3.0), Undrawn("x", "why"), drawn(4.0), drawn(9.0)])
    speed = watch.speed()
    assert speed is not None
    assert (speed.n, speed.seconds, speed.batch, speed.load_seconds) == (5, (2.0, 3.0, 4.0), 4, 1.5)
    assert speed.steps_per_second == pytest.approx(20 / 1.5)  # of drawing alone
    assert speed.settings == {"steps": 4}
    assert speed.device.startswith("cpu (") and speed.device.endswith("float32")
    assert speed.peak_bytes is not None and speed.peak_bytes > 1e6


def test_no_rate_without_steps_and_no_speed_without_pictures() -> None:
    watch = Stopwatch(job([4]), 1.5)
    assert watch.speed() is None
    watch.seen([drawn(1.0, None)])
    speed = watch.speed()
    assert speed is not None and speed.steps_per_second is None

"""Every installed method of the laboratory: trained for two steps, kept, opened without its data, sampled."""

from __future__ import annotations

import gzip
import inspect
import struct
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasvir import registry
from tasvir.lab.diffusion.methods.base import Method
from tasvir.models.lab_runs import LabSettings, open_run, train

METHODS = registry.names("lab.methods")
SMALL = {"points": {"width": 8, "depth": 1}, "images": {"width": 8}, "tokens": {"width": 8, "depth": 1}}
SMALL["sphere"] = SMALL["points"]
QUICK: dict[str, dict[str, Any]] = {"reflow": {"pairs": 8, "teacher_steps": 2}}
"""Options that only spare time."""
MANY = 50
"""Steps: methods that walk more by default are asked for some."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the loop sets it for the whole process


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen random pictures of 8 x 8 pixels in two classes, as IDX files."""
    folder = tmp_path_factory.mktemp("idx")
    dice = np.random.default_rng(0)
    for part, n in (("train", 16), ("t10k", 4)):
        for name, array in (
            (f"{part}-images-idx3-ubyte.gz", dice.integers(0, 256, (n, 8, 8))),
            (f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 2),
        ):
            sizes = b"".join(struct.pack(">I", size) for size in array.shape)
            head = bytes([0, 0, 8, array.ndim]) + sizes
            (folder / name).write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    return folder


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> dict[str, Path]:
    """An EDM run of points and one of pictures, for methods that learn from a model."""
    root = tmp_path_factory.mktemp("teachers")
    return {kind: train(_asked("edm", kind, root / kind, pictures)) for kind in ("points", "images")}


def _asked(method: str, kind: str, out: Path, pictures: Path, teacher: Path | None = None) -> LabSettings:
    known = {"points": "2d:two-gaussians", "images": f"idx:{pictures}", "tokens": "tokens:pairs"}
    data = {**known, "sphere": "sphere:poles"}[kind]
    given: dict[str, Any] = {
        "options": {**SMALL[kind], **QUICK.get(method, {})},
        "teacher": teacher,
        "device": "cpu",
        "look_minutes": 0,
    }
    return LabSettings(method, out, data, steps=2, batch=4, dtype="float32", **given)


@pytest.mark.parametrize("kind", ["points", "images", "tokens", "sphere"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_trained_kept_and_opened(
    name: str,
    kind: str,
    tmp_path: Path,
    pictures: Path,
    teachers: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = registry.create("lab.methods", name, Method)
    if kind not in method.kinds:
        pytest.skip(f"takes {method.kinds}")
    monkeypatch.setattr(
        "tasvir.lab.training.looking.Looking.draw", lambda *_: None
    )  # some draw a thousand steps
    teacher = teachers[kind] if "teacher" in inspect.signature(method.model).parameters else None
    trained: list[Any] = []
    bind = type(method).model

    @wraps(bind)  # its signature says what options there are
    def noted(*given: Any, **named: Any) -> Any:
        trained.append(bind(*given, **named))
        return trained[-1]

    monkeypatch.setattr(type(method), "model", noted)
    folder = train(_asked(name, kind, tmp_path, pictures, teacher))
    model = trained[-1]
    run = open_run(folder, "cpu")
    model.network.eval()
    shape = {"points": (2,), "images": (1, 8, 8), "tokens": (2,), "sphere": (3,)}[kind]
    steps = _steps(model)
    drawn = run.model.sample(3, 0, steps=steps).x
    assert drawn.shape == (3, *shape) and bool(torch.isfinite(drawn).all())
    assert torch.equal(drawn, model.sample(3, 0, steps=steps).x), "what it took from the data is not kept"
    if kind != "tokens":  # of which a model of two steps may well tell the same for all noise
        assert not torch.equal(drawn, run.model.sample(3, 1, steps=steps).x)
    assert method.source


def _steps(model: Any) -> int | None:
    own = model.drawing.steps if hasattr(model, "drawing") else 0
    return 10 if own > MANY else None

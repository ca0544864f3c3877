"""Runs of the laboratory: trained, stopped, killed, gone on with, opened; and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tasvir.errors import NotFiniteError, OutputError, RecordError, SettingError, UnknownNameError
from tasvir.lab.diffusion.methods.edm import EdmMethod
from tasvir.lab.training import looking, loop
from tasvir.models.lab_drawing import Wish, draw
from tasvir.models.lab_runs import LabSettings, open_run, train

TINY = {"width": 8, "depth": 1}
FILES = ("network.safetensors", "average.safetensors", "optimizer.safetensors", "weights.safetensors")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the loop sets it for the whole process


def asked(out: Path, **changes: Any) -> LabSettings:
    plain = LabSettings(
        "edm", out, "2d:moons", options=TINY, steps=12, batch=16, device="cpu", look_minutes=0
    )
    return replace(plain, **changes)


def assert_same(one: Path, other: Path) -> None:
    for file in FILES:
        first, second = load_file(one / file), load_file(other / file)
        assert first.keys() == second.keys()
        for key, value in first.items():
            assert torch.equal(value, second[key]), (file, key)


def stopped(monkeypatch: pytest.MonkeyPatch, after: int, request: LabSettings) -> None:
    """Train, and press Ctrl-C after so many steps."""
    step_once, count = loop._Run.step_once, 0

    def counted(self: Any) -> None:
        nonlocal count
        if count == after:
            raise KeyboardInterrupt
        count += 1
        step_once(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop._Run, "step_once", counted)
        train(request)


def test_a_finished_run_holds_what_it_takes_to_open_it(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    folder = train(asked(tmp_path / "run", seed=3, average_decay=0.5), report=told.append)
    config = json.loads((folder / "config.json").read_text())
    assert (config["method"], config["data"], config["options"]) == ("edm", "2d:moons", TINY)
    assert (config["seed"], config["batch"], config["lr"], config["average_decay"]) == (3, 16, 2e-3, 0.5)
    assert config["versions"]["torch"] == torch.__version__ and len(config["weights_sha256"]) == 64
    assert told[-1]["examples"] == 12 * 16 and told[-1]["progress"] == 1
    assert json.loads((folder / "figures.json").read_text())["training"]["recipe"]["AVERAGE_DECAY"] == 0.5
    run = open_run(folder, "cpu")
    average = load_file(folder / "average.safetensors")
    for key, value in run.model.network.state_dict().items():
        assert torch.equal(value, average[key])
    shown = np.asarray(Image.open(folder / "samples" / "final.png"))
    assert shown.shape == (320, 320) and shown.min() == 0


def test_an_opened_model_samples_what_the_trained_one_did(tmp_path: Path) -> None:
    """All that the method took from the data (here their deviation) is in the config."""
    folder = train(asked(tmp_path / "run"))
    opened = open_run(folder, "cpu").model
    from tasvir.lab.data.opening import open_data

    fresh = EdmMethod().model(open_data("2d:moons"), **TINY)
    fresh.network.load_state_dict(load_file(folder / "weights.safetensors"))
    fresh.network.eval()
    assert torch.equal(opened.sample(50, 7).x, fresh.sample(50, 7).x)


def test_a_run_gone_on_with_equals_one_that_was_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(asked(tmp_path / "whole"))
    stopped(monkeypatch, 5, asked(tmp_path / "parts"))
    with pytest.raises(RecordError, match=r"not over.*tasvir lab train edm --out .* --resume"):
        open_run(tmp_path / "parts")
    rest = LabSettings("edm", tmp_path / "parts", device="cpu", resume=True, look_minutes=0)
    train(rest)  # the data, the options and the budget are those that it was begun with
    assert_same(tmp_path / "parts", tmp_path / "whole")
    first, second = ((tmp_path / name / "config.json").read_text() for name in ("whole", "parts"))
    assert first == second


def test_a_killed_run_equals_one_that_was_never_stopped(tmp_path: Path) -> None:
    """Killed without warning at step 9, after a checkpoint of step 6."""
    script = """
import os, signal, sys
from pathlib import Path
from tasvir.lab.training import loop
from tasvir.models.lab_runs import LabSettings, train
step_once = loop._Run.step_once
def counted(self):
    step_once(self)
    if self.step == 6:
        self.save()
    if self.step == 9:
        os.kill(os.getpid(), signal.SIGKILL)
loop._Run.step_once = counted
train(LabSettings("edm", Path(sys.argv[1]), "2d:moons", options={"width": 8, "depth": 1}, steps=12,
                  batch=16, device="cpu", look_minutes=0))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "parts")], timeout=120, env={**os.environ}
    )
    assert done.returncode == -signal.SIGKILL
    assert json.loads((tmp_path / "parts" / "state.json").read_text())["step"] == 6
    train(asked(tmp_path / "parts", resume=True))
    train(asked(tmp_path / "whole"))
    assert_same(tmp_path / "parts", tmp_path / "whole")


def test_looking_changes_nothing_but_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "POINTS", 20)
    monkeypatch.setattr(looking, "AT_MOST", 1e9)
    train(asked(tmp_path / "blind"))
    train(asked(tmp_path / "seen", look_minutes=1e-9))
    assert_same(tmp_path / "blind", tmp_path / "seen")
    names = sorted(path.name for path in (tmp_path / "seen" / "samples").iterdir())
    assert names == ["final.png", *(f"step-{step:07d}.png" for step in range(1, 13))]
    assert [path.name for path in (tmp_path / "blind" / "samples").iterdir()] == ["final.png"]


def test_looking_takes_a_twentieth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        network = torch.nn.Linear(1, 1)

    watch = looking.Looking(Slow(), "points", (2,), tmp_path, 0.01)  # type: ignore[arg-type]
    clock = iter([100.0, 130.0])
    monkeypatch.setattr(looking.time, "monotonic", lambda: next(clock))
    drawn: list[str] = []
    monkeypatch.setattr(watch, "draw", drawn.append)
    weights = Slow.network.state_dict()
    for step, seconds in ((1, 0.1), (2, 1.0), (3, 2.0), (4, 600.0)):
        watch(step, seconds, weights)
    assert drawn == ["step-0000002.png"] and watch.next_look == pytest.approx(1.0 + 30 * 20)


def test_seeds_differ_and_the_process_keeps_its_random_state(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    for seed in (1, 2):
        train(asked(tmp_path / str(seed), seed=seed, steps=1))
    assert torch.equal(torch.get_rng_state(), before)
    first, second = (load_file(tmp_path / str(seed) / "weights.safetensors") for seed in (1, 2))
    assert not torch.equal(first["enter.weight"], second["enter.weight"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": "2d:rings"}, "data is 2d:rings, but the run in .* was begun with 2d:moons"),
        ({"seed": 4}, "seed is 4"),
        ({"batch": 8}, "batch is 8"),
        ({"lr": 0.5}, "lr is 0.5"),
        ({"options": {"width": 16}}, "options is"),
        ({"average_decay": 0.9}, "average_decay is 0.9"),
        ({"decay_from": 0.9}, "decay_from is 0.9"),
        ({"teacher": Path("t")}, "teacher is"),
    ],
)
def test_a_run_is_gone_on_with_as_it_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], told: str
) -> None:
    stopped(monkeypatch, 2, asked(tmp_path))
    with pytest.raises(SettingError, match=told):
        train(asked(tmp_path, resume=True, **changes))


def test_other_data_under_the_same_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(monkeypatch, 2, asked(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text())
    config["facts"]["deviation"] = 0.5
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SettingError, match="not the data that the run"):
        train(asked(tmp_path, resume=True))


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"method": "edn"}, UnknownNameError, "'edn'.*did you mean 'edm'"),
        ({"data": "2d:moon"}, UnknownNameError, "2d:moons"),
        ({"data": None}, SettingError, "--data"),
        ({"steps": 0}, SettingError, "steps is 0: give 1 or more"),
        ({"minutes": 0.0}, SettingError, "minutes is 0"),
        ({"batch": 0}, SettingError, "batch is 0"),
        ({"lr": float("inf")}, SettingError, "lr is inf"),
        ({"average_decay": 1.0}, SettingError, "average_decay is 1"),
        ({"decay_from": -1.0}, SettingError, "decay_from is -1"),
        ({"device": "abacus"}, SettingError, "abacus"),
        ({"dtype": "float8"}, SettingError, "dtype"),
        ({"options": {"wings": 2}}, SettingError, "'wings'; the network has: width, depth"),
        ({"options": {"width": 0}}, SettingError, "width is 0: give a whole number"),
        ({"options": {"depth": 1.5}}, SettingError, "depth is 1.5: give a whole number"),
        (
            {"options": {"sigma_max": "high"}},
            SettingError,
            "sigma_max=high: edm takes a number there, such as 80",
        ),
        (
            {"method": "ddpm", "options": {"chain": 0}},
            SettingError,
            "chain=0: ddpm takes a whole number from 1",
        ),
        ({"options": {"sigma_min": 90.0}}, SettingError, "of edm no sample could be drawn: .* 0 to 80"),
        (
            {"method": "vp-sde", "options": {"beta_max": 0.2}},
            SettingError,
            "of vp-sde no sample could be drawn",
        ),
        ({"options": {"data": 1}}, SettingError, "no such option"),
        ({"options": {"name": "dit"}}, SettingError, "dit takes pictures"),
        ({"options": {"conditional": True}}, SettingError, "no classes"),
        ({"teacher": Path("nowhere")}, SettingError, "--teacher means nothing to edm"),
        ({"size": 16}, SettingError, "--size means nothing"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        train(asked(tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten_nor_taken_for_another(tmp_path: Path) -> None:
    train(asked(tmp_path, steps=1))
    with pytest.raises(RecordError, match="already holds a run"):
        train(asked(tmp_path))
    with pytest.raises(RecordError, match="'edm', not of 'ddpm'"):
        train(asked(tmp_path, method="ddpm", resume=True))


def test_damaged_runs_are_refused(tmp_path: Path) -> None:
    train(asked(tmp_path / "run", steps=1))
    whole = (tmp_path / "run" / "config.json").read_text()
    weights = (tmp_path / "run" / "weights.safetensors").read_bytes()

    def told() -> str:
        with pytest.raises(RecordError) as raised:
            open_run(tmp_path / "run", "cpu")
        return str(raised.value)

    (tmp_path / "run" / "weights.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert "its hash differs" in told()
    (tmp_path / "run" / "weights.safetensors").unlink()
    assert "cannot be read" in told()
    (tmp_path / "run" / "weights.safetensors").write_bytes(weights)
    for text in ("{", "[]", "{}", whole.replace('"seed"', '"sead"'), whole.replace('"shape"', '"form"')):
        (tmp_path / "run" / "config.json").write_text(text)
        assert "config.json is damaged" in told()
    (tmp_path / "run" / "config.json").write_text(whole.replace('"width": 8', '"width": 16'))
    assert "do not fit edm" in told()
    (tmp_path / "run" / "config.json").unlink()
    assert "holds no run of the laboratory" in told()


def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write to"):
        train(asked(tmp_path / "file" / "run"))


def test_a_full_disk_while_looking_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "POINTS", 5)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="samples cannot be written"):
        patch.setattr(Image.Image, "save", full)
        train(asked(tmp_path / "parts", look_minutes=1e-9))
    train(asked(tmp_path / "parts", resume=(tmp_path / "parts" / "state.json").exists()))
    train(asked(tmp_path / "whole"))
    assert_same(tmp_path / "parts", tmp_path / "whole")


def test_weights_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFiniteError, match="lower --lr"):
        train(asked(tmp_path, lr=1e30, options={**TINY}))


def test_points_are_learned(tmp_path: Path) -> None:
    """After some seconds two far Gaussians are told apart from one: half of the samples on either side."""
    train(asked(tmp_path, data="2d:two-gaussians", steps=250, batch=128, options={"width": 32, "depth": 1}))
    found = draw(open_run(tmp_path, "cpu").model, 2000, 0, Wish())
    assert found.evaluations == 35
    right = found.x[:, 0] > 0
    assert 0.4 < float(right.float().mean()) < 0.6
    centre = float(found.x[right, 0].mean())
    assert centre == pytest.approx(1 / 0.5625**0.5, abs=0.15), "where the law has it, not at 0"
    assert float(found.x[:, 1].std()) == pytest.approx(0.25 / 0.5625**0.5, abs=0.1)


def test_draws_in_batches_begin_like_the_model_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasvir.models import lab_drawing

    monkeypatch.setattr(lab_drawing, "AT_ONCE", 20)
    model = open_run(train(asked(tmp_path)), "cpu").model
    found = draw(model, 25, 3, Wish("ddim", evaluations=4))
    assert found.x.shape == (25, 2) and found.evaluations == 4
    assert torch.equal(found.x[:10], draw(model, 10, 3, Wish("ddim", steps=4)).x)
    assert len(torch.unique(found.x, dim=0)) == 25
    for wish, told in (
        (Wish("ddim", steps=4, evaluations=4), "one of them"),
        (Wish(evaluations=0), "give 1 or more"),
        (Wish(labels=(1,)), "conditional=true"),
        (Wish(steps=0), "ask for 1 or more"),
    ):
        with pytest.raises(SettingError, match=told):
            draw(model, 5, 0, wish)
    with pytest.raises(SettingError, match="0 samples"):
        draw(model, 0, 0, Wish())
    with pytest.raises(UnknownNameError, match="'ddin'"):
        draw(model, 5, 0, Wish("ddin"))


def test_weights_of_another_shape_but_the_right_hash_are_refused(tmp_path: Path) -> None:
    import hashlib

    folder = train(asked(tmp_path, steps=1))
    save_file({"alien": torch.zeros(1)}, folder / "weights.safetensors")
    config = json.loads((folder / "config.json").read_text())
    config["weights_sha256"] = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(RecordError, match="do not fit"):
        open_run(folder, "cpu")

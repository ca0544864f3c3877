"""The training loop on a network of a few numbers: stop and go on, average, rates, and what is refused."""

from __future__ import annotations

import errno
import json
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tasvir.errors import NotFiniteError, OutputError, RecordError, SettingError, WeightsError
from tasvir.lab.training import loop
from tasvir.lab.training.checkpoints import begin_from
from tasvir.lab.training.loop import _optimizers, _rate, _Run, fit
from tasvir.lab.training.settings import LoopSettings, Recipe
from tasvir.lab.training.stopping import deferred_interrupt


class TinyNetwork(nn.Module):
    """One layer outside, one under ``blocks``, and a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(4, 4)])
        self.head = nn.Linear(4, 1)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        value: Tensor = self.head(torch.tanh(self.blocks[0](x)))
        return value


class TinyTask:
    """Fit a noisy sum of four numbers."""

    name = "tiny"
    lr = 1e-2
    batch = 8

    def __init__(self, fail_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.model = TinyNetwork()
        self.steps: list[int] = []
        self.fail_at = fail_at
        self.finished: dict[str, Tensor] | None = None

    def network(self) -> nn.Module:
        return self.model

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        if len(self.steps) == self.fail_at:
            raise KeyboardInterrupt
        self.steps.append(batch)
        x = torch.from_numpy(rng.standard_normal((batch, 4))).float()
        target = x.sum(1, keepdim=True) + 0.1 * torch.randn(batch, 1, generator=noise)
        loss = (self.model(x) - target).square().mean()
        return loss, {"loss": float(loss.detach())}

    def finish(self, out: Path) -> None:
        self.finished = {key: value.clone() for key, value in self.model.state_dict().items()}


FILES = ("network.safetensors", "average.safetensors", "optimizer.safetensors")


@pytest.fixture(autouse=True)
def _flush_denormal() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the loop sets it for the whole process


def settings(out: Path, **changes: Any) -> LoopSettings:
    return LoopSettings(**{"out": out, "steps": 12, "dtype": "float32", **changes})


def checkpoint(out: Path) -> dict[str, Any]:
    state = json.loads((out / "state.json").read_text())
    tensors = {file: load_file(out / file) for file in FILES}
    return {"tensors": tensors, "step": state["step"], "smooth": state["smooth"]}


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (one["step"], one["smooth"]) == (other["step"], other["smooth"])
    for file in FILES:
        assert one["tensors"][file].keys() == other["tensors"][file].keys()
        for key, value in one["tensors"][file].items():
            assert torch.equal(value, other["tensors"][file][key]), (file, key)


def interrupted(out: Path, after: int, **changes: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(TinyTask(fail_at=after), settings(out, **changes))


def test_a_run_gone_on_with_equals_one_that_was_never_stopped(tmp_path: Path) -> None:
    whole = TinyTask()
    fit(whole, settings(tmp_path / "whole"))
    interrupted(tmp_path / "parts", 5)
    assert checkpoint(tmp_path / "parts")["step"] == 5
    rest = TinyTask()
    fit(rest, settings(tmp_path / "parts", resume=True))
    assert len(rest.steps) == 7
    assert_same(checkpoint(tmp_path / "parts"), checkpoint(tmp_path / "whole"))
    assert whole.finished is not None and rest.finished is not None
    assert all(torch.equal(value, rest.finished[key]) for key, value in whole.finished.items())


@pytest.mark.parametrize("renamed", range(5))
def test_a_kill_between_two_files_loses_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: int
) -> None:
    """Killed after so many renames of its second checkpoint, a run goes on from the first or the second."""
    fit(TinyTask(), settings(tmp_path / "whole"))
    interrupted(tmp_path / "parts", 4)
    replace, count = Path.replace, 0

    def killed(self: Path, target: Path) -> Path:
        nonlocal count
        if count == renamed:
            raise SystemExit
        count += 1
        return replace(self, target)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Path, "replace", killed)
        interrupted(tmp_path / "parts", 3, resume=True)
    rest = TinyTask()
    fit(rest, settings(tmp_path / "parts", resume=True))
    assert len(rest.steps) == (12 - 4 if renamed == 0 else 12 - 7)
    assert_same(checkpoint(tmp_path / "parts"), checkpoint(tmp_path / "whole"))
    assert not [*tmp_path.rglob("*.part"), *tmp_path.rglob("*.ready")]


def test_a_kill_while_parts_are_written_leaves_the_former_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, 4)
    before = checkpoint(tmp_path)
    count = 0

    def killed(tensors: dict[str, Tensor], path: Path) -> None:
        nonlocal count
        count += 1
        if count == 2:
            path.write_bytes(b"torn")
            raise SystemExit
        save_file(tensors, path)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(loop, "save_file", killed)
        interrupted(tmp_path, 3, resume=True)
    assert_same(checkpoint(tmp_path), before)
    rest = TinyTask()
    fit(rest, settings(tmp_path, resume=True))
    assert len(rest.steps) == 8


def test_a_finished_run_is_not_overwritten(tmp_path: Path) -> None:
    fit(TinyTask(), settings(tmp_path))
    before = checkpoint(tmp_path)
    with pytest.raises(RecordError, match="already holds a run: add --resume"):
        fit(TinyTask(), settings(tmp_path))
    assert_same(checkpoint(tmp_path), before)


def test_a_run_of_another_model_is_refused(tmp_path: Path) -> None:
    fit(TinyTask(), settings(tmp_path))
    other = TinyTask()
    other.name = "other"
    with pytest.raises(RecordError, match="'tiny', not of 'other'"):
        fit(other, settings(tmp_path, resume=True))


@pytest.mark.parametrize("file", [*FILES, "state.json"])
def test_a_checkpoint_that_cannot_be_read_says_so(tmp_path: Path, file: str) -> None:
    fit(TinyTask(), settings(tmp_path))
    (tmp_path / file).write_bytes(b"{")
    with pytest.raises(RecordError, match="cannot be read"):
        fit(TinyTask(), settings(tmp_path, resume=True))


def test_the_curve_and_the_reports_end_with_the_last_step(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    fit(TinyTask(), settings(tmp_path), told.append)
    last = json.loads((tmp_path / "curve.jsonl").read_text().splitlines()[-1])
    assert last["step"] == told[-1]["step"] == 12
    assert (told[-1]["progress"], last["pictures"]) == (1.0, 96)
    assert last["loss"] == told[-1]["loss"] > 0
    fit(TinyTask(), settings(tmp_path, resume=True))
    assert len((tmp_path / "curve.jsonl").read_text().splitlines()) == 1


def test_figures_are_smoothed_over_fifty_steps(tmp_path: Path) -> None:
    values = iter([1.0, 2.0, 4.0])
    task = TinyTask()
    plain = task.loss
    task.loss = lambda *given: (plain(*given)[0], {"loss": next(values)})  # type: ignore[method-assign]
    fit(task, settings(tmp_path, steps=3))
    expected = 0.98 * (0.98 * 1.0 + 0.02 * 2.0) + 0.02 * 4.0
    assert checkpoint(tmp_path)["smooth"]["loss"] == pytest.approx(expected)


def test_what_is_finished_is_the_average_by_hand(tmp_path: Path) -> None:
    """average += (1 - d) (weights - average) with d = (1 + n) / (10 + n) after step n; counts are copied."""
    snapshots: list[Tensor] = []
    task = TinyTask()
    start = task.model.head.weight.detach().clone()
    run = _Run(task, settings(tmp_path, steps=3))
    for _ in range(3):
        run.step_once()
        snapshots.append(task.model.head.weight.detach().clone())
    expected = start
    for number, weights in enumerate(snapshots, 1):
        expected = expected + (1 - (1 + number) / (10 + number)) * (weights - expected)
    torch.testing.assert_close(run.average["head.weight"], expected)
    assert int(run.average["seen"]) == 24
    fit(fresh := TinyTask(), settings(tmp_path / "whole", steps=3))
    assert fresh.finished is not None
    assert torch.equal(fresh.finished["head.weight"], run.average["head.weight"])


def test_the_average_forgets_over_two_thousand_steps_at_most(tmp_path: Path) -> None:
    run = _Run(TinyTask(), settings(tmp_path))
    run.step = 10**6
    run.average["head.weight"] = torch.zeros(1, 4)
    run._update_average()
    torch.testing.assert_close(run.average["head.weight"], 0.0005 * run.network.head.weight.detach())


@pytest.mark.parametrize(
    ("progress", "step", "share"),
    [
        (0.0, 0, 0.01),
        (0.0, 49, 0.5),
        (0.0, 99, 1.0),
        (0.2, 500, 1.0),
        (0.4, 500, 1.0),
        (0.55, 500, 0.5 + 0.25 * math.sqrt(2)),
        (0.7, 500, 0.5),
        (1.0, 500, 0.0),
        (1.3, 500, 0.0),
        (0.7, 9, 0.05),
    ],
)
def test_rates_by_hand(progress: float, step: int, share: float) -> None:
    assert _rate(progress, step) == pytest.approx(share)


def test_the_rate_reaches_every_optimizer(tmp_path: Path) -> None:
    run = _Run(TinyTask(), settings(tmp_path, lr=0.5))
    run.step_once()
    rates = [group["lr"] for optimizer in run.optimizers for group in optimizer.param_groups]
    assert rates == [pytest.approx(0.5 * 0.01)] * 2


def test_minutes_end_a_run_before_its_steps(tmp_path: Path) -> None:
    run = _Run(TinyTask(), settings(tmp_path, steps=100, minutes=2.0))
    run.elapsed = 30.0
    assert run.progress() == pytest.approx(0.25, abs=0.02)
    run.step = 60
    assert run.progress() == pytest.approx(0.6, abs=0.001)


def test_muon_takes_the_matrices_of_blocks_and_adam_the_rest() -> None:
    network = TinyNetwork()
    network.head.bias.requires_grad_(False)
    adam, muon = _optimizers(network, 0.1)
    assert isinstance(adam, torch.optim.AdamW) and isinstance(muon, torch.optim.Muon)

    def held(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
        return [parameter for group in optimizer.param_groups for parameter in group["params"]]

    assert [p is network.blocks[0].weight for p in held(muon)] == [True]
    assert {id(p) for p in held(adam)} == {id(network.blocks[0].bias), id(network.head.weight)}


def test_without_blocks_there_is_no_muon() -> None:
    (adam,) = _optimizers(nn.Linear(2, 2), 0.1)
    assert isinstance(adam, torch.optim.AdamW)


def test_weights_to_begin_from_are_taken_where_they_fit(tmp_path: Path) -> None:
    network, other = TinyNetwork(), TinyNetwork()
    own = {key: value.clone() for key, value in network.state_dict().items()}
    weights = dict(other.state_dict())
    weights["head.weight"] = torch.zeros(1, 9)
    weights["gone"] = torch.zeros(3)
    del weights["head.bias"]
    save_file(weights, tmp_path / "start.safetensors")
    assert begin_from(network, tmp_path / "start.safetensors") == 3
    now = network.state_dict()
    assert torch.equal(now["blocks.0.weight"], other.blocks[0].weight)
    assert torch.equal(now["head.weight"], own["head.weight"])
    assert torch.equal(now["head.bias"], own["head.bias"])


def test_a_run_begins_from_the_file_it_is_given(tmp_path: Path) -> None:
    save_file({"head.bias": torch.tensor([7.0])}, tmp_path / "start.safetensors")
    run = _Run(TinyTask(), settings(tmp_path / "run", start=tmp_path / "start.safetensors"))
    assert run.network.head.bias.tolist() == run.average["head.bias"].tolist() == [7.0]
    with pytest.raises(WeightsError, match="cannot be read"):
        _Run(TinyTask(), settings(tmp_path / "run", start=tmp_path / "none.safetensors"))


def test_a_file_of_which_nothing_fits_is_no_beginning(tmp_path: Path) -> None:
    save_file({"head.bias": torch.zeros(9), "alien": torch.zeros(1)}, tmp_path / "alien.safetensors")
    with pytest.raises(RecordError, match="none of the 2 tensors"):
        fit(TinyTask(), settings(tmp_path / "run", start=tmp_path / "alien.safetensors"))
    assert not (tmp_path / "run").exists()


def test_how_much_of_the_beginning_fitted_is_told_once(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    save_file({"head.bias": torch.tensor([7.0]), "alien": torch.zeros(1)}, tmp_path / "start.safetensors")
    fit(TinyTask(), settings(tmp_path / "run", start=tmp_path / "start.safetensors"), told.append)
    assert [(row["fitted"], row["of"]) for row in told if "fitted" in row] == [(1, 5)]


def refused(out: Path, **changes: Any) -> str:
    with pytest.raises(SettingError) as raised:
        fit(TinyTask(), settings(out, resume=True, **changes))
    return str(raised.value)


def test_a_run_is_gone_on_with_as_it_was_begun(tmp_path: Path) -> None:
    interrupted(tmp_path, 4, seed=3, batch=4, lr=0.5)
    for name, value, begun in (("seed", 0, 3), ("batch", 8, 4), ("lr", 0.01, 0.5)):
        message = refused(tmp_path, **{"seed": 3, name: value})
        assert message.startswith(f"{name} is {value}") and f"go on with --{name} {begun}," in message
    run = _Run(TinyTask(), settings(tmp_path, resume=True, seed=3, steps=99, minutes=5.0))
    assert run.step == 4
    assert run.batch == 4
    assert [group["peak"] for optimizer in run.optimizers for group in optimizer.param_groups] == [0.5, 0.5]


def test_the_recipe_is_what_a_run_was_begun_with_if_nothing_was_asked(tmp_path: Path) -> None:
    interrupted(tmp_path, 4)
    assert "go on with --batch 8," in refused(tmp_path, batch=9)
    changed = TinyTask()
    changed.batch = 16  # a later recipe
    assert _Run(changed, settings(tmp_path, resume=True)).batch == 8
    assert _Run(TinyTask(), settings(tmp_path, resume=True, batch=8, lr=1e-2)).step == 4


@pytest.mark.parametrize("kept", [None, {}, {"batch": None, "lr": None}, {"batch": 5, "lr": None, "seed": 0}])
def test_older_states_are_gone_on_with(tmp_path: Path, kept: dict[str, Any] | None) -> None:
    interrupted(tmp_path, 4)
    state = json.loads((tmp_path / "state.json").read_text())
    del state["begun_with"], state["settings"]
    (tmp_path / "state.json").write_text(json.dumps(state if kept is None else {**state, "settings": kept}))
    run = _Run(TinyTask(), settings(tmp_path, resume=True, batch=5 if kept and kept["batch"] else None))
    assert (run.step, run.batch) == (4, 5 if kept and kept["batch"] else 8)


def test_a_folder_that_cannot_be_made_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    task = TinyTask()
    with pytest.raises(OutputError, match=r"cannot write to .*another folder with --out"):
        fit(task, settings(tmp_path / "file" / "run"))
    assert task.steps == []


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, 4)
    before = checkpoint(tmp_path)

    def full(tensors: dict[str, Tensor], path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_file", full)
        with pytest.raises(OutputError, match=r"No space left.*--resume.*that of step 4 there is whole"):
            fit(TinyTask(), settings(tmp_path, resume=True))
        with pytest.raises(OutputError, match="there is no earlier one"):
            fit(TinyTask(), settings(tmp_path / "other"))
    assert_same(checkpoint(tmp_path), before)


def test_a_full_disk_at_the_end_keeps_the_checkpoint(tmp_path: Path) -> None:
    task = TinyTask()

    def full(out: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    task.finish = full  # type: ignore[method-assign]
    with pytest.raises(OutputError, match=r"finished weights cannot be written.*step 12 there is whole"):
        fit(task, settings(tmp_path))
    rest = TinyTask()
    fit(rest, settings(tmp_path, resume=True))
    assert rest.steps == [] and rest.finished is not None


def test_ctrl_c_ends_the_step_first(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    fit(TinyTask(), settings(tmp_path / "whole"))
    task = TinyTask()
    plain = task.loss

    def pressed(*given: Any) -> tuple[Tensor, dict[str, float]]:
        if len(task.steps) == 5:
            signal.raise_signal(signal.SIGINT)
        return plain(*given)

    task.loss = pressed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        fit(task, settings(tmp_path / "parts"))
    assert checkpoint(tmp_path / "parts")["step"] == len(task.steps) == 6
    assert signal.getsignal(signal.SIGINT) is before
    fit(TinyTask(), settings(tmp_path / "parts", resume=True))
    assert_same(checkpoint(tmp_path / "parts"), checkpoint(tmp_path / "whole"))


def test_a_second_ctrl_c_stops_at_once() -> None:
    with deferred_interrupt() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_figures_say_how_the_model_came_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Recogniser(TinyTask):
        name = "recogniser"

        def finish(self, out: Path) -> None:
            (out / "recogniser").mkdir(exist_ok=True)
            for folder in (out, out / "recogniser"):
                (folder / "figures.json").write_text('{"recall": 0.5}')

    monkeypatch.setattr(loop, "commit", lambda: "abc")
    interrupted_at = Recogniser(fail_at=5)
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted_at, settings(tmp_path, seed=2))
    fit(Recogniser(), settings(tmp_path, seed=2, resume=True), final="recogniser")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert json.loads((tmp_path / "recogniser" / "figures.json").read_text()) == figures
    made = figures["training"]
    assert figures["recall"] == 0.5
    assert (made["parameters"], made["steps"], made["pictures"]) == (4 * 4 + 4 + 4 + 1, 12, 96)
    assert (made["seed"], made["batch"], made["lr"], made["commit"]) == (2, 8, 1e-2, "abc")
    assert made["minutes"] == pytest.approx(0, abs=1) and made["minutes"] is not None
    assert made["recipe"]["AVERAGE_DECAY"] == 0.9995
    assert made["versions"]["torch"] == torch.__version__
    assert made["losses"]["loss"] == pytest.approx(checkpoint(tmp_path)["smooth"]["loss"], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("batch", 0),
        ("threads", 0),
        ("minutes", 0.0),
        ("lr", float("nan")),
        ("seed", -1),
        ("dtype", "float8"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"^{name} is "):
        settings(tmp_path, **{name: value})


def test_the_settings_are_kept_beside_the_state(tmp_path: Path) -> None:
    fit(TinyTask(), settings(tmp_path, seed=3))
    kept = json.loads((tmp_path / "state.json").read_text())["settings"]
    assert (kept["seed"], kept["steps"], kept["out"]) == (3, 12, str(tmp_path))


def test_seeds_differ(tmp_path: Path) -> None:
    runs = [fit(TinyTask(), settings(tmp_path / str(seed), seed=seed)) for seed in (1, 2)]
    first, second = (checkpoint(run)["smooth"]["loss"] for run in runs)
    assert first != second


def test_a_recipe_changes_rates_average_and_words(tmp_path: Path) -> None:
    recipe = Recipe(warm_up_steps=0, decay_from=1.0, average_decay=0.0, examples="points")
    assert [_rate(progress, 0, recipe) for progress in (0.0, 0.9, 1.0)] == [1.0, 1.0, 1.0]
    task = TinyTask()
    fit(task, settings(tmp_path), recipe=recipe)
    assert not (tmp_path / "average.safetensors").exists()  # the network is the average
    assert task.finished is not None
    for key, value in load_file(tmp_path / "network.safetensors").items():
        assert torch.equal(value, task.finished[key])
    assert json.loads((tmp_path / "curve.jsonl").read_text())["points"] == 96
    made = json.loads((tmp_path / "figures.json").read_text())["training"]
    assert made["recipe"] == {
        "WARM_UP_STEPS": 0, "DECAY_FROM": 1.0, "GRADIENT_CLIP": 1.0, "AVERAGE_DECAY": 0.0, "FUSED": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("warm_up_steps", -1), ("decay_from", 1.5), ("gradient_clip", 0.0), ("average_decay", 1.0)],
)
def test_recipes_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"^{name} is "):
        Recipe(**{name: value})


def test_on_the_way_sees_every_step_and_the_average(tmp_path: Path) -> None:
    seen: list[tuple[int, float]] = []

    def look(step: int, seconds: float, average: Any) -> None:
        seen.append((step, float(average["head.bias"])))
        assert seconds > 0

    task = TinyTask()
    fit(task, settings(tmp_path, steps=3), on_the_way=look)
    assert [step for step, _ in seen] == [1, 2, 3]
    assert task.finished is not None and seen[-1][1] == float(task.finished["head.bias"])


def test_a_loss_that_is_no_number_stops_before_it_spoils_the_weights(tmp_path: Path) -> None:
    task = TinyTask()
    plain = task.loss

    def broken(*given: Any) -> tuple[Tensor, dict[str, float]]:
        loss, figures = plain(*given)
        return (loss * math.nan, {"loss": math.nan}) if len(task.steps) == 4 else (loss, figures)

    task.loss = broken  # type: ignore[method-assign]
    with pytest.raises(NotFiniteError, match=r"at step 3 .*lower --lr"):
        fit(task, settings(tmp_path))
    kept = checkpoint(tmp_path)
    assert kept["step"] == 3 and math.isfinite(kept["smooth"]["loss"])
    assert all(
        bool(torch.isfinite(value).all())
        for tensors in kept["tensors"].values()
        for value in tensors.values()
    )


class CountingTask(TinyTask):
    """Its loss counts its calls in a buffer, before it may fail."""

    def __init__(self, fail_at: int | None = None) -> None:
        super().__init__()
        self.count_to = fail_at
        self.model.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def loss(
        self, rng: np.random.Generator, noise: torch.Generator, batch: int
    ) -> tuple[Tensor, dict[str, float]]:
        calls = self.model.get_buffer("calls")
        calls += 1
        if int(calls) == self.count_to:
            raise KeyboardInterrupt
        return super().loss(rng, noise, batch)


def test_what_half_a_step_wrote_to_buffers_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(CountingTask(fail_at=6), settings(tmp_path))
    assert int(checkpoint(tmp_path)["tensors"]["network.safetensors"]["calls"]) == 5
    whole = CountingTask()
    fit(whole, settings(tmp_path, resume=True))
    assert int(whole.model.get_buffer("calls")) == 12

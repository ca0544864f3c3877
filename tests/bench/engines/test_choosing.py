"""Which engine is meant, and what is wrong with what is asked of it, is known before anything is drawn."""

from __future__ import annotations

import builtins
import socket
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasvir.bench.drawing import Wish
from tasvir.bench.engines.base import Job
from tasvir.bench.engines.choosing import open_engine
from tasvir.bench.engines.local import LocalEngine
from tasvir.bench.models import BenchModel, Spec
from tasvir.errors import PluginError, SettingError, UnknownNameError
from tasvir.models.load import LoadSettings
from tasvir.models.opening import Opening
from tasvir.models.service import ServiceSettings
from tasvir.records import SuitePrompt


def job(spec: Spec = Spec("embedded"), pictures: int = 7, batch: int = 2, **service: Any) -> Job:  # noqa: B008
    wishes = [Wish(f"{n}", SuitePrompt(f"{n}", "a dog"), n) for n in range(pictures)]
    batches = tuple(tuple(wishes[start : start + batch]) for start in range(0, pictures, batch))
    model = BenchModel("a column", spec, Opening(LoadSettings(), ServiceSettings(**service)), {})
    return Job(model, {}, {}, batches, batch, timed=True)


def test_engines_by_name(tmp_path: Path) -> None:
    assert isinstance(open_engine("local", tmp_path), LocalEngine)
    with pytest.raises(UnknownNameError, match="no engine is called 'rey'; known: local, ray"):
        open_engine("rey", tmp_path)
    for option in ({"workers": 2}, {"address": "auto"}, {"gpus": 0.5}):
        with pytest.raises(SettingError, match="are for --engine ray"):
            open_engine("local", tmp_path, **option)  # type: ignore[arg-type]


def test_without_ray_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginError, match=r"pip install 'tasvir\[ray\]'"):
        open_engine("ray", tmp_path)


def test_workers_share_no_purse(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    guided = job(Spec("embedded", "guide", "openai:gpt-4o"), budget=1.0)
    with pytest.raises(SettingError, match="leave out --budget"):
        open_engine("ray", tmp_path).run([guided], SimpleNamespace(undisturbed=nullcontext))  # type: ignore[arg-type]


def test_an_address_where_nobody_listens_is_told_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "127.0.0.1:many", "nowhere"):
        engine = open_engine("ray", tmp_path, address=address)
        with pytest.raises(SettingError, match=f"no Ray cluster answers at {address}"):
            engine.run([job()], SimpleNamespace(undisturbed=nullcontext))  # type: ignore[arg-type]
        engine.close()


def test_work_is_cut_up_by_batches_and_then_by_pictures() -> None:
    pytest.importorskip("ray")
    from tasvir.bench.engines.ray import _neediest, _tasks

    whole = job(pictures=15, batch=4)
    [timed], rest = _tasks([whole])
    assert [len(batch) for batch in timed.job.batches] == [4, 4, 4]  # 3 batches and 10 pictures at least
    assert [[len(batch) for batch in task.job.batches] for task in rest] == [[3]]
    assert (timed.job.timed, rest[0].job.timed) == (True, False)
    assert [wish.key for task in (timed, *rest) for wish in task.job.wishes] == [str(n) for n in range(15)]
    parts = timed.parts()
    assert [part.job.batches for part in parts] == [(batch,) for batch in whole.batches[:3]]
    alone = parts[0].parts()
    assert [part.job.batches for part in alone] == [((wish,),) for wish in whole.batches[0]]
    assert alone[0].parts() == []
    assert not any(part.job.timed for part in (*parts, *alone))
    assert _neediest([*rest, *parts], []) == 0

"""What a model's figures say of its making."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tasvir.lab.training import training_record


def test_the_recipe_is_the_modules_plain_constants() -> None:
    module = ModuleType("recipe")
    vars(module).update(
        DROP=0.3,
        SHARES=(0.5, 0.35),
        WEIGHTS={"box": 4.0},
        NAMES=("a",),
        _HIDDEN=1,
        lower=2,
        SET={1},
        F=ModuleType("F"),
    )
    assert training_record.constants(module) == {"DROP": 0.3, "SHARES": [0.5, 0.35], "WEIGHTS": {"box": 4.0}}


def git(where: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_checkout_the_code_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "module.py"
    code.write_text("1")
    monkeypatch.setattr(training_record, "__file__", str(code))
    assert training_record.commit() is None
    git(tmp_path, "init", "-q")
    (tmp_path / "other").write_text("")
    git(tmp_path, "add", "other")
    git(tmp_path, "commit", "-qm", "somebody else's")
    assert training_record.commit() is None
    git(tmp_path, "add", "module.py")
    git(tmp_path, "commit", "-qm", "ours")
    assert training_record.commit() == git(tmp_path, "rev-parse", "HEAD")
    code.write_text("2")
    assert training_record.commit() == git(tmp_path, "rev-parse", "HEAD") + "-dirty"
    monkeypatch.setenv("PATH", "")
    assert training_record.commit() is None

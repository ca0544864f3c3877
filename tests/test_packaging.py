"""What the wheel holds: every file of the package that is under version control."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent


def test_every_file_of_the_package_is_code_or_package_data() -> None:
    command = ["git", "ls-files", "src/tasvir"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("no version control here")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["tasvir"]
    files = [PurePosixPath(line).relative_to("src/tasvir") for line in listed.stdout.splitlines()]
    left_out = [
        str(path)
        for path in files
        if path.suffix != ".py" and not any(path.match(pattern.removeprefix("**/")) for pattern in patterns)
    ]
    assert len(files) > 100
    assert left_out == []

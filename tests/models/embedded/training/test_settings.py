"""Settings of the embedded models' trainings: what is refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasvir.errors import SettingError, UnknownNameError
from tasvir.models.embedded.training import TrainSettings, run


def test_unknown_models_and_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'painter'"):
        run("painter", TrainSettings(tmp_path, device="cpu"))
    with pytest.raises(SettingError, match="abacus"):
        run("generator", TrainSettings(tmp_path, device="abacus"))
    assert not list(tmp_path.iterdir())


def test_numbers_and_backgrounds_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^steps is 0"):
        TrainSettings(tmp_path, steps=0)
    with pytest.raises(SettingError, match=r"^background is 'moon'"):
        TrainSettings(tmp_path, background="moon")

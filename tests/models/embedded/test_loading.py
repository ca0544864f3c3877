"""Devices by name; loading without chatter, but never without weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers.utils import logging as diffusers_logging
from safetensors.torch import save_file
from torch import nn
from transformers.utils import logging as transformers_logging

from tasvir.errors import SettingError, WeightsError
from tasvir.generate.generators.embedded import EmbeddedGenerator
from tasvir.models.devices import pick_device
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.embedded.loading import WEIGHTS_FILE, device_and_dtype, require_whole
from tasvir.models.quiet import quiet

LIBRARIES = (diffusers_logging, transformers_logging)


def test_cpu_draws_in_single_precision() -> None:
    assert device_and_dtype("cpu") == (torch.device("cpu"), torch.float32)


def test_auto_is_a_device_that_computes() -> None:
    assert float((torch.ones(2, device=pick_device("auto")) * 3).sum()) == 6.0


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "meta", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="cannot be used here"):
        pick_device(name)


@pytest.mark.parametrize("bar", [True, False])
def test_quiet_ends_as_it_was_before_even_after_an_error(bar: bool) -> None:
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in LIBRARIES]
    try:
        for library in LIBRARIES:
            library.set_verbosity_info()
            (library.enable_progress_bar if bar else library.disable_progress_bar)()
        with pytest.raises(ZeroDivisionError), quiet():
            for library in LIBRARIES:
                assert library.get_verbosity() == library.ERROR
                assert not library.is_progress_bar_enabled()
            _ = 1 / 0
        for library in LIBRARIES:
            assert library.get_verbosity() == library.INFO
            assert library.is_progress_bar_enabled() is bar
    finally:
        for library, (verbosity, shown) in zip(LIBRARIES, before, strict=True):
            library.set_verbosity(verbosity)
            (library.enable_progress_bar if shown else library.disable_progress_bar)()


def test_the_generator_loads_without_a_word(
    tiny_pipeline: EmbeddedLayoutPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny_pipeline.save_pretrained(str(tmp_path))
    capfd.readouterr()
    EmbeddedGenerator(tmp_path, device="cpu")
    assert capfd.readouterr() == ("", "")


def test_a_generator_that_lacks_weights_is_refused(
    tiny_pipeline: EmbeddedLayoutPipeline, tmp_path: Path
) -> None:
    tiny_pipeline.save_pretrained(str(tmp_path))
    kept = dict(tiny_pipeline.vae.state_dict())
    gone = sorted(kept)[-1]
    del kept[gone]
    save_file(kept, tmp_path / "vae" / WEIGHTS_FILE, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=f"lacks 1 of the network's weights, {gone} first"):
        EmbeddedGenerator(tmp_path, device="cpu")


def test_what_only_training_uses_may_be_missing(tmp_path: Path) -> None:
    network = nn.ModuleDict({"body": nn.Linear(1, 1), "extra": nn.Linear(1, 1)})
    save_file(network["body"].state_dict(prefix="body."), tmp_path / WEIGHTS_FILE)
    require_whole(network, tmp_path, spare=("extra",))
    with pytest.raises(WeightsError, match=r"lacks 2 of the network's weights, extra\.bias first"):
        require_whole(network, tmp_path)

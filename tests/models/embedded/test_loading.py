"""Loading without chatter, but never without weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tasvir.errors import WeightsError
from tasvir.generate.generators.embedded import EmbeddedGenerator
from tasvir.models.embedded.layout_pipeline import EmbeddedLayoutPipeline
from tasvir.models.embedded.loading import WEIGHTS_FILE, device_and_dtype, require_whole


def test_cpu_draws_in_single_precision() -> None:
    assert device_and_dtype("cpu") == (torch.device("cpu"), torch.float32)


def test_the_generator_loads_without_a_word(
    tiny_pipeline: EmbeddedLayoutPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny_pipeline.save_pretrained(str(tmp_path))
    capfd.readouterr()
    EmbeddedGenerator(str(tmp_path), device="cpu")
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
        EmbeddedGenerator(str(tmp_path), device="cpu")


def test_what_only_training_uses_may_be_missing(tmp_path: Path) -> None:
    network = nn.ModuleDict({"body": nn.Linear(1, 1), "extra": nn.Linear(1, 1)})
    save_file(network["body"].state_dict(prefix="body."), tmp_path / WEIGHTS_FILE)
    require_whole(network, tmp_path, spare=("extra",))
    with pytest.raises(WeightsError, match=r"lacks 2 of the network's weights, extra\.bias first"):
        require_whole(network, tmp_path)

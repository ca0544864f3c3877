"""Tiny models: the same for the same seed, and written as real ones are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tasvir.errors import OutputError, UnknownNameError
from tasvir.models.tiny.families import build, write


def test_a_seed_gives_the_same_weights_and_leaves_the_global_one_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, same, other = (build("sd", seed).unet.state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["conv_in.weight"], other["conv_in.weight"])


def test_the_tokenizer_tells_texts_apart() -> None:
    tokenizer = build("sd").tokenizer
    assert tokenizer("a dog").input_ids != tokenizer("a cat").input_ids
    assert tokenizer.decode(tokenizer("köpek 狗").input_ids, skip_special_tokens=True).strip() == "köpek 狗"


def test_karlos_files_name_a_part_by_a_package_that_diffusers_moved(tmp_path: Path) -> None:
    assert write("unclip", tmp_path / "unclip") == "UnCLIPPipeline"
    index = json.loads((tmp_path / "unclip" / "model_index.json").read_text())
    assert index["text_proj"] == ["unclip", "UnCLIPTextProjModel"]


def test_unknown_families_and_full_folders(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sdxl'"):
        build("sdlx")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="holds something already"):
        write("sd", tmp_path)

"""The oracle's benchmark keeps its reach, and tells the counts of the prior."""

from __future__ import annotations

import importlib
import json
from types import ModuleType

import pytest
import torch


@pytest.fixture
def module() -> ModuleType:
    return importlib.import_module("multimodal_oracle")


def test_errors_keep_the_reach(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    module.main(["-n", "20", "--epochs", "0", "--json"])
    told = json.loads(capsys.readouterr().out)
    for law in ("one code", "two codes"):
        assert max(told["largest errors"][law]["float64"].values()) < 1e-10
        assert max(told["largest errors"][law]["float32"].values()) < 5e-5
    products = told["which product, true posteriors"]
    assert [products[name]["precision"] for name in ("poe-exact", "poe", "poe-prior")] == pytest.approx(
        [8.25, 10.25, 11.25]
    )
    assert "which rule, trained" not in told


def test_a_wrong_rule_is_seen(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    law = module.laws()["one code"]
    x = law.sample(20, torch.Generator().manual_seed(0))
    right = module.rule
    monkeypatch.setattr(module, "rule", lambda name: right("poe" if name == "poe-exact" else name))
    found = module.errors(law, x, torch.float64)
    assert found["posterior mean"] > 1e-3 and found["joint + unimodal + subset bounds"] > 1e-3


def test_training_tells_every_rule_with_and_without_unimodal_terms(module: ModuleType) -> None:
    found = module.trained(module.laws()["one code"], 1, 0)
    assert len(found) == 12 and all(set(row) == {"log p(x)", "bound"} for row in found.values())

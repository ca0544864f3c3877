"""The benchmark of proposals runs, and every rule tells four estimates."""

from __future__ import annotations

import importlib
import json
import re

import pytest


def test_every_rule_tells_every_proposal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("multimodal_likelihood")
    monkeypatch.setattr(module, "CODES", (4, 40))
    module.main(["-n", "8", "--epochs", "1", "--models", "1", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert set(module.RULES) <= set(told)
    for rule in module.RULES:
        values = [float(re.match(r"-\d+\.\d+", one)[0]) for one in told[rule].values()]
        assert len(values) == 4 and values[1] > values[0] and values[3] > values[2], "more codes, less bias"

"""The benchmark's own parts, which need no MultiVae."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tasvir.lab.multimodal.stack_training import Examples

SMALL = {"latent": 2, "modalities": {"image": [6, 4, "bernoulli"], "label": [3, 4, "categorical"]}}


def test_weights_mean_the_same_to_plain_linear_layers() -> None:
    from multimodal_peer_quality import exported, imported
    from multimodal_sides import stack

    model, other = (stack("mvae", SMALL, 1, seeds) for seeds in (range(3), range(5, 8)))
    told = exported(model)
    plain = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 4))
    with torch.no_grad():
        for place, layer in ((0, plain[0]), (1, plain[2])):
            assert isinstance(layer, nn.Linear)
            layer.weight.copy_(torch.from_numpy(told[f"encoders/image/{place}/weight"][2]))
            layer.bias.copy_(torch.from_numpy(told[f"encoders/image/{place}/bias"][2]))
    x = torch.rand(7, 6)
    torch.testing.assert_close(model.encoders[0](x.expand(3, -1, -1))[2], plain(x))
    assert not np.array_equal(exported(other)["decoders/label/1/bias"], told["decoders/label/1/bias"])
    imported(other, told)
    assert all(np.array_equal(value, told[name]) for name, value in exported(other).items())


def test_intervals_are_students() -> None:
    from multimodal_peer_quality import interval

    mean, low, high = interval([float(value) for value in range(1, 11)])
    assert mean == 5.5
    assert high - mean == pytest.approx(2.262157 * (55 / 6 / 10) ** 0.5, rel=1e-3)  # 9 degrees of freedom
    assert mean - low == pytest.approx(high - mean)


def test_ratio_is_theirs_over_ours_by_turns() -> None:
    from multimodal_peer import compared

    theirs = [{"wall": 6.0, "cpu": 4.0}, {"wall": 10.0, "cpu": 4.0}]
    told = compared(theirs, [{"wall": 1.0, "cpu": 2.0}, {"wall": 3.0, "cpu": 2.0}])
    assert told["wall"]["theirs_over_ours"]["value"] == 4.0
    assert told["cpu"]["theirs_over_ours"] == {"value": 2.0, "interval": (2.0, 2.0), "reason": ""}


def test_our_step_trains_every_model_and_its_operations_are_counted() -> None:
    from multimodal_peer import Case, operations, our_step

    case = Case("mopoe", SMALL, weightings=2, seeds=3, batch=10)
    step = our_step(case, examples=40)
    (model,) = [one.cell_contents for one in step.__closure__ or () if hasattr(one.cell_contents, "stack")]
    before = [one.detach().clone() for one in model.stack.parameters()]
    counted = operations(step)
    moved = [(a != b).flatten(1).any(1) for a, b in zip(before, model.stack.parameters(), strict=True)]
    assert torch.stack(moved).all()
    # a layer of i x o costs 2 B i o, three times: forwards, and gradients of weights and of inputs, of which
    # the encoders' first layers need none
    encoders = [3 * 4 * 4 + 2 * 6 * 4, 3 * 4 * 4 + 2 * 3 * 4]
    decoders = [3 * (2 * 4 + 4 * 6), 3 * (2 * 4 + 4 * 3)]
    assert counted == 6 * 2 * 10 * sum(encoders + decoders)


def test_ours_deals_to_every_component() -> None:
    from multimodal_peer import our_dealing

    assert sorted(our_dealing(3, 100)) == [33, 33, 34]
    assert our_dealing(3, 2) == pytest.approx([2 / 3] * 3, abs=0.06)  # fewer examples than components


def test_pixels_are_black_or_white_as_often_as_their_shade_says() -> None:
    from multimodal_peer_quality import black_and_white

    shade = torch.tensor([0.0, 0.25, 1.0])
    image, label = shade.expand(2, 4000, 3), torch.eye(3)[None, :1].expand(2, 4000, 3)
    drawn = black_and_white(Examples((image, label), (image[:1], label[:1]), torch.zeros(4000)))
    for one in (drawn.train[0], drawn.test[0]):
        assert set(one.unique().tolist()) == {0.0, 1.0}
        assert one.mean((0, 1)).tolist() == pytest.approx([0, 0.25, 1], abs=0.03)
    assert not torch.equal(drawn.train[0][0], drawn.train[0][1])


def test_posterior_of_a_label_with_and_without_the_prior() -> None:
    from multimodal_peer_quality import given_one
    from multimodal_sides import stack

    model = stack("mvae", SMALL, 1, range(2))
    x = (torch.rand(5, 6), torch.eye(3)[torch.tensor([0, 1, 2, 0, 1])])
    own = model.encode([one.expand(2, -1, -1) for one in x])[1]
    plain, joined = (given_one(model, x, 1, prior).components for prior in (False, True))
    torch.testing.assert_close(plain.mean[0], own.mean)
    torch.testing.assert_close(joined.precision[0], own.precision + 1)
    torch.testing.assert_close(joined.mean[0], own.mean * own.precision / (own.precision + 1))


def test_without_the_peer_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import multimodal_peer

    monkeypatch.setattr(sys, "argv", ["multimodal_peer.py", "--peer-python", "nowhere/python"])
    with pytest.raises(SystemExit) as ended:
        multimodal_peer.main()
    assert ended.value.code == 0
    assert "nothing was measured: --peer-python is nowhere/python" in capsys.readouterr().err


def test_questions_and_answers_are_lines(tmp_path: Path) -> None:
    from multimodal_sides import Peer

    side = (
        "import sys\nfor line in sys.stdin:\n if 'stop' in line: sys.exit()\n print(line, end='', flush=True)"
    )
    (tmp_path / "side.py").write_text(side)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/side.py\n")
    python.chmod(0o755)
    with closing(Peer(str(python))) as peer:
        assert peer.ask("about", count=3) == {"do": "about", "count": 3}
        with pytest.raises(RuntimeError, match="the peer ended at 'stop'"):
            peer.ask("stop")

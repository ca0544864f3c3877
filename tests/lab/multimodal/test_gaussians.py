"""Three Gaussian modalities: data of known moments, figures of models whose laws are known, whole tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from tasvir.errors import SettingError
from tasvir.lab.multimodal.divergence_estimators.quadrature import js_mixtures
from tasvir.lab.multimodal.experiments.gaussians import (
    GaussiansSettings,
    examples_of,
    from_laws,
    from_sets,
    js_of_sets,
    measured,
)
from tasvir.lab.multimodal.experiments.readings import (
    COLUMNS,
    LITERAL,
    MEASUREMENTS,
    cells,
    effects,
    judged,
    measured_every_way,
    readings,
)
from tasvir.lab.multimodal.experiments.study import run_table
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.likelihoods import LearnedGaussianLikelihood
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting
from tasvir.models.multimodal_gaussians import gaussians, of_reading
from tasvir.models.multimodal_runs import Training

SMALL = GaussiansSettings(examples=300, test=200, looked_at=100)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # the loop sets it for the whole process


@pytest.mark.parametrize(("spread", "power"), [("variance", 0.5), ("deviation", 1.0)])
@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
def test_examples_have_the_moments_asked(spread: Any, power: float, correlation: float) -> None:
    """m and s_m of 40,000 numbers; two modalities correlate as much as a common z explains of each."""
    settings = GaussiansSettings(20_000, spread=spread, correlation=correlation)
    train = examples_of(settings, [0, 1]).train
    for m, one in enumerate(train, start=1):
        assert one.shape == (2, 20_000, 1)
        error = 4 * m**power / math.sqrt(40_000)
        assert one.mean().item() == pytest.approx(m, abs=error)
        assert one.std().item() == pytest.approx(m**power, abs=error)
    told = np.corrcoef(np.stack([one.flatten().numpy() for one in train]))
    assert told[np.triu_indices(3, 1)] == pytest.approx([correlation] * 3, abs=0.02)


def test_a_seed_has_its_examples_whatever_the_others_and_test_is_not_train() -> None:
    both, alone = examples_of(SMALL, [3, 7]), examples_of(SMALL, [7])
    for one, other in zip(both.train + both.test, alone.train + alone.test, strict=True):
        assert torch.equal(one[1], other[0])
        assert not torch.equal(one[0], other[0])
    assert not torch.equal(both.train[0][:, :200], both.test[0])


def put(network: Any, *weights: torch.Tensor, biases: tuple[float, ...]) -> None:
    """Weights of a perceptron's layers and biases of its last, for every model of a stack."""
    with torch.no_grad():
        for layer, weight in zip(network.layers, weights, strict=True):
            layer.weight.copy_(weight.expand_as(layer.weight))
            layer.bias.zero_()
        network.layers[-1].bias.copy_(torch.tensor(biases).expand_as(network.layers[-1].bias))


def constant(settings: GaussiansSettings, shift: float = 0.0) -> StackedVAE:
    """Decoders that tell N(m, s_m^2) of every code, the second shifted: cross-generation at its best."""
    model = StackedVAE(settings.modalities(), 1, PoE(), [FixedWeighting()], [0])
    for m, decoder in enumerate(model.decoders, start=1):
        told = (m + (shift if m == 2 else 0.0), math.log(settings.deviation(m)))
        put(decoder, torch.zeros(1, 5), torch.zeros(5, 2), biases=told)
    return model


@pytest.mark.parametrize("spread", ["variance", "deviation"])
def test_figures_of_decoders_that_tell_the_truth(spread: Any) -> None:
    settings = GaussiansSettings(10, scale=None, spread=spread, generated="draw", measure="kernel")
    told = measured(constant(settings), examples_of(settings, [0]), settings)
    assert all(told[name].abs().item() < 1e-6 for name in told if name.endswith(":exact"))
    assert 0 < told["total"].item() < 9 * 0.006  # nine pairs, each with the estimator's bias and noise


def test_figures_of_a_shifted_decoder_are_sums_over_sources() -> None:
    settings = GaussiansSettings(10, scale=None)
    told = from_laws(constant(settings, 1.5), examples_of(settings, [0]), settings)
    mean, deviation = torch.full((1, 1), 2.0), torch.full((1, 1), math.sqrt(2))
    truth = js_mixtures(mean + 1.5, deviation, mean, deviation).item()
    assert [told[f"x{i}>x2"].item() for i in (1, 2, 3)] == pytest.approx([truth] * 3, abs=1e-6)
    assert told["x2"].item() == pytest.approx(3 * truth, abs=1e-6)
    assert told["total"].item() == pytest.approx(3 * truth, abs=1e-6)


def test_codes_are_means_or_draws() -> None:
    """Decoder x = z + 1; encoder N(0, 4) whatever it sees: means give the constant 1, draws N(1, 4)."""
    settings = GaussiansSettings(10, test=2000, scale=0.1, hidden=2)
    model = StackedVAE(settings.modalities(), 1, PoE(), [FixedWeighting()], [0])
    put(model.encoders[0], torch.zeros(1, 2), torch.zeros(2, 2), biases=(0.0, math.log(4)))
    put(model.decoders[0], torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0], [-1.0]]), biases=(1.0,))
    examples = examples_of(settings, [0])
    drawn = from_laws(model, examples, replace(settings, codes="draw"))["x1>x1"].item()
    one, two = torch.ones(1, 1), torch.full((1, 1), math.sqrt(4.01))
    assert drawn == pytest.approx(js_mixtures(one, two, one, one).item(), abs=0.01)
    told = from_laws(model, examples, settings)["x1>x1"].item()
    assert told == pytest.approx(js_mixtures(one, 0.1 * one, one, one).item(), abs=1e-6)


def test_readings_of_a_divergence() -> None:
    x, y = (torch.randn(2, 500, generator=torch.Generator().manual_seed(one)) for one in (0, 1))
    plain = js_of_sets(x, y + 1, "histogram")
    assert torch.allclose(js_of_sets(x, y + 1, "histogram", "bits"), plain / math.log(2))
    assert torch.allclose(js_of_sets(x, y + 1, "distance"), plain.sqrt())
    (mean, deviation), (other, others) = ((one.mean(-1)[:, None], one.std(-1)[:, None]) for one in (x, y + 1))
    told = js_mixtures(mean, deviation, other, others)
    assert torch.allclose(js_of_sets(x, y + 1, "moments"), told)


def test_a_learned_gaussian_is_the_normal_law() -> None:
    law, decoded = LearnedGaussianLikelihood(), torch.tensor([[1.0, -2.0, math.log(0.5), math.log(3.0)]])
    x = torch.tensor([[0.3, 4.0]])
    truth = stats.norm(1, 0.5).logpdf(0.3) + stats.norm(-2, 3).logpdf(4)
    assert law.log_prob(x, decoded).item() == pytest.approx(truth, abs=1e-5)
    assert law.mean(decoded).tolist() == [[1.0, -2.0]]
    many = law.sample(decoded.expand(20_000, -1), torch.Generator().manual_seed(0))
    assert many.mean(0).tolist() == pytest.approx([1, -2], abs=0.1)
    assert many.std(0).tolist() == pytest.approx([0.5, 3], rel=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"examples": 0},
        {"correlation": 1.5},
        {"scale": 0.0},
        {"spread": "width"},
        {"measure": "kl"},
        {"estimator": "best"},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        GaussiansSettings(**wrong)


def test_a_table_has_the_chapters_rows_and_columns_and_is_handed_out_again(tmp_path: Path) -> None:
    training = Training(epochs=2, batch=100, lr=1e-2, seeds=2)
    made = run_table(gaussians("poe", SMALL, training), tmp_path)
    assert len(made.weightings) == 8
    assert list(made.figures)[:4] == ["x1", "x2", "x3", "total"]
    figures = {name: np.array(values) for name, values in made.figures.items()}
    for kind in ("", ":exact"):
        for j in (1, 2, 3):
            pairs = sum(figures[f"x{i}>x{j}{kind}"] for i in (1, 2, 3))
            assert figures[f"x{j}{kind}"] == pytest.approx(pairs, abs=1e-5)
    assert made.protocol["spread"] == "variance"
    again = run_table(gaussians("poe", SMALL, training), tmp_path)
    assert (again.figures, again.history, again.seconds) == (made.figures, made.history, made.seconds)
    with pytest.raises(SettingError, match="correlation"):
        run_table(gaussians("poe", replace(SMALL, correlation=0.5), training), tmp_path)


def test_training_brings_what_is_generated_nearer(tmp_path: Path) -> None:
    """Modalities of one cause: after training every output is nearer to its law than before, in every row."""
    settings = GaussiansSettings(1000, correlation=0.9, looked_at=200)
    plan = gaussians("poe", settings, Training(epochs=40, batch=250, lr=2e-2, seeds=1))
    before = plan.measure(plan.task.model).figures["total:exact"].clone()
    after = run_table(plan, tmp_path).figures["total:exact"]
    assert (np.array(after)[:, 0] < 0.25 * before.numpy()).all()


def test_automatic_weights_go_by_the_estimator_asked(tmp_path: Path) -> None:
    training = Training(epochs=3, batch=100, lr=1e-2, seeds=1)
    names = ["generating:weak", "fixed:1,1,1"]
    by = [
        run_table(gaussians("moe", replace(SMALL, estimator=one), training, names), tmp_path / one)
        for one in ("thesis", "founded")
    ]
    told = [np.array(one.history) for one in by]
    assert np.abs(told[0] - told[1])[-1, :, 0].max() > 0.01
    assert (told[0][:, :, 1] == told[1][:, :, 1]).all()


def test_readings_begin_with_the_literal_one_and_measure_it_as_the_table_does(tmp_path: Path) -> None:
    every = readings(SMALL)
    assert every[0].settings == SMALL
    assert len({one.name for one in every}) == len(every)
    assert len({replace(one, name="") for one in every}) == len(every)
    examples = examples_of(SMALL, [0])
    model = StackedVAE(SMALL.modalities(), 1, PoE(), [FixedWeighting()], [0])
    told, plain = measured_every_way(model, examples, SMALL), from_sets(model, examples, SMALL)
    assert all(torch.equal(told[f"{LITERAL}: {column}"], plain[column]) for column in COLUMNS)
    made = run_table(of_reading("poe", replace(every[0], epochs=1), 2), tmp_path)
    by_hand = np.array(made.figures[f"{LITERAL}: x2"]).mean(1)
    assert cells(made, LITERAL)[:, 1] == pytest.approx(by_hand)
    assert len(MEASUREMENTS) == 32


def test_how_near_a_reading_comes_and_what_an_answer_moves(tmp_path: Path) -> None:
    literal, other = readings(SMALL)[0], readings(SMALL)[3]
    assert other.settings == replace(SMALL, correlation=0.5)
    tables = [
        run_table(of_reading("poe", replace(one, epochs=1), 1), tmp_path / one.name)
        for one in (literal, other)
    ]
    printed = cells(tables[1], LITERAL)[None] + 0.25
    every = judged(literal, tables[:1], printed) + judged(other, tables[1:], printed)
    own, changed = every[0], every[len(MEASUREMENTS)]
    assert changed.apart == pytest.approx(0.25)
    rows = {(point, answer): (moved, nearest) for point, answer, moved, nearest in effects(every)}
    assert rows["correlation", "0.0"][0] == 0
    assert rows["correlation", "0.5"][0] == pytest.approx(np.abs(changed.cells - own.cells).mean())
    assert rows["correlation", "0.5"][1] <= 0.25
    assert rows["base", "bits"][0] == pytest.approx(own.cells.mean() * (1 / math.log(2) - 1), rel=1e-5)
    assert min(near for _, near in rows.values()) == min(one.apart for one in every)

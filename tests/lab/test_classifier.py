"""A small classifier: it learns, is the same for a seed, is kept and made again, and tells pictures apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tasvir.errors import OutputError, SettingError
from tasvir.lab import classifier as module
from tasvir.lab.classifier import Classifier, classifier_of, picture_distances
from tasvir.lab.data.base import Data


@pytest.fixture(scope="module")
def strokes() -> Data:
    """8x8 pictures of a bright row (class 0) or column (class 1) at a random place, in noise."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (600,), generator=generator)
    places = torch.randint(8, (600,), generator=generator)
    pictures = 0.3 * torch.randn(600, 1, 8, 8, generator=generator) - 0.5
    for picture, label, place in zip(pictures, labels, places, strict=True):
        stroke = picture[0, place] if label == 0 else picture[0, :, place]
        stroke += 1.0
    pictures = pictures.clamp(-1, 1)
    return Data("strokes", "images", pictures[:500], pictures[500:], labels[:500], labels[500:], 2)


@pytest.fixture(scope="module")
def trained(strokes: Data) -> Classifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STEPS", 60)
        return classifier_of(strokes)


def test_it_learns_what_it_was_never_shown(trained: Classifier, strokes: Data) -> None:
    assert trained.accuracy >= 0.97
    features, probabilities = trained.features(strokes.test)
    assert features.shape == (100, 64) and features.min() >= 0
    assert torch.allclose(probabilities.sum(1), torch.ones(100), atol=1e-5)
    assert float((probabilities.argmax(1) == strokes.test_labels).double().mean()) == trained.accuracy


def test_it_is_kept_and_is_the_same_for_a_seed(
    strokes: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEPS", 4)
    told: list[int] = []
    first = classifier_of(strokes, tmp_path, on_step=lambda step, _: told.append(step))
    assert told == [1, 2, 3, 4]
    again = classifier_of(strokes, tmp_path, on_step=lambda *_: pytest.fail("it was trained again"))
    assert again.accuracy == first.accuracy
    assert torch.equal(again.features(strokes.test)[0], first.features(strokes.test)[0])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    mended = classifier_of(strokes, tmp_path)
    assert torch.equal(mended.features(strokes.test)[0], first.features(strokes.test)[0])
    other = replace(strokes, train=strokes.train.flip(0))
    assert classifier_of(other, tmp_path).fingerprint != first.fingerprint
    assert classifier_of(strokes, tmp_path, seed=1).fingerprint != first.fingerprint
    assert len(list(tmp_path.iterdir())) == 3
    with pytest.raises(OutputError, match="cannot be kept"):
        classifier_of(strokes, file)


def test_pictures_of_the_same_law_are_near_and_spoilt_ones_far(trained: Classifier, strokes: Data) -> None:
    half, rest = strokes.train[:250], strokes.train[250:]
    same = picture_distances(trained, half, rest)
    assert same.kernel.error is not None and abs(same.kernel.value) < 4 * same.kernel.error
    assert (same.pictures, same.reference) == (250, 250) and same.inception.value == pytest.approx(2, abs=0.1)
    spoilt = picture_distances(trained, half.roll(3, 2).lerp(half, 0.5), rest)
    assert spoilt.frechet.error is not None and same.frechet.error is not None
    assert spoilt.frechet.value > same.frechet.value + 4 * (spoilt.frechet.error + same.frechet.error)
    one_class = picture_distances(trained, half[strokes.train_labels[:250] == 0], rest)  # type: ignore[index]
    assert one_class.inception.value < 1.1 and one_class.near.recall < 0.7 < same.near.recall


def test_what_it_cannot_do_is_said(trained: Classifier, strokes: Data) -> None:
    with pytest.raises(SettingError, match="trained on"):
        trained.features(torch.zeros(3, 1, 9, 8))
    with pytest.raises(SettingError, match="20 or more"):
        picture_distances(trained, strokes.test[:5], strokes.train)
    with pytest.raises(SettingError, match="whose classes are known"):
        classifier_of(replace(strokes, train_labels=None))
    with pytest.raises(SettingError, match="8 to 32 pixels"):
        classifier_of(replace(strokes, train=torch.zeros(4, 1, 64, 64)))

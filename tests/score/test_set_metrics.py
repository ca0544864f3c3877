"""FID, KID and inception score as metrics: reference sets, refusals, warnings, intervals."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasvir.errors import OutputError, SettingError
from tasvir.lab.distances.frechet import frechet_distance
from tasvir.lab.distances.kernels import kernel, squared_mmd
from tasvir.models.features import opening
from tasvir.models.features.base import Features
from tasvir.models.features.reference import keep_reference
from tasvir.records import Picture
from tasvir.score.base import recipe_hash
from tasvir.score.metrics.fid import FidMetric
from tasvir.score.metrics.inception_score import InceptionScoreMetric
from tasvir.score.metrics.kid import KidMetric


class Corners:
    """Four features of a picture: the red of its corner pixels; its classes are which is reddest."""

    def __init__(self, classes: bool = True, name: str = "corners") -> None:
        self.identity: dict[str, Any] = {"model": name}
        self.classes = classes

    def look(self, pictures: Sequence[Image.Image]) -> Features:
        values = np.array([np.asarray(each)[[0, 0, -1, -1], [0, -1, 0, -1], 0] for each in pictures]) / 255.0
        chances = np.eye(4)[values.argmax(1)]
        return Features(values.astype(np.float64), chances if self.classes else None)


@pytest.fixture
def eye(monkeypatch: pytest.MonkeyPatch) -> Corners:
    corners = Corners()
    monkeypatch.setattr(opening, "open_features", lambda model, load: corners)
    return corners


def drawn(n: int, seed: int, shift: float = 0.0) -> list[Picture]:
    pixels = np.random.default_rng(seed).integers(0, 200, (n, 6, 6, 3)) + round(55 * shift)
    return [picture(each.astype(np.uint8)) for each in pixels]


def picture(pixels: np.ndarray) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Picture(buffer.getvalue(), pixels.shape[1], pixels.shape[0])


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    folder = tmp_path / "real"
    (folder / "more").mkdir(parents=True)
    for index, each in enumerate(drawn(40, seed=1)):
        (folder / ("more" if index % 2 else ".") / f"{index}.png").write_bytes(each.png)
    (folder / "notes.txt").write_text("no picture")
    return folder


def values(pictures: Sequence[Picture]) -> np.ndarray:
    return Corners().look([Image.open(io.BytesIO(each.png)) for each in pictures]).values


@pytest.mark.usefixtures("eye")
class TestComparing:
    def test_the_value_is_the_distance_of_the_features(self, reference: Path) -> None:
        pictures = drawn(30, seed=2, shift=1)
        found = FidMetric("any", reference=str(reference)).measure_set(pictures)
        assert found.value == pytest.approx(frechet_distance(values(pictures), values(drawn(40, seed=1))))
        assert (found.name, found.n, found.details["reference_n"]) == ("fid:any", 30, 40)
        assert found.interval is not None and found.interval[0] < found.value < found.interval[1]
        discrepancy = KidMetric("any", reference=str(reference)).measure_set(pictures)
        assert discrepancy.value == pytest.approx(
            squared_mmd(values(pictures), values(drawn(40, seed=1))), rel=0.05
        )
        assert discrepancy.details["subset_size"] == 30 and discrepancy.spread and discrepancy.interval
        json.dumps([found.details, discrepancy.details])

    def test_the_same_pictures_are_no_distance_away(self, reference: Path) -> None:
        assert FidMetric("any", reference=str(reference)).measure_set(
            drawn(40, seed=1)
        ).value == pytest.approx(0, abs=1e-12)
        same = KidMetric("any", reference=str(reference)).measure_set(drawn(40, seed=1))
        # a little below 0, as each picture has its like in the other set but not in its own
        most = 2 * np.diag(kernel(values(drawn(40, 1)), values(drawn(40, 1)))).mean() / 40
        assert same.value is not None and -most < same.value < 0 and same.spread == 0
        assert "there is no spread" in same.reason

    def test_pictures_that_differ_are_farther_than_those_alike(self, reference: Path) -> None:
        for kind in (FidMetric, KidMetric):
            metric = kind("any", reference=str(reference))
            alike, apart = (metric.measure_set(drawn(40, 3, shift)).value for shift in (0, 1))
            assert alike is not None and apart is not None and alike < apart
            assert not metric.higher_is_better

    def test_without_a_reference_or_with_one_picture_there_is_no_value(self, reference: Path) -> None:
        for kind in (FidMetric, KidMetric):
            lone = kind("any").measure_set(drawn(5, 1))
            assert lone.value is None and "reference=FOLDER" in lone.reason and lone.n == 5
            single = kind("any", reference=str(reference)).measure_set(drawn(1, 1))
            assert single.value is None and "at least 2" in single.reason

    def test_unreadable_pictures_are_left_out_and_counted(self, reference: Path) -> None:
        metric = FidMetric("any", reference=str(reference))
        found = metric.measure_set([*drawn(10, 2), Picture(b"no picture", 1, 1)])
        assert found.value == metric.measure_set(drawn(10, 2)).value
        assert (found.n, found.details["unreadable"]) == (10, 1)

    def test_small_sets_are_warned_of(self, reference: Path) -> None:
        metric = FidMetric("any", reference=str(reference))
        assert metric.measure_set(drawn(4, 2)).reason.startswith("BEWARE: 4 pictures for 4 features")
        few = metric.measure_set(drawn(10, 2))
        assert few.interval is None and "no interval below 20" in few.reason
        assert "not comparable" in few.reason and "BEWARE" not in few.reason

    def test_the_reference_is_known_by_its_pictures(self, reference: Path, tmp_path: Path) -> None:
        before = FidMetric("any", reference=str(reference)).recipe["reference"]
        moved = reference.rename(tmp_path / "elsewhere")
        (moved / "0.png").rename(moved / "first.png")
        again = FidMetric("any", reference=str(moved))
        assert again.recipe["reference"] == before
        whole = recipe_hash(again.recipe)
        (moved / "first.png").write_bytes(drawn(1, 99)[0].png)
        assert recipe_hash(FidMetric("any", reference=str(moved)).recipe) != whole

    def test_a_missing_or_broken_reference_is_an_error(self, reference: Path, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="no such folder or file"):
            FidMetric("any", reference=str(tmp_path / "nowhere"))
        (tmp_path / "empty").mkdir()
        with pytest.raises(SettingError, match="no pictures are there"):
            FidMetric("any", reference=str(tmp_path / "empty")).measure_set(drawn(3, 1))
        (reference / "torn.png").write_bytes(drawn(1, 1)[0].png[:40])
        with pytest.raises(SettingError, match=r"torn\.png cannot be opened"):
            FidMetric("any", reference=str(reference)).measure_set(drawn(3, 1))


class TestKeptFeatures:
    def test_they_stand_for_the_pictures(self, eye: Corners, reference: Path, tmp_path: Path) -> None:
        file = tmp_path / "real.safetensors"
        keep_reference(str(reference), eye, file)
        kept, looked = (FidMetric("any", reference=str(source)) for source in (file, reference))
        assert kept.recipe == looked.recipe
        pictures = drawn(10, 2)
        assert kept.measure_set(pictures).value == pytest.approx(looked.measure_set(pictures).value, rel=1e-5)
        with pytest.raises(OutputError, match="there already"):
            keep_reference(str(reference), eye, file)

    def test_those_of_another_extractor_are_refused(
        self, eye: Corners, reference: Path, tmp_path: Path
    ) -> None:
        file = tmp_path / "real.safetensors"
        keep_reference(str(reference), Corners(name="others"), file)
        with pytest.raises(SettingError, match="features of 'others'"):
            FidMetric("any", reference=str(file)).measure_set(drawn(3, 1))

    def test_other_files_are_refused(self, eye: Corners, tmp_path: Path) -> None:
        from safetensors.numpy import save_file

        save_file({"features": np.zeros((3, 4))}, tmp_path / "other.safetensors")
        (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
        for name, said in (("other", "no kept features"), ("broken", "no safetensors file")):
            with pytest.raises(SettingError, match=said):
                FidMetric("any", reference=str(tmp_path / f"{name}.safetensors")).measure_set(drawn(3, 1))


class TestInceptionScore:
    def test_splits_and_the_most_possible(self, eye: Corners) -> None:
        found = InceptionScoreMetric("any").measure_set(drawn(200, 2))
        assert found.details["splits"] == 10 and found.details["most_possible"] == 4
        assert found.value is not None and 3 < found.value <= 4 and found.spread
        few = InceptionScoreMetric("any").measure_set(drawn(15, 2))
        assert few.details["splits"] == 1 and few.spread is None
        assert "15 pictures: at most 4" in few.reason

    def test_pictures_alike_score_1(self, eye: Corners) -> None:
        assert InceptionScoreMetric("any").measure_set(drawn(1, 2) * 12).value == pytest.approx(1)

    def test_a_network_without_classes_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(opening, "open_features", lambda model, load: Corners(classes=False))
        found = InceptionScoreMetric("any").measure_set(drawn(12, 2))
        assert found.value is None and "tells no classes" in found.reason

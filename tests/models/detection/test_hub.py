"""Detectors and depth estimators of transformers, opened by the public loading code, with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForObjectDetection, DetrImageProcessorPil, DPTForDepthEstimation

from tasvir.errors import HubError, UnknownNameError
from tasvir.models.detection.hub import ClosedDetector, HubDepthEstimator, ZeroShotDetector, asked_for
from tasvir.models.detection.opening import open_depth, open_detector
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.models.tiny import detectors

CPU = LoadSettings(device="cpu")


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    root = tmp_path_factory.mktemp("detectors")

    def folder(name: str) -> str:
        if not (root / name).exists():
            getattr(detectors, f"save_{name}")(root / name)
        return str(root / name)

    return folder


def noise(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


class TestZeroShot:
    def test_it_looks_for_the_words_it_is_given(self, saved: Callable[[str], str]) -> None:
        detector = open_detector(saved("owlvit"), CPU)
        assert isinstance(detector, ZeroShotDetector)
        assert detector.knows("a thing nobody knows") and not detector.knows(" ")
        found = detector.detect([noise(), noise(), noise()], [["dog", "car"], ["boat"], []], 0.0)
        assert {one.label for one in found[0]} <= {"dog", "car"}
        assert {one.label for one in found[1]} == {"boat"}
        assert found[2] == ()
        for one in (*found[0], *found[1]):
            assert 0 <= one.box.x0 < one.box.x1 <= 1 and 0 <= one.box.y0 < one.box.y1 <= 1
        scores = [one.score for one in found[0]]
        assert scores == sorted(scores, reverse=True)

    def test_grounding_dino_answers_in_words_that_were_asked(self, saved: Callable[[str], str]) -> None:
        detector = open_detector(saved("grounding_dino"), CPU)
        assert isinstance(detector, ZeroShotDetector)
        both, boat = detector.detect([noise(), noise()], [["dog", "red car"], ["boat"]], 0.0)
        assert both and {one.label for one in both} <= {"dog", "red car"}
        assert boat and {one.label for one in boat} == {"boat"}

    def test_a_picture_is_seen_alike_alone_and_among_others(self, saved: Callable[[str], str]) -> None:
        detector = open_detector(saved("owlvit"), CPU)
        pictures = [noise(seed=seed) for seed in range(3)]
        together = detector.detect(pictures, [["dog"], ["car"], ["dog"]], 0.0)
        for picture, words, found in zip(pictures, (["dog"], ["car"], ["dog"]), together, strict=True):
            (alone,) = detector.detect([picture], [words], 0.0)
            assert [one.label for one in alone] == [one.label for one in found]
            assert np.array([one.box.as_tuple() for one in alone]) == pytest.approx(
                np.array([one.box.as_tuple() for one in found]), abs=1e-5
            )

    def test_fewer_are_listed_the_surer_they_must_be(self, saved: Callable[[str], str]) -> None:
        detector = open_detector(saved("owlvit"), CPU)
        ((*every,),) = detector.detect([noise()], [["dog", "car"]], 0.0)
        middle = sorted(one.score for one in every)[len(every) // 2]
        (sure,) = detector.detect([noise()], [["dog", "car"]], middle)
        assert list(sure) == [one for one in every if one.score > middle]

    def test_the_tokens_that_lit_up_are_the_word_that_was_asked_for(self) -> None:
        words = ("red car", "dog")
        assert asked_for("dog", words) == "dog"
        assert asked_for("car", words) == "red car"
        assert asked_for("a dog", words) == "dog"
        assert asked_for("boat", words) is None
        assert asked_for("", words) is None


class TestClosed:
    def test_it_sees_what_transformers_by_hand_sees(self, saved: Callable[[str], str]) -> None:
        detector = open_detector(saved("detr"), CPU)
        assert isinstance(detector, ClosedDetector)
        assert detector.knows("Traffic light") and not detector.knows("light")
        picture = noise()
        (found,) = detector.detect([picture], [["whatever"]], 0.0)
        with quiet(), torch.no_grad():
            network = AutoModelForObjectDetection.from_pretrained(saved("detr")).eval()
            inputs = DetrImageProcessorPil.from_pretrained(saved("detr"))(images=picture, return_tensors="pt")
            said = network(**inputs)
        best, label = said.logits[0].softmax(-1)[:, :-1].max(-1)
        first = int(best.argmax())
        middle_x, middle_y, width, height = said.pred_boxes[0, first].tolist()
        corners = (middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2)
        assert found[0].label == network.config.id2label[int(label[first])]
        assert found[0].score == pytest.approx(float(best[first]), abs=1e-5)
        assert found[0].box.as_tuple() == pytest.approx(corners, abs=1e-4)

    def test_what_is_seen_does_not_hang_on_the_rest_of_the_batch(self, saved: Callable[[str], str]) -> None:
        detector = open_detector(saved("detr"), CPU)
        wide, tall = noise(64, 48), noise(40, 60)
        together = detector.detect([wide, tall], [[], []], 0.0)
        for picture, found in zip((wide, tall), together, strict=True):
            (alone,) = detector.detect([picture], [[]], 0.0)
            assert [one.score for one in alone] == pytest.approx([one.score for one in found], abs=1e-6)


class TestDepth:
    def test_each_picture_has_its_own_size_and_scale(self, saved: Callable[[str], str]) -> None:
        estimator = open_depth(saved("dpt"), CPU)
        assert isinstance(estimator, HubDepthEstimator)
        for picture, depth in zip(
            (noise(), noise(33, 21)), estimator.depth([noise(), noise(33, 21)]), strict=True
        ):
            assert depth.shape == picture.size[::-1] and depth.dtype == np.float32
            assert (depth.min(), depth.max()) == (0, 1)

    def test_what_the_network_calls_large_is_near(self, saved: Callable[[str], str]) -> None:
        picture = noise(32, 32)
        (depth,) = open_depth(saved("dpt"), CPU).depth([picture])
        with quiet(), torch.no_grad():
            network = DPTForDepthEstimation.from_pretrained(saved("dpt")).eval()
            pixels = torch.tensor(np.asarray(picture)).permute(2, 0, 1)[None] / 255 * 2 - 1
            twice = network(pixel_values=pixels).predicted_depth[0].numpy()
        raw = twice.reshape(32, 2, 32, 2).mean((1, 3))  # what halving by bilinear interpolation is
        assert depth == pytest.approx((raw - raw.min()) / (raw.max() - raw.min()), abs=1e-4)

    def test_distances_are_refused(self, saved: Callable[[str], str], tmp_path: Path) -> None:
        from transformers import GLPNConfig, GLPNForDepthEstimation, GLPNImageProcessorPil

        config = GLPNConfig(
            num_encoder_blocks=2, depths=[1, 1], sr_ratios=[1, 1], hidden_sizes=[8, 8], patch_sizes=[7, 3],
            strides=[4, 2], num_attention_heads=[1, 1], mlp_ratios=[1, 1], decoder_hidden_size=8,
        )  # fmt: skip
        with quiet():
            GLPNForDepthEstimation(config).save_pretrained(tmp_path)
            GLPNImageProcessorPil().save_pretrained(tmp_path)
        with pytest.raises(HubError, match="distances, the larger the farther"):
            open_depth(str(tmp_path), CPU)


class TestOpening:
    def test_identity_tells_weights_and_processor_but_no_path(self, saved: Callable[[str], str]) -> None:
        for name in ("owlvit", "detr"):
            identity = open_detector(saved(name), CPU).identity
            assert len(identity["weights"]["model.safetensors"]) == 64
            assert identity["processor"]["image"]["do_rescale"] is True
            assert str(Path(saved(name)).parent) not in json.dumps(identity)

    def test_other_weights_have_another_identity(self, tmp_path: Path) -> None:
        first, second = (detectors.save_dpt(tmp_path / str(seed), seed) for seed in (1, 2))
        one, two = (open_depth(str(folder), CPU).identity["weights"] for folder in (first, second))
        assert one != two

    def test_a_model_of_another_kind_is_an_error(self, saved: Callable[[str], str]) -> None:
        with pytest.raises(HubError):
            open_detector(saved("dpt"), CPU)
        with pytest.raises(HubError):
            open_depth(saved("detr"), CPU)

    def test_gaps_in_the_weights_are_an_error(self, tmp_path: Path) -> None:
        from safetensors.torch import load_file, save_file

        folder = detectors.save_dpt(tmp_path / "gap")
        held = load_file(folder / "model.safetensors")
        held.pop(sorted(held)[0])
        save_file(held, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(HubError, match="lacks weights"):
            open_depth(str(folder), CPU)

    def test_weights_that_could_run_code_are_not_read(self, tmp_path: Path) -> None:
        folder = detectors.save_dpt(tmp_path / "pickle")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        with pytest.raises(HubError, match="safetensors"):
            open_depth(str(folder), CPU)

    def test_no_such_model(self) -> None:
        with pytest.raises(UnknownNameError, match="no model is called"):
            open_detector("nosuchdetector", CPU)

    def test_pictures_must_be_rgb(self, saved: Callable[[str], str]) -> None:
        with pytest.raises(AssertionError, match="mode L"):
            open_detector(saved("detr"), CPU).detect([noise().convert("L")], [[]], 0.5)

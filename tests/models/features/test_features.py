"""Feature extractors: the embedded one, backbones of transformers, and the Inception network."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import Dinov2Model, ViTForImageClassification

from tasvir.errors import HubError, SettingError, UnknownNameError
from tasvir.models.embedded import weights
from tasvir.models.features.inception import BlockA, BlockE, Inception, InceptionFeatures, resized
from tasvir.models.features.opening import open_features
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.models.tiny import detectors
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene

CPU = LoadSettings(device="cpu")
WEIGHTS = files("tasvir.models.embedded").joinpath("weights", "SHA256.json")


def noise(width: int = 40, height: int = 32, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def by_hand(picture: Image.Image) -> torch.Tensor:
    """Pixels as ViT's processor makes them of a picture of its own size."""
    return torch.tensor(np.asarray(picture)).permute(2, 0, 1)[None] / 255 * 2 - 1


class TestHub:
    def test_a_backbone_gives_what_transformers_by_hand_gives(self, tmp_path: Path) -> None:
        folder = detectors.save_dinov2(tmp_path / "dino")
        picture = noise(32, 32)
        found = open_features(str(folder), CPU).look([picture, picture])
        with quiet(), torch.no_grad():
            pooled = Dinov2Model.from_pretrained(folder).eval()(by_hand(picture)).pooler_output.numpy()
        assert found.values == pytest.approx(np.repeat(pooled, 2, 0), abs=1e-5)
        assert found.values.dtype == np.float64 and found.probabilities is None

    def test_a_classifier_tells_classes(self, tmp_path: Path) -> None:
        folder = detectors.save_vit_classifier(tmp_path / "vit")
        picture = noise(32, 32)
        found = open_features(str(folder), CPU).look([picture])
        with quiet(), torch.no_grad():
            logits = ViTForImageClassification.from_pretrained(folder).eval()(by_hand(picture)).logits
        assert found.probabilities == pytest.approx(logits.softmax(1).numpy(), abs=1e-5)
        assert found.values.shape == (1, 32)

    def test_what_sees_no_pictures_is_refused(self, tmp_path: Path) -> None:
        from tasvir.models.tiny.parts import text_encoder, tokenizer

        with quiet():
            text_encoder().save_pretrained(tmp_path)
            tokenizer().save_pretrained(tmp_path)
        with pytest.raises(HubError):
            open_features(str(tmp_path), CPU)

    def test_no_such_model(self) -> None:
        with pytest.raises(UnknownNameError):
            open_features("nosuchbackbone", CPU)


@pytest.mark.weights
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no weights are shipped in this checkout yet")
def test_the_embedded_features() -> None:
    dice = np.random.default_rng(0)
    pictures = [Image.fromarray(render(sample_scene(dice))) for _ in range(3)]
    extractor = open_features("embedded", CPU)
    found = extractor.look(pictures)
    assert found.values.shape == (3, 192) and found.probabilities is not None
    assert found.probabilities.sum(1) == pytest.approx(np.ones(3))
    again = extractor.look(pictures[2:])
    assert again.values == pytest.approx(found.values[2:], abs=1e-5)
    assert np.abs(found.values[0] - found.values[1]).max() > 0.1
    assert extractor.identity["weights"] == weights.fingerprint_of("recogniser")


class TestInception:
    def test_it_has_the_published_number_of_weights(self) -> None:
        """21,785,568 before the classifier (Inception v3, no side branch), 2048 x 1008 + 1008 in it."""
        with torch.device("meta"):
            network = Inception()
        assert sum(weight.numel() for weight in network.parameters()) == 21_785_568 + 2048 * 1008 + 1008

    def test_pools_leave_the_padding_out_and_the_last_one_takes_the_greatest(self) -> None:
        x = torch.ones(1, 4, 3, 3)
        x[0, :, 0, 0] = 5
        pooled: list[torch.Tensor] = []
        for block in (BlockA(4, 2), BlockE(4, greatest=False), BlockE(4, greatest=True)):
            block.eval().branch_pool.register_forward_pre_hook(lambda _, given: pooled.append(given[0]))
            with torch.no_grad():
                block(x)
        # the corner's window of 3 x 3 has 4 places inside: 5, 1, 1, 1
        assert [round(float(each[0, 0, 0, 0]), 6) for each in pooled] == [2, 2, 5]

    def test_resizing_keeps_a_flat_picture_and_never_rounds(self) -> None:
        flat = resized(Image.new("RGB", (17, 33), (10, 20, 30)))
        assert flat.shape == (3, 299, 299)
        assert flat.amin((1, 2)).tolist() == pytest.approx([10, 20, 30], abs=1e-3)
        assert (resized(noise()) % 1 > 0).any()

    def test_features_and_probabilities_from_a_file(self, tmp_path: Path) -> None:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            network = Inception().eval()
        file = tmp_path / "inception.safetensors"
        save_file(network.state_dict(), file)
        extractor = open_features(f"inception:{file}", CPU)
        assert isinstance(extractor, InceptionFeatures)
        found = extractor.look([noise()])
        assert found.values.shape == (1, 2048) and found.probabilities is not None
        with torch.no_grad():
            features, logits = network((resized(noise())[None] - 128) / 128)
        assert found.values == pytest.approx(features.numpy(), abs=1e-5)
        assert found.probabilities == pytest.approx(logits.softmax(1).numpy(), abs=1e-6)
        assert str(tmp_path) not in str(extractor.identity)

    def test_other_weights_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="safetensors file"):
            open_features("inception:", CPU)
        with pytest.raises(SettingError, match="safetensors file"):
            open_features(f"inception:{tmp_path / 'none.safetensors'}", CPU)
        save_file({"fc.weight": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
        with pytest.raises(HubError, match="missing or of another shape"):
            open_features(f"inception:{tmp_path / 'other.safetensors'}", CPU)

"""The search of latents by CLIP: what it climbs, what it draws from, what it leaves as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers import VQModel

from tasvir.models.clip_latent import ClipLatentPipeline, Search, arc
from tasvir.models.tiny import parts
from tasvir.models.tiny.families import build
from tasvir.models.tiny.picture_families import clip

LONG = Search(iterations=20, learning_rate=0.3, cutouts=4)
SIZE = (64, 64)


@pytest.fixture(scope="module")
def pipeline() -> ClipLatentPipeline:
    return build("clip-latent")


@pytest.fixture(scope="module")
def codebook() -> ClipLatentPipeline:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        vae = VQModel(
            block_out_channels=(8, 8, 16), down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4, num_vq_embeddings=64,
            norm_num_groups=4,
        )  # fmt: skip
        return ClipLatentPipeline(vae.eval(), clip(), parts.tokenizer())


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_the_arc_is_that_of_the_angle() -> None:
    for degrees in (0.0, 30.0, 90.0, 150.0):
        angle = math.radians(degrees)
        one = torch.tensor([1.0, 0.0])
        other = torch.tensor([math.cos(angle), math.sin(angle)])
        assert float(arc(one, other)) == pytest.approx(2 * (angle / 2) ** 2, abs=1e-5)


@pytest.mark.parametrize("kind", ["pipeline", "codebook"])
def test_the_picture_comes_to_be_like_the_text(kind: str, request: pytest.FixtureRequest) -> None:
    """Judged on the whole picture, which the search itself never sees: it sees cutouts with noise."""
    searched: ClipLatentPipeline = request.getfixturevalue(kind)
    found = [searched.search("a red ball", SIZE, LONG, seed(number)) for number in range(3)]
    gains = [one.after - one.before for one in found]
    assert min(gains) > 0.02, gains


def test_more_steps_gain_more_and_the_loss_falls(pipeline: ClipLatentPipeline) -> None:
    losses: list[float] = []
    long = pipeline.search("a red ball", SIZE, LONG, seed(0), on_step=lambda step, loss: losses.append(loss))
    short = pipeline.search("a red ball", SIZE, Search(3, 0.3, 4), seed(0))
    assert long.before == short.before and long.after > short.after > short.before
    assert len(losses) == 20 and np.mean(losses[-5:]) < np.mean(losses[:5])


def test_the_text_decides(pipeline: ClipLatentPipeline) -> None:
    """What was searched for one text is liker to it than what was searched for another, from one start."""
    texts = ("a red ball", "zzzz")
    found = [pipeline.search(text, SIZE, LONG, seed(1)) for text in texts]
    likeness = np.zeros((2, 2))
    for column, one in enumerate(found):
        array = np.asarray(one.image, dtype=np.float32) / 255
        pixels = torch.from_numpy(array).permute(2, 0, 1)[None]
        pixels = torch.nn.functional.interpolate(pixels, (32, 32), mode="bilinear", antialias=True)
        for row, text in enumerate(texts):
            with torch.no_grad():
                likeness[row, column] = float((pipeline._look(pixels) * pipeline._read(text)).sum())
    assert likeness[0, 0] > likeness[0, 1] and likeness[1, 1] > likeness[1, 0]


def test_any_size_of_whole_latents(pipeline: ClipLatentPipeline) -> None:
    assert pipeline.search("a", (48, 24), Search(1, 0.1, 2), seed(0)).image.size == (48, 24)


def test_cutouts_are_as_many_as_asked_and_no_two_alike(pipeline: ClipLatentPipeline) -> None:
    pixels = torch.rand((1, 3, 40, 64), generator=seed(0))
    views = pipeline._cutouts(pixels, 6, seed(1))
    assert views.shape == (6, 3, 32, 32)
    assert all(float((views[i] - views[j]).abs().max()) > 0.1 for i in range(6) for j in range(i))


def test_the_networks_stay_as_they_were_also_after_an_interrupt(pipeline: ClipLatentPipeline) -> None:
    before = {name: value.clone() for name, value in pipeline.clip.state_dict().items()}
    first = pipeline.search("a", (32, 32), Search(3, 0.1, 2), seed(0))

    def stop(step: int, loss: float) -> None:
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.search("a", (32, 32), Search(3, 0.1, 2), seed(0), on_step=stop)
    again = pipeline.search("a", (32, 32), Search(3, 0.1, 2), seed(0))
    assert np.array_equal(np.asarray(first.image), np.asarray(again.image)) and first.after == again.after
    assert all(torch.equal(value, before[name]) for name, value in pipeline.clip.state_dict().items())
    assert all(weight.grad is None for weight in pipeline.vae.parameters())

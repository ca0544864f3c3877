"""The embedded generator's seams.

It has no cross-attention: patches, boxes and words are keys of one joint softmax in every block. What is
summed up is that softmax for the patches as queries; the words' share of it is what a patch takes from the
text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor, nn

from tasvir.models.embedded.autoencoder import FACTOR
from tasvir.models.embedded.layout_pipeline import NATIVE, EmbeddedLayoutPipeline
from tasvir.models.embedded.text import MAX_WORDS
from tasvir.models.walk.attention import AttentionSum
from tasvir.models.walk.family import Drawing, Family, TextPlaces, parameters
from tasvir.models.walk.record import AttentionKind, Encoder, Fact
from tasvir.models.walk.tokens import word_tokens

STEPS, SCALE = 16, 3.0


class EmbeddedFamily(Family):
    """Words and boxes beside the patches, in one attention."""

    name: ClassVar[str] = "embedded"
    kind: ClassVar[AttentionKind] = "joint"
    text_row: ClassVar[int] = 0
    arguments: ClassVar[tuple[str, str, str]] = ("latents", "timesteps", "text")
    pipeline: EmbeddedLayoutPipeline

    @property
    def denoiser(self) -> nn.Module:
        denoiser: nn.Module = self.pipeline.denoiser
        return denoiser

    @property
    def readers(self) -> Sequence[tuple[nn.Module, str]]:
        return [(self.pipeline.text_encoder, "encode_prompts")]

    @property
    def stages(self) -> Sequence[tuple[str, nn.Module]]:
        return list(self.pipeline.vae.decoder.named_children())

    def defaults(self) -> tuple[int, float]:
        return STEPS, SCALE

    def draw(self, drawing: Drawing) -> Image.Image:
        drawn: Any = self.pipeline(
            drawing.prompt,
            [drawing.grounding],
            num_inference_steps=drawing.steps,
            guidance_scale=drawing.scale,
            generator=[torch.Generator().manual_seed(drawing.seed)],
        )
        image: Image.Image = drawn.images[0]
        return image

    def encoders(self, prompt: str, seconds: Sequence[float]) -> tuple[Encoder, ...]:
        encoder = self.pipeline.text_encoder
        made = Encoder(
            tokenizer="words",
            model=type(encoder).__name__,
            vocabulary=encoder.table.num_embeddings,
            limit=MAX_WORDS,
            width=encoder.config.width,
            layers=encoder.config.depth,
            heads=encoder.blocks[0].heads,
            parameters=parameters(encoder),
            tokens=word_tokens(encoder, prompt),
            padding=0,
            seconds=seconds[0],
        )
        return (made,)

    def places(self, encoder: Encoder, shape: Sequence[int]) -> TextPlaces:
        keys, rows, columns = shape
        read = [token for token in encoder.tokens if token.kind != "truncated"]
        patches, offset = rows * columns, keys - max(len(read), 1)  # no word at all is one place of padding
        return TextPlaces(
            [(token.text, (place,)) for place, token in enumerate(read)],
            {"patches": tuple(range(patches)), "boxes": tuple(range(patches, offset))},
            offset,
        )

    @contextmanager
    def watch(
        self,
        sums: AttentionSum,
        cells: Callable[[], tuple[int, int]],
        aside: Callable[[], AbstractContextManager[None]],
    ) -> Iterator[int]:
        blocks = list(self.pipeline.denoiser.blocks)
        with ExitStack() as stack:
            for block in blocks:
                _watch_block(block, sums, cells, aside, stack)
            yield len(blocks)

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipeline.vae
        decoded: Tensor = vae.decode(latents[None].to(vae.device, vae.dtype))[0]
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    def facts(self) -> dict[str, Fact]:
        pipeline = self.pipeline
        denoiser, vae = pipeline.denoiser, pipeline.vae
        return {
            "pipeline": type(pipeline).__name__,
            "denoiser": type(denoiser).__name__,
            "denoiser_parameters": parameters(denoiser),
            "text_width": denoiser.config.text_width,
            "attention_layers": denoiser.config.depth,
            "attention_heads": str(denoiser.config.heads),
            "prediction": pipeline.scheduler.config.prediction_type,
            "sampler": type(pipeline.scheduler).__name__,
            "latent_channels": denoiser.config.channels,
            "latent_factor": FACTOR,
            "native_size": f"{NATIVE} x {NATIVE}",
            "autoencoder": type(vae).__name__,
            "decoder_parameters": parameters(vae.decoder),
            "all_parameters": parameters(denoiser, vae, pipeline.text_encoder),
        }


def _watch_block(
    block: nn.Module,
    sums: AttentionSum,
    cells: Callable[[], tuple[int, int]],
    aside: Callable[[], AbstractContextManager[None]],
    stack: ExitStack,
) -> None:
    """Keep what the block's projections gave, and take their softmax when the block is done."""
    given: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _arguments, output: given.__setitem__(name, output)

    def look(_module: nn.Module, arguments: tuple[Any, ...], _output: Tensor) -> None:
        rows, columns = cells()
        grid = (rows // 2, columns // 2)
        with aside():
            heads = block.heads
            split = given["qkv"][:1].unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
            word_keys = given["words"][:1].unflatten(-1, (2, heads, -1)).permute(2, 0, 3, 1, 4)[0]
            queries, keys = split[0][:, :, : grid[0] * grid[1]], torch.cat([split[1], word_keys], 2)
            scores = queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5
            sums.add((scores + arguments[3][:1].to(scores.dtype)).softmax(-1)[0], grid)

    for name in ("qkv", "words"):
        stack.callback(getattr(block, name).register_forward_hook(keep(name)).remove)
    stack.callback(block.register_forward_hook(look).remove)

"""The seams of Stable Diffusion with a U-Net: 1.x, 2.x and XL.

In every transformer block of the U-Net the second attention has pixels as queries and the text's tokens as
keys (Rombach et al. 2022, section 3.3). A hook before that layer takes the softmax once more for the row with
the text; the layer's own processor, whichever it is, draws as ever.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor, nn

from tasvir.models.quiet import quiet
from tasvir.models.walk.attention import AttentionSum, grid_of
from tasvir.models.walk.family import Drawing, Family, TextPlaces, parameters
from tasvir.models.walk.measures import prediction_of
from tasvir.models.walk.record import AttentionKind, Encoder, Fact
from tasvir.models.walk.tokens import piece_tokens, piece_words


class UnetFamily(Family):
    """StableDiffusionPipeline and StableDiffusionXLPipeline."""

    name: ClassVar[str] = "unet"
    kind: ClassVar[AttentionKind] = "cross"
    text_row: ClassVar[int] = -1
    arguments: ClassVar[tuple[str, str, str]] = ("sample", "timestep", "encoder_hidden_states")

    @property
    def denoiser(self) -> nn.Module:
        unet: nn.Module = self.pipeline.unet
        return unet

    @property
    def readers(self) -> Sequence[tuple[nn.Module, str]]:
        return [(encoder, "forward") for encoder, _ in self._texts()]

    @property
    def stages(self) -> Sequence[tuple[str, nn.Module]]:
        stages: list[tuple[str, nn.Module]] = []
        for name, part in self.pipeline.vae.decoder.named_children():
            if isinstance(part, nn.ModuleList):
                stages += [(f"{name}.{number}", entry) for number, entry in enumerate(part)]
            else:
                stages.append((name, part))
        order = ("conv_in", "mid_block", "up_blocks", "conv_norm_out", "conv_act", "conv_out")
        return sorted(stages, key=lambda stage: order.index(stage[0].partition(".")[0]))

    def defaults(self) -> tuple[int, float]:
        told = inspect.signature(type(self.pipeline).__call__).parameters
        return int(told["num_inference_steps"].default), float(told["guidance_scale"].default)

    def draw(self, drawing: Drawing) -> Image.Image:
        with quiet():  # a prompt beyond the limit is said on the page, not on stderr
            image: Image.Image = self.pipeline(
                drawing.prompt,
                num_inference_steps=drawing.steps,
                guidance_scale=drawing.scale,
                generator=torch.Generator().manual_seed(drawing.seed),
            ).images[0]
        return image

    def encoders(self, prompt: str, seconds: Sequence[float]) -> tuple[Encoder, ...]:
        made = []
        for (encoder, tokenizer), spent in zip(self._texts(), seconds, strict=True):
            limit = self._limit(tokenizer)
            with quiet():
                tokens, padding = piece_tokens(tokenizer, prompt, limit)
            made.append(
                Encoder(
                    tokenizer=type(tokenizer).__name__,
                    model=type(encoder).__name__,
                    vocabulary=len(tokenizer),
                    limit=limit,
                    width=encoder.config.hidden_size,
                    layers=encoder.config.num_hidden_layers,
                    heads=encoder.config.num_attention_heads,
                    parameters=parameters(encoder),
                    tokens=tokens,
                    padding=padding,
                    seconds=spent,
                )
            )
        return tuple(made)

    def places(self, encoder: Encoder, shape: Sequence[int]) -> TextPlaces:
        read = [token for token in encoder.tokens if token.kind != "truncated"]
        where: dict[int, list[int]] = {}
        others: dict[str, tuple[int, ...]] = {}
        for place, token in enumerate(read):
            if token.kind == "padding":
                others["padding"] = tuple(range(place, shape[0]))
            elif token.word is None:
                others[token.kind] = (place,)
            else:
                where.setdefault(token.word, []).append(place)
        names = piece_words(self._texts()[0][1], encoder.tokens)
        words = [(name, tuple(found)) for name, found in zip(names, where.values(), strict=True)]
        return TextPlaces(words, others, 0)

    @contextmanager
    def watch(
        self,
        sums: AttentionSum,
        cells: Callable[[], tuple[int, int]],
        aside: Callable[[], AbstractContextManager[None]],
    ) -> Iterator[int]:
        def look(layer: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            with aside():
                given = inspect.signature(layer.forward).bind(*arguments, **named).arguments
                places, text = given["hidden_states"][-1:], given["encoder_hidden_states"][-1:]
                sums.add(self._softmax(layer, places, text), grid_of(places.shape[1], *cells()))

        layers = self._layers()
        with ExitStack() as stack:
            for layer in layers:
                stack.callback(layer.register_forward_pre_hook(look, with_kwargs=True).remove)
            yield len(layers)

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipeline.vae
        half = vae.dtype == torch.float16 and vae.config.force_upcast
        if half:
            vae.to(torch.float32)  # half precision overflows in XL's decoder; the pipeline does the same
        raw = latents[None].to(vae.device, vae.dtype) / vae.config.scaling_factor
        shift, spread = vae.config.get("latents_mean"), vae.config.get("latents_std")
        if shift is not None and spread is not None:
            raw = raw * raw.new_tensor(spread).view(1, -1, 1, 1) + raw.new_tensor(shift).view(1, -1, 1, 1)
        raw = raw + (vae.config.get("shift_factor") or 0)
        decoded: Tensor = vae.decode(raw, return_dict=False)[0][0]
        if half:
            vae.to(torch.float16)
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    def facts(self) -> dict[str, Fact]:
        pipeline, denoiser, vae = self.pipeline, self.denoiser, self.pipeline.vae
        config: Any = denoiser.config
        heads = sorted({layer.heads for layer in self._layers()})
        side = config.sample_size * pipeline.vae_scale_factor
        return {
            "pipeline": type(pipeline).__name__,
            "denoiser": type(denoiser).__name__,
            "denoiser_parameters": parameters(denoiser),
            "text_width": config.get("cross_attention_dim") or config.get("joint_attention_dim"),
            "attention_layers": len(self._layers()),
            "attention_heads": ", ".join(map(str, heads)),
            "prediction": prediction_of(pipeline.scheduler),
            "sampler": type(pipeline.scheduler).__name__,
            "latent_channels": config.in_channels,
            "latent_factor": pipeline.vae_scale_factor,
            "native_size": f"{side} x {side}",
            "autoencoder": type(vae).__name__,
            "decoder_parameters": parameters(vae.decoder),
            "all_parameters": parameters(denoiser, vae, *(encoder for encoder, _ in self._texts())),
        }

    def _softmax(self, layer: Any, places: Tensor, text: Tensor) -> Tensor:
        """What places [1, P, width] of the picture look at: [heads, P, keys]."""
        queries, keys = layer.head_to_batch_dim(layer.to_q(places)), layer.head_to_batch_dim(layer.to_k(text))
        softmax: Tensor = layer.get_attention_scores(queries, keys)
        return softmax

    def _limit(self, tokenizer: Any) -> int:
        """Tokens that the pipeline gives to an encoder."""
        return int(tokenizer.model_max_length)

    def _layers(self) -> list[Any]:
        return [module for name, module in self.pipeline.unet.named_modules() if name.endswith(".attn2")]

    def _texts(self) -> list[tuple[Any, Any]]:
        """Text encoders with their tokenizers; XL has two, 3 has three."""
        ends = [
            end for end in ("", "_2", "_3") if getattr(self.pipeline, f"text_encoder{end}", None) is not None
        ]
        return [
            (getattr(self.pipeline, f"text_encoder{end}"), getattr(self.pipeline, f"tokenizer{end}"))
            for end in ends
        ]

"""The denoiser of the embedded generator: a transformer over patches of the latent, grounded in a layout.

Every 2 x 2 patch of the latent is a token. Boxes reach the picture twice: as tokens beside the patches
(phrase + Fourier features of the box, after GLIGEN, Li et al. 2023), and densely: each patch is told, for
the nearest things whose boxes touch it, the phrase and its own place *within* the box. The dense path is
what makes a small network draw a thing where its box is. Words are looked at by all tokens but are not
rewritten by the blocks. Time enters by adaptive layer norm (DiT, Peebles & Xie 2023), with one modulation
shared by all blocks plus a table a block (PixArt-alpha, Chen et al. 2023). A few convolutions over the
latent's cells have the last word: what is finer than a patch (a face, dots) is settled where it lies.
"""

from __future__ import annotations

import math

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.models.embedded.attention import attend

SLOTS = 3
"""Things a patch is told of: the nearest ones whose boxes touch it."""

FREQUENCIES = 6

FINE = 64
"""Features of a latent cell in the last convolutions."""


def fourier(values: Tensor) -> Tensor:
    """Sine and cosine of ``values`` [..., k] at octaves pi, 2 pi, ... : shape [..., k * 2 * FREQUENCIES]."""
    octaves = math.pi * 2.0 ** torch.arange(FREQUENCIES, device=values.device, dtype=torch.float32)
    angles = values.float().unsqueeze(-1) * octaves
    return torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)


def timestep_features(timesteps: Tensor, width: int = 128) -> Tensor:
    """Sinusoidal features [N, width] of timesteps [N] in 0..1000 (Vaswani et al. 2017)."""
    half = width // 2
    rates = torch.exp(
        -math.log(10_000) * torch.arange(half, device=timesteps.device, dtype=torch.float32) / half
    )
    angles = timesteps.float()[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], -1)


class Block(nn.Module):
    """Self-attention of patches and boxes, who also see the words, and a perceptron; time modulates both."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.words = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.shift_table = nn.Parameter(torch.zeros(6, width))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(self, x: Tensor, text: Tensor, modulation: Tensor, mask: Tensor) -> Tensor:
        """x [N, P, width], text [N, L, width], modulation [N, 6, width], mask [N, 1, 1, P + L] additive."""
        parts = (modulation + self.shift_table).to(x.dtype).unsqueeze(2).unbind(1)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = parts
        y = torch.addcmul(shift_a, self.norm(x).to(x.dtype), 1 + scale_a)
        x = torch.addcmul(x, gate_a, self._attend(y, text, mask))
        y = torch.addcmul(shift_m, self.norm(x).to(x.dtype), 1 + scale_m)
        hidden = F.gelu(self.up(y), approximate="tanh")
        return torch.addcmul(x, gate_m, self.down(hidden))

    def _attend(self, x: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        n, length, _ = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        word_k, word_v = self.words(text).view(n, text.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        k, v = torch.cat([k, word_k], 2), torch.cat([v, word_v], 2)
        attended: Tensor = self.out(attend(q, k, v, mask))
        return attended


class FineHead(nn.Module):
    """Convolutions over the latent's cells, told by the patches' tokens what is wanted; zero at first."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.told = nn.Linear(width, 4 * FINE)
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels + FINE, FINE, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(FINE, FINE, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(FINE, FINE, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(FINE, channels, 3, padding=1),
        )
        for parameter in self.convolutions[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor, latents: Tensor) -> Tensor:
        """tokens [N, patches, width] and latents [N, channels, H, W]: a change of v, shape of ``latents``."""
        told = _as_cells(self.told(tokens), latents)
        change: Tensor = self.convolutions(torch.cat([latents.to(told.dtype), told], 1))
        return change


class LayoutTransformer(ModelMixin, ConfigMixin):
    """Predicts v (Salimans & Ho 2022) from a noisy latent, a text and a layout.

    Args:
        channels: Latent channels.
        grid: Latent cells along a side in training, for the record: places enter as fractions, so any size
            goes.
        width: Token size.
        depth: Blocks.
        heads: Attention heads.
        text_width: Size of the text encoder's vectors.
    """

    @register_to_config
    def __init__(
        self,
        channels: int = 16,
        grid: int = 16,  # noqa: ARG002 - kept in the config
        width: int = 192,
        depth: int = 6,
        heads: int = 3,
        text_width: int = 192,
    ) -> None:
        super().__init__()
        self.patch_in = nn.Linear(4 * channels, width)
        self.place = nn.Linear(4 * FREQUENCIES, width)
        self.text_in = nn.Linear(text_width, width)
        self.box_in = nn.Sequential(
            nn.Linear(text_width + 8 * FREQUENCIES + 1, width), nn.SiLU(), nn.Linear(width, width)
        )
        features = text_width + 4 * FREQUENCIES + 2 + 8
        self.slot_rank = nn.Parameter(torch.randn(SLOTS + 1, 8))
        self.dense = nn.Sequential(nn.Linear(features, 512), nn.GELU(), nn.Linear(512, 512), nn.GELU())
        self.dense_out = nn.Linear(512, width)
        self.dense_again = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(depth // 2))
        self.time = nn.Sequential(nn.Linear(128, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.final_modulation = nn.Linear(width, 2 * width)
        self.final_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.patch_out = nn.Linear(width, 4 * channels)
        self.fine = FineHead(width, channels)
        self._initialise()

    def _initialise(self) -> None:
        for layer in (self.final_modulation, self.patch_out, *self.dense_again):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
        nn.init.normal_(self.modulation.weight, std=0.02)
        with torch.no_grad():
            self.modulation.bias.view(6, -1)[[2, 5]] = 0.2

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        text: Tensor,
        text_mask: Tensor,
        phrases: Tensor,
        boxes: Tensor,
        box_mask: Tensor,
    ) -> Tensor:
        """Predict v.

        Args:
            latents: [N, channels, H, W], H and W even.
            timesteps: [N], 0..1000.
            text: Word vectors [N, L, text_width]; text_mask [N, L] is True at words.
            phrases: Phrase vectors [N, B, text_width]. Entry 0 is the background (its box is the whole
                picture), the others are things, farthest first.
            boxes: [N, B, 4] in fractions; box_mask [N, B] is True where there is one.

        Returns:
            v, shape of ``latents``.
        """
        n, _, height, width = latents.shape
        tokens = F.pixel_unshuffle(latents, 2).flatten(2).transpose(1, 2)
        centers = _centers(height // 2, width // 2, latents.device)
        ground = self.ground(phrases, boxes, box_mask, centers, (1 / width, 1 / height))
        x = self.patch_in(tokens) + self.place(fourier(centers).to(tokens.dtype)) + ground
        extra_boxes = self._box_tokens(phrases, boxes)
        sequence = torch.cat([x, extra_boxes], 1)
        words = self.text_in(text)
        sequence, words, ground = (part.to(words.dtype) for part in (sequence, words, ground))
        count = x.shape[1]
        open_patches = torch.ones(n, count, dtype=torch.bool, device=latents.device)
        visible = torch.cat([open_patches, box_mask, text_mask], 1)
        mask = torch.zeros(visible.shape, device=latents.device).masked_fill(~visible, -1e4)[:, None, None]
        time = self.time(timestep_features(timesteps).to(tokens.dtype))
        modulation = self.modulation(F.silu(time)).view(n, 6, -1)
        for number, block in enumerate(self.blocks):
            if number % 2 == 1:
                again = self.dense_again[number // 2](ground)
                sequence = torch.cat([sequence[:, :count] + again, sequence[:, count:]], 1)
            sequence = block(sequence, words, modulation, mask)
        shift, scale = self.final_modulation(F.silu(time)).unsqueeze(1).chunk(2, -1)
        x = self.final_norm(sequence[:, :count]) * (1 + scale) + shift
        predicted: Tensor = _as_cells(self.patch_out(x), latents) + self.fine(x, latents)
        return predicted

    def ground(
        self, phrases: Tensor, boxes: Tensor, box_mask: Tensor, centers: Tensor, half: tuple[float, float]
    ) -> Tensor:
        """What each patch is told of the things that touch it: [N, patches, width].

        Args:
            phrases: [N, B, text_width], entry 0 the background.
            boxes: [N, B, 4]; box_mask: [N, B].
            centers: [patches, 2], x and y in fractions; half: half a patch's width and height.
        """
        chosen, found = _nearest(boxes, box_mask, centers, half)
        rows = torch.arange(boxes.shape[0], device=boxes.device)[:, None, None]
        picked = boxes[rows, chosen]
        origin, extent = picked[..., :2], (picked[..., 2:] - picked[..., :2]).clamp_min(1e-3)
        inside = (centers[None, :, None] - origin) / extent
        ranks = self.slot_rank.expand(*chosen.shape, -1)
        phrase = phrases[rows, chosen]
        features = torch.cat(
            [phrase, fourier(inside).to(phrase.dtype), extent.to(phrase.dtype), ranks.to(phrase.dtype)], -1
        )
        told = self.dense(features) * found[..., None]
        grounded: Tensor = self.dense_out(told.sum(2))
        return grounded

    def _box_tokens(self, phrases: Tensor, boxes: Tensor) -> Tensor:
        depth = torch.arange(boxes.shape[1], device=boxes.device).expand(boxes.shape[:2])[..., None] / 8
        parts = [phrases, fourier(boxes).to(phrases.dtype), depth.to(phrases.dtype)]
        tokens: Tensor = self.box_in(torch.cat(parts, -1))
        return tokens


def _as_cells(tokens: Tensor, latents: Tensor) -> Tensor:
    """Tokens of patches [N, patches, 4 * k] as a picture of latent cells [N, k, H, W]."""
    height, width = latents.shape[-2:]
    return F.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (height // 2, width // 2)), 2)


def _centers(rows: int, columns: int, device: torch.device) -> Tensor:
    """Patch centres [rows * columns, 2] as x, y in fractions."""
    y = (torch.arange(rows, device=device) + 0.5) / rows
    x = (torch.arange(columns, device=device) + 0.5) / columns
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1).view(-1, 2)


def _nearest(
    boxes: Tensor, box_mask: Tensor, centers: Tensor, half: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """For each patch the numbers of the nearest SLOTS things touching it, then the background.

    Returns:
        Indices [N, patches, SLOTS + 1] into the boxes and whether there is one, same shape.
    """
    reach = torch.tensor(half, device=boxes.device)
    points = centers[None, :, None]
    low, high = boxes[:, None, :, :2] - reach, boxes[:, None, :, 2:] + reach
    touched = ((points > low) & (points < high)).all(-1) & box_mask[:, None]
    touched[..., 0] = False
    ranked = torch.where(touched, torch.arange(1, boxes.shape[1] + 1, device=boxes.device), 0)
    if ranked.shape[-1] < SLOTS:
        ranked = F.pad(ranked, (0, SLOTS - ranked.shape[-1]))
    best, chosen = ranked.topk(SLOTS, -1)
    chosen = chosen.clamp_max(boxes.shape[1] - 1)
    background = torch.zeros_like(chosen[..., :1])
    has_background = box_mask[:, None, :1].expand(-1, centers.shape[0], -1)
    return torch.cat([chosen, background], -1), torch.cat([best > 0, has_background], -1)

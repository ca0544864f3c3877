"""The Inception network of published FID, KID and IS figures (Szegedy et al. 2016), without torchvision.

Its weights are those of the 2015 TensorFlow network as ported for PyTorch ("pt_inception-2015-12-05", by
the pytorch-fid project), in which three average pools leave out the padding and the last pool takes the
greatest. They are not here and are a pickle where they are published: `docs/metrics-sets.md` says how to turn
them into safetensors once. Pictures are resized to 299 x 299 by antialiased bicubic, each channel in floats
("clean", Parmar et al. 2022), which is not the resizing of every published figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from tasvir.errors import HubError, SettingError
from tasvir.models.devices import pick_device
from tasvir.models.features.base import Features
from tasvir.models.load import LoadSettings

SIDE = 299
CLASSES = 1008
BATCH = 16


class Convolution(nn.Module):
    """A convolution without bias, batch normalisation and ReLU."""

    def __init__(self, given: int, made: int, size: Any, **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(given, made, size, bias=False, **options)
        self.bn = nn.BatchNorm2d(made, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """Towers of 1 x 1, 5 x 5 and twice 3 x 3, and a pool, on 35 x 35 places."""

    def __init__(self, given: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(given, 64, 1)
        self.branch5x5_1 = Convolution(given, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(given, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = Convolution(given, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_mean(x))], 1)


class BlockB(nn.Module):
    """From 35 x 35 to 17 x 17 places."""

    def __init__(self, given: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(given, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(given, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, F.max_pool2d(x, 3, stride=2)], 1)


class BlockC(nn.Module):
    """Towers of 7 x 7 as rows and columns, on 17 x 17 places."""

    def __init__(self, given: int, width: int) -> None:
        super().__init__()
        row, column = {"padding": (0, 3)}, {"padding": (3, 0)}
        self.branch1x1 = Convolution(given, 192, 1)
        self.branch7x7_1 = Convolution(given, width, 1)
        self.branch7x7_2 = Convolution(width, width, (1, 7), **row)
        self.branch7x7_3 = Convolution(width, 192, (7, 1), **column)
        self.branch7x7dbl_1 = Convolution(given, width, 1)
        self.branch7x7dbl_2 = Convolution(width, width, (7, 1), **column)
        self.branch7x7dbl_3 = Convolution(width, width, (1, 7), **row)
        self.branch7x7dbl_4 = Convolution(width, width, (7, 1), **column)
        self.branch7x7dbl_5 = Convolution(width, 192, (1, 7), **row)
        self.branch_pool = Convolution(given, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_mean(x))], 1)


class BlockD(nn.Module):
    """From 17 x 17 to 8 x 8 places."""

    def __init__(self, given: int) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(given, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(given, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, F.max_pool2d(x, 3, stride=2)], 1)


class BlockE(nn.Module):
    """Towers whose 3 x 3 parts into a row and a column, on 8 x 8 places."""

    def __init__(self, given: int, greatest: bool) -> None:
        super().__init__()
        row, column = {"padding": (0, 1)}, {"padding": (1, 0)}
        self.greatest = greatest
        self.branch1x1 = Convolution(given, 320, 1)
        self.branch3x3_1 = Convolution(given, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3), **row)
        self.branch3x3_2b = Convolution(384, 384, (3, 1), **column)
        self.branch3x3dbl_1 = Convolution(given, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3), **row)
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1), **column)
        self.branch_pool = Convolution(given, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.greatest else _mean(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """Pictures [N, 3, 299, 299] in [-1, 1] to features [N, 2048] and logits [N, 1008].

    The parts are named as in the published file of weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(768, 128), BlockC(768, 160)
        self.Mixed_6d, self.Mixed_6e = BlockC(768, 160), BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, greatest=False), BlockE(2048, greatest=True)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, stride=2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, stride=2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        features = x.mean((2, 3))
        # the published score leaves the classifier's bias out (Salimans et al. 2016)
        return features, F.linear(features, self.fc.weight)


class InceptionFeatures:
    """The 2048 features and 1008 class probabilities of the Inception network.

    Args:
        file: Its weights as safetensors.
        load: Device; precision is single.

    Raises:
        SettingError: There is no such file, or no such device.
        HubError: It holds other weights.
    """

    def __init__(self, file: str, load: LoadSettings) -> None:
        path = Path(file).expanduser()
        if not path.is_file() or path.suffix != ".safetensors":
            raise SettingError(
                f"inception:{file or 'FILE'} needs the network's weights as a .safetensors file: "
                "docs/metrics-sets.md says where they are published and how they are converted"
            )
        self._device = pick_device(load.device)
        self._network = Inception()
        held = load_file(path)
        known = self._network.state_dict()
        unlike = [name for name, value in known.items() if held.get(name, value).shape != value.shape]
        lacking = sorted(name for name in known.keys() - held.keys() if "num_batches" not in name)
        if lacking or unlike:
            raise HubError(
                f"{path} is no file of the Inception network's weights: {(lacking + unlike)[0]} is missing "
                "or of another shape; take the file that docs/metrics-sets.md names"
            )
        self._network.load_state_dict({name: held.get(name, value) for name, value in known.items()})
        self._network.to(self._device).eval()
        self.identity: dict[str, Any] = {
            "model": "inception",
            "weights": hashlib.sha256(path.read_bytes()).hexdigest(),
            "layer": "last pool, 2048",
            "probabilities": "1008 classes, bias left out",
            "processor": f"bicubic with antialias in floats to {SIDE} x {SIDE}, (x - 128) / 128",
            "dtype": "float32",
        }

    @torch.no_grad()
    def look(self, pictures: Sequence[Image.Image]) -> Features:
        """See `tasvir.models.features.base.FeatureExtractor.look`."""
        values: list[Tensor] = []
        chances: list[Tensor] = []
        for start in range(0, len(pictures), BATCH):
            pixels = torch.stack([resized(picture) for picture in pictures[start : start + BATCH]])
            features, logits = self._network(((pixels - 128) / 128).to(self._device))
            values.append(features.double().cpu())
            chances.append(logits.double().softmax(1).cpu())
        return Features(torch.cat(values).numpy(), torch.cat(chances).numpy())


def resized(picture: Image.Image) -> Tensor:
    """A picture in 0..255 as floats [3, 299, 299], never rounded in between."""
    parts = [
        np.asarray(Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for channel in np.moveaxis(np.asarray(picture).astype(np.float32), 2, 0)
    ]
    return torch.from_numpy(np.stack(parts))

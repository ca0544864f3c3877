"""Remembers what text encoders made of a text, so that a prompt or negative prompt is encoded once.

It sits around each encoder's forward pass, so it works for every pipeline. Texts are encoded one by one:
a matrix product of one row and of eight differ in the last bits, and so a text's encoding is the same
in any batch, remembered or not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

MOST_BYTES = 256 * 2**20
"""Encodings that are kept; the ones not used for longest go first."""


class TextMemory:
    """Encodings by text encoder and token ids.

    Args:
        pipeline: Its components whose name contains "text_encoder" are remembered.
        most_bytes: Of encodings that are kept.

    Attributes:
        hits: Texts that were answered from memory.
        misses: Texts that were encoded.
    """

    def __init__(self, pipeline: Any, most_bytes: int = MOST_BYTES) -> None:
        self._encoders = {
            name: part
            for name, part in pipeline.components.items()
            if "text_encoder" in name and isinstance(part, nn.Module)
        }
        self._kept: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._most, self._bytes = most_bytes, 0
        self.hits = self.misses = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The pipeline's text encoders remember inside; outside they are as they were."""
        with ExitStack() as stack:
            for name, encoder in self._encoders.items():
                stack.enter_context(self._around(name, encoder))
            yield

    @contextmanager
    def _around(self, name: str, encoder: nn.Module) -> Iterator[None]:
        plain = encoder.forward
        had_own = "forward" in vars(encoder)  # offloading puts a forward of its own there

        def forward(*args: Any, **options: Any) -> Any:
            return self._encode(name, plain, args, options)

        encoder.forward = forward
        try:
            yield
        finally:
            if had_own:
                encoder.forward = plain
            else:
                del encoder.forward

    def _encode(
        self, name: str, plain: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        arguments: dict[Any, Any] = {**dict(enumerate(args)), **options}
        count = next((len(value) for value in arguments.values() if isinstance(value, Tensor)), 0)
        rows = [self._row(name, plain, arguments, index) for index in range(count)]
        return _joined(rows) if rows else plain(*args, **options)

    def _row(self, name: str, plain: Callable[..., Any], arguments: dict[Any, Any], index: int) -> Any:
        row = {
            key: value[index : index + 1] if isinstance(value, Tensor) else value
            for key, value in arguments.items()
        }
        key = (name, *((key, _fingerprint(value)) for key, value in row.items()))
        if key in self._kept:
            self.hits += 1
            self._kept.move_to_end(key)
            return self._kept[key][0]
        self.misses += 1
        positional = [row.pop(place) for place in range(len(row)) if place in row]
        encoded = _lasting(plain(*positional, **row))
        self._keep(key, encoded)
        return encoded

    def _keep(self, key: Any, encoded: Any) -> None:
        size = _bytes(encoded)
        self._kept[key] = (encoded, size)
        self._bytes += size
        while self._bytes > self._most:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed


def _fingerprint(value: Any) -> Any:
    """Something to look an argument up by; token ids and masks by what they hold."""
    if isinstance(value, Tensor):
        return str(value.dtype), tuple(value.shape), value.cpu().numpy().tobytes()
    return repr(value)


def _lasting(encoded: Any) -> Any:
    """Without what language models keep for writing on (caches of keys and values)."""
    if isinstance(encoded, dict):
        parts = {key: part for key, part in encoded.items() if isinstance(part, Tensor | tuple)}
        return type(encoded)(**parts)
    return encoded


def _joined(rows: Sequence[Any]) -> Any:
    """Outputs of single texts as the output of a batch: tensors are joined, containers part by part."""
    first = rows[0]
    if isinstance(first, Tensor):
        return torch.cat(list(rows))
    if isinstance(first, dict):  # transformers' outputs are ordered dictionaries
        return type(first)(**{key: _joined([row[key] for row in rows]) for key in first})
    if isinstance(first, tuple):
        return tuple(_joined(parts) for parts in zip(*rows, strict=True))
    raise TypeError(f"a text encoder put out {type(first).__name__}: draw with text_cache=false")


def _bytes(encoded: Any) -> int:
    if isinstance(encoded, Tensor):
        return encoded.nbytes
    parts = encoded.values() if isinstance(encoded, dict) else encoded if isinstance(encoded, tuple) else ()
    return sum(_bytes(part) for part in parts)

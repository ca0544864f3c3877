"""What FID, KID and the inception score have in common: features of a set, and its reference set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasvir.errors import SettingError
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, SetScore
from tasvir.score.base import SetMetric
from tasvir.score.pictures import UnmeasurableError, opened

if TYPE_CHECKING:
    from tasvir.models.features.base import FeatureExtractor, Features
    from tasvir.models.features.reference import Reference

READ_AT_ONCE = 64
"""Pictures of a set that are in memory at once."""


class FeatureMetric(SetMetric):
    """Base of metrics of sets that look through a feature extractor.

    Args:
        model: "embedded", "inception:FILE", or hub id or folder of a backbone.
        load: How it is opened.
    """

    def __init__(self, model: str, load: LoadSettings = LoadSettings()) -> None:  # noqa: B008  # frozen
        self.model = model
        self.load = load

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @property
    def extractor(self) -> FeatureExtractor:
        from tasvir.models.features.opening import open_features

        return open_features(self.model, self.load)

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "features": self.extractor.identity}

    def features(self, pictures: Sequence[Picture]) -> tuple[Features, int]:
        """Features of the pictures that can be opened, and how many cannot.

        Raises:
            UnmeasurableError: Fewer than two can.
        """
        parts: list[Features] = []
        for start in range(0, len(pictures), READ_AT_ONCE):
            images = []
            for picture in pictures[start : start + READ_AT_ONCE]:
                with suppress(UnmeasurableError):
                    images.append(opened(picture))
            if images:
                parts.append(self.extractor.look(images))
        n = sum(len(part.values) for part in parts)
        if n < 2:
            raise UnmeasurableError(f"{n} pictures that can be opened: a set has at least 2")
        return _joined(parts), len(pictures) - n

    def missing(self, reason: object, n: int) -> SetScore:
        """No value, for a reason."""
        return SetScore(self.label, None, n, reason=str(reason))


def _joined(parts: Sequence[Features]) -> Features:
    import numpy as np

    chances = [part.probabilities for part in parts if part.probabilities is not None]
    values = np.concatenate([part.values for part in parts])
    return type(parts[0])(values, np.concatenate(chances) if chances else None)


class ReferenceMetric(FeatureMetric):
    """Base of metrics that compare a set with a reference set.

    Args:
        model: See `FeatureMetric`.
        load: How it is opened.
        reference: Folder of pictures, or file of features kept of one; "" = none, and nothing is measured.

    Raises:
        SettingError: There is no such folder or file.
    """

    higher_is_better = False

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        reference: str = "",
    ) -> None:
        super().__init__(model, load)
        if reference and not Path(reference).expanduser().exists():
            raise SettingError(f"reference {reference}: there is no such folder or file")
        self._source = reference

    @cached_property
    def reference(self) -> Reference:
        """The reference set, looked at once.

        Raises:
            UnmeasurableError: None was given, or it is smaller than two pictures.
            SettingError: It cannot be read.
        """
        from tasvir.models.features.reference import read_reference

        if not self._source:
            raise UnmeasurableError(
                "there is no reference set to compare with: name a folder of real pictures with "
                "--set reference=FOLDER"
            )
        found = read_reference(self._source, self.extractor)
        if len(found.features) < 2:
            raise UnmeasurableError("the reference set has fewer than 2 pictures")
        return found

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "reference": self._reference_hash}

    @cached_property
    def _reference_hash(self) -> str | None:
        from tasvir.models.features.reference import hash_of

        return hash_of(self._source) if self._source else None

    def about(self, unreadable: int) -> dict[str, Any]:
        """What every comparison tells of its other side."""
        reference = self.reference
        return {
            "reference": reference.source,
            "reference_sha256": reference.sha256,
            "reference_n": len(reference.features),
            "dimension": reference.features.shape[1],
            "unreadable": unreadable,
        }

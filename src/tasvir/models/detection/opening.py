"""Opens a detector or a depth estimator by name: "embedded", a hub id or a folder. One a process."""

from __future__ import annotations

from functools import cache

from tasvir.models.detection.base import DepthEstimator, Detector
from tasvir.models.detection.embedded import EmbeddedEye
from tasvir.models.detection.hub import ClosedDetector, HubDepthEstimator, ZeroShotDetector
from tasvir.models.image_text.opening import open_configuration
from tasvir.models.load import LoadSettings

ZERO_SHOT = frozenset({"owlvit", "owlv2", "grounding-dino", "mm-grounding-dino"})
"""Model types that look for whatever words they are given."""


@cache
def open_detector(model: str, load: LoadSettings) -> Detector:
    """A detector; which kind it is, its configuration tells.

    Args:
        model: "embedded" (of the picture world), a hub id or a folder.
        load: How it is opened.

    Raises:
        UnknownNameError: Neither a hub id nor a folder.
        HubError: It cannot be had or is no detector.
        SettingError: No such device.
        WeightsError: The embedded networks are missing or altered.
    """
    if model == "embedded":
        return EmbeddedEye()
    kind = ZeroShotDetector if open_configuration(model, load).model_type in ZERO_SHOT else ClosedDetector
    return kind(model, load)


@cache
def open_depth(model: str, load: LoadSettings) -> DepthEstimator:
    """A depth estimator; see `open_detector`.

    Raises:
        HubError: It cannot be had, is no depth estimator, or gives distances instead of inverse depth.
    """
    return EmbeddedEye() if model == "embedded" else HubDepthEstimator(model, load)

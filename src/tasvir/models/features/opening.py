"""Opens a feature extractor by name: "embedded", "inception:FILE", a hub id or a folder. One a process."""

from __future__ import annotations

from functools import cache

from tasvir.models.features.base import FeatureExtractor
from tasvir.models.features.embedded import EmbeddedFeatures
from tasvir.models.features.hub import HubFeatures
from tasvir.models.features.inception import InceptionFeatures
from tasvir.models.load import LoadSettings


@cache
def open_features(model: str, load: LoadSettings) -> FeatureExtractor:
    """A feature extractor.

    Args:
        model: "embedded" (the recogniser of the picture world), "inception:FILE" (FILE = its weights as
            safetensors), or hub id or folder of a backbone of transformers.
        load: How it is opened.

    Raises:
        UnknownNameError: None of these.
        HubError: It cannot be had or is no backbone.
        SettingError: No such device or file.
        WeightsError: The embedded network is missing or altered.
    """
    if model == "embedded":
        return EmbeddedFeatures()
    name, _, file = model.partition(":")
    return InceptionFeatures(file, load) if name == "inception" else HubFeatures(model, load)

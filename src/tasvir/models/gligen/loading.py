"""Opens models with a gated U-Net."""

from __future__ import annotations

from typing import Any

from tasvir.errors import SettingError
from tasvir.models.hub.cards import Card
from tasvir.models.hub.loading import open_pipeline
from tasvir.models.load import LoadSettings


def open_gated(card: Card, load: LoadSettings) -> Any:
    """A pipeline whose U-Net reads boxes and phrases.

    Raises:
        HubError: The model cannot be had, or wants code of its own to be trusted.
        SettingError: It is no GLIGEN of boxes and phrases.
    """
    pipeline: Any = open_pipeline(card, load)
    net = getattr(pipeline, "unet", None)
    if getattr(getattr(net, "config", None), "attention_type", None) != "gated":
        raise SettingError(
            f"{card.name} cannot be drawn with by GLIGEN: it has no U-Net with gated attention over boxes and "
            "phrases; `tasvir models list` names those that have (task layout-to-image)"
        )
    return pipeline

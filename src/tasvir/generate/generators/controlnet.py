"""Layouts drawn through a ControlNet (Zhang et al. 2023), on a depth or segmentation map of the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tasvir.errors import SettingError
from tasvir.generate.hub_drawing import Drawn, HubGenerator
from tasvir.models.control.maps import MAPS
from tasvir.models.control.model import Controlled
from tasvir.models.hub.text_to_image import Asked, TextToImage
from tasvir.models.load import LoadSettings
from tasvir.records import Layout

MOST_WEIGHT = 2.0


class ControlNetGenerator(HubGenerator):
    """ControlNet on maps of the layout: controlnet:NAME with --set control=NAME, hub ids or folders."""

    name: ClassVar[str] = "controlnet"

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        control: str = "",
        map: str = "depth",
        weight: float = 1.0,
        negative: str = "",
        batch: int = 4,
    ) -> None:
        """Open a model and its ControlNet.

        Args:
            model: Name of a card, hub id or folder: Stable Diffusion 1, 2 or XL.
            load: How both are opened.
            control: The ControlNet: name of a card, hub id or folder.
            map: What it was trained on: "depth" or "segmentation".
            weight: How much it counts, 0 to 2; 1 as trained.
            negative: What no picture shall show.
            batch: Most pictures drawn at once, at least 1.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had.
            SettingError: They do not go together, or an option is out of its range.
        """
        if not control:
            raise SettingError(
                "controlnet needs to know which one: --set control=NAME, a card, hub id or folder; "
                "`tasvir models list` names some (task control)"
            )
        if map not in MAPS:
            raise SettingError(f"map is {map!r}: give one of {', '.join(MAPS)}, what the ControlNet reads")
        if not 0 <= weight <= MOST_WEIGHT:
            raise SettingError(f"weight is {weight}: give 0 to {MOST_WEIGHT:g}")
        self._map = map
        plain = TextToImage(model, load)
        self._controlled = Controlled(plain, control, load, weight)
        self._facts = {"control": control, "map": map, "weight": weight}
        super().__init__(plain, negative, batch)

    def _draw(
        self, texts: Sequence[str], layouts: Sequence[Layout | None], seeds: Sequence[int], asked: Asked
    ) -> Drawn:
        """Those with a layout go through the ControlNet, the others by the plain model."""
        self._controlled.on_step = self.model.on_step
        drawn: dict[int, Drawn] = {}
        laid = [index for index, layout in enumerate(layouts) if layout is not None]
        plain = [index for index, layout in enumerate(layouts) if layout is None]
        if plain:
            made = self.model.draw([texts[i] for i in plain], [seeds[i] for i in plain], asked)
            drawn |= {index: [one] for index, one in zip(plain, made, strict=True)}
        if laid:
            maps = [MAPS[self._map](layout, asked.size) for layout in layouts if layout is not None]
            made = self._controlled.draw_maps([texts[i] for i in laid], maps, [seeds[i] for i in laid], asked)
            made = [(image, {**facts, **self._facts}) for image, facts in made]
            drawn |= {index: [one] for index, one in zip(laid, made, strict=True)}
        return [one for index in range(len(texts)) for one in drawn[index]]

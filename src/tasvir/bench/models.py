"""The models of a run: what a column of the matrix is, written down so that any process can open it again.

SPEC = GENERATOR[+METHOD:GUIDE]: a generator by itself draws from the text alone; under a guide it draws by
one of the loop's arms, or several plain pictures of which the guide keeps one. NAME=SPEC names the column.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import tasvir
from tasvir import registry
from tasvir.bench.code_version import drawing_code
from tasvir.bench.methods import ARMS, Arm
from tasvir.errors import SettingError, UnknownNameError
from tasvir.generate.base import Generator
from tasvir.guide.base import Guide
from tasvir.models.load import LOADED_BY, LoadSettings
from tasvir.models.opening import GIVEN, Opening, open_model
from tasvir.models.service import ANSWERED_BY

ARM_OF = {"guide": "loop", "layout": "layout", "revised": "revised", "aligned": "aligned"}
"""Methods that are arms of the loop."""
BEST_OF = re.compile(r"best-of-(n|[1-9]\d{0,2})")
_METHOD = re.compile(r"\+([a-z][\w-]*):")
_NAMED = re.compile(r"\s*([^:/=+]*[^:/=+\s])\s*=\s*(\S.*)")


@dataclass(frozen=True, slots=True)
class Spec:
    """What a column's pictures are made by.

    Args:
        generator: A plugin of kind "generators", "embedded" or "diffusers:sdxl".
        method: "" for the generator alone, a key of `ARM_OF`, or "best-of-" and a number or "n".
        guide: A plugin of kind "guides"; None for the generator alone.
    """

    generator: str
    method: str = ""
    guide: str | None = None

    def __str__(self) -> str:
        return self.generator if self.guide is None else f"{self.generator}+{self.method}:{self.guide}"

    @property
    def arm(self) -> Arm | None:
        """Switches of the loop, or None where the method is not the loop."""
        return ARMS[ARM_OF[self.method]] if self.method in ARM_OF else None

    @property
    def count(self) -> int | None:
        """So many plain pictures for a prompt; None where the method says no number."""
        match = BEST_OF.fullmatch(self.method)
        return int(match[1]) if match and match[1] != "n" else None

    @property
    def rival_of(self) -> Self | None:
        """The loop that draws as many pictures as this may; None but for "best-of-n"."""
        return replace(self, method="guide") if self.method == "best-of-n" else None


def parse_spec(text: str) -> Spec:
    """Read GENERATOR[+METHOD:GUIDE], its plugins being there.

    Raises:
        UnknownNameError: No such generator, method or guide; lists near names.
        SettingError: The method draws from layouts, and the generator reads none.
    """
    match = _METHOD.search(text)
    lone = re.search(r"\+([\w-]+)$", text)
    if match is None and lone and _is_method(lone[1]):
        raise UnknownNameError(f"model {text!r}: say who guides, {text}:embedded or {text}:openai:gpt-4o")
    if match is not None and not _is_method(match[1]):
        if "/" in text[: match.start()]:  # a folder may be called anything
            match = None
        else:
            raise UnknownNameError(_no_method(text, match[1]))
    spec = Spec(text) if match is None else Spec(text[: match.start()], match[1], text[match.end() :])
    generator = registry.load_whole("generators", spec.generator)
    if spec.guide is not None:
        registry.load_whole("guides", spec.guide)
        if spec.arm is not None and not getattr(generator, "reads_layouts", True):
            raise SettingError(
                f"model {text!r}: generator {spec.generator!r} reads no layouts: choose another, or "
                f"{spec.generator}+best-of-4:{spec.guide}, which needs none"
            )
    return spec


def parse_named(text: str) -> tuple[str, Spec]:
    """Read SPEC or NAME=SPEC; without a name the spec is its name.

    Raises:
        SettingError: One side of "=" is empty.
        UnknownNameError: See `parse_spec`.
    """
    match = _NAMED.fullmatch(text)
    if not match and (text.strip().startswith("=") or re.fullmatch(r"[^:/]*=\s*", text)):
        raise SettingError(f"model {text!r}: expected NAME=SPEC, such as mine=embedded")
    spec = parse_spec(match[2] if match else text.strip())
    return (match[1] if match else str(spec)), spec


def _is_method(name: str) -> bool:
    return name in ARM_OF or BEST_OF.fullmatch(name) is not None


def _no_method(text: str, name: str) -> str:
    known = [*ARM_OF, "best-of-n", "best-of-4"]
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(word) for word in near)}? " if near else ""
    told = f"{', '.join(known)} (or another number)"
    return f"model {text!r}: no method is called {name!r}; {hint}known: {told}"


def written(opening: Opening) -> dict[str, Any]:
    """What run.json keeps of how something is opened: what comes out hangs on it."""
    load, service = asdict(opening.load), asdict(opening.service)
    return {
        "load": {key: load[key] for key in LOADED_BY},
        "service": {key: service[key] for key in ANSWERED_BY},
        "options": dict(opening.options),
    }


def opened_as(data: Mapping[str, Any], now: Opening) -> Opening:
    """As `written` has it, where and as patiently as is said now."""
    return Opening(
        replace(now.load, **data["load"]), replace(now.service, **data["service"]), data["options"]
    )


@dataclass(frozen=True, slots=True)
class BenchModel:
    """A column of the matrix, ready to be opened in any process.

    Args:
        name: What tables call it.
        spec: What makes its pictures.
        opening: How its plugins are opened.
        pins: Commits of the hub by role ("generator", "guide"), once they are known.
        derived_from: Name of the column that it was fine-tuned from.
    """

    name: str
    spec: Spec
    opening: Opening
    pins: Mapping[str, str]
    derived_from: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What run.json keeps; where models work is not in it."""
        return {
            "name": self.name,
            "spec": str(self.spec),
            "derived_from": self.derived_from,
            **written(replace(self.opening, options=self.options)),
            "pins": dict(self.pins),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], now: Opening) -> Self:
        """A column as run.json has it, to be opened where and as patiently as is said now."""
        opening = opened_as(data, now)
        return cls(data["name"], parse_spec(data["spec"]), opening, data["pins"], data["derived_from"])

    @property
    def options(self) -> dict[str, str]:
        """Those of the options typed that one of its plugins takes."""
        return {name: value for role in self._plugins() for name, value in self._options(role).items()}

    def identity(self) -> dict[str, Any]:
        """All that its pictures hang on besides prompt, seed and settings, ready for JSON; opens nothing.

        Raises:
            HubError: A model's commit cannot be had.
            WeightsError, UnknownNameError: There are no such weights.
        """
        kept = self.to_dict()
        found: dict[str, Any] = {"method": self.spec.method, "load": {**kept["load"], "revision": None}}
        for role, (kind, choice) in self._plugins().items():
            name, model = registry.split(choice)
            told = registry.load(kind, choice).identity(model, self._load(role))
            package = registry.package(kind, choice)
            found[role] = {"name": name, **told, **({} if package.startswith("tasvir ") else {"by": package})}
        if self.spec.guide is not None:
            found["service"] = kept["service"]
        code = {"tasvir": tasvir.__version__, "drawing": drawing_code()}
        return {**found, "options": kept["options"], "code": code}

    def pinned(self, identity: Mapping[str, Any]) -> Self:
        """The same with the commits that its identity names, so that it stays the same model."""
        roles = [role for role in self._plugins() if "commit" in identity[role]]
        return replace(self, pins={role: identity[role]["commit"] for role in roles})

    @property
    def generator_key(self) -> str:
        """What columns have in common that can share one opened generator."""
        return repr((self.spec.generator, self._load("generator"), self._options("generator")))

    @property
    def guide_key(self) -> str:
        """The same of guides."""
        if self.spec.guide is None:
            return ""
        return repr((self.spec.guide, self._load("guide"), self.opening.service, self._options("guide")))

    def open_generator(self) -> Generator:
        """Load the generator; see `tasvir.models.opening.open_model`."""
        opening = replace(self.opening, load=self._load("generator"), options=self._options("generator"))
        generator: Generator = open_model("generators", self.spec.generator, Generator, opening)
        return generator

    def open_guide(self) -> Guide | None:
        """Open the guide; None where there is none."""
        if self.spec.guide is None:
            return None
        opening = replace(self.opening, load=self._load("guide"), options=self._options("guide"))
        guide: Guide = open_model("guides", self.spec.guide, Guide, opening)
        return guide

    def _plugins(self) -> dict[str, tuple[str, str]]:
        guide = {} if self.spec.guide is None else {"guide": ("guides", self.spec.guide)}
        return {"generator": ("generators", self.spec.generator), **guide}

    def _options(self, role: str) -> dict[str, str]:
        takes = registry.parameters(registry.load(*self._plugins()[role])).keys() - set(GIVEN)
        return {name: value for name, value in sorted(self.opening.options.items()) if name in takes}

    def _load(self, role: str) -> LoadSettings:
        pin = self.pins.get(role)
        return self.opening.load if pin is None else replace(self.opening.load, revision=pin)

"""A multimodal model in this process, through transformers: Gemma 3, Qwen-VL and others of their kind.

Models whose own processor wants torchvision only for videos (the Qwen-VL family) get along without it: their
image processor and tokenizer are put together here.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    BatchFeature,
)
from transformers.utils import is_torchvision_available

from tasvir.errors import HubError, ServiceError, SettingError
from tasvir.models.devices import pick_device
from tasvir.models.load import LoadSettings
from tasvir.models.mllm.calls import Answer
from tasvir.models.mllm.endpoints import scrub
from tasvir.models.mllm.messages import Message
from tasvir.models.mllm.question import Question

QWEN = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"})
"""Model types that share Qwen2-VL's image processor and way of showing pictures."""
PLACE = "<|image_pad|>"
"""What their chat template puts where a picture is shown."""
_LOCK = threading.Lock()


def open_local(model: str, load: LoadSettings) -> LocalModel:
    """A model, opened once a process; see `LocalModel`."""
    with _LOCK:
        return _opened(model, load)


@cache
def _opened(model: str, load: LoadSettings) -> LocalModel:
    return LocalModel(model, load)


class LocalModel:
    """A model on this machine; answers one question at a time, whoever asks.

    Args:
        model: Hub id or folder; its weights must be safetensors.
        load: Device, precision, revision, and whether its own code may run; the rest is for generators.

    Raises:
        HubError: It cannot be had, or is no model that reads pictures and writes text.
        SettingError: No such device.
    """

    def __init__(self, model: str, load: LoadSettings) -> None:
        self.name = model
        self._device = pick_device(load.device)
        self._lock = threading.Lock()
        where = {
            "revision": load.revision or "main",
            "local_files_only": load.local_only,
            "trust_remote_code": load.trust_remote_code,
        }
        with _explained(model, load):
            by_hand = _by_hand(AutoConfig.from_pretrained(model, **where).model_type)
            self._inputs: Inputs = QwenInputs(model, where) if by_hand else ProcessorInputs(model, where)
            network = AutoModelForImageTextToText.from_pretrained(
                model, use_safetensors=True, dtype=_dtype(load, self._device), **where
            )
            self._network = network.to(self._device).eval()

    def answer(self, question: Question) -> Answer:
        """Write an answer.

        Raises:
            ServiceError: There is too little memory.
            SettingError: The model's template cannot show these messages.
        """
        with self._lock, torch.no_grad(), torch.random.fork_rng(_cuda(self._device)):
            if question.seed is not None:
                torch.manual_seed(question.seed)
            inputs = self._inputs.encode(question.messages).to(self._device, dtype=self._network.dtype)
            try:
                whole = self._network.generate(**inputs, **_sampling(question))[0]
            except torch.OutOfMemoryError as problem:
                raise ServiceError(
                    f"transformers:{self.name} needs more memory than {self._device} has: take a smaller "
                    "one, --dtype bfloat16, or run it behind a server (http://...)"
                ) from problem
        asked = inputs["input_ids"].shape[1]
        written = whole[asked:]
        text = self._inputs.tokenizer.decode(written, skip_special_tokens=True)
        cut = len(written) >= question.max_tokens and not self._ends(int(written[-1]))
        return Answer(text, self.name, asked, len(written), "length" if cut else "stop")

    def _ends(self, token: int) -> bool:
        ends = self._network.generation_config.eos_token_id
        return token in (ends if isinstance(ends, list) else [ends])


class ProcessorInputs:
    """Turns messages into tensors by a model's own processor."""

    def __init__(self, model: str, where: dict[str, Any]) -> None:
        self._processor = AutoProcessor.from_pretrained(model, **where)
        self.tokenizer: Any = self._processor.tokenizer

    def encode(self, messages: tuple[Message, ...]) -> Any:
        turns = _turns(messages, with_pictures=True)
        with _shown():
            return self._processor.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )


class QwenInputs:
    """Turns messages into tensors for the Qwen-VL family, without its processor.

    A picture of h x w patches, of which the model merges m x m into one, takes h w / m^2 tokens; the
    template's one placeholder is repeated so often (Qwen2-VL, Wang et al. 2024, section 2).
    """

    def __init__(self, model: str, where: dict[str, Any]) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(model, **where)
        self._image_processor = AutoImageProcessor.from_pretrained(model, backend="pil", **where)

    def encode(self, messages: tuple[Message, ...]) -> Any:
        images = [_opened_image(image) for message in messages for image in message.images]
        with _shown():
            turns = _turns(messages, with_pictures=False)
            text = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        parts = text.split(PLACE)
        if len(parts) != len(images) + 1:
            raise SettingError(
                f"the messages show {len(images)} pictures but speak of {len(parts) - 1} {PLACE}"
            )
        seen = self._image_processor(images=images, return_tensors="pt") if images else {}
        merged = self._image_processor.merge_size**2
        places = [PLACE * (int(grid.prod()) // merged) for grid in seen.get("image_grid_thw", ())]
        filled = "".join(part + place for part, place in zip(parts, [*places, ""], strict=True))
        encoded = self.tokenizer(filled, return_tensors="pt", add_special_tokens=False)
        # without these the model runs, but counts pictures' positions as if they were text
        kinds = (encoded["input_ids"] == self.tokenizer.convert_tokens_to_ids(PLACE)).int()
        return BatchFeature({**encoded, **seen, "mm_token_type_ids": kinds})


Inputs = ProcessorInputs | QwenInputs


def _by_hand(model_type: str) -> bool:
    return model_type in QWEN and not is_torchvision_available()


def _turns(messages: tuple[Message, ...], with_pictures: bool) -> list[dict[str, Any]]:
    """Messages as chat templates want them."""
    turns = []
    for message in messages:
        content: list[dict[str, Any]] = [{"type": "text", "text": message.text}]
        for image in message.images:
            content.append({"type": "image", **({"image": _opened_image(image)} if with_pictures else {})})
        turns.append({"role": message.role, "content": content})
    return turns


def _opened_image(png: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(png)) as image:
            return image.convert("RGB")
    except OSError as problem:
        raise SettingError(f"a picture in a message cannot be read: {problem}") from problem


def _sampling(question: Question) -> dict[str, Any]:
    """Options of ``generate``: at temperature 0 the likeliest token each time; None = the model's own way."""
    options: dict[str, Any] = {"max_new_tokens": question.max_tokens}
    if question.temperature == 0:
        options |= {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    elif question.temperature is not None:
        options |= {"do_sample": True, "temperature": question.temperature}
    return options


def _dtype(load: LoadSettings, device: torch.device) -> Any:
    if load.dtype != "auto":
        return getattr(torch, load.dtype)
    return "auto" if device.type == "cuda" else torch.float32


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


@contextmanager
def _shown() -> Iterator[None]:
    """Faults of a chat template, such as one that takes no system message, as ours."""
    from jinja2 import TemplateError

    try:
        yield
    except (TemplateError, ValueError) as problem:
        raise SettingError(f"the model's chat template cannot show these messages: {problem}") from problem


@contextmanager
def _explained(model: str, load: LoadSettings) -> Iterator[None]:
    """Faults of opening a model, with what to do."""
    try:
        yield
    except (OSError, ValueError, ImportError, KeyError) as problem:
        raise HubError(f"transformers:{model} cannot be opened: {_advice(problem, load)}") from problem


def _advice(problem: Exception, load: LoadSettings) -> str:
    whole = str(problem)
    said = scrub(whole)
    cause = problem.__cause__ or problem
    if isinstance(cause, GatedRepoError):
        return "its owner wants terms to be accepted on its page first; then log in with `hf auth login`"
    if isinstance(cause, RepositoryNotFoundError):
        return "there is no such model on the hub, or it is private: check its id, or `hf auth login`"
    if "trust_remote_code" in whole:
        return "it brings Python of its own, which can do anything that you can: --trust-remote-code runs it"
    if "safetensors" in whole:
        return f"only safetensors are read, as other weight files can run code: take another version ({said})"
    if isinstance(problem, ImportError) or "orchvision" in whole:
        return f"a package is missing; or take a model of the Gemma 3 or Qwen-VL kind ({said})"
    if isinstance(cause, HfHubHTTPError | OSError):
        hint = "it is not on this disk; leave out --local-only" if load.local_only else "is the network up?"
        return f"no such folder, and {hint} ({said})"
    return f"it is no model that reads pictures and writes text, as far as transformers knows ({said})"

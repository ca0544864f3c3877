"""Says in words why a model could not be opened, and what to do about it.

The libraries wrap the hub's errors in errors of their own: so the whole chain of causes is read.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator

import torch
from huggingface_hub import errors as hub
from safetensors import SafetensorError

from tasvir.models.hub.cards import Card
from tasvir.models.load import LoadSettings

CONVERT = (
    "convert it once where you trust it: load it there with diffusers (use_safetensors=False), "
    "call save_pretrained('FOLDER'), and give that folder here"
)


class MissingWeightsError(Exception):
    """The files lack weights that the network has."""


def explain(problem: BaseException, card: Card, load: LoadSettings) -> str:
    """One message: what was wrong with which model, and what to do."""
    chain = list(_chain(problem))
    text = _from_disk(chain) if card.is_folder else _from_hub(chain, card, load)
    text = text or _from_files(chain) or f"cannot be opened: {_short(problem)}"
    return f"{card.source} {text}"


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _any(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(link, kinds) for link in chain)


def _said(chain: list[BaseException], *phrases: str) -> bool:
    return any(phrase in str(link) for link in chain for phrase in phrases)


def _from_hub(chain: list[BaseException], card: Card, load: LoadSettings) -> str | None:
    if _any(chain, hub.GatedRepoError):
        return (
            f"is gated: sign its form at https://huggingface.co/{card.source} (licence: {card.licence}), "
            "then set HF_TOKEN to a token of that account"
        )
    if _any(chain, hub.RevisionNotFoundError):
        return f"has no revision {load.revision or card.revision!r}: see its page for branches and tags"
    if _any(chain, hub.RepositoryNotFoundError, hub.DisabledRepoError):
        if card.removed:
            return f"is gone from the hub: {card.removed}{_elsewhere(card)}"
        return (
            "is not on the hub, or is private: check the id; for a private one set HF_TOKEN to a token "
            "that may read it"
        )
    if _any(chain, hub.RemoteEntryNotFoundError):
        return _no_index()
    refused = next((link for link in chain if isinstance(link, hub.HfHubHTTPError)), None)
    if refused is not None:
        return f"cannot be fetched, the hub answers: {_short(refused)}; try again later"
    if _any(chain, hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled) or _offline(chain):
        asked = "only what is on this disk may be used" if load.local_only else "the hub cannot be reached"
        return f"is not, or not wholly, on this disk, and {asked}: {_online(load)}{_elsewhere(card)}"
    return None


def _online(load: LoadSettings) -> str:
    way = "leave out --local-only" if load.local_only else "connect to the network and unset HF_HUB_OFFLINE"
    return f"{way} once so that it is downloaded, or give the path of a folder"


def _elsewhere(card: Card) -> str:
    if not card.mirror or card.mirror == card.source:
        return ""
    return f"; a copy by somebody else is {card.mirror}: give that instead"


def _offline(chain: list[BaseException]) -> bool:
    """Whether no connection came about (httpx, requests and the system each have classes of their own)."""
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    return bool(names & {"ConnectError", "ConnectTimeout", "ConnectionError", "NetworkError", "ProxyError"})


def _from_disk(chain: list[BaseException]) -> str | None:
    if _any(chain, FileNotFoundError) and _said(chain, "model_index.json"):
        return _no_index()
    if _any(chain, json.JSONDecodeError):
        return "has a configuration file that is not JSON: fetch or save the model again"
    return None


def _no_index() -> str:
    return (
        "is no diffusers pipeline: it has no model_index.json; give a model in the diffusers layout "
        "(save_pretrained writes it), not single weights, LoRAs or other parts"
    )


def _from_files(chain: list[BaseException]) -> str | None:
    if _any(chain, MissingWeightsError):
        return (
            "lacks weights that its networks have, and would run on random numbers: fetch or convert "
            f"the model again, or open it as the class that it was made for ({_short(chain[0])})"
        )
    if any(isinstance(link, OSError) and link.errno == errno.ENOSPC for link in chain):
        return (
            "does not fit on this disk: free some space (`hf cache ls` shows what is kept), or set HF_HOME "
            "to a folder on a larger disk"
        )
    if _any(chain, torch.OutOfMemoryError):
        return (
            "does not fit into the GPU's memory: pass --offload model, or --offload sequential for less still"
        )
    if _any(chain, SafetensorError):
        return "has a damaged weights file: remove it and fetch the model again"
    if _said(chain, "safetensors") and _any(chain, OSError, ValueError):
        return f"has no safetensors weights, and other formats can run any code when they are read: {CONVERT}"
    if _any(chain, ImportError) or _said(chain, "torchvision"):
        return f"needs a package that is not installed: {_short(chain[0])}"
    if _said(chain, "trust_remote_code"):
        return (
            "runs only with Python that comes with it, and that can do anything that you can: read it on the "
            "hub, then pass --trust-remote-code"
        )
    if _said(chain, "expected", "size mismatch"):
        return f"is a model of another kind than was asked for: {_short(chain[0])}"
    return None


def _short(problem: BaseException) -> str:
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= 300 else text[:300] + " ..."

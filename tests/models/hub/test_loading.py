"""Opening pipelines: from folders, from a hub that speaks the real protocol, and every way that it fails."""

from __future__ import annotations

import errno
import json
import runpy
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import huggingface_hub
import pytest
import torch
from diffusers import StableDiffusionPipeline, UnCLIPPipeline
from safetensors.torch import load_file, save_file

from tasvir.errors import HubError, SettingError
from tasvir.models.hub import loading
from tasvir.models.hub.cards import find
from tasvir.models.hub.drawing import generators
from tasvir.models.hub.loading import commit, open_pipeline
from tasvir.models.load import LoadSettings

FAKE = runpy.run_path(str(Path(__file__).parent / "fake_hub.py"))
HERE = LoadSettings(device="cpu")
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def hub(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A hub with owner/sd; requests that it got. The cache is empty at first."""
    root = tmp_path_factory.mktemp("hub")
    shutil.copytree(tiny("sd"), root / "owner" / "sd")
    shutil.copytree(tiny("sd"), root / "owner" / "only-bin")
    (root / "owner" / "only-bin" / UNET).rename(
        root / "owner" / "only-bin" / "unet/diffusion_pytorch_model.bin"
    )
    (root / "owner" / "lora").mkdir()
    (root / "owner" / "lora" / "weights.safetensors").write_bytes(b"")
    constants = huggingface_hub.constants
    with FAKE["serving"](root) as (address, asked), pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(huggingface_hub.hf_api.api, "endpoint", address)
        patch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield asked


@pytest.fixture
def copied(tiny: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny model that may be damaged."""
    return Path(shutil.copytree(tiny("sd"), tmp_path / "sd"))


def test_a_folder_is_opened_without_a_word(
    tiny: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tiny("sd")
    capfd.readouterr()
    pipeline = open_pipeline(str(folder), HERE)
    assert capfd.readouterr() == ("", "")
    assert isinstance(pipeline, StableDiffusionPipeline) and pipeline.dtype == torch.float32
    assert commit(pipeline) is None
    stored = load_file(folder / UNET)
    assert all(torch.equal(weight, stored[name]) for name, weight in pipeline.unet.state_dict().items())


def test_a_model_of_the_hub_is_downloaded_once_and_then_opened_offline(hub: list[str]) -> None:
    pipeline = open_pipeline("owner/sd", HERE)
    assert commit(pipeline) == FAKE["COMMIT"]
    assert any(UNET in line for line in hub)
    hub.clear()
    assert isinstance(open_pipeline("owner/sd", replace(HERE, local_only=True)), StableDiffusionPipeline)
    assert hub == []


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("owner/gone", "owner/gone is not on the hub, or is private: check the id"),
        ("owner/gated", "is gated: sign its form at https://huggingface.co/owner/gated.*set HF_TOKEN"),
        ("owner/broken", "cannot be fetched, the hub answers"),
        ("owner/lora", "is no diffusers pipeline: it has no model_index.json"),
        ("owner/only-bin", r"has no safetensors weights.*save_pretrained"),
    ],
)
def test_what_the_hub_refuses_is_told_with_a_way_out(hub: list[str], model: str, message: str) -> None:
    with pytest.raises(HubError, match=message):
        open_pipeline(model, HERE)


def test_a_revision_that_is_not_there(hub: list[str]) -> None:
    with pytest.raises(HubError, match="owner/revision has no revision 'v9'"):
        open_pipeline("owner/revision", replace(HERE, revision="v9"))


def test_a_removed_model_names_its_mirror(hub: list[str]) -> None:
    card = replace(find("runwayml/stable-diffusion-v1-5"), hub_id="runwayml/gone", name="runwayml/gone")
    with pytest.raises(HubError, match=r"end of August 2024; .*stable-diffusion-v1-5/stable-diffusion-v1-5"):
        open_pipeline(card, HERE)


def test_without_a_network_what_is_here_opens_and_the_rest_is_told_at_once(
    hub: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_pipeline("owner/sd", HERE)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    start = time.perf_counter()
    assert isinstance(open_pipeline("owner/sd", HERE), StableDiffusionPipeline)
    with pytest.raises(HubError, match="the hub cannot be reached"):
        open_pipeline("somebody/else", HERE)
    assert time.perf_counter() - start < 10  # the hub's library tries for half a minute


def test_offline_says_how_to_get_it(hub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="only what is on this disk may be used: leave out --local-only"):
        open_pipeline("owner/absent", replace(HERE, local_only=True))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        HubError, match="the hub cannot be reached: connect to the network and unset HF_HUB_OFF"
    ):
        open_pipeline("owner/absent", HERE)


def test_a_full_disk(hub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StableDiffusionPipeline, "download", full)
    with pytest.raises(HubError, match=r"does not fit on this disk.*HF_HOME"):
        open_pipeline("owner/sd", HERE)


def test_pickled_weights_are_refused_with_the_way_around(copied: Path) -> None:
    (copied / UNET).rename(copied / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(HubError, match=r"no safetensors weights.*can run any code.*convert it once"):
        open_pipeline(str(copied), HERE)
    (copied / "unet" / "diffusion_pytorch_model.bin").rename(copied / UNET)
    (copied / "text_encoder" / "model.safetensors").rename(copied / "text_encoder" / "pytorch_model.bin")
    with pytest.raises(HubError, match=r"no safetensors weights"):
        open_pipeline(str(copied), HERE)


def test_a_damaged_file(copied: Path) -> None:
    (copied / UNET).write_bytes((copied / UNET).read_bytes()[:1000])
    with pytest.raises(HubError, match="damaged weights file"):
        open_pipeline(str(copied), HERE)


@pytest.mark.parametrize("file", [UNET, "text_encoder/model.safetensors"])
def test_missing_weights_are_no_random_numbers(copied: Path, file: str) -> None:
    weights = load_file(copied / file)
    weights.pop(sorted(weights)[0])
    save_file(weights, copied / file, metadata={"format": "pt"})
    with pytest.raises(HubError, match="lacks weights that its networks have"):
        open_pipeline(str(copied), HERE)


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="is no diffusers pipeline"):
        open_pipeline(str(tmp_path), HERE)
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(HubError, match="not JSON"):
        open_pipeline(str(tmp_path), HERE)
    (tmp_path / "model_index.json").write_text('{"_class_name": "PaintingByHandPipeline"}')
    with pytest.raises(HubError, match="'PaintingByHandPipeline', which is no pipeline of diffusers"):
        open_pipeline(str(tmp_path), HERE)


def test_the_wrong_class(tiny: Callable[[str], Path]) -> None:
    with pytest.raises(HubError, match="is a model of another kind than was asked for"):
        open_pipeline(str(tiny("sd")), HERE, kind=UnCLIPPipeline)


def test_code_that_comes_with_a_model_is_not_run_without_the_flag(copied: Path) -> None:
    ran = copied / "ran"
    (copied / "pipeline.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: pass\n")
    index = json.loads((copied / "model_index.json").read_text())
    (copied / "model_index.json").write_text(json.dumps({**index, "_class_name": ["pipeline", "Own"]}))
    with pytest.raises(HubError, match="pass --trust-remote-code"):
        open_pipeline(str(copied), HERE)
    assert not ran.exists()
    with pytest.raises(HubError, match="pass --trust-remote-code"):
        open_pipeline(replace(find("sd14"), remote_code=True), HERE)


def test_modular_models_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    card = replace(find("flux3-klein"), hub_id=str(tmp_path))
    assert card.pipeline is not None and hasattr(diffusers, card.pipeline)
    with pytest.raises(HubError, match="modular blocks"):
        open_pipeline(card, HERE)


def test_a_missing_package_is_named(tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: Any, **__: Any) -> Any:
        raise ImportError("needs the torchvision library but it was not found")

    monkeypatch.setattr(StableDiffusionPipeline, "from_pretrained", without)
    with pytest.raises(HubError, match="needs a package that is not installed: needs the torchvision"):
        open_pipeline(str(tiny("sd")), HERE)


def test_the_safety_checker_is_there_unless_it_is_left_out(tiny: Callable[[str], Path]) -> None:
    folder = str(tiny("sd-safety"))
    assert open_pipeline(folder, HERE).safety_checker is not None
    assert open_pipeline(folder, replace(HERE, safety=False)).safety_checker is None


def test_precision_and_devices(tiny: Callable[[str], Path]) -> None:
    assert open_pipeline(str(tiny("sd")), replace(HERE, dtype="bfloat16")).unet.dtype == torch.bfloat16
    with pytest.raises(SettingError, match="needs a GPU beside the CPU"):
        open_pipeline(str(tiny("sd")), replace(HERE, offload="model"))
    with pytest.raises(SettingError, match="cannot be used here"):
        open_pipeline(str(tiny("sd")), replace(HERE, device="abacus"))


def test_on_cuda_auto_takes_the_cards_precision_or_what_suits_the_network() -> None:
    def precision(name: str, pipeline: type, device: str = "cuda") -> torch.dtype:
        return loading._dtype(find(name), pipeline, HERE, torch.device(device))

    assert precision("sdxl", diffusers.StableDiffusionXLPipeline) == torch.float16
    assert precision("sdxl", diffusers.StableDiffusionXLPipeline, "cpu") == torch.float32
    assert precision("flux-dev", diffusers.FluxPipeline) == torch.bfloat16
    assert precision("somebody/their-flux", diffusers.FluxPipeline) == torch.bfloat16
    assert precision("somebody/their-sd", StableDiffusionPipeline) == torch.float16


def test_a_model_too_large_for_the_gpu(tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(StableDiffusionPipeline, "to", full)
    with pytest.raises(HubError, match="does not fit into the GPU's memory: pass --offload model"):
        open_pipeline(str(tiny("sd")), HERE)


def test_layout_in_memory_and_slices_move_pixels_by_rounding_alone(tiny: Callable[[str], Path]) -> None:
    def drawn(pipeline: Any) -> Any:
        noise = generators([1, 2])
        return pipeline(["a dog", "a cat"], num_inference_steps=2, generator=noise, output_type="np").images

    pipeline = open_pipeline(str(tiny("sd")), HERE)
    before = drawn(pipeline)
    loading._channels_last(pipeline)
    weights = pipeline.unet.down_blocks[0].resnets[0].conv1.weight
    assert weights.is_contiguous(memory_format=torch.channels_last) and not weights.is_contiguous()
    loading._slice(pipeline)
    assert pipeline.vae.use_slicing and pipeline.vae.use_tiling
    assert abs(drawn(pipeline) - before).max() < 1e-4


def test_a_decoder_without_slices_or_tiles_is_left_as_it_is(tiny: Callable[[str], Path]) -> None:
    loading._slice(open_pipeline(str(tiny("kandinsky22")), HERE))


def test_compile_compiles_the_denoiser_alone(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(type(self).__name__))
    open_pipeline(str(tiny("sd")), replace(HERE, compile=True))
    assert compiled == ["UNet2DConditionModel"]

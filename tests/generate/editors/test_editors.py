"""What is particular to each editor: depth maps, masks, prompts, safety, models of other families."""

from __future__ import annotations

from collections.abc import Callable

import diffusers
import numpy as np
import pytest
import torch
from tests.generate.editors.conftest import grey, half, picture

from tasvir.errors import SettingError
from tasvir.generate.editing import Edit, EditSettings
from tasvir.generate.editors.depth import DepthEditor
from tasvir.generate.editors.image_to_image import ImageToImageEditor
from tasvir.generate.editors.inpaint import InpaintEditor
from tasvir.generate.editors.upscale_latent import UpscaleLatentEditor
from tasvir.generate.editors.upscale_x4 import UpscaleX4Editor
from tasvir.generate.editors.variations import VariationsEditor
from tasvir.models.hub.drawing import to_image
from tasvir.models.hub.loading import open_pipeline
from tasvir.models.load import LoadSettings
from tasvir.records import Picture, Prompt

Folder = Callable[[str], str]
CPU = LoadSettings(device="cpu")
CAT = Prompt("a cat")
QUICK = EditSettings(steps=2)
SLOPE = np.linspace(0, 255, 32)[None, :].repeat(32, 0)


def pixels(made: Picture) -> np.ndarray:
    return np.asarray(to_image(made)).astype(int)


class TestDepth:
    def test_a_given_map_is_drawn_by_as_diffusers_would(self, folder: Folder) -> None:
        editor, given = DepthEditor(folder("depth"), CPU), picture()
        ours = editor.edit([Edit(given, 3, CAT, grey(SLOPE))], QUICK)[0]
        levels = torch.from_numpy(np.asarray(to_image(grey(SLOPE)).convert("L"), dtype=np.float32))[None]
        plain = open_pipeline(folder("depth"), CPU)(
            prompt="a cat", image=to_image(given), depth_map=levels, strength=0.8, num_inference_steps=2,
            generator=torch.Generator().manual_seed(3),
        ).images[0]  # fmt: skip
        assert np.abs(pixels(ours) - np.asarray(plain).astype(int)).max() <= 1, "0 to 1 or 0 to 255: rounding"
        assert ours.provenance["depth"] == "given"

    def test_the_map_matters_and_only_by_its_order_of_depths(self, folder: Folder) -> None:
        editor, given = DepthEditor(folder("depth"), CPU), picture()

        def drawn(levels: np.ndarray) -> np.ndarray:
            return pixels(editor.edit([Edit(given, 3, CAT, grey(levels))], QUICK)[0])

        one = drawn(SLOPE)
        assert np.abs(drawn(SLOPE[:, ::-1]) - one).max() > 2, "mirrored: another depth"
        assert np.abs(drawn(np.round(SLOPE) // 5 + 100) - one).max() <= 8, "less contrast: the same depth"

    def test_a_flat_map_is_refused(self, folder: Folder) -> None:
        """Stretching it to -1 .. 1 would divide by zero, and the picture would come out black."""
        editor = DepthEditor(folder("depth"), CPU)
        with pytest.raises(SettingError, match="the same everywhere"):
            editor.edit([Edit(picture(), 3, CAT, grey(np.full((32, 32), 7)))], QUICK)
        with pytest.raises(SettingError, match="the same everywhere"):  # one latent has no differences
            editor.edit([Edit(picture(8, 8), 3, CAT, grey(SLOPE[:8, :8]))], QUICK)

    def test_a_map_of_another_size_is_refused(self, folder: Folder) -> None:
        editor = DepthEditor(folder("depth"), CPU)
        with pytest.raises(SettingError, match="depth map is 16x32, the picture 32x32"):
            editor.edit([Edit(picture(), 3, CAT, half(16, 32))], QUICK)

    def test_without_a_prompt_it_says_so(self, folder: Folder) -> None:
        with pytest.raises(SettingError, match="needs a prompt"):
            DepthEditor(folder("depth"), CPU).edit([Edit(picture(), 3)], QUICK)

    def test_given_and_estimated_maps_in_one_batch(self, folder: Folder) -> None:
        editor = DepthEditor(folder("depth"), CPU, batch=4)
        edits = [Edit(picture(), 1, CAT), Edit(picture(), 1, CAT, grey(SLOPE)), Edit(picture(), 2, CAT)]
        drawn = editor.edit(edits, QUICK)
        assert [made.provenance["depth"] for made in drawn] == ["estimated", "given", "estimated"]
        assert [made.provenance["seed"] for made in drawn] == [1, 1, 2]


class TestInpaint:
    def test_outside_the_mask_every_pixel_is_kept(self, folder: Folder) -> None:
        editor, given, mask = InpaintEditor(folder("inpaint"), CPU), picture(37, 21), half(37, 21)
        before, after = pixels(given), pixels(editor.edit([Edit(given, 3, None, mask)], QUICK)[0])
        white = pixels(mask)[..., 0] == 255
        assert np.array_equal(after[~white], before[~white])
        assert np.abs(after[white] - before[white]).mean() > 5

    def test_unless_that_is_switched_off(self, folder: Folder) -> None:
        editor = InpaintEditor(folder("inpaint"), CPU, keep=False)
        drawn = editor.edit([Edit(picture(), 3, None, half())], QUICK)[0]
        white = pixels(half())[..., 0] == 255
        assert not np.array_equal(pixels(drawn)[~white], pixels(picture())[~white])
        assert drawn.provenance["kept_outside_mask"] is False

    def test_grey_counts_as_white_from_the_middle_up(self, folder: Folder) -> None:
        editor = InpaintEditor(folder("inpaint"), CPU)
        levels = np.where(np.arange(32)[None, :] < 16, 127, 128).repeat(32, 0)
        after = pixels(editor.edit([Edit(picture(), 3, None, grey(levels))], QUICK)[0])
        assert np.array_equal(after[:, :16], pixels(picture())[:, :16])
        assert np.abs(after[:, 16:] - pixels(picture())[:, 16:]).mean() > 5

    def test_a_mask_is_needed_with_white_in_it_and_of_the_same_size(self, folder: Folder) -> None:
        editor = InpaintEditor(folder("inpaint"), CPU)
        with pytest.raises(SettingError, match="needs a mask"):
            editor.edit([Edit(picture(), 3)], QUICK)
        with pytest.raises(SettingError, match="nothing white"):
            editor.edit([Edit(picture(), 3, None, grey(np.full((32, 32), 127)))], QUICK)
        with pytest.raises(SettingError, match="mask is 16x32, the picture 32x32"):
            editor.edit([Edit(picture(), 3, None, half(16, 32))], QUICK)

    @pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux"])
    def test_any_text_to_image_model_inpaints(self, folder: Folder, family: str) -> None:
        editor = InpaintEditor(folder(family), CPU)
        after = pixels(editor.edit([Edit(picture(), 3, CAT, half())], EditSettings(steps=3, strength=0.9))[0])
        assert np.array_equal(after[:, :16], pixels(picture())[:, :16])
        assert np.abs(after[:, 16:] - pixels(picture())[:, 16:]).mean() > 5

    def test_what_the_safety_checker_blocks_is_marked(self, folder: Folder) -> None:
        """Black all over, not pasted together with the original, and said."""
        edits = [Edit(picture(), 3, CAT, half())]
        blocked = InpaintEditor(folder("inpaint-safety"), CPU).edit(edits, QUICK)[0]
        assert "safety checker" in blocked.provenance["blocked"]
        assert pixels(blocked).max() == 0
        off = LoadSettings(device="cpu", safety=False)
        free = InpaintEditor(folder("inpaint-safety"), off).edit(edits, QUICK)[0]
        assert "blocked" not in free.provenance and pixels(free).max() > 0


FAMILIES = ["sd", "sdxl", "sd3", "flux", "flux-schnell"]


class TestImageToImage:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_pixels_are_those_of_plain_diffusers(self, folder: Folder, family: str) -> None:
        """24 x 40: no square and not the model's own size, to which some pipelines shrink by themselves."""
        editor, given = ImageToImageEditor(folder(family), CPU), picture(32, 48)
        ours = editor.edit([Edit(given, 3, CAT)], EditSettings(steps=4, strength=0.75))[0]
        kind = getattr(diffusers, ours.provenance["pipeline"])
        sizes = {"width": 32, "height": 48} if family in ("sd3", "flux", "flux-schnell") else {}
        plain = open_pipeline(folder(family), CPU, kind)(
            prompt="a cat", image=to_image(given), strength=0.75, num_inference_steps=4,
            generator=torch.Generator().manual_seed(3), **sizes,
        ).images[0]  # fmt: skip
        assert "Img2Img" in kind.__name__ and plain.size == (32, 48)
        assert np.abs(pixels(ours) - np.asarray(plain).astype(int)).max() == 0

    @pytest.mark.parametrize("family", FAMILIES)
    def test_odd_sizes_come_out_as_they_went_in(self, folder: Folder, family: str) -> None:
        editor = ImageToImageEditor(folder(family), CPU)
        drawn = editor.edit([Edit(picture(37, 21), 3, CAT)], EditSettings(steps=2))[0]
        assert (drawn.width, drawn.height) == (37, 21)

    def test_a_negative_prompt_matters(self, folder: Folder) -> None:
        plain, against = (ImageToImageEditor(folder("sd"), CPU, negative=text) for text in ("", "a dog"))
        one, other = (e.edit([Edit(picture(), 3, CAT)], QUICK)[0] for e in (plain, against))
        assert np.abs(pixels(one) - pixels(other)).max() > 2

    @pytest.mark.parametrize("family", ["inpaint", "depth", "upscale-x4"])
    def test_models_of_other_tasks_are_refused(self, folder: Folder, family: str) -> None:
        with pytest.raises(SettingError, match=r"made for another task|choose a model of Stable"):
            ImageToImageEditor(folder(family), CPU)

    def test_what_the_model_does_not_read_of_a_prompt_is_told(self, folder: Folder) -> None:
        """The tiny tokenizer reads 75 letters."""
        editor = ImageToImageEditor(folder("sd"), CPU)
        short, long = (
            editor.edit([Edit(picture(), 3, Prompt(text))], QUICK)[0] for text in ("x" * 75, "x" * 75 + "yz")
        )
        assert "unread" not in short.provenance and long.provenance["unread"] == ["yz"]

    @pytest.mark.parametrize("steps", [1, 3, 7])
    def test_the_strength_that_a_refusal_names_is_enough(self, folder: Folder, steps: int) -> None:
        editor = ImageToImageEditor(folder("sd"), CPU)
        with pytest.raises(SettingError) as refused:
            editor.edit([Edit(picture(), 3, CAT)], EditSettings(steps=steps, strength=0.99 / steps))
        named = float(str(refused.value).split("at least ")[1].split()[0])
        assert editor.edit([Edit(picture(), 3, CAT)], EditSettings(steps=steps, strength=named))

    def test_a_sampler_that_cannot_do_so_few_steps_is_refused(self, folder: Folder) -> None:
        """Heun and PNDM fail half-way; which number is too small is diffusers' business."""
        editor = ImageToImageEditor(folder("sd"), CPU)
        with pytest.raises(SettingError, match="PNDMScheduler cannot do 1 steps"):
            editor.edit([Edit(picture(), 3, CAT)], EditSettings(steps=1, strength=1, sampler="pndm"))

    def test_a_mask_is_refused(self, folder: Folder) -> None:
        with pytest.raises(SettingError, match="takes no guide picture"):
            ImageToImageEditor(folder("sd"), CPU).edit([Edit(picture(), 3, CAT, half())], QUICK)


class TestUpscaling:
    def test_the_latent_one_reads_a_prompt_only_with_a_scale(self, folder: Folder) -> None:
        editor = UpscaleLatentEditor(folder("upscale-latent"), CPU)
        with pytest.raises(SettingError, match="does not read its prompt at scale 0"):
            editor.edit([Edit(picture(), 3, CAT)], QUICK)
        cat, dog = (
            editor.edit([Edit(picture(), 3, prompt)], EditSettings(steps=2, scale=7.5))[0]
            for prompt in (CAT, Prompt("a dog in the fog"))
        )
        assert np.abs(pixels(cat) - pixels(dog)).max() > 2

    def test_noise_on_the_small_picture_matters_and_has_a_range(self, folder: Folder) -> None:
        edit = Edit(picture(16, 16), 3)
        little, much = (
            UpscaleX4Editor(folder("upscale-x4"), CPU, noise_level=level).edit([edit], QUICK)[0]
            for level in (0, 300)
        )
        assert np.abs(pixels(little) - pixels(much)).max() > 2
        assert (little.provenance["noise_level"], much.provenance["noise_level"]) == (0, 300)
        with pytest.raises(SettingError, match="noise_level is 351: give 0 to 350"):
            UpscaleX4Editor(folder("upscale-x4"), CPU, noise_level=351)

    def test_strength_is_refused(self, folder: Folder) -> None:
        with pytest.raises(SettingError, match="takes no strength"):
            UpscaleX4Editor(folder("upscale-x4"), CPU).edit([Edit(picture(), 3)], EditSettings(strength=0.5))


class TestVariations:
    @pytest.mark.parametrize("family", ["stable-unclip", "unclip-variation"])
    def test_they_come_from_the_picture(self, folder: Folder, family: str) -> None:
        editor = VariationsEditor(folder(family), CPU)
        bright = grey(np.full((32, 32), 250))
        one, other = (editor.edit([Edit(given, 3)], QUICK)[0] for given in (picture(), bright))
        assert np.abs(pixels(one) - pixels(other)).max() > 2

    def test_which_square_was_looked_at_is_told(self, folder: Folder) -> None:
        editor = VariationsEditor(folder("stable-unclip"), CPU)
        wide = editor.edit([Edit(picture(64, 32), 3)], QUICK)[0]
        assert wide.provenance["looked_at"] == [16, 0, 48, 32]
        whole = Picture(picture(64, 32).png, 64, 32)
        middle = to_image(whole).crop((16, 0, 48, 32))
        from tasvir.models.hub.drawing import to_picture

        same = editor.edit([Edit(to_picture(middle, {}), 3)], QUICK)[0]
        assert np.array_equal(pixels(wide), pixels(same))

    def test_karlo_takes_neither_prompt_nor_noise(self, folder: Folder) -> None:
        editor = VariationsEditor(folder("unclip-variation"), CPU)
        with pytest.raises(SettingError, match="takes no prompt"):
            editor.edit([Edit(picture(), 3, CAT)], QUICK)
        with pytest.raises(SettingError, match="takes no noise_level"):
            VariationsEditor(folder("unclip-variation"), CPU, noise_level=5)

    def test_karlo_needs_two_steps(self, folder: Folder) -> None:
        editor = VariationsEditor(folder("unclip-variation"), CPU, super_resolution_steps=2)
        with pytest.raises(SettingError, match=r"steps is 1: .* needs at least 2"):
            editor.edit([Edit(picture(), 3)], EditSettings(steps=1))
        assert editor.edit([Edit(picture(), 3)], QUICK)[0].provenance["super_resolution_steps"] == 2
        with pytest.raises(SettingError, match="super_resolution_steps is 1"):
            VariationsEditor(folder("unclip-variation"), CPU, super_resolution_steps=1)

    def test_a_prompt_and_noise_matter_to_stable_unclip(self, folder: Folder) -> None:
        calm, noisy = (VariationsEditor(folder("stable-unclip"), CPU, noise_level=n) for n in (0, 900))
        one = pixels(calm.edit([Edit(picture(), 3)], QUICK)[0])
        assert np.abs(one - pixels(calm.edit([Edit(picture(), 3, CAT)], QUICK)[0])).max() > 2
        assert np.abs(one - pixels(noisy.edit([Edit(picture(), 3)], QUICK)[0])).max() > 2

    def test_another_kind_of_model_is_refused(self, folder: Folder) -> None:
        with pytest.raises(SettingError, match="makes no variations"):
            VariationsEditor(folder("sd"), CPU)


@pytest.mark.parametrize("settings", [{"strength": 0.0}, {"strength": 1.5}, {"steps": 0}, {"scale": -1.0}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(settings))):
        EditSettings(**settings)


def test_a_batch_below_one_is_refused() -> None:
    with pytest.raises(SettingError, match="batch is 0"):
        DepthEditor("anything", CPU, batch=0)

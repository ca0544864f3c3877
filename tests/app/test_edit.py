"""`tasvir edit`, end to end on tiny models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tasvir.app.cli.arguments import read_guide_picture, read_picture
from tasvir.app.cli.edit import sort_words
from tasvir.app.cli.main import app
from tasvir.errors import SettingError
from tasvir.models.hub.drawing import to_image
from tasvir.models.tiny.families import write


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for family in ("sd", "inpaint", "inpaint-safety", "upscale-x4"):
        write(family, root / family)
    return root


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (13, 19, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "mask.png"
    Image.fromarray(np.where(np.arange(19)[None, :] < 9, 0, 255).repeat(13, 0).astype(np.uint8)).save(path)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["edit", *map(str, words)])


def chunks(path: Path) -> dict[str, str]:
    with Image.open(path) as image:
        return dict(image.text)  # type: ignore[attr-defined]  # PNG


def test_a_picture_is_made_larger_and_tells_how(models: Path, photo: Path, tmp_path: Path) -> None:
    result = run(
        f"upscale-x4:{models / 'upscale-x4'}", photo, "a lawn", "--steps", 2, "--set", "noise_level=5",
        "--out", tmp_path / "large",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    path = tmp_path / "large" / "photo-upscale-x4-0.png"
    assert str(path) in result.output
    with Image.open(path) as image:
        assert image.size == (76, 52)
    told = chunks(path)
    assert (told["prompt"], told["seed"]) == ("a lawn", "0")
    assert json.loads(told["provenance"])["noise_level"] == 5


def test_outside_the_mask_the_file_holds_the_same_pixels(
    models: Path, photo: Path, mask: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.png"
    result = run(
        f"inpaint:{models / 'inpaint'}", photo, "--guide-picture", mask, "--steps", 2, "--out", out, "--json"
    )
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)[0]
    assert (row["picture"], row["provenance"]["kept_outside_mask"]) == (str(out), True)
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (photo, out))
    assert np.array_equal(before[:, :9], after[:, :9]) and not np.array_equal(before, after)


def test_several_pictures_with_several_seeds(models: Path, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (16, 16), "red").save(other)
    result = run(
        f"image-to-image:{models / 'sd'}", photo, other, "a cat", "--steps", 2, "-n", 2, "--seed", 4,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"{stem}-image-to-image-{seed}.png" for stem in ("other", "photo") for seed in (4, 5)]


def test_a_blocked_picture_is_said(models: Path, photo: Path, mask: Path, tmp_path: Path) -> None:
    words = (f"inpaint:{models / 'inpaint-safety'}", photo, "--guide-picture", mask, "--steps", 2)
    blocked = run(*words, "--out", tmp_path / "a.png")
    assert blocked.exit_code == 0 and "--no-safety-checker" in blocked.output
    free = run(*words, "--no-safety-checker", "--out", tmp_path / "b.png")
    assert free.exit_code == 0 and "blocked:" not in free.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("image-to-image:{sd}", "{photo}"), "needs a prompt"),
        (("image-to-image:{sd}", "{photo}", "a", "b"), "put it in quotes"),
        (("image-to-image:{sd}", "a cat"), "is no picture file"),
        (("image-to-image:{sd}", "gone.png", "a cat"), "cannot read the picture gone.png"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--strength", "0.01"), "less than one step"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--strength", "2"), "strength is 2.0"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--guide-picture", "{photo}"), "takes no guide picture"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--set", "beta=1"), "they have: batch, negative"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--set", "batch=x"), "batch=x: expected int"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--device", "gpu"), "--device 'gpu'"),
        (("paint:{sd}", "{photo}", "a cat"), "no editor is called"),
        (("inpaint:{sd}", "{photo}", "a cat"), "needs a mask"),
        (("image-to-image:{sd}", "{photo}", "{photo}", "a cat"), "the same name"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--out", "{photo}"), "replace the picture that is read"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--out", "new.jpg"), "written as PNG"),
        (("image-to-image:{sd}", "{photo}", "a cat", "--seed", "4294967295", "-n", "2"), "a smaller seed"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: tuple[str, ...],
    said: str,
    models: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    filled = [word.replace("{sd}", str(models / "sd")).replace("{photo}", str(photo)) for word in words]
    before = photo.read_bytes()
    result = run(*filled)
    assert result.exit_code == 2, result.output
    assert said in result.output.replace("\n", " ")
    assert photo.read_bytes() == before and not list(photo.parent.glob("out/*"))


def test_ctrl_c_keeps_what_is_done(
    models: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasvir.generate.editors.image_to_image import ImageToImageEditor

    once = ImageToImageEditor.redraw

    def redraw(self: ImageToImageEditor, edits: list, settings: object) -> list:
        if edits[0].seed == 1:
            raise KeyboardInterrupt
        return once(self, edits, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(ImageToImageEditor, "redraw", redraw)
    result = run(
        f"image-to-image:{models / 'sd'}", photo, "a cat", "--steps", 2, "-n", 3, "--out", tmp_path / "out"
    )
    assert result.exit_code == 130
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo-image-to-image-0.png"]


def test_words_are_pictures_by_suffix_or_by_being_files(photo: Path, tmp_path: Path) -> None:
    bare = tmp_path / "scan"
    bare.write_bytes(photo.read_bytes())
    assert sort_words([str(bare), "b.JPG", "a cat.", "c.webp"]) == (
        [bare, Path("b.JPG"), Path("c.webp")],
        "a cat.",
    )


class TestReading:
    def test_what_is_transparent_is_white_and_not_what_lies_under_it(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(path)
        assert to_image(read_picture(path)).getpixel((0, 0)) == (255, 255, 255)

    def test_a_photo_is_turned_as_its_camera_says(self, tmp_path: Path) -> None:
        path, exif = tmp_path / "a.jpg", Image.Exif()
        exif[0x0112] = 6  # the camera was turned by 90 degrees
        Image.new("RGB", (16, 8)).save(path, exif=exif)
        turned = read_picture(path)
        assert (turned.width, turned.height) == (8, 16)

    @pytest.mark.parametrize("mode", ["I;16", "I", "F"])
    def test_deep_depth_maps_keep_their_order(self, tmp_path: Path, mode: str) -> None:
        path = tmp_path / ("a.png" if mode == "I;16" else "a.tiff")
        levels = np.array([[1000, 30000, 60000]], dtype=np.uint16)
        Image.fromarray(levels.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode])).save(path)
        read = np.asarray(to_image(read_guide_picture(path)))[0, :, 0]
        assert read.tolist() == [0, round(29000 / 59000 * 255), 255]

    def test_a_deep_mask_that_is_white_everywhere_stays_white(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        for level, shown in ((65535, 255), (0, 0)):
            Image.fromarray(np.full((2, 2), level, np.uint16)).save(path)
            assert to_image(read_guide_picture(path)).getpixel((0, 0)) == (shown,) * 3

    def test_deep_grey_photos_keep_their_levels(self, tmp_path: Path) -> None:
        Image.fromarray(np.array([[0, 1000, 32768, 65535]], np.uint16)).save(tmp_path / "a.png")
        assert np.asarray(to_image(read_picture(tmp_path / "a.png")))[0, :, 1].tolist() == [0, 4, 128, 255]
        Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tiff")
        with pytest.raises(SettingError, match="8 or 16 bits"):
            read_picture(tmp_path / "a.tiff")

    def test_a_mask_in_transparency_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(path)
        with pytest.raises(SettingError, match="partly transparent"):
            read_guide_picture(path)
        Image.new("RGBA", (4, 4), (255, 255, 255, 255)).save(path)
        assert to_image(read_guide_picture(path)).getpixel((0, 0)) == (255, 255, 255)

"""`tasvir lab` as typed: training, samples, likelihoods, comparisons, data; small, but real."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner, Result

from tasvir.app.cli.lab import train as train_command
from tasvir.app.cli.lab.compare import read_budgets
from tasvir.app.cli.lab.likelihood import lines
from tasvir.app.cli.lab.sample import read_labels
from tasvir.app.cli.main import app
from tasvir.bench import data_files
from tasvir.errors import SettingError
from tasvir.lab.data.opening import open_data
from tasvir.lab.data.points import law
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.models import lab_runs
from tasvir.models.lab_likelihood import measure
from tasvir.models.lab_runs import open_run

SMALL = ["--set", "width=8", "--set", "depth=1", "--device", "cpu"]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    torch.set_flush_denormal(False)  # training sets it for the whole process


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TASVIR_DATA", str(tmp_path / "user"))


def lab(runner: CliRunner, *words: object) -> Result:
    return runner.invoke(app, ["lab", *map(str, words)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two Gaussians, hardly trained."""
    out = tmp_path_factory.mktemp("points") / "run"
    words = ["train", "edm", "--data", "2d:two-gaussians", "--out", out, "--steps", 30, "--batch", 32, *SMALL]
    assert lab(CliRunner(), *words).exit_code == 0
    return out


def write_idx(folder: Path) -> None:
    """Twelve pictures of 8 x 8 pixels in three classes, and six to test with."""
    dice = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for part, n in (("train", 12), ("t10k", 6)):
        for name, array in (
            (f"{part}-images-idx3-ubyte.gz", dice.integers(0, 256, (n, 8, 8))),
            (f"{part}-labels-idx1-ubyte.gz", np.arange(n) % 3),
        ):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
            (folder / name).write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of pictures with classes."""
    root = tmp_path_factory.mktemp("pictures")
    write_idx(root / "idx")
    words = ["--data", f"idx:{root / 'idx'}", "--out", root / "run", "--steps", 4, "--batch", 4]
    given = ["--network", "unet", "--set", "width=8", "--set", "conditional=true", "--dtype", "float32"]
    done = lab(CliRunner(), "train", "edm", *words, *given, "--device", "cpu", "--samples-every", 0)
    assert done.exit_code == 0, done.output
    return root / "run"


def test_training_tells_where_everything_is(runner: CliRunner, tmp_path: Path) -> None:
    words = [
        "train",
        "edm",
        "--data",
        "2d:moons",
        "--steps",
        3,
        "--batch",
        8,
        "--out",
        tmp_path / "run",
        *SMALL,
    ]
    rows = lab(runner, *words, "--json")
    last = json.loads(rows.stdout.splitlines()[-1])
    assert (last["progress"], last["step"], last["examples"]) == (1.0, 3, 24)
    assert "config, curve and samples are in" in rows.stderr
    with Image.open(tmp_path / "run" / "curve.png") as drawn:
        assert drawn.width > 300
    again = lab(runner, *words)
    assert again.exit_code == 1 and "already holds a run: add --resume" in again.stderr
    resumed = lab(runner, "train", "edm", "--out", tmp_path / "run", "--resume", "--device", "cpu")
    assert resumed.exit_code == 0, resumed.output


def test_the_folder_is_named_after_method_and_data(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[lab_runs.LabSettings] = []
    monkeypatch.setattr(lab_runs, "train", lambda asked, *_: seen.append(asked) or asked.out)
    monkeypatch.setattr(train_command, "_draw_curve", lambda _: None)
    for data, folder in (
        ("2d:moons", "lab-edm-2d-moons"),
        ("mnist", "lab-edm-mnist"),
        ("folder:/a/b/cats", "lab-edm-folder-cats"),
    ):
        assert lab(runner, "train", "edm", "--data", data).exit_code == 0
        assert seen[-1].out == Path("runs") / folder
    values = ["n=3", "x=0.5", "flag=true", "word=v", "nothing=null"]
    assert (
        lab(runner, "train", "edm", *(word for value in values for word in ("--set", value))).exit_code == 0
    )
    assert seen[-1].options == {"n": 3, "x": 0.5, "flag": True, "word": "v", "nothing": None}
    assert lab(runner, "train", "edm", "--network", "dit", "--teacher", "t").exit_code == 0
    assert (seen[-1].options, seen[-1].teacher) == ({"name": "dit"}, Path("t"))
    assert lab(runner, "train", "edm", "--network", "auto").exit_code == 0
    assert seen[-1].options is None, "a resumed run is asked for nothing"


def test_ctrl_c_says_how_to_go_on(runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "my run"

    def pressed(asked: lab_runs.LabSettings, *_: Any) -> Path:
        if asked.seed == 1:
            out.mkdir(exist_ok=True)
            (out / "state.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(lab_runs, "train", pressed)
    result = lab(
        runner,
        "train",
        "ddpm",
        "--data",
        "digits",
        "--out",
        out,
        "--seed",
        1,
        "--threads",
        2,
        "--data-dir",
        "d",
    )
    assert result.exit_code == 130
    assert (
        result.stderr.replace("\n", " ")
        .strip()
        .endswith(f"tasvir lab train ddpm --out '{out}' --resume --threads 2 --data-dir d")
    )
    early = lab(runner, "train", "ddpm", "--data", "digits", "--out", tmp_path / "other")
    assert early.exit_code == 130 and "nothing to go on from" in early.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "edn", "--data", "2d:moons"), "did you mean 'edm'"),
        (("train", "edm", "--data", "moons"), "2d:moons"),
        (("train", "edm", "--data", "mnist"), "tasvir lab data mnist"),
        (("train", "edm", "--data", "2d:moons", "--steps", "0"), "steps is 0: give 1 or more"),
        (("train", "edm", "--data", "2d:moons", "--set", "width"), "expected NAME=VALUE"),
        (("train", "edm"), "--data"),
        (("compare",), "or --oracle NAME"),
        (("compare", "--oracle", "ring"), "--samplers"),
        (("compare", "--oracle", "ring", "--samplers", "hun"), "'heun'"),
        (("compare", "--oracle", "rong", "--samplers", "heun"), "known: line"),
        (("compare", "--oracle", "ring", "--samplers", "heun", "--nfe", "0"), "1 or more"),
        (("compare", "--oracle", "ring", "--samplers", "heun", "--nfe", "ten"), "such as 5,10"),
        (("compare", "--oracle", "ring", "--samplers", "heun", "-n", "2"), "3 or more"),
        (("compare", "--oracle", "ring", "--samplers", "heun", "-n", "0"), "3 or more"),
        (("compare", "--oracle", "ring", "--samplers", "heun", "--distance", "feet"), "sliced-wasserstein"),
        (("compare", "--oracle", "ring", "--samplers", "heun", "--schedule", "train"), "known: karras"),
        (("compare", "--oracle", "ring", "--samplers", "dopri5"), "chooses its evaluations itself"),
        (("data", "imagenet"), "known: mnist"),
    ],
)
def test_what_cannot_be_done_is_said(runner: CliRunner, words: tuple[str, ...], message: str) -> None:
    result = lab(runner, *words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr.replace("\n", " ")


def test_folders_that_hold_no_run_are_said(runner: CliRunner, tmp_path: Path) -> None:
    for words in (
        ("sample", tmp_path),
        ("likelihood", tmp_path),
        ("compare", tmp_path, "--samplers", "ddim"),
    ):
        result = lab(runner, *words, "--device", "cpu")
        assert result.exit_code == 1 and "holds no run of the laboratory" in result.stderr


def test_samples_come_as_numbers_and_picture(runner: CliRunner, points: Path, tmp_path: Path) -> None:
    words = ["sample", points, "-n", 50, "--seed", 4, "--sampler", "heun", "--nfe", 9, "--out", tmp_path]
    row = told(lab(runner, *words, "--json", "--device", "cpu"))
    assert (row["n"], row["evaluations"], row["sampler"]) == (50, 9, "heun")
    x = load_file(tmp_path / "samples.safetensors")["x"]
    from tasvir.lab.diffusion.samplers.heun import HeunSampler

    expected = open_run(points, "cpu").model.sample(50, 4, sampler=HeunSampler(), steps=5).x
    assert torch.equal(x, expected)
    with Image.open(tmp_path / "samples.png") as shown:
        assert shown.size == (320, 320)
    plain = lab(runner, "sample", points, "-n", 10, "--device", "cpu")
    assert "10 samples, 35 evaluations each" in plain.stdout and (points / "drawn" / "samples.png").exists()


def test_classes_and_guidance_change_pictures(runner: CliRunner, pictures: Path, tmp_path: Path) -> None:
    found = {}
    for name, words in {
        "plain": [],
        "classes": ["--labels", "0-1"],
        "guided": ["--labels", "0-1", "--guidance", "3"],
        "unguided": ["--labels", "0,1", "--guidance", "1"],
    }.items():
        given = ["sample", pictures, "-n", 4, "--steps", 3, "--out", tmp_path / name, "--device", "cpu"]
        row = told(lab(runner, *given, *words, "--json"))
        assert row["evaluations"] == 5
        found[name] = load_file(tmp_path / name / "samples.safetensors")["x"]
        assert found[name].shape == (4, 1, 8, 8)
    assert torch.equal(found["classes"], found["unguided"])
    assert not torch.equal(found["classes"], found["guided"])
    assert not torch.equal(found["classes"], found["plain"])
    for words, message in (
        (["--labels", "7"], "0 to 2"),
        (["--guidance", "2"], "give --labels"),
        (["--labels", "a"], "such as 3"),
    ):
        wrong = lab(runner, "sample", pictures, "--steps", 2, "--device", "cpu", *words)
        assert wrong.exit_code == 2 and message in wrong.stderr.replace("\n", " ")


def test_labels_and_budgets_by_hand() -> None:
    assert read_labels("3") == [3] and read_labels("0-2,7") == [0, 1, 2, 7] and read_labels("") == []
    for text in ("2-1", "x", "1-", "-1"):
        with pytest.raises(SettingError):
            read_labels(text)
    assert read_budgets("20,5, 5") == [5, 20]
    for text in ("", "5;6", ",", "0,5", "-1"):
        with pytest.raises(SettingError):
            read_budgets(text)


def test_on_an_oracle_errors_fall_and_are_of_the_exact_flow(runner: CliRunner, tmp_path: Path) -> None:
    words = ["--samplers", "ddim", "heun", "ancestral", "--nfe", "15,60", "-n", 300]
    plot = tmp_path / "plot.png"
    row = told(lab(runner, "compare", "--oracle", "correlated", *words, "--json", "--plot", plot))
    cells = {(cell["sampler"], cell["budget"]): cell for cell in row["cells"]}
    with Image.open(plot) as drawn:
        assert len(cells) == 6 and drawn.width > 500
    assert cells["ddim", 15]["evaluations"] == 15 and cells["heun", 15]["evaluations"] == 15
    first, second = (cells["ddim", budget]["flow_error"] for budget in (15, 60))
    assert first / second == pytest.approx(4, rel=0.35), "first order: a quarter of the step"
    assert cells["heun", 60]["flow_error"] < second / 2
    assert cells["ancestral", 60]["flow_error"] is None
    assert abs(row["floor"]) < 4 * row["floor_error"]
    assert abs(cells["heun", 60]["distance"]) < 4 * cells["heun", 60]["error"]


def test_on_a_run_the_truth_is_held_out(runner: CliRunner, points: Path) -> None:
    words = ["compare", points, "--samplers", "ddim", "--nfe", "4", "-n", 100, "--device", "cpu"]
    row = told(lab(runner, *words, "--json"))
    (cell,) = row["cells"]
    assert cell["evaluations"] == 4 and cell["flow_error"] is None and cell["distance"] > row["floor"]
    plain = lab(runner, *words, "--distance", "sliced-wasserstein").stdout
    assert "ddim" in plain and "as many true ones are at" in plain


def test_a_plot_without_matplotlib_is_refused_at_once(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = lab(runner, "compare", "--oracle", "ring", "--samplers", "ddim", "--plot", tmp_path / "a.png")
    assert result.exit_code == 2 and "tasvir[lab]" in result.stderr
    words = ["--data", "2d:moons", "--steps", 1, "--batch", 8, "--out", tmp_path / "run", *SMALL]
    trained = lab(runner, "train", "edm", *words)
    assert trained.exit_code == 0 and "tasvir[lab]" in trained.stderr
    assert (tmp_path / "run" / "curve.jsonl").exists() and not (tmp_path / "run" / "curve.png").exists()


def test_a_model_that_tells_the_true_density_is_found_right(points: Path) -> None:
    run = open_run(points, "cpu")
    known = law("two-gaussians")
    assert known is not None

    class Exact:
        network = run.model.network

        def bound(self, data: torch.Tensor, seed: int) -> Bound:
            return Bound(known.log_density(data.double()), True, torch.full((len(data),), 0.3), 1.5)

    found = measure(replace(run, model=Exact()), None, 400, 0)  # type: ignore[arg-type]
    assert found["nats"] == pytest.approx(found["true_nats"]) and found["exact"] and found["n"] == 400
    assert found["drawing_error"] == pytest.approx(0.3 / 20) and found["bits_per_dimension"] == 1.5
    spread = known.log_density(lab_points(400)).std()
    assert found["standard_error"] == pytest.approx(float(spread) / 20)
    shown = "\n".join(lines(found))
    assert "1.5000 bits a dimension" in shown and "the law of the data themselves says" in shown
    bound = "\n".join(lines({**found, "exact": False, "drawing_error": None, "true_nats": None}))
    assert "lower bound" in bound and "at most 1.5000 bits" in bound


def test_of_tokens_too_the_law_is_told_beside_the_bound(tmp_path: Path) -> None:
    words = ["--data", "tokens:pairs", "--out", tmp_path, "--steps", 1, "--batch", 4, *SMALL]
    done = lab(CliRunner(), "train", "masked", *words)
    assert done.exit_code == 0, done.output
    found = measure(open_run(tmp_path, "cpu"), None, 8, 0)
    first, second = open_data("tokens:pairs").test[:8].T
    share = torch.tensor([0.1, 0.2, 0.3, 0.4])[first] * torch.where(second == (first + 1) % 4, 0.85, 0.05)
    assert found["true_nats"] == pytest.approx(float(share.log().mean()), rel=1e-6)
    assert not (tmp_path / "samples").exists(), "tokens have no picture"


def lab_points(n: int) -> torch.Tensor:
    return open_data("2d:two-gaussians").test[:n].double()


def test_a_method_without_likelihood_says_why(points: Path) -> None:
    run = open_run(points, "cpu")

    class Silent:
        network = run.model.network

        def bound(self, data: torch.Tensor, seed: int) -> None:
            return None

    with pytest.raises(SettingError, match="edm tells no likelihood"):
        measure(replace(run, model=Silent()), None, 4, 0)  # type: ignore[arg-type]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serves a small "mnist" whose hashes are the published ones for now."""
    write_idx(tmp_path / "net" / "idx")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(tmp_path / "net"))

        def log_message(self, *_: Any) -> None:
            pass

    files = {
        path.name: hashlib.md5(gzip.decompress(path.read_bytes())).hexdigest()
        for path in (tmp_path / "net" / "idx").iterdir()
    }
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    address = f"http://127.0.0.1:{serving.server_address[1]}/"
    mirrors = (f"{address}gone/", f"{address}idx/")
    small = replace(data_files.PUBLISHED["mnist"], files=files, mirrors=mirrors)
    monkeypatch.setitem(data_files.PUBLISHED, "mnist", small)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield address
    serving.shutdown()
    serving.server_close()
    thread.join()


def test_published_data_come_from_the_next_mirror_and_are_trained_on(
    runner: CliRunner, server: str, tmp_path: Path
) -> None:
    done = lab(runner, "data", "mnist")
    assert done.exit_code == 0 and str(tmp_path / "user" / "lab" / "mnist") in done.stdout.replace("\n", "")
    words = ["--steps", 1, "--batch", 2, "--set", "width=8", "--device", "cpu", "--out", tmp_path / "run"]
    trained = lab(runner, "train", "edm", "--data", "mnist", *words, "--dtype", "float32")
    assert trained.exit_code == 0, trained.output
    assert json.loads((tmp_path / "run" / "config.json").read_text())["facts"]["shape"] == [1, 8, 8]


def test_files_of_the_user_are_checked_and_kept_whole_or_not_at_all(
    runner: CliRunner, server: str, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in (tmp_path / "net" / "idx").iterdir():
        (own / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
    kept = tmp_path / "kept"
    assert lab(runner, "data", "mnist", "--from", own, "--data-dir", kept).exit_code == 0
    assert sorted(path.name for path in (kept / "mnist").iterdir()) == sorted(p.name for p in own.iterdir())
    from tasvir.lab.data.opening import open_data

    assert torch.equal(open_data("mnist", kept).train, open_data(f"idx:{tmp_path / 'net' / 'idx'}").train)
    before = {path.name: path.read_bytes() for path in (kept / "mnist").iterdir()}
    labels = own / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x09")
    wrong = lab(runner, "data", "mnist", "--from", own, "--data-dir", kept)
    assert wrong.exit_code == 2 and "its MD5 differs" in wrong.stderr
    labels.unlink()
    missing = lab(runner, "data", "mnist", "--from", own, "--data-dir", kept)
    assert missing.exit_code == 2 and "holds no t10k-labels" in missing.stderr.replace("\n", " ")
    assert {path.name: path.read_bytes() for path in (kept / "mnist").iterdir()} == before
    assert [path.name for path in kept.iterdir()] == ["mnist"]


def test_a_server_without_the_files_says_what_to_do(runner: CliRunner, server: str, tmp_path: Path) -> None:
    gone = lab(runner, "data", "mnist", "--from", f"{server}gone/")
    assert gone.exit_code == 1 and "404" in gone.stderr and "by hand" in gone.stderr.replace("\n", " ")
    (tmp_path / "file").write_text("")
    full = lab(runner, "data", "mnist", "--data-dir", tmp_path / "file" / "below")
    assert full.exit_code == 1 and "--data-dir" in full.stderr.replace("\n", " ")


def test_the_published_hashes_are_of_files_that_are_opened() -> None:
    """One MD5 and one name for each of the four files of an IDX set, and the archive of CIFAR-10."""
    from tasvir.lab.data import cifar, idx

    for name in ("mnist", "fashion-mnist"):
        published = data_files.PUBLISHED[name]
        assert {file.rpartition("-idx")[0] for file in published.files} == set(idx.PARTS)
        assert len(set(published.files.values())) == 4 and published.unpacked
    assert list(data_files.PUBLISHED["cifar10"].files) == [cifar.ARCHIVE]
    for published in data_files.PUBLISHED.values():
        assert all(len(md5) == 32 for md5 in published.files.values())
        assert all(mirror.endswith("/") for mirror in published.mirrors)

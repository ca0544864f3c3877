"""Pictures in the layouts of others: read, written, read back; what is amiss is told, nothing is outside."""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from tasvir.bench import foreign, foreign_writing
from tasvir.bench.foreign_writing import Exported
from tasvir.errors import OutputError, RecordError, SettingError, UnknownNameError
from tasvir.records import SuitePrompt
from tasvir.results import Cell, MetricInfo, ModelInfo, RunResults

PROMPTS = (
    SuitePrompt("color-000", "a green kettle and a blue spoon", "color"),
    SuitePrompt("color-001", "a café. And Mr. Cup.", "color"),
    SuitePrompt("spatial-000", "a kettle on the left of a spoon", "spatial"),
)
OBJECTS = (
    SuitePrompt("00003", "a picture of a cup", "single_object", {"include": [{"class": "cup", "count": 1}]}),
    SuitePrompt(
        "00007",
        "a picture of two cups",
        "counting",
        {"include": [{"class": "cup", "count": 2}], "exclude": [{"class": "cup", "count": 3}]},
    ),
)


def png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def put(folder: Path, *names: str) -> None:
    for level, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(level))


def matched(read: foreign.Foreign) -> list[tuple[str, int, str]]:
    return [(found.prompt, found.seed, found.path.name) for found in read.found]


def exported(folder: Path, prompts: tuple[SuitePrompt, ...], seeds: tuple[int, ...]) -> list[Exported]:
    """A picture of its own for every prompt and seed."""
    listed = []
    for number, (prompt, seed) in enumerate((prompt, seed) for prompt in prompts for seed in seeds):
        path = folder / f"{number}.png"
        path.write_bytes(png(10 * number))
        listed.append(Exported(prompt, seed, path))
    return listed


def test_a_plain_folder_by_id_and_seed(tmp_path: Path) -> None:
    put(tmp_path, "color-000_7.png", "deep/color-001.JPG", "color-000_12.webp", "else_1.png", "notes.txt")
    read = foreign.read(tmp_path, PROMPTS)
    assert read.kind == "folder"
    assert matched(read) == [
        ("color-000", 7, "color-000_7.png"),
        ("color-000", 12, "color-000_12.webp"),
        ("color-001", 0, "color-001.JPG"),
    ]
    assert [told.rpartition("/")[2] for told in read.unmatched] == [
        "else_1.png: its name is no prompt's id, nor ID_SEED"
    ]
    assert read.missing == ("spatial-000",)


def test_an_id_that_ends_in_a_number_is_an_id_first(tmp_path: Path) -> None:
    put(tmp_path, "a_1.png", "a_2.png", "a_1_5.png")
    read = foreign.read(tmp_path, (SuitePrompt("a", "x"), SuitePrompt("a_1", "y")))
    assert matched(read) == [("a", 2, "a_2.png"), ("a_1", 0, "a_1.png"), ("a_1", 5, "a_1_5.png")]


def test_t2i_compbenchs_samples(tmp_path: Path) -> None:
    """Its numbers may run through the folder or begin anew with each prompt: they only give the order."""
    decomposed = unicodedata.normalize("NFD", PROMPTS[1].text)  # as some systems spell names of files
    put(
        tmp_path,
        f"samples/{PROMPTS[0].text}_000000.png",
        f"samples/{decomposed}_000004.png",
        f"samples/{decomposed}_000003.png",
        "samples/a prompt of another suite_000001.png",
        "samples/grid.png",
    )
    read = foreign.read(tmp_path, PROMPTS)
    assert read.kind == "t2i-compbench"
    assert [(prompt, seed) for prompt, seed, _ in matched(read)] == [
        ("color-000", 0), ("color-001", 0), ("color-001", 1)
    ]  # fmt: skip
    assert read.found[1].path.stem.endswith("000003")
    assert len(read.unmatched) == 2 and read.missing == ("spatial-000",)


def test_pictures_of_two_models_are_not_mixed(tmp_path: Path) -> None:
    put(tmp_path, *(f"{model}/samples/{PROMPTS[0].text}_000000.png" for model in "ab"))
    with pytest.raises(
        SettingError, match="has two pictures of that number: name a folder with the pictures"
    ):
        foreign.read(tmp_path, PROMPTS)
    put(tmp_path / "plain", "x/color-000.png", "y/color-000.jpg")
    with pytest.raises(SettingError, match=r"are both the picture of prompt 'color-000', seed 0"):
        foreign.read(tmp_path / "plain", PROMPTS)


def test_genevals_folders(tmp_path: Path) -> None:
    for folder, text in (("00000", OBJECTS[1].text), ("00001", "another"), ("00002", OBJECTS[0].text)):
        put(tmp_path / folder, "samples/0000.png", "samples/00001.png", "grid.png")
        (tmp_path / folder / "metadata.jsonl").write_text(json.dumps({"prompt": text, "tag": "x"}))
    put(tmp_path / "00002" / "samples", "best.png")
    read = foreign.read(tmp_path, OBJECTS)
    assert read.kind == "geneval"
    assert matched(read) == [
        ("00003", 0, "0000.png"),
        ("00003", 1, "00001.png"),
        ("00007", 0, "0000.png"),
        ("00007", 1, "00001.png"),
    ]
    assert read.found[0].path.parent.parent.name == "00002", (
        "by the prompt's text, not by the folder's number"
    )
    assert len(read.unmatched) == 2 and read.missing == ()
    (tmp_path / "00001" / "metadata.jsonl").write_text("{")
    with pytest.raises(SettingError, match=r"00001.metadata.jsonl, line 1: "):
        foreign.read(tmp_path, OBJECTS)


def test_evalscopes_lines(tmp_path: Path) -> None:
    """Its ids are numbers of lines; the text says which prompt it is, the id where there is no text."""
    put(tmp_path / "images", "1.png", "2.png", "3.png", "4.png")
    rows = [
        {"id": 1, "prompt": PROMPTS[0].text, "image_path": "images/1.png"},
        {"id": 2, "prompt": PROMPTS[0].text, "image_path": str(tmp_path / "images" / "2.png")},
        {"id": "spatial-000", "image_path": "images/3.png", "tags": ["x"]},
        {"id": "color-001", "prompt": "another text", "image_path": "images/4.png"},
        {"id": 5, "prompt": PROMPTS[1].text, "image_path": "images/5.png"},
        {"id": 6, "prompt_id": "color-001", "prompt": "changed since", "image_path": "images/4.png"},
    ]
    file = tmp_path / "list.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = foreign.read(file, PROMPTS)
    assert read.kind == "evalscope"
    assert matched(read) == [
        ("color-000", 0, "1.png"),
        ("color-000", 1, "2.png"),
        ("spatial-000", 0, "3.png"),
    ]
    assert [told.partition(": ")[2] for told in read.unmatched] == [
        *["neither id nor prompt is one of the suite's"] * 2,
        "is not there",
    ]  # fmt: skip
    assert read.missing == ("color-001",)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: Expecting"),
        ("[1]", "line 1: expected an object with 'id', 'prompt' and 'image_path'"),
        ('{"prompt": "a"}', "line 1: expected an object"),
        ('{"prompt": "a", "image_path": "x", "seed": -1}', "line 1: 'seed' is -1"),
    ],
)
def test_wrong_lines_are_told(line: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text(line)
    with pytest.raises(SettingError, match=told):
        foreign.read(tmp_path / "list.jsonl", PROMPTS)


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    put(tmp_path, "outside.png", "inside/color-000.png")
    rows = [
        {"id": "color-000", "image_path": "../outside.png"},
        {"id": "color-001", "image_path": str(tmp_path / "outside.png")},
        {"id": "spatial-000", "image_path": "color-000.png"},
    ]
    (inside / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (inside / "color-001.png").symlink_to(tmp_path / "outside.png")
    for path in (inside / "list.jsonl", inside):
        read = foreign.read(path, PROMPTS)
        assert len(read.found) == 1
        assert any("lies outside" in told for told in read.unmatched)
    assert len(foreign.read(inside / "list.jsonl", PROMPTS, root=tmp_path).found) == 3


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    put(tmp_path, "else.png")
    with pytest.raises(
        SettingError, match=r"none of its pictures is one of the suite's, read as folder; e.g."
    ):
        foreign.read(tmp_path, PROMPTS)
    with pytest.raises(UnknownNameError, match="there is no folder of pictures"):
        foreign.read(tmp_path / "none", PROMPTS)
    with pytest.raises(UnknownNameError, match="no layout of pictures is called 'hpd'"):
        foreign.read(tmp_path, PROMPTS, "hpd")
    with pytest.raises(SettingError, match="evalscope is a file"):
        foreign.read(tmp_path, PROMPTS, "evalscope")


@pytest.mark.parametrize("kind", foreign_writing.WRITERS)
def test_what_is_written_is_read_back(kind: str, tmp_path: Path) -> None:
    """Seeds 0 and 1, because two of the layouts only number the pictures of a prompt."""
    prompts = OBJECTS if kind == "geneval" else PROMPTS
    pictures = exported(tmp_path, prompts, (0, 1))
    out = tmp_path / "out"
    assert foreign_writing.write(kind, pictures, out) == len(pictures)
    read = foreign.read(out / "prompts.jsonl" if kind == "evalscope" else out, prompts)
    assert (read.kind, read.unmatched, read.missing) == (kind, (), ())
    assert [(found.prompt, found.seed, found.path.read_bytes()) for found in read.found] == [
        (entry.prompt.id, entry.seed, entry.picture.read_bytes()) for entry in pictures
    ]


def test_the_layouts_are_those_that_the_others_scripts_read(tmp_path: Path) -> None:
    """T2I-CompBench cuts names at the first "_" and sorts by the number; GenEval reads tag and objects."""
    foreign_writing.write("t2i-compbench", exported(tmp_path, PROMPTS, (42, 43)), tmp_path / "t2i")
    names = sorted(path.name for path in (tmp_path / "t2i" / "color" / "samples").iterdir())
    assert sorted((int(name.split("_")[-1].split(".")[0]), name.split("_")[0]) for name in names) == [
        (0, PROMPTS[0].text), (1, PROMPTS[0].text), (2, PROMPTS[1].text), (3, PROMPTS[1].text)
    ]  # fmt: skip
    foreign_writing.write("geneval", exported(tmp_path, OBJECTS, (1, 2)), tmp_path / "geneval")
    assert sorted(path.name for path in (tmp_path / "geneval").iterdir()) == ["00003", "00007"]
    assert json.loads((tmp_path / "geneval" / "00007" / "metadata.jsonl").read_text()) == {
        "tag": "counting",
        "include": [{"class": "cup", "count": 2}],
        "exclude": [{"class": "cup", "count": 3}],
        "prompt": "a picture of two cups",
    }
    foreign_writing.write("evalscope", exported(tmp_path, PROMPTS[:1], (5,)), tmp_path / "evalscope")
    assert json.loads((tmp_path / "evalscope" / "prompts.jsonl").read_text()) == {
        "id": "color-000_5",
        "prompt": PROMPTS[0].text,
        "image_path": "images/color-000_5.png",
        "prompt_id": "color-000",
        "category": "color",
        "seed": 5,
    }


@pytest.mark.parametrize(
    ("kind", "prompt", "told"),
    [
        ("t2i-compbench", SuitePrompt("p", "black and/or white"), "'p' cannot be the name of a file"),
        ("t2i-compbench", SuitePrompt("p", "two\nlines"), "'p' cannot be the name of a file"),
        ("t2i-compbench", SuitePrompt("p", "..."), "'p' cannot be the name of a file"),
        ("t2i-compbench", SuitePrompt("p", "snake_case"), "'p' holds '_'"),
        ("t2i-compbench", SuitePrompt("p", "ö" * 123), r"'p' is too long .*257 bytes, at most 255"),
        ("folder", SuitePrompt("../p", "a dog"), "cannot be the name of a file"),
        ("evalscope", SuitePrompt("a/p", "a dog"), "cannot be the name of a file"),
        ("geneval", SuitePrompt("p", "a dog"), "'p' does not say which objects must be there"),
    ],
)
def test_prompts_without_a_name_in_a_layout_are_told(
    kind: str, prompt: SuitePrompt, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=told):
        foreign_writing.write(kind, exported(tmp_path, (prompt,), (0,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    pictures = exported(tmp_path, PROMPTS, (0,))
    with pytest.raises(UnknownNameError, match="expected folder, t2i-compbench, geneval, evalscope"):
        foreign_writing.write("hpd", pictures, tmp_path / "out")
    with pytest.raises(SettingError, match="is not empty"):
        foreign_writing.write("folder", pictures, tmp_path)
    with pytest.raises(SettingError, match="no pictures to write"):
        foreign_writing.write("folder", [], tmp_path / "out")
    with pytest.raises(SettingError, match="'color-000', seed 0, is there twice"):
        foreign_writing.write("folder", [*pictures, pictures[0]], tmp_path / "out")
    pictures[1].picture.unlink()
    with pytest.raises(RecordError, match="is not there: draw it again"):
        foreign_writing.write("folder", pictures, tmp_path / "out")
    with pytest.raises(OutputError, match="cannot write to the folder"):
        foreign_writing.write("folder", pictures[:1], tmp_path / "0.png" / "out")


def results() -> RunResults:
    cells = [
        Cell(
            "s",
            prompt.id,
            model,
            seed,
            {"steps": steps},
            "ab",
            f"pictures/{model}{prompt.id}{seed}{steps}.png",
        )
        for prompt in PROMPTS
        for model in ("m", "n")
        for steps in (1, 4)
        for seed in (0, 1)
    ]
    cells.append(Cell("s", "color-000", "m", 2, {"steps": 1}, reason="it failed"))
    prompts = {("s", prompt.id): prompt for prompt in PROMPTS}
    return RunResults(
        {},
        {"s": {}},
        prompts,
        (ModelInfo("m", "m"), ModelInfo("n", "n")),
        (MetricInfo("x", {}, "0"),),
        tuple(cells),
    )


def test_pictures_of_a_run(tmp_path: Path) -> None:
    found = foreign_writing.of_run(results(), tmp_path, suite="s", model="n", settings={"steps": 4})
    assert [(entry.prompt, entry.seed) for entry in found] == [(p, seed) for p in PROMPTS for seed in (0, 1)]
    assert found[0].picture == tmp_path / "pictures" / "ncolor-00004.png"
    assert len(foreign_writing.of_run(results(), tmp_path, suite="s", model="m", settings={"steps": 1})) == 6
    with pytest.raises(SettingError, match="several settings: choose one of"):
        foreign_writing.of_run(results(), tmp_path, suite="s", model="m")
    with pytest.raises(UnknownNameError, match="it has the suites s and the models m, n"):
        foreign_writing.of_run(results(), tmp_path, suite="s", model="other")

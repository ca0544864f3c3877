"""Files are found in folders and at addresses; what is not there, too large or no file is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tasvir import registry
from tasvir.bench.base import Suite
from tasvir.bench.download import download
from tasvir.bench.importing import add_suite, importable
from tasvir.bench.suite_folder import data_folder, remove_suite, suite_folder
from tasvir.errors import DownloadError, OutputError, SettingError, UnknownNameError

TABLE = b"A green kettle.\tColors \r\nFour spoons.\tCounting"
COLORS = b"a green kettle and a blue spoon\n"


class Files(BaseHTTPRequestHandler):
    """Serves what a test put in."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/table.tsv")
            self.end_headers()
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"a dog\tColors")
        elif path == "/slow":
            time.sleep(1)
        elif path in self.files:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.files[path])))
            self.end_headers()
            self.wfile.write(self.files[path])
        else:
            self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        Files.files = {
            "/table.tsv": TABLE,
            "/page": b"\n<!DOCTYPE html><html>",
            "/large": bytes(2**20),
            "/dataset/color_val.txt": COLORS,
            **{
                f"/dataset/{name}_val.txt": b"a cup\n"
                for name in (
                    "shape",
                    "texture",
                    "spatial",
                    "3d_spatial",
                    "numeracy",
                    "non_spatial",
                    "complex",
                )
            },
        }
        served = ThreadingHTTPServer(("127.0.0.1", 0), Files)
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        served.server_close()
        thread.join()


def test_a_file_of_an_address(server: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    address = f"{server}/moved?token=very-secret"
    told = add_suite(
        "drawbench", address, accept=True, root=tmp_path, on_progress=lambda *at: seen.append(at)
    )
    assert told.rows == 2 and seen[-1] == (len(TABLE), len(TABLE))
    found = registry.create("suites", "drawbench", Suite, folder=tmp_path)
    assert [(entry.id, entry.category) for entry in found.prompts()] == [
        ("000", "Colors"),
        ("001", "Counting"),
    ]
    kept = "".join(file.read_text() for file in told.folder.iterdir())
    assert "secret" not in kept and f"{server}/moved" in kept


def test_a_folder_of_an_address(server: str, tmp_path: Path) -> None:
    told = add_suite("t2i-compbench", f"{server}/dataset/", accept=True, root=tmp_path)
    assert told.categories["color"] == told.categories["complex"] == 1 and told.rows == 8
    assert "new_objects.txt is not there" in told.notes


@pytest.mark.parametrize(
    ("path", "told"),
    [("/none", "the server says 404"), ("/cut", "cut short|IncompleteRead"), ("/dataset/", "404")],
)
def test_what_cannot_be_had_says_what_to_do_by_hand(
    path: str, told: str, server: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=told) as caught:
        add_suite(
            "drawbench" if path != "/dataset/" else "geneval", f"{server}{path}?token=secret", root=tmp_path
        )
    assert "download it by hand" in str(caught.value) and "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_no_network_a_slow_server_and_a_large_file(server: str) -> None:
    with pytest.raises(DownloadError, match=r"cannot get http://127.0.0.1:1/a: .*refused.*--from"):
        download("http://127.0.0.1:1/a")
    with pytest.raises(DownloadError, match="timed out"):
        download(f"{server}/slow", timeout=0.1)
    with pytest.raises(DownloadError, match=r"larger than 0.5 MiB"):
        download(f"{server}/large", max_bytes=2**19)


def test_addresses_that_are_none(server: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"is a web page.*raw file"):
        add_suite("drawbench", f"{server}/page", root=tmp_path)
    with pytest.raises(SettingError, match="leave user and password out") as caught:
        download("http://me:secret@127.0.0.1/a")
    assert "secret" not in str(caught.value)
    with pytest.raises(SettingError, match="is no address"):
        download("http://127.0.0.1/a b")


def test_a_folder_is_searched_and_what_is_there_twice_is_told(tmp_path: Path) -> None:
    deep = tmp_path / "clone" / "examples" / "dataset"
    deep.mkdir(parents=True)
    (deep / "color_val.txt").write_bytes(COLORS)
    root = tmp_path / "suites"
    assert add_suite("t2i-compbench", str(tmp_path / "clone"), accept=True, root=root).rows == 1
    (tmp_path / "clone" / "old").mkdir()
    (tmp_path / "clone" / "old" / "color_val.txt").write_bytes(COLORS)
    with pytest.raises(SettingError, match=r"color_val.txt is in .* more than once"):
        add_suite("t2i-compbench", str(tmp_path / "clone"), accept=True, root=root)
    assert add_suite("t2i-compbench", str(deep), accept=True, root=root).rows == 1


def test_wrong_sources_and_forms(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("a dog\n")
    for source, name, told in [
        (tmp_path, "parti", "holds no file of that suite: expected PartiPrompts.tsv"),
        (tmp_path / "none", "parti", "cannot read .*none"),
        (tmp_path / "other.txt", "t2i-compbench", "'other.txt' is none of the suite's files"),
    ]:
        with pytest.raises(UnknownNameError, match=told):
            add_suite(name, str(source), root=tmp_path)
    for name, text, told in [
        ("drawbench", "a dog\n", "line 1: expected a prompt and a category"),
        ("parti", "a\tb\n", "line 1: expected the columns Prompt, Category, Challenge, Note"),
        ("parti", "Prompt\tCategory\tChallenge\tNote\na dog\tx\n", "line 2: 2 columns, expected 4"),
        ("geneval", "[]\n", "line 1: expected an object"),
        ("geneval", '{"tag": "a", "prompt": "b", "include": [{"class": "cup"}]}', "no 'count' from 1"),
        (
            "geneval",
            '{"tag": "a", "prompt": "b", "include": [{"class": "a", "count": 1, "position": ["on", 1]}]}',
            r"expected \[relation, index\]",
        ),
        ("geneval", "\n", "there are no prompts of geneval in it"),
        ("rls-300", "nothing here\n", "there are no prompts of rls-300 in it"),
        ("drawbench", "a dog\tCol\x07ors\n", "prompt 000: the category holds the control character"),
        ("drawbench", "word " * 201 + "\tColors\n", "prompt 000: the prompt has 201 words"),
    ]:
        (tmp_path / "it").write_text(text)
        with pytest.raises(SettingError, match=told):
            add_suite(name, str(tmp_path / "it"), root=tmp_path, accept=True)
    assert not (tmp_path / "parti").exists()


def test_a_spreadsheets_csv_of_drawbench_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "drawbench.csv").write_text('Prompts,Category\n"One cat, two dogs.",Counting\n')
    add_suite("drawbench", str(tmp_path), root=tmp_path, accept=True)
    (entry,) = registry.create("suites", "drawbench", Suite, folder=tmp_path).prompts()
    assert (entry.text, entry.category) == ("One cat, two dogs.", "Counting")


def test_what_needs_no_import_and_what_is_not_here_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'world' needs no import"):
        importable("world")
    with pytest.raises(UnknownNameError, match="imported as a whole"):
        importable("t2i-compbench:color")
    with pytest.raises(UnknownNameError, match=r"tasvir suites add parti --from .*raw.githubusercontent"):
        registry.create("suites", "parti", Suite, folder=tmp_path).prompts()
    with pytest.raises(UnknownNameError, match="no suite 'parti' was imported"):
        remove_suite(suite_folder("parti", tmp_path))


def test_an_import_takes_the_place_of_the_one_before_or_leaves_it(tmp_path: Path) -> None:
    file = tmp_path / "table.tsv"
    root = tmp_path / "suites"
    file.write_bytes(TABLE)
    add_suite("drawbench", str(file), accept=True, root=root)
    file.write_text("no table\n")
    with pytest.raises(SettingError):
        add_suite("drawbench", str(file), accept=True, root=root)
    assert len(registry.create("suites", "drawbench", Suite, folder=root).prompts()) == 2
    file.write_text("A cup.\tColors\n")
    add_suite("drawbench", str(file), accept=True, root=root)
    assert len(registry.create("suites", "drawbench", Suite, folder=root).prompts()) == 1
    assert [path.name for path in root.iterdir()] == ["drawbench"], "nothing is left of the import"
    remove_suite(root / "drawbench")
    assert not list(root.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "table.tsv").write_bytes(TABLE)
    (tmp_path / "suites").write_text("a file stands where the folder shall be")
    with pytest.raises(OutputError, match="name another folder with the environment variable TASVIR_DATA"):
        add_suite("drawbench", str(tmp_path / "table.tsv"), accept=True, root=tmp_path / "suites")


def test_the_data_folder_is_that_of_the_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TASVIR_DATA", str(tmp_path))
    assert suite_folder("parti") == tmp_path / "suites" / "parti"
    monkeypatch.delenv("TASVIR_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "tasvir"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".local" / "share" / "tasvir"

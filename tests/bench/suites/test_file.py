"""A file of one's own as a suite: every form, what becomes of columns, and mistakes by their line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tasvir import registry
from tasvir.bench.base import Suite
from tasvir.bench.prompt_file import read_prompts
from tasvir.errors import SettingError, UnknownNameError
from tasvir.records import SuitePrompt


def suite(path: Path) -> Suite:
    return registry.create("suites", f"file:{path}", Suite)


def prompts(tmp_path: Path, name: str, text: str) -> tuple[SuitePrompt, ...]:
    file = tmp_path / name
    file.write_bytes(text.encode())
    return suite(file).prompts()


def test_lines_of_text(tmp_path: Path) -> None:
    found = prompts(tmp_path, "my.txt", '\ufeff# mine\r\n a red car \r\n\r\na dog, "sitting"')
    assert found == (
        SuitePrompt("0000-a-red-car", "a red car"),
        SuitePrompt("0001-a-dog-sitting", 'a dog, "sitting"'),
    )


def test_csv_with_quotes_lines_and_columns_of_facts(tmp_path: Path) -> None:
    text = (
        "Category,Caption,ID,difficulty,phrases\r\n"
        'colour,"a red, ""shiny"" car",c1,easy,"[""a car""]"\r\n'
        "\r\n"
        'two lines,"a dog\nand a cat",c2,,\r\n'
    )
    assert prompts(tmp_path, "my.CSV", text) == (
        SuitePrompt("c1", 'a red, "shiny" car', "colour", {"difficulty": "easy", "phrases": ["a car"]}),
        SuitePrompt("c2", "a dog\nand a cat", "two lines"),
    )


def test_tsv_takes_quotation_marks_as_letters(tmp_path: Path) -> None:
    (found,) = prompts(tmp_path, "my.tsv", 'prompt\tcategory\na sign that reads "stop\ttext\n')
    assert found.text == 'a sign that reads "stop' and found.category == "text"


def test_json_lines_keep_what_is_in_them(tmp_path: Path) -> None:
    line = '{"id": 7, "text": "two cups", "numbers": {"cup": 2}, "source": ["me", 3]}\n'
    assert prompts(tmp_path, "my.jsonl", line) == (
        SuitePrompt("7", "two cups", "", {"numbers": {"cup": 2}, "source": ["me", 3]}),
    )


def test_the_label_is_the_files_name_and_the_provenance_has_its_checksum(tmp_path: Path) -> None:
    file = tmp_path / "my.txt"
    file.write_text("a dog\n")
    found = suite(file)
    assert found.label == "file:my.txt"
    sha256 = hashlib.sha256(b"a dog\n").hexdigest()
    assert found.provenance == {"source": "my.txt", "sha256": sha256, "rows": 1}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "prompt,id\na dog,1\na cat,1\n", "line 3: the id '1' comes twice"),
        ("a.csv", "prompt\na dog\na cat\na dog\n", "line 4: the same prompt as in line 2"),
        ("a.csv", "prompt,id\na dog,1\na cat\n", "line 3: 1 columns, but the first line names 2"),
        ("a.csv", "prompt,id\na dog,1,2\n", "line 2: 3 columns, but the first line names 2"),
        ("a.csv", 'prompt,id\na dog,1\n"a cat,2\na cow,3\n', "line 3: .*is a quotation mark not closed"),
        ("a.csv", 'prompt,id\n"a" dog,1\n', "line 2: .*is a quotation mark not closed"),
        ("a.csv", "a dog\na cat\n", "line 1: no column is called prompt, text or caption: .*'a dog'"),
        ("a.csv", "prompt;id\na dog;1\n", "line 1: no column is called prompt.*'prompt;id'"),
        ("a.csv", "prompt,id,id\na dog,1,2\n", "line 1: two columns are called 'id'"),
        ("a.csv", "prompt,phrases\na dog,a dog\n", "line 2: 'phrases' is not JSON"),
        ("a.csv", 'prompt,numbers\na dog,"[1]"\n', "line 2: 'numbers' must be an object in JSON"),
        ("a.csv", "prompt,id\n,1\n", "line 2: the prompt is empty"),
        ("a.csv", "prompt,id\n", "holds no prompts"),
        ("a.csv", "", "holds no prompts"),
        ("a.tsv", "prompt\tid\na dog\t../x\n", "line 2: the id '../x' is no folder name"),
        ("a.txt", "a dog\na \x1b[31mcat\n", "line 2: the prompt holds the control character"),
        ("a.csv", "prompt,category\na dog,\x1b[31mred\n", "line 2: the category holds the control"),
        ("a.txt", "# nothing\n\n", "holds no prompts"),
        ("a.jsonl", '{"prompt": "a dog"}\n{"prompt": "a cat"\n', "line 2: Expecting"),
        ("a.jsonl", '{"prompt": "a dog", "include": {}}\n', "line 1: 'include' must be a list"),
    ],
)
def test_mistakes_are_told_by_line(name: str, text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=told):
        prompts(tmp_path, name, text)


def test_another_encoding_is_told_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("a dog\na caf\xe9\n".encode("latin-1"))
    with pytest.raises(SettingError, match="line 2: not UTF-8"):
        suite(tmp_path / "a.txt").prompts()


def test_a_file_that_is_not_there_and_a_suite_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"cannot read the prompts in .*none.txt"):
        suite(tmp_path / "none.txt").prompts()
    with pytest.raises(UnknownNameError, match="stands for many suites: say which, such as file:PATH"):
        registry.create("suites", "file", Suite)
    with pytest.raises(UnknownNameError, match="did you mean 'drawbench'"):
        registry.create("suites", "drawbnch", Suite)


def test_generate_reads_the_same_file_the_same_way(tmp_path: Path) -> None:
    file = tmp_path / "my.csv"
    file.write_text("prompt,id,seed\na dog,,7\na cat,cat,\n")
    tasks = read_prompts(file, 3)
    assert [(task.id, task.prompt.text, task.seed) for task in tasks] == [
        ("0000-a-dog", "a dog", 7), ("cat", "a cat", 3)
    ]  # fmt: skip
    assert [entry.id for entry in suite(file).prompts()] == ["0000-a-dog", "cat"]

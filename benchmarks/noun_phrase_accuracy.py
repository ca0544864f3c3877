"""How often the rules for noun phrases agree with a person, on prompts of T2I-CompBench.

    python benchmarks/noun_phrase_accuracy.py FOLDER [--chunker rules] [--json]

FOLDER holds T2I-CompBench's `*_val.txt`. The answers lie in noun_phrases.jsonl: for 90 prompts (drawn by seed
7 among those that no rule was written by) which words make up each phrase, by one annotator who saw what the
rules had found. No prompt's text is in that file: a line's hash tells whether it is still the same.
Reported: the share of prompts whose phrases all agree, with a 95 % interval (Wilson), by file too, and
precision and recall over phrases.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from tasvir.score.phrases import Chunker, open_chunker
from tasvir.score.statistics import mean_interval

ANSWERS = Path(__file__).with_name("noun_phrases.jsonl")


def measure(folder: Path, chunker: Chunker) -> dict[str, Any]:
    """Agreement over all prompts and by file."""
    agreed: dict[str, list[float]] = {}
    hits = found = wanted = 0
    wrong = []
    for row in map(json.loads, ANSWERS.read_text("utf-8").splitlines()):
        text = prompt_of(folder, row)
        words = re.sub(r"[.,;:!?]", "", text.lower()).split()
        right = [" ".join(words[first:last]) for first, last in row["phrases"]]
        said = [phrase.replace(",", "") for phrase in chunker.chunk(text)]
        agreed.setdefault(row["file"], []).append(float(said == right))
        hits += len(set(said) & set(right))
        found, wanted = found + len(set(said)), wanted + len(set(right))
        if said != right:
            wrong.append([row["file"], row["line"]])
    everything = [value for values in agreed.values() for value in values]
    mean, low, high = mean_interval(everything)
    return {
        "chunker": chunker.name,
        "n": len(everything),
        "agree": [mean, low, high],
        "by file": {name: [sum(values), len(values)] for name, values in agreed.items()},
        "precision": hits / found,
        "recall": hits / wanted,
        "wrong": wrong,
    }


def prompt_of(folder: Path, row: dict[str, Any]) -> str:
    """The prompt that an answer is about; a file that has changed since is an error."""
    lines = (folder / row["file"]).read_text("utf-8").splitlines()
    text = lines[row["line"] - 1].strip()
    if hashlib.sha256(text.encode()).hexdigest()[:16] != row["sha256"]:
        raise SystemExit(f"{row['file']}, line {row['line']}, is another prompt than the one annotated")
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chunker", default="rules")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.folder, open_chunker(given.chunker))
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        mean, low, high = figures["agree"]
        print(f"{figures['chunker']}: {mean:.3f} [{low:.3f}, {high:.3f}] of {figures['n']} prompts agree")
        print(f"phrases: precision {figures['precision']:.3f}, recall {figures['recall']:.3f}")
        for name, (right, number) in figures["by file"].items():
            print(f"  {name:24} {right:.0f} of {number}")

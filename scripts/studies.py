"""The two studies in docs/studies, each made by one command; a stopped one goes on.

    python scripts/studies.py models
        The study of seed 000 in miniature: four generators that differ as its four models do
        (scripts/study_variants.py), drawing what the same guide planned; on one prompt of each category, with
        a sweep of the steps, and on more prompts.
    python scripts/studies.py guidance
        Table 6.3 of the thesis in miniature: plain, layout alone, the whole loop, and the best of as many
        plain pictures, by category.

Reports in Turkish and English. Needs the extra `pdf` for the PDF of the first.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from study_variants import make

METRICS = ("clip-score:embedded", "predicates", "b-vqa:embedded", "blip-clip:embedded")
STEPS = "steps=1,2,4,8,16"
LANGUAGES = ("en", "tr")


def study_models(asked: argparse.Namespace) -> None:
    """Seed 000: an earlier and a later stage, another text encoder, a fine-tune."""
    folders = make(asked.runs / "variants", asked.steps_reader, asked.steps_seaside)
    specs = [f"{name}={_spec(name, folder)}+layout:embedded" for name, folder in folders.items()]
    chosen = ["--models", *specs, "--metrics", *METRICS]
    chosen += ["--derived", "reader=shipped", "--derived", "seaside=shipped", "--derived", "shipped=earlier"]
    few, many = asked.runs / "models-few", asked.runs / "models-many"
    sample = ["--sample", "1-per-category", "--sample-seed", "7"]
    _tasvir("bench", "world", *chosen, *sample, "--sweep", STEPS, "--out", str(few))
    _tasvir("bench", "world", *chosen, *_limit(asked), "--out", str(many))
    titles = {"en": "Four embedded generators compared", "tr": "Dört gömülü üretecin karşılaştırılması"}
    _report(few, asked.out / "models-one-a-category", titles, "html,md,pdf")
    _report(many, asked.out / "models", titles, "html,md")


def study_guidance(asked: argparse.Namespace) -> None:
    """Table 6.3: what guidance adds, at equal budget too."""
    specs = (
        "plain=embedded",
        "layout=embedded+layout:embedded",
        "guided=embedded+guide:embedded",
        "best-of-n=embedded+best-of-n:embedded",
    )
    run = asked.runs / "guidance"
    metrics = ("predicates", "clip-score:embedded", "b-vqa:embedded", "judge:embedded")
    _tasvir(
        "bench", "world", "--models", *specs, "--metrics", *metrics, *_limit(asked), "--out", str(run)
    )  # fmt: skip
    titles = {"en": "What guidance adds", "tr": "Yönlendirme ne katıyor"}
    _report(run, asked.out / "guidance", titles, "html,md")


def _spec(name: str, folder: Path) -> str:
    return "embedded" if name == "shipped" else f"embedded:{folder}"


def _limit(asked: argparse.Namespace) -> list[str]:
    return [] if asked.limit is None else ["--limit", str(asked.limit)]


def _report(run: Path, out: Path, titles: dict[str, str], formats: str) -> None:
    for language in LANGUAGES:
        folder = out / language
        shutil.rmtree(folder, ignore_errors=True)
        said = ["--language", language, "--title", titles[language], "--format", formats]
        _tasvir("report", str(run), *said, "--out", str(folder))


def _tasvir(*words: str) -> None:
    program = Path(sys.executable).with_name("tasvir")
    done = subprocess.run([program, *words], check=False)
    if done.returncode:
        raise SystemExit(f"tasvir {words[0]} ended with {done.returncode}; the same command goes on")


def main() -> None:
    studies = {"models": study_models, "guidance": study_guidance}
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("study", choices=studies)
    options.add_argument("--runs", type=Path, default=Path("runs/studies"), help="where runs are kept")
    options.add_argument("--out", type=Path, default=Path("docs/studies"), help="where reports go")
    options.add_argument("--limit", type=int, help="so many prompts over all categories; all if left out")
    options.add_argument("--steps-reader", type=int, default=500)
    options.add_argument("--steps-seaside", type=int, default=260)
    asked = options.parse_args()
    studies[asked.study](asked)


if __name__ == "__main__":
    main()

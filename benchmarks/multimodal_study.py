"""Chapter 3's tables at full protocol: wall time with a kill in the middle, and whether it changes a digit.

    python benchmarks/multimodal_study.py OUT [--data-dir FOLDER] [--seeds 10] [--kill-after 0.4]

Runs the commands that a user types. Those of image and label are killed with SIGKILL when the second of their
four tables is at the given share of its training, and begun again. Afterwards that table is made once more,
without a kill, in a folder of its own, and every figure of every model is compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TABLES = [(data, rule) for data in ("mnist", "fashion-mnist") for rule in ("poe", "moe")]
TASVIR = "from tasvir.app.cli.main import main; main()"
KILLED = 1
"""Which of the tables is killed."""


def command(kind: str, out: Path, options: argparse.Namespace, seeds: int, **single: str) -> list[str]:
    """What a user types."""
    words = [
        sys.executable,
        "-c",
        TASVIR,
        "lab",
        "multimodal",
        kind,
        "--out",
        str(out),
        "--seeds",
        str(seeds),
    ]
    if kind == "image-label":
        words += ["--data-dir", str(options.data_dir)] if options.data_dir else []
        for name, default in (("data", ("mnist", "fashion-mnist")), ("expert", ("poe", "moe"))):
            for value in [single[name]] if name in single else default:
                words += [f"--{name}", value]
    if options.epochs and kind == "image-label":
        words += ["--epochs", str(options.epochs)]
    return words


def done(folder: Path) -> float:
    """Share of a table's training that its last checkpoint holds."""
    try:
        state = json.loads((folder / "state.json").read_text("utf-8"))
        return float(state["step"] / state["settings"]["steps"])
    except (OSError, ValueError, KeyError):
        return 0.0


def killed_run(words: list[str], folder: Path, share: float) -> float:
    """Run until the table in ``folder`` is so far, kill -9; returns the share that its checkpoint held."""
    process = subprocess.Popen(words)
    while process.poll() is None and done(folder) < share:
        time.sleep(0.2)
    if process.poll() is not None:
        raise SystemExit("the run ended before it could be killed: give a smaller --kill-after")
    process.kill()
    process.wait()
    return done(folder)


def figures(folder: Path) -> dict[str, Any]:
    """Of every model, to the last digit."""
    results = json.loads((folder / "results.json").read_text("utf-8"))
    return {name: results[name] for name in ("figures", "history", "curve")}


def main() -> None:
    """Measure, print, write multimodal_study.json into OUT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--gaussian-seeds", type=int, default=30)
    parser.add_argument(
        "--epochs", type=int, help="Of image and label; the default of the command if left out."
    )
    parser.add_argument("--kill-after", type=float, default=0.4)
    parser.add_argument("--skip-gaussians", action="store_true")
    options = parser.parse_args()
    study, minutes = options.out / "study", {}
    if not options.skip_gaussians:
        began = time.monotonic()
        subprocess.run(command("gaussians", study, options, options.gaussian_seeds), check=True)
        minutes["gaussians"] = (time.monotonic() - began) / 60
    data, rule = TABLES[KILLED]
    name = f"image-label-{rule}-{data}"
    began = time.monotonic()
    words = command("image-label", study, options, options.seeds)
    held = killed_run(words, study / name, options.kill_after)
    subprocess.run(words, check=True)
    minutes["image-label, killed once"] = (time.monotonic() - began) / 60
    whole = options.out / "unkilled"
    began = time.monotonic()
    subprocess.run(command("image-label", whole, options, options.seeds, data=data, expert=rule), check=True)
    minutes["the killed table again, without a kill"] = (time.monotonic() - began) / 60
    same = figures(study / name) == figures(whole / name)
    told = {"minutes": minutes, "killed": name, "checkpoint held": held, "same to the last digit": same}
    (options.out / "multimodal_study.json").write_text(json.dumps(told, indent=2), "utf-8")
    print(json.dumps(told, indent=2))
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()

"""The shipped oracle's own error: predicates read off rendered scenes against their truth.

    python benchmarks/oracle_error.py [-n 1000] [--suite 600] [--traded 200] [--seed 1] [--into DIR] [--json]

Every second description is altered in one place, so that errors of both kinds count. With --into the figures
are written to figures.json of a folder of oracle weights (seal it afterwards with `tasvir train ship`, or by
tasvir.models.embedded.weights.seal). About half a second a scene.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from measuring import options, whole_number

from tasvir.models.embedded.training.oracle_evaluation import (
    evaluate_on_renders,
    evaluate_on_suite,
    evaluate_on_traded,
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.set_defaults(seed=1)
    parser.add_argument("-n", type=whole_number(1), default=1000, help="scenes of the sampler (default 1000)")
    parser.add_argument(
        "--suite", type=whole_number(1), default=600, help="scenes to suite prompts (default 600)"
    )
    parser.add_argument(
        "--traded",
        type=whole_number(1),
        default=200,
        help="scenes with a pair in the wrong order (default 200)",
    )
    parser.add_argument("--into", type=Path, help="folder whose figures.json gets the figures")
    asked = parser.parse_args(arguments)
    figures = evaluate_on_renders(asked.n, asked.seed)
    figures["suite"] = evaluate_on_suite(asked.suite, asked.seed)
    figures["traded"] = evaluate_on_traded(asked.traded, asked.seed)
    if asked.into is not None:
        path = asked.into / "figures.json"
        kept = json.loads(path.read_text("utf-8"))["training"] if path.exists() else None
        whole = figures if kept is None else {**figures, "training": kept}
        path.write_text(json.dumps(whole, indent=2) + "\n", "utf-8")
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    for name, part in (("scenes of the sampler", figures), ("scenes to suite prompts", figures["suite"])):
        print(
            f"{name}: {part['predicate_error']:.4f} of {part['predicates']} predicates wrong "
            f"({part['true_read_as_false']} true read as false, {part['false_read_as_true']} false as true), "
            f"{part['description_error']:.3f} of {part['scenes']} descriptions"
        )
    traded = figures["traded"]
    print(
        f"pairs in the wrong depth order: {traded['read_as_true']:.3f} of {traded['n']} relations "
        "read all the same"
    )


if __name__ == "__main__":
    main()

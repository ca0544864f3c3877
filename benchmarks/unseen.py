"""Arms of finished evaluations on the prompts that nobody had looked at.

    python benchmarks/unseen.py RUN [RUN ...] [--without docs/looked-at.txt] [--json]

RUN is an ``--out`` folder of `tasvir world evaluate`; the parts of one evaluation may lie in several. The
prompts of ``--without``, one id a line, are left out: the world, the planner and the oracle were changed
after looking at failures on them, so they are a development set and no test.
"""

from __future__ import annotations

from pathlib import Path

from measuring import options, show

from tasvir.bench import kept
from tasvir.bench.result import Result


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of an evaluation")
    looked_at = Path(__file__).parents[1] / "docs" / "looked-at.txt"
    parser.add_argument("--without", type=Path, default=looked_at, help="ids to leave out, one a line")
    given = parser.parse_args()
    left_out = set(given.without.read_text("utf-8").split())
    rows = {key: row for run in given.runs for key, row in kept.read_rows(run).items()}
    unseen = Result(tuple(row for (name, _), row in rows.items() if name not in left_out), {}, {})
    arms = {
        arm: {name: figures[name] for name in ("correct", "interval", "n")}
        for arm, figures in unseen.to_dict()["arms"].items()
    }
    show("prompts not looked at", arms, given.json)


if __name__ == "__main__":
    main()

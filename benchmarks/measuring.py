"""What every benchmark shares: the machine's facts, spreads, options, and one way to show results."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated measurements in short.

    Args:
        n: How many.
        median: Half of them are below.
        low: Lower quartile.
        high: Upper quartile.
        least: Smallest.
        most: Greatest.
    """

    n: int
    median: float
    low: float
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Quartiles by linear interpolation between order statistics.

        Raises:
            ValueError: No values.
        """
        if not values:
            raise ValueError("no values: nothing was measured")
        ordered = sorted(values)
        if len(ordered) == 1:
            low = high = ordered[0]
        else:
            low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(len(ordered), statistics.median(ordered), low, high, ordered[0], ordered[-1])

    def __str__(self) -> str:
        return (
            f"{_short(self.median)} median, quartiles {_short(self.low)} to {_short(self.high)}, "
            f"range {_short(self.least)} to {_short(self.most)}, n {self.n}"
        )


def options(description: str | None) -> argparse.ArgumentParser:
    """A parser with --json and --seed."""
    parser = argparse.ArgumentParser(
        description=(description or "").strip(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout; progress on stderr")
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, help="source of all random draws (default 0)"
    )
    return parser


def whole_number(least: int) -> type[int]:
    """A converter for argparse that refuses numbers below ``least``."""

    class Number(int):
        def __new__(cls, text: str) -> Number:
            value = super().__new__(cls, text)
            if value < least:
                raise argparse.ArgumentTypeError(f"{text} is below {least}")
            return value

    Number.__name__ = f"whole number from {least}"
    return Number


def machine() -> dict[str, Any]:
    """Facts without which a time says nothing: cores, threads, load, versions."""
    torch = sys.modules.get("torch")
    return {
        "processor": _processor(),
        "cores": _cores(),
        "threads": None if torch is None else torch.get_num_threads(),
        "threads_reason": "torch was not loaded: one thread" if torch is None else "torch.get_num_threads()",
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def peak_memory_gib() -> float:
    """Greatest resident size of this process so far, GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def show(title: str, figures: Mapping[str, Any], as_json: bool) -> None:
    """Print a benchmark's figures with the machine's facts beside them."""
    data = {"benchmark": title, "machine": machine(), **figures}
    if as_json:
        print(json.dumps(data, indent=2, ensure_ascii=False, default=_plain))
        return
    print(title)
    for name, value in figures.items():
        _print_figure(name, value)
    print("machine: " + ", ".join(f"{name} {value}" for name, value in data["machine"].items()))


def progress(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def _print_figure(name: str, value: Any, indent: str = "  ") -> None:
    label = name.replace("_", " ")
    if isinstance(value, Mapping):
        print(f"{indent}{label}:")
        for inner, item in value.items():
            _print_figure(str(inner), item, indent + "  ")
    else:
        shown = _short(value) if isinstance(value, float) else value
        print(f"{indent}{label}: {shown}")


def _plain(value: Any) -> Any:
    if isinstance(value, Spread):
        return asdict(value)
    raise TypeError(f"not ready for JSON: {value!r}")


def _short(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) and abs(value) < 10_000 else f"{value:.0f}"


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"

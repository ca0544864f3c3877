"""Freed memory is kept where the C library is glibc: steps that make the same tensors map few pages anew."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import resource, sys, torch
from tasvir.lab.training.memory import keep_freed_memory
kept = sys.argv[1] == "keep" and keep_freed_memory()
def step():
    a = torch.ones(3_000_000)
    b, c = a + 1, torch.rand(5_000_000)
    return (b * a).sum() + (c * c).sum()
def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(10)
print(int(kept), faults(20))
"""


def faults_of(word: str) -> tuple[int, int]:
    """Whether memory is kept, and pages that twenty steps mapped."""
    run = subprocess.run([sys.executable, "-c", PROBE, word], capture_output=True, text=True, check=True)
    kept, faults = map(int, run.stdout.split())
    return kept, faults


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has mallopt")
def test_steps_map_fewer_pages_when_memory_is_kept() -> None:
    kept, few = faults_of("keep")
    if not kept:
        pytest.skip("this C library has no mallopt")
    _, many = faults_of("leave")
    assert few < many / 2

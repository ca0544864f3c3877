"""Freed memory is kept where the C library is glibc: a second tensor of the same size faults no page in."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

PROBE = """
import resource, torch
from tasvir.lab.training.memory import keep_freed_memory
kept = keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(20_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
first, second = faults(), faults()
print(int(kept), first, second)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has mallopt")
def test_the_second_tensor_lies_where_the_first_was() -> None:
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    kept, first, second = map(int, run.stdout.split())
    if not kept:
        pytest.skip("this C library has no mallopt")
    pages = 80_000_000 // resource.getpagesize()
    assert first > pages / 1000  # at least huge pages of it
    assert second < first / 10

"""Ctrl-C while training: the step under way is finished first, so that no checkpoint holds half a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Note the first Ctrl-C instead of raising; gives a function that says whether there was one.

    A second Ctrl-C raises KeyboardInterrupt at once. Outside the main thread nothing changes: signals do not
    come there.
    """
    asked = threading.Event()

    def note(_signal: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)

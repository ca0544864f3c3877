"""What calls cost, and the line that they may not cross.

A call is entered before it is made with the most that it can cost, and with what it did cost afterwards, so
that spent + reserved never exceeds the budget however many threads ask at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tasvir.errors import BudgetError


@dataclass
class Entry:
    """One call in the ledger.

    Args:
        most: US dollars that it can cost at most; None = its price is not known.
        spent: What it did cost; the caller sets it, and a failed call leaves it at 0.
    """

    most: float | None
    spent: float = 0.0


class Ledger:
    """The money of all calls under one budget; safe over threads.

    Args:
        budget: US dollars; None sets no limit.
    """

    def __init__(self, budget: float | None) -> None:
        self.budget = budget
        self.spent = 0.0
        """US dollars of the answers that came, at their prices. What a provider bills for a failed attempt is
        not known here and not in it."""
        self._reserved: list[float] = []
        self._changed = threading.Condition()

    @contextmanager
    def entry(self, most: float | None) -> Iterator[Entry]:
        """Make a call within the budget; waits for calls on their way if their remainder may make room.

        Args:
            most: US dollars that the call can cost at most; None = its price is not known.

        Raises:
            BudgetError: It could cost more than is left.
        """
        entry = Entry(most)
        reserved = most or 0.0
        with self._changed:
            while self.budget is not None and self.spent + sum(self._reserved) + reserved > self.budget:
                if not self._reserved:
                    raise BudgetError(_too_much(self.spent, reserved, self.budget))
                self._changed.wait()
            self._reserved.append(reserved)
        try:
            yield entry
        finally:
            with self._changed:
                self._reserved.remove(reserved)
                self.spent += entry.spent
                self._changed.notify_all()


def _too_much(spent: float, most: float, budget: float) -> str:
    return (
        f"the next call can cost up to ${most:.4f}, and ${spent:.4f} of the budget of ${budget:.2f} are "
        "spent: repeat the same command to go on where it stopped, with as much to spend again (answers are "
        "kept), or raise --budget if nothing was spent"
    )

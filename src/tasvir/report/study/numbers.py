"""Numbers as a language writes them: decimal sign, groups of three, percent, units.

Three languages need two decimal signs, two group signs and the place of the percent sign; that is less than
a library of all locales would bring along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasvir.report.study.figures import Figure, Part

MINUS = "\u2212"
NONE = "\u2013"
"""Written where there is no figure."""
LEAST_P = 0.001
"""Smaller p values are written as "< 0.001"."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How one language writes numbers.

    Args:
        point: The decimal sign.
        group: Between groups of three digits.
        percent: The share of hundred with its sign, "{} %".
        second: The unit of time.
    """

    point: str
    group: str
    percent: str
    second: str

    def decimal(self, value: float, digits: int) -> str:
        """A number with so many digits behind the decimal sign; -0 is 0."""
        rounded = round(value, digits)
        text = f"{abs(rounded):,.{digits}f}"
        text = text.replace(",", "\0").replace(".", self.point).replace("\0", self.group)
        return MINUS + text if rounded < 0 else text

    def figure(self, figure: Figure, part: Part = "value", absolute: bool = False) -> str:
        """A figure, or an end of its interval, or its n."""
        value = getattr(figure, part)
        if value is None or not math.isfinite(value):
            return NONE
        value = abs(value) if absolute else value
        if part == "n":
            return self.decimal(value, 0)
        return self._by_kind(value, figure, signed=figure.kind == "difference" and not absolute)

    def interval(self, figure: Figure) -> str:
        """The interval, "[0.1, 0.2]" or "[0,1; 0,2]"; empty where there is none."""
        if figure.low is None or figure.high is None:
            return ""
        between = "; " if self.point == "," else ", "
        return f"[{self.figure(figure, 'low')}{between}{self.figure(figure, 'high')}]"

    def _by_kind(self, value: float, figure: Figure, signed: bool) -> str:
        if figure.kind == "count":
            return self.decimal(value, 0)
        if figure.kind == "p":
            return f"< {self.decimal(LEAST_P, 3)}" if value < LEAST_P else self.decimal(value, 3)
        if figure.kind == "share":
            return self.percent.format(self.decimal(value * 100, 0))
        if figure.kind == "seconds":
            return f"{self.decimal(value, _digits_of_time(value))} {self.second}"
        if figure.kind == "bytes":
            return f"{self.decimal(value / 2**30, 2)} GiB"
        text = self.decimal(value, figure.digits)
        return f"+{text}" if signed and round(value, figure.digits) > 0 else text


NUMBERS = {
    "en": Numbers(".", ",", "{} %", "s"),
    "tr": Numbers(",", ".", "%{}", "sn"),
    "zh": Numbers(".", ",", "{}%", "秒"),
}


def _digits_of_time(seconds: float) -> int:
    """Three significant digits between a millisecond and a hundred seconds."""
    return 0 if seconds >= 100 else 1 if seconds >= 10 else 2 if seconds >= 1 else 3

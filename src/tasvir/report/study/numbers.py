"""Numbers as a language writes them: decimal sign, groups of three, percent, units.

Three languages need two decimal signs, two group signs and the place of the percent sign; that is less than
a library of all locales would bring along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasvir.report.study.values import Part, Value

MINUS = "\u2212"
NONE = "\u2013"
"""Written where there is no number."""
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

    def decimal(self, number: float, digits: int) -> str:
        """A number with so many digits behind the decimal sign; -0 is 0."""
        rounded = round(number, digits)
        text = f"{abs(rounded):,.{digits}f}"
        text = text.replace(",", "\0").replace(".", self.point).replace("\0", self.group)
        return MINUS + text if rounded < 0 else text

    def write(self, value: Value, part: Part = "value", absolute: bool = False) -> str:
        """A value, or an end of its interval, or its n."""
        number = getattr(value, part)
        if number is None or not math.isfinite(number):
            return NONE
        number = abs(number) if absolute else number
        if part == "n" or value.kind == "count":
            return self.decimal(number, 0)
        if value.kind == "p":
            return f"< {self.decimal(LEAST_P, 3)}" if number < LEAST_P else self.decimal(number, 3)
        if value.kind == "share":
            return self.percent.format(self.decimal(number * 100, 0))
        if value.kind == "seconds":
            return f"{self.decimal(number, _digits_of_time(number))} {self.second}"
        if value.kind == "bytes":
            return f"{self.decimal(number / 2**30, 2)} GiB"
        text = self.decimal(number, value.digits)
        signed = value.kind == "difference" and not absolute and round(number, value.digits) > 0
        return f"+{text}" if signed else text

    def interval(self, value: Value) -> str:
        """The interval, "[0.1, 0.2]" or "[0,1; 0,2]"; empty where there is none."""
        if value.low is None or value.high is None:
            return ""
        between = "; " if self.point == "," else ", "
        return f"[{self.write(value, 'low')}{between}{self.write(value, 'high')}]"


NUMBERS = {
    "en": Numbers(".", ",", "{}\u00a0%", "s"),
    "tr": Numbers(",", ".", "%{}", "sn"),
    "zh": Numbers(".", ",", "{}%", "秒"),
}


def _digits_of_time(seconds: float) -> int:
    """Three significant digits between a millisecond and a hundred seconds."""
    return 0 if seconds >= 100 else 1 if seconds >= 10 else 2 if seconds >= 1 else 3

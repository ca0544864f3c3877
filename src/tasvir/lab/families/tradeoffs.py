"""What chapter 2 says of the families, each statement beside the numbers of one comparison and their verdict.

A statement is shown where the numbers differ as it says, by more than two errors where they have one; else it
is not shown, which is not the same as wrong. Nothing is said of a family that was not compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tasvir.lab.families.comparing import Row
from tasvir.lab.families.measuring import Look

ERRORS = 2.0
EXACT = ("flow", "autoregressive")
ONE_RUN = ("vae", "gan")


@dataclass(frozen=True)
class Figure:
    """A mean and its standard error: over seeds where there are several, else of the measurement or None."""

    value: float
    error: float | None

    def above(self, other: Figure) -> bool:
        """By more than `ERRORS` errors of the difference; where an error is not known it counts as 0."""
        return self.value - other.value > ERRORS * math.hypot(self.error or 0.0, other.error or 0.0)

    def __str__(self) -> str:
        return short(self.value) if self.error is None else f"{short(self.value)} ± {short(self.error, 2)}"


def short(value: float, digits: int = 3) -> str:
    """A number of so many digits, whole from 100 on, never in powers of ten but for the tiniest."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"


@dataclass(frozen=True)
class Standing:
    """A family over its seeds; None where it has no such figure."""

    family: str
    seeds: int
    nats: Figure | None
    exact: bool
    bits: Figure | None
    precision: Figure
    recall: Figure
    mmd: Figure
    found: Figure | None
    modes: int | None
    within: Figure | None
    sharpness: Figure | None
    runs: Figure
    seconds_a_thousand: Figure
    examples_a_second: Figure
    steps: Figure
    parameters: int
    no_likelihood: str | None


def standing(rows: Sequence[Row]) -> Standing | None:
    """The figures of one family's rows; None where none of them came out."""
    done = [row for row in rows if row.look is not None and row.cost is not None]
    if not done:
        return None
    looks = [row.look for row in done if row.look is not None]
    said = [row.likelihood for row in done if row.likelihood is not None]
    costs = [row.cost for row in done if row.cost is not None]
    modes = [look.modes for look in looks if look.modes is not None]
    sharp = [look.sharpness for look in looks if look.sharpness is not None]
    bits = [one.bits_per_dimension for one in said if one.bits_per_dimension is not None]
    return Standing(
        family=done[0].family,
        seeds=len(done),
        nats=_figure([one.nats for one in said], [one.standard_error for one in said]) if said else None,
        exact=all(one.exact for one in said),
        bits=_figure(bits) if bits else None,
        precision=_share([look.precision for look in looks], looks),
        recall=_share([look.recall for look in looks], looks),
        mmd=_figure([look.mmd for look in looks], [look.mmd_error for look in looks]),
        found=_figure([float(one.found) for one in modes]) if modes else None,
        modes=modes[0].of if modes else None,
        within=_share([one.within for one in modes], looks) if modes else None,
        sharpness=_figure(sharp) if sharp else None,
        runs=_figure([float(row.evaluations or 0) for row in done]),
        seconds_a_thousand=_figure([row.seconds_a_thousand or 0.0 for row in done]),
        examples_a_second=_figure([cost.examples / cost.seconds for cost in costs]),
        steps=_figure([float(cost.steps) for cost in costs]),
        parameters=costs[0].parameters,
        no_likelihood=done[0].no_likelihood,
    )


def _figure(values: Sequence[float], errors: Sequence[float] | None = None) -> Figure:
    if not all(map(math.isfinite, values)):
        return Figure(fmean(values), None)
    if len(values) > 1:
        return Figure(fmean(values), stdev(values) / math.sqrt(len(values)))
    return Figure(values[0], None if errors is None else errors[0])


def _share(values: Sequence[float], looks: Sequence[Look]) -> Figure:
    return _figure(values, [share_error(one, look.n) for one, look in zip(values, looks, strict=True)])


def share_error(share: float, n: int) -> float:
    """Standard error of a share of n, two of either added so that 0 has one too (Agresti and Coull 1998)."""
    middle = (share * n + 2) / (n + 4)
    return math.sqrt(middle * (1 - middle) / (n + 4))


@dataclass(frozen=True)
class Verdict:
    """A statement of the chapter and what this comparison makes of it.

    Args:
        statement: In our words.
        shown: None where it was not measured.
        numbers: What the verdict rests on.
    """

    statement: str
    shown: bool | None
    numbers: str


Standings = Mapping[str, Standing]
Check = Callable[[Standings, Look], tuple[bool, str] | None]


def verdicts(standings: Standings, truth: Look) -> list[Verdict]:
    """Every statement; truth is how training examples look beside the same held-out ones."""
    found = []
    for statement, check in STATEMENTS:
        answer = check(standings, truth)
        shown, numbers = (
            (None, "a family or a figure that it needs is missing here") if answer is None else answer
        )
        found.append(Verdict(statement, shown, numbers))
    return found


def _gan_drops_modes(s: Standings, truth: Look) -> tuple[bool, str] | None:
    if "gan" not in s or s["gan"].found is None or s["gan"].modes is None:
        return None
    own, others = (
        s["gan"],
        [f"{n} {one.found}" for n, one in s.items() if n != "gan" and one.found is not None],
    )
    assert own.found is not None and own.modes is not None
    return own.found.value < own.modes, f"modes found of {own.modes}: gan {own.found}; {', '.join(others)}"


def _gan_covers_less(s: Standings, truth: Look) -> tuple[bool, str] | None:
    others = {n: one.recall for n, one in s.items() if one.nats is not None}
    if "gan" not in s or not others:
        return None
    own = s["gan"].recall
    numbers = f"recall: gan {own}; {_list(others)}; training examples {truth.recall:.4g}"
    return all(other.above(own) for other in others.values()), numbers


def _vae_is_approximate(s: Standings, truth: Look) -> tuple[bool, str] | None:
    known = [(n, s[n]) for n in EXACT if n in s and s[n].exact]  # of levels a flow tells a bound, too
    exact = {n: one.nats for n, one in known if one.nats is not None}
    if "vae" not in s or s["vae"].nats is None or not exact:
        return None
    own = s["vae"].nats
    numbers = f"nats an example: vae {own} as a lower bound; {_list(exact)}"
    return not s["vae"].exact and all(other.above(own) for other in exact.values()), numbers


def _vae_blurs(s: Standings, truth: Look) -> tuple[bool, str] | None:
    if "vae" not in s or len(s) < 2:
        return None
    if s["vae"].sharpness is None or truth.sharpness is None:
        others = {n: one.precision for n, one in s.items() if n != "vae"}
        own = s["vae"].precision
        shown = all(other.above(own) for other in others.values())
        return shown, f"share of samples among the data: vae {own}; {_list(others)}"
    ratios = {n: one.sharpness.value / truth.sharpness for n, one in s.items() if one.sharpness is not None}
    least = min(ratios, key=lambda name: ratios[name])
    told = ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
    return least == "vae" and ratios["vae"] < 1, f"sharpness, 1 = as training examples: {told}"


def _autoregressive_is_sequential(s: Standings, truth: Look) -> tuple[bool, str] | None:
    own = [one for n, one in s.items() if n in ("autoregressive", "autoregressive-rnn", "transformer")]
    quick = [s[n] for n in ONE_RUN if n in s]
    if not own or not quick:
        return None
    shown = all(
        slow.runs.value > fast.runs.value and slow.seconds_a_thousand.above(fast.seconds_a_thousand)
        for slow in own
        for fast in quick
    )
    return shown, _sampling([*own, *quick])


def _flow_is_worse(s: Standings, truth: Look) -> tuple[bool, str] | None:
    others = {n: s[n].mmd for n in ONE_RUN if n in s}
    if "flow" not in s or not others:
        return None
    own = s["flow"].mmd
    return all(own.above(other) for other in others.values()), f"squared MMD: flow {own}; {_list(others)}"


def _energy_is_slow(s: Standings, truth: Look) -> tuple[bool, str] | None:
    others = [one for n, one in s.items() if n != "energy"]
    if "energy" not in s or not others:
        return None
    own = s["energy"]
    shown = all(own.seconds_a_thousand.above(other.seconds_a_thousand) for other in others)
    return shown, _sampling([own, *others])


def _energy_lacks_a_constant(s: Standings, truth: Look) -> tuple[bool, str] | None:
    if "energy" not in s:
        return None
    own = s["energy"]
    if own.nats is None:
        return True, f"none is stated: {own.no_likelihood}"
    return False, f"in the plane a grid finds the constant: {own.nats} nats an example"


def _transformer_learns_quicker(s: Standings, truth: Look) -> tuple[bool, str] | None:
    if "transformer" not in s or "autoregressive-rnn" not in s:
        return None
    own, other = s["transformer"].examples_a_second, s["autoregressive-rnn"].examples_a_second
    return own.above(other), f"examples a second in training: transformer {own}, autoregressive-rnn {other}"


def _diffusion_has_none(s: Standings, truth: Look) -> tuple[bool, str] | None:
    if not {"diffusion", "gan", "energy"} <= s.keys():
        return None
    own, gan, energy = s["diffusion"], s["gan"], s["energy"]
    whole = own.found is None or own.found.value == own.modes
    quicker = energy.seconds_a_thousand.above(own.seconds_a_thousand)
    numbers = [f"recall: diffusion {own.recall}, gan {gan.recall}", _sampling([own, energy])]
    if own.found is not None:
        numbers.insert(0, f"modes found by diffusion: {own.found} of {own.modes}")
    return whole and own.recall.above(gan.recall) and quicker, "; ".join(numbers)


def _sampling(of: Sequence[Standing]) -> str:
    told = [f"{one.family} {one.runs} runs, {one.seconds_a_thousand} s" for one in of]
    return f"for 1,000 samples: {'; '.join(told)}"


def _list(figures: Mapping[str, Figure]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items())


STATEMENTS: tuple[tuple[str, Check], ...] = (
    ("GANs drop modes (2.2.2)", _gan_drops_modes),
    ("GANs cover less of the data than families that learn by likelihood (2.2.2)", _gan_covers_less),
    (
        "VAEs tell a bound of their likelihood, and less than exact families (2.2.1, 2.2.7)",
        _vae_is_approximate,
    ),
    ("VAEs blur more than other families (commonly said, not in the chapter)", _vae_blurs),
    ("Autoregressive models draw number after number, and pay for it (2.2.3)", _autoregressive_is_sequential),
    ("Samples of flows are worse than those of GANs and VAEs (2.2.4)", _flow_is_worse),
    ("Energy-based models draw by MCMC, which is slow (2.2.5)", _energy_is_slow),
    ("The exact probability of an energy-based model is out of reach (2.2.5)", _energy_lacks_a_constant),
    ("Transformers learn in less time than recurrent networks (2.2.6)", _transformer_learns_quicker),
    (
        "Diffusion models keep all modes and are sampled with less pains than energies (2.2.7)",
        _diffusion_has_none,
    ),
)

"""Each statement of the chapter against numbers that show it and numbers that do not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tasvir.lab.families.comparing import Row
from tasvir.lab.families.keeping import FitCost
from tasvir.lab.families.measuring import Likelihood, Look, Modes
from tasvir.lab.families.tradeoffs import STATEMENTS, Figure, Verdict, share_error, standing, verdicts

TRUTH = Look(1000, 0.95, 0.95, 0.0, 0.001, Modes(8, 8, 0.99, 0.01), None)


def row(family: str, **changed: object) -> Row:
    """A family that does well: exact, all modes, quick."""
    look = Look(1000, 0.9, 0.9, 0.001, 0.001, Modes(8, 8, 0.95, 0.02), None)
    said = Likelihood(-1.0, 0.02, None, True, None, 500)
    whole = Row(family, 0, "somebody", {}, FitCost(10.0, 100, 10_000, 500), 2000, 1, 0.02, look, said)
    return replace(whole, **changed)  # type: ignore[arg-type]


GOOD = ("autoregressive", "autoregressive-rnn", "diffusion", "energy", "flow", "gan", "transformer", "vae")


def told(changed: dict[str, dict[str, object]], without: tuple[str, ...] = ()) -> dict[str, Verdict]:
    found = {}
    for name in GOOD:
        if name not in without:
            own = dict(changed.get(name, {}))
            look = own.pop("look", {})
            base = row(name)
            assert base.look is not None and isinstance(look, dict)
            found[name] = standing([replace(base, look=replace(base.look, **look), **own)])  # type: ignore[arg-type]
    assert all(one is not None for one in found.values())
    return {one.statement: one for one in verdicts(found, TRUTH)}  # type: ignore[arg-type]


BOUND = Likelihood(-1.5, 0.02, 0.01, False, None, 500)
CASES: dict[str, tuple[dict[str, dict[str, object]], str]] = {
    "GANs drop modes": ({"gan": {"look": {"modes": Modes(5, 8, 0.9, 0.3)}}}, "gan 5"),
    "GANs cover less": ({"gan": {"look": {"recall": 0.2}, "likelihood": None}}, "gan 0.2"),
    "VAEs tell a bound": ({"vae": {"likelihood": BOUND}}, "vae -1.5 ± 0.02"),
    "VAEs blur": ({"vae": {"look": {"precision": 0.5}}}, "vae 0.5"),
    "Autoregressive models": (
        {
            name: {"evaluations": 64, "seconds": 4.0}
            for name in ("autoregressive", "autoregressive-rnn", "transformer")
        },
        "autoregressive 64 runs, 2 s",
    ),
    "Samples of flows": ({"flow": {"look": {"mmd": 0.02}}}, "flow 0.02"),
    "Energy-based models draw": ({"energy": {"evaluations": 501, "seconds": 6.0}}, "energy 501 runs, 3 s"),
    "The exact probability": (
        {"energy": {"likelihood": None, "no_likelihood": "an integral"}},
        "none is stated: an integral",
    ),
    "Transformers learn": ({"transformer": {"cost": FitCost(10.0, 100, 90_000, 500)}}, "transformer 9,000"),
    "Diffusion models": (
        {"gan": {"look": {"recall": 0.2}}, "energy": {"evaluations": 501, "seconds": 6.0}},
        "diffusion 0.9 ± 0.0095, gan 0.2",
    ),
}


@pytest.mark.parametrize("begin", CASES)
def test_a_statement_is_shown_by_its_numbers_and_by_no_others(begin: str) -> None:
    changed, numbers = CASES[begin]
    statement = next(one for one, _ in STATEMENTS if one.startswith(begin))
    shown, plain = told(changed)[statement], told({})[statement]
    assert shown.shown is True and numbers in shown.numbers
    assert plain.shown is False


def test_every_statement_has_its_case() -> None:
    assert len(CASES) == len(STATEMENTS)


def test_what_was_not_compared_is_not_judged() -> None:
    found = told({}, without=("energy",))
    missing = [one for one in found.values() if one.shown is None]
    assert len(missing) == 3 and all("missing" in one.numbers for one in missing)


def test_several_seeds_make_an_error_and_one_has_that_of_its_measurement() -> None:
    one = standing([row("vae")])
    two = standing([row("vae"), row("vae", seed=1, likelihood=Likelihood(-2.0, 0.02, None, True, None, 500))])
    assert one is not None and two is not None
    assert one.nats == Figure(-1.0, 0.02)
    assert two.nats == Figure(-1.5, pytest.approx(0.5)) and two.seeds == 2
    assert standing([row("vae", look=None)]) is None


def test_a_share_of_none_has_an_error_and_one_of_half_the_usual() -> None:
    assert share_error(0.0, 96) == pytest.approx((0.02 * 0.98 / 100) ** 0.5)
    assert share_error(0.5, 996) == pytest.approx((0.25 / 1000) ** 0.5)


def test_above_means_two_errors() -> None:
    assert Figure(1.0, 0.3).above(Figure(0.0, 0.39)) and not Figure(1.0, 0.3).above(Figure(0.0, 0.41))


def test_a_flow_that_tells_a_bound_is_no_exact_family() -> None:
    """Of pictures a flow's likelihood is a bound; the autoregressive one alone is exact there."""
    bound = {"likelihood": BOUND}
    both = told({"vae": bound, "flow": bound})[
        "VAEs tell a bound of their likelihood, and less than exact families (2.2.1, 2.2.7)"
    ]
    assert both.shown and "flow" not in both.numbers


def test_examples_of_no_probability_leave_no_error() -> None:
    never = Likelihood(-math.inf, math.nan, None, True, None, 500)
    one, other = row("transformer", likelihood=never), row("transformer")
    for rows in ([one], [one, other]):
        found = standing(rows)
        assert found is not None and found.nats == Figure(-math.inf, None)

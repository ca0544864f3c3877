"""Encoding, decoding and interpolation by the probability flow, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from lab_problems import correlated, gaussian_end, line_mixture

from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.probability_flow import ProbabilityFlow, spherical
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

SCHEDULES = [(KarrasSchedule(20.0), 1e-4), (LinearSchedule(), 1e-6), (StraightSchedule(), 1e-4)]
each = pytest.mark.parametrize(("schedule", "end"), SCHEDULES, ids=lambda value: getattr(value, "name", ""))


@each
def test_a_gaussian_is_encoded_in_closed_form(schedule: Schedule, end: float) -> None:
    law = correlated()
    data = law.sample(16, torch.Generator().manual_seed(0))
    found = ProbabilityFlow(OracleDenoiser(law, schedule), end).encode(data, 1e-9, 1e-9)
    right = gaussian_end(law, schedule, data * schedule.level(end).alpha, end, schedule.last)
    torch.testing.assert_close(found.y, right, rtol=1e-7, atol=1e-7)
    assert found.evaluations > 20


@each
def test_there_and_back(schedule: Schedule, end: float) -> None:
    law = line_mixture()
    data = law.sample(16, torch.Generator().manual_seed(0))
    flow = ProbabilityFlow(OracleDenoiser(law, schedule), end)
    for tolerance in (1e-4, 1e-8):
        back = flow.decode(flow.encode(data, tolerance, tolerance).y, tolerance, tolerance).y
        assert float((back - data).abs().max()) < 30 * tolerance


def test_all_schedules_encode_alike() -> None:
    """One law has one flow: encodings differ by the noise's scale and by what is left of the data."""
    law = line_mixture()
    data = law.sample(16, torch.Generator().manual_seed(0))
    one, other = (
        ProbabilityFlow(OracleDenoiser(law, schedule), end)
        for schedule, end in ((KarrasSchedule(1e4), 1e-4), (StraightSchedule(), 1e-4))
    )
    scaled = one.encode(data, 1e-8, 1e-8).y / 1e4
    torch.testing.assert_close(scaled, other.encode(data, 1e-8, 1e-8).y, rtol=0, atol=2e-4)


def test_interpolation_of_a_gaussian_goes_through_its_noise() -> None:
    """Ends are kept; between them whitened lengths turn on the circle, as the exact flow is linear."""
    law, schedule = correlated(), StraightSchedule()
    data = law.sample(2, torch.Generator().manual_seed(1))
    flow = ProbabilityFlow(OracleDenoiser(law, schedule), 1e-5)
    found = flow.interpolate(data[0], data[1], torch.tensor([0.0, 0.3, 1.0]), 1e-9, 1e-9)
    torch.testing.assert_close(found[[0, 2]], data, rtol=0, atol=1e-7)
    noise = gaussian_end(law, schedule, data * (1 - 1e-5), 1e-5, 1.0)
    middle = spherical(noise[0], noise[1], torch.tensor([0.3]))
    right = gaussian_end(law, schedule, middle, 1.0, 1e-5) / (1 - 1e-5)
    torch.testing.assert_close(found[1:2], right, rtol=0, atol=1e-6)


def test_the_arc_keeps_its_length_and_its_pace() -> None:
    one, other = torch.tensor([[2.0, 0.0]]).double(), torch.tensor([[0.0, 2.0]]).double()
    arc = spherical(one, other, torch.tensor([0.0, 1 / 3, 1.0]))
    right = torch.tensor([[2.0, 0.0], [2 * math.cos(math.pi / 6), 1.0], [0.0, 2.0]]).double()
    torch.testing.assert_close(arc[:, 0], right, rtol=0, atol=1e-7)
    same = spherical(one, 3 * one, torch.tensor([0.5]))
    torch.testing.assert_close(same[0], 2 * one)

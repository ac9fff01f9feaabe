"""When a simulated node fails, and what it has done by then."""

import random
from math import inf

import pytest

from orchestra.core.errors import CallTimeout, NoEffect
from orchestra.evaluation.healing.faults import TIMEOUT_S, Behaviour, Moment, behaviour


def test_it_fails_in_its_window_only() -> None:
    broken = Behaviour(latency_s=1.0, chance=1.0, begins=10.0, ends=20.0)
    rng = random.Random(1)
    assert [broken.fails(at, rng) for at in (0.0, 9.9, 10.0, 19.9, 20.0, 99.0)] == [0, 0, 1, 1, 0, 0]


def test_it_flaps_in_every_second_stretch() -> None:
    flapping = Behaviour(latency_s=1.0, chance=1.0, flaps_s=5.0)
    rng = random.Random(1)
    assert [flapping.fails(at, rng) for at in (0.0, 4.9, 5.0, 9.9, 10.0, 15.0)] == [1, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("moment", "error", "acted"),
    [
        ("before", NoEffect, {False}),
        ("limited", NoEffect, {False}),
        ("after", ConnectionResetError, {True}),
        ("during", ValueError, {True, False}),
        ("timeout", CallTimeout, {True, False}),
    ],
)
def test_what_has_happened_by_the_moment_of_failing(moment: Moment, error: type[Exception], acted: set[bool]) -> None:
    node = Behaviour(latency_s=1.0, chance=1.0, moment=moment)
    rng = random.Random(1)
    ends = [node.called("n", 0.0, rng) for _ in range(50)]
    assert all(isinstance(end.error, error) for end in ends)
    assert {end.acted for end in ends} == acted
    assert all((end.limit_s > 0) == (moment == "limited") for end in ends)
    assert moment != "timeout" or {end.seconds for end in ends} == {TIMEOUT_S}


def test_a_sound_one_acts_and_takes_its_time() -> None:
    end = Behaviour(latency_s=2.0).called("n", 0.0, random.Random(1))
    assert end.error is None and end.acted and end.seconds in (1.0, 2.0, 6.0)


def test_random_ones_are_of_every_kind() -> None:
    rng = random.Random(2)
    drawn = [behaviour(rng, 1.0) for _ in range(300)]
    assert {one.moment for one in drawn} == {"before", "during", "after", "timeout", "limited"}
    assert {one.ends < inf for one in drawn} == {one.flaps_s > 0 for one in drawn} == {True, False}
    assert all(behaviour(rng, 0.0).chance == 0.0 for _ in range(20))

"""Auto with an embedder: answers that disagree send the task to another topology, a bounded number of times."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from orchestra.aggregation.consistency import consistency
from orchestra.core.call import Call, Planned
from orchestra.core.errors import NoEffect
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.topologies.auto import Auto
from orchestra.topologies.registry import topology_of
from orchestra.topologies.select import THETA_CS
from tests.support.plans import Driver


class Compass:
    """Texts that begin with a number point to so many degrees; others nowhere."""

    name, d = "compass", 2

    def embed(self, text: str, /) -> Sequence[float]:
        head = text.split()[0]
        if not head.isdigit():
            return (0.0, 0.0)
        return (math.cos(math.radians(int(head))), math.sin(math.radians(int(head))))


@pytest.mark.parametrize(
    ("answers", "score"),
    [
        ([], 1.0),
        (["10 x"], 1.0),
        (["0", "0 again"], 1.0),
        (["0", "90"], 0.0),
        (["0", "60", "60"], (0.5 + 0.5 + 1) / 3),
        (["0", "x"], 0.0),
        (["0", "180"], -1.0),
    ],
)
def test_the_score_is_the_mean_of_the_pairs(answers: list[str], score: float) -> None:
    assert consistency(answers, Compass()) == pytest.approx(score)


def plan_of(edges: str, size: int, coupling: str = "weak") -> dict[str, Any]:
    names = "abcdefgh"[:size]
    pairs = edges.split()
    return {
        "steps": [
            {"id": n, "task": n, "after": [{"id": p[0], "coupling": coupling} for p in pairs if p[1] == n]}
            for n in names
        ]
    }


class World:
    """Answers of the ends, a round after the other; what was asked is kept."""

    def __init__(self, plan: dict[str, Any], rounds: list[list[int]], ends: str) -> None:
        self.plan, self.rounds, self.ends, self.arbitrated, self.said = plan, rounds, ends, 0, [""]
        self.shapes: list[str] = []
        self.asked: list[Any] = []

    def answer(self, call: Call) -> Outcome:
        if call.target == "plan":
            return Done(output=json.dumps(self.plan))
        if isinstance(call.target, Planned):
            self.shapes.append(call.target.name)
            return Driver(self.answer).run(call.target.plan(call.input))
        key = str(call.key).partition(":")[0]
        self.asked.append((key, call.input))
        if key.startswith("arbiter"):
            self.arbitrated += 1
            return failed(NoEffect("away")) if call.target == "nobody" else Done(output=f"ruling {self.arbitrated}")
        if key in self.ends:
            now = self.rounds[min(self.arbitrated, len(self.rounds) - 1)]
            return Done(output=f"{now[self.ends.index(key)]} by {key}")
        return Done(output=f"{key}!")

    def run(self, **options: Any) -> Outcome:
        return Driver(self.answer).run(Auto(embedder=Compass(), **options).plan("go"))


def test_answers_that_agree_are_merged_in_the_first_round() -> None:
    world = World(plan_of("", 2), [[0, 20]], "ab")
    assert world.run() == Done(output="join!") and world.shapes == ["parallel"] and world.arbitrated == 0
    key, asked = world.asked[-1]
    assert key == "join" and asked["inputs"] == {"a": "0 by a", "b": "20 by b"} and asked["goal"] == "go"


def test_the_threshold_itself_agrees() -> None:
    at = math.degrees(math.acos(THETA_CS))
    for degrees, rulings in ((math.floor(at), 0), (math.ceil(at), 1)):
        world = World(plan_of("", 2), [[0, degrees], [0, 0]], "ab")
        world.run()
        assert world.arbitrated == rulings
    exact = World(plan_of("", 2), [[0, 90]], "ab")
    exact.run(theta_cs=Compass().embed("90")[0])
    assert exact.arbitrated == 0


def test_a_disagreement_is_ruled_on_and_the_work_is_done_again_with_the_ruling() -> None:
    world = World(plan_of("ab ac ad ae af", 6, "strong"), [[0, 90, 0, 0, 0], [0] * 5], "bcdef")
    assert world.run(arbiter="decision") == Done(output="join!")
    assert world.shapes == ["hierarchical", "hierarchical"] and world.arbitrated == 1
    ruled = [asked for key, asked in world.asked if key == "a"][1]
    assert ruled["goal"] == {"goal": "go", "ruling": "ruling 1"}
    leads = [key for key, _ in world.asked if key == "lead"]
    assert len(leads) == 2 and world.asked[-1][0] == "join"


@pytest.mark.parametrize(
    ("edges", "size", "coupling", "shapes"),
    [
        # No edges: gamma is 0 and the rule says parallel whatever is added, until the last round is led.
        ("", 2, "weak", ["parallel"] * 5 + ["hierarchical"]),
        ("ab ac ad ae af", 6, "weak", ["parallel", "parallel", "hierarchical", "hierarchical", "hierarchical"]),
        ("ab ac ad ae af", 6, "strong", ["hierarchical"] * 3),
        ("ab ac ad ae af", 6, "critical", ["hierarchical"]),
    ],
)
def test_it_ends_under_a_lead_after_five_rounds_at_most(
    edges: str, size: int, coupling: str, shapes: list[str]
) -> None:
    ends = "ab" if not edges else "bcdef"
    world = World(plan_of(edges, size, coupling), [[90 * i for i in range(len(ends))]], ends)
    assert world.run() == Done(output="report!")
    assert world.shapes == shapes and world.arbitrated == len(shapes) - 1 <= 5


@pytest.mark.parametrize(("edges", "kind"), [("ab bc", "sequential"), ("ab ac bd cd", "hybrid")])
def test_one_end_has_nothing_to_disagree_with(edges: str, kind: str) -> None:
    world = World(plan_of(edges, 3 if kind == "sequential" else 4), [[0]], "")
    assert isinstance(world.run(), Done) and world.shapes == [kind] and world.arbitrated == 0


def test_an_arbiter_that_fails_ends_it_and_without_an_embedder_nothing_is_compared() -> None:
    world = World(plan_of("", 2), [[0, 90]], "ab")
    outcome = world.run(arbiter="nobody")
    assert isinstance(outcome, Failed) and outcome.cause.kind == "NoEffect"
    world = World(plan_of("", 2), [[0, 90]], "ab")
    assert Driver(world.answer).run(Auto().plan("go")) == Done(output="join!") and world.arbitrated == 0


def test_the_capabilities_of_the_team_are_filled_in() -> None:
    given = Auto(embedder=Compass())
    assert topology_of(given, ".", ["x"]).capabilities == ("x",)  # type: ignore[attr-defined]
    assert topology_of(Auto(capabilities=("y",)), ".", ["x"]).capabilities == ("y",)  # type: ignore[attr-defined]

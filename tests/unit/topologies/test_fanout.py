"""One, two or all, by how sure the scores are."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import Orchestra
from orchestra.agents.decorator import agent
from orchestra.core.call import Call
from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber, BudgetExceeded, NoEffect
from orchestra.core.events import CallEnded, Dropped
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.ports.router import Lesson
from orchestra.routing.floor import decision, eligible_of
from orchestra.testing.plans import answer_of, plan_laws
from orchestra.topologies.cascade import cascade
from orchestra.topologies.fanout import fanout
from tests.support.plans import Driver

BROKEN = failed(NoEffect("it is down"))
NAMES = ("cot", "pal", "tool", "many")


def run(scores: Sequence[float], *said: Any) -> tuple[Outcome, list[str], Decide]:
    names = NAMES[: len(scores)]
    replies = dict(zip(names, said, strict=False))

    def answer(call: Call) -> Outcome:
        if isinstance(call.target, Decide):
            return Done(output=None)
        found = replies[(call.key or "").split(":")[0]]
        return found if isinstance(found, Failed) else Done(output=found)

    driver = Driver(answer)
    topology = fanout(*names, scores=lambda value: dict(zip(names, scores, strict=True)))
    outcome = driver.run(topology.plan("q"))
    calls = [(call.key or "").split(":")[0] for _, call in driver.calls if not isinstance(call.target, Decide)]
    (written,) = (call.target for _, call in driver.calls if isinstance(call.target, Decide))
    return outcome, calls, written


def test_a_sure_choice_is_asked_alone() -> None:
    outcome, calls, written = run([0.2, 0.6, 0.5], "a", "b", "c")
    assert (outcome, calls, written.chosen) == (Done(output="b"), ["pal"], ("single",))
    assert written.x == pytest.approx((0.6, 0.1))


def test_a_close_second_is_asked_too_and_the_first_is_believed() -> None:
    assert run([0.4, 0.35, 0.1], "1/2", 0.5, "c")[:2] == (Done(output="1/2"), ["cot", "pal"])
    assert run([0.35, 0.4, 0.1], "a", "b", "c")[:2] == (Done(output="b"), ["pal", "cot"])
    assert run([0.4, 0.35], BROKEN, "b")[0] == Done(output="b")


def test_where_nobody_is_sure_of_it_all_are_asked() -> None:
    scores = [0.3, 0.1, 0.2, 0.05]
    outcome, calls, written = run(scores, "a", "b", "b", "c")
    assert outcome == Done(output="b") and sorted(calls) == sorted(NAMES) and written.chosen == ("all",)
    assert run(scores, "a", "b", "c", "d")[0] == Done(output="a")
    assert run(scores, "a", "b", "c", "c")[0] == Done(output="c")
    assert run(scores, "x", "b", "b", "c")[0] == Done(output="b")
    assert run([0.3, 0.2, 0.1, 0.05], "a", "b", "b", "a")[0] == Done(output="a")
    assert run(scores, "", "", "b", "c")[0] == Done(output="")  # no answer agrees with nobody: the first one's


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_exactly_one_two_or_all_are_called(percent: list[int]) -> None:
    scores = [one / 100 for one in percent]
    _, calls, written = run(scores, *"abcd")
    ordered = sorted(percent, reverse=True)
    gap = ordered[0] - ordered[1] if len(scores) > 1 else 100
    expected = len(scores) if ordered[0] < 35 else 1 if gap >= 10 else 2
    assert len(calls) == expected == {"single": 1, "two": 2, "all": len(scores)}[written.chosen[0]]


def test_only_where_all_failed_the_next_is_asked() -> None:
    outcome, calls, _ = run([0.9, 0.5, 0.6], BROKEN, "b", BROKEN)
    assert outcome == Done(output="b") and calls == ["cot", "tool", "pal"]
    outcome, calls, _ = run([0.9, 0.5], BROKEN, BROKEN)
    assert isinstance(outcome, Failed) and len(calls) == 2
    over = failed(BudgetExceeded("no more"))
    outcome, calls, _ = run([0.9, 0.5], over, "b")
    assert outcome.cause is not None and outcome.cause.is_a(BudgetExceeded) and calls == ["cot"]


def test_it_keeps_the_laws_of_plans() -> None:
    def scored(*scores: float) -> Any:
        return lambda: fanout(*NAMES, scores=lambda value: dict(zip(NAMES, scores, strict=True))).plan("q")

    for scores in ((0.9, 0.1, 0.1, 0.1), (0.5, 0.45, 0.1, 0.1), (0.2, 0.2, 0.2, 0.2)):
        plan_laws(scored(*scores))
    ranked = {"decision": "d", "chosen": "a", "options": [["a", None, 3], ["b", 1.0, 2]]}
    plan_laws(lambda: fanout("work").plan("q"), answer=lambda call: ranked if call.key == "rank" else answer_of(call))


def test_definitions_that_cannot_work() -> None:
    with pytest.raises(BadDefinition, match="scores="):
        fanout("cot", "pal")
    with pytest.raises(BadNumber):
        fanout("cot", scores=lambda value: {}, tau_c=float("nan"))
    with pytest.raises(BadNumber):
        Driver(lambda call: Done()).run(fanout("cot", scores=lambda value: {"cot": float("nan")}).plan("q"))


class Sure:
    """A router with scores of its own, that chooses the last option."""

    name, version, learns = "sure", 1, True

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores, self.taught = scores, list[Lesson]()

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        places = eligible_of(question)
        scores = {place: self.scores[question.options[place].name] for place in places}
        best = max(scores, key=scores.__getitem__)
        return decision(question, key, best, policy=("sure", 1), best=best, scores=scores, reason=("", False))

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        self.taught += lessons

    def pulls(self, option: str, /) -> int:
        return 1

    def delta(self) -> dict[str, Any]:
        return {}

    def load(self, state: Mapping[str, Any], /) -> None: ...


@agent(provides="math")
def steps(text: str) -> str:
    return "12"


@agent(provides="math")
def program(text: str) -> str:
    return "12.0"


@agent(provides="math")
def guess(text: str) -> str:
    return "13"


@pytest.mark.parametrize(
    ("scores", "called"), [((0.9, 0.5, 0.1), 1), ((0.9, 0.85, 0.1), 2), ((0.1, 0.2, 0.3), 3)], ids=["one", "two", "all"]
)
@pytest.mark.parametrize("members", [("math",), (steps, program, guess)], ids=["capability", "agents"])
def test_the_teams_router_gives_the_scores(scores: Any, called: int, members: Any) -> None:
    anyio.run(_scored, scores, called, members)


async def _scored(scores: Any, called: int, members: Any) -> None:
    router = Sure(dict(zip(("steps", "program", "guess"), scores, strict=True)))
    async with Orchestra(agents=[steps, program, guess], router=router) as team:
        result = await team.run("3 * 4", topology=fanout(*members))
        ended = [event.name for event in result.events if isinstance(event, CallEnded) and event.kind == "agent"]
        assert len(ended) == called and float(result.output) == 12
        dropped = [event for event in result.events if isinstance(event, Dropped)]
        assert len(dropped) == (called == 3)
        assert await team.feedback(result.run_id, 1.0) == (called != 3)
        assert [lesson.decision.chosen for lesson in router.taught] == [("steps",)] * (called != 3)


@pytest.mark.parametrize("shape", [fanout("math"), cascade("math", accept=lambda answer: answer == "13")])
def test_a_replay_calls_nobody_and_ends_the_same(shape: Any, tmp_path: Path) -> None:
    async def main() -> None:
        router = Sure({"steps": 0.5, "program": 0.45, "guess": 0.1})
        given: dict[str, Any] = {"router": router, "state": tmp_path / "t.db", "journal": True}
        async with Orchestra(agents=[steps, program, guess], **given) as team:
            live = await team.run("3 * 4", topology=shape)
            again = await team.replay(live.run_id, workflow=shape)
            assert again.status == "done" and again.output == live.output
            assert again.decisions == live.decisions

    anyio.run(main)


def test_it_is_checked_and_drawn() -> None:
    from orchestra.core.errors import UnknownCapability
    from orchestra.topologies.chart import topology_graph

    with closing(Orchestra(agents=[steps])) as team, pytest.raises(UnknownCapability):
        team.run_sync("x", topology=fanout("maths"))
    graph, _ = topology_graph(fanout(steps, guess))
    assert [(edge.to, edge.optional) for edge in graph.leaving("vote")] == [("steps", True), ("guess", True)]

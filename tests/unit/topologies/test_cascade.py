"""Cheap first, a verdict, the next only where it is needed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, Budget, Orchestra
from orchestra.agents.decorator import agent
from orchestra.core.call import Call, NodeName
from orchestra.core.decision import Decide
from orchestra.core.errors import BadDefinition, BadNumber, BadReply, BudgetExceeded, NoEffect
from orchestra.core.events import Dropped, Filed
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused, cause_of, failed
from orchestra.models.scripted import Scripted
from orchestra.testing.plans import answer_of, plan_laws
from orchestra.topologies.cascade import VERIFY, cascade, verdict_of
from orchestra.topologies.chart import topology_graph
from orchestra.topologies.member import Member
from tests.support.plans import Driver
from tests.support.runtime import go, on_every_loop

BROKEN = failed(NoEffect("it is down"))
OVER = failed(BudgetExceeded("no more"))


class Ran:
    """What came of a cascade whose calls answer as they are told."""

    def __init__(self, topology: Any, **said: Any) -> None:
        def answer(call: Call) -> Outcome:
            if isinstance(call.target, Decide):
                return Done(output=None)
            found = said[(call.key or "").split(":")[0]]
            return found if isinstance(found, (Failed, Paused, Cancelled)) else Done(output=found)

        self.driver = Driver(answer)
        self.outcome = self.driver.run(topology.plan("q"))
        calls = [call for _, call in self.driver.calls]
        self.called = [(call.key or "").split(":")[0] for call in calls if not isinstance(call.target, Decide)]
        self.inputs = {(call.key or "").split(":")[0]: call.input for call in calls}
        self.written = [call.target for call in calls if isinstance(call.target, Decide)]


def good(answer: Any) -> bool:
    return str(answer).startswith("good")


THREE = ("small", "middle", "large")


@pytest.mark.parametrize(
    ("said", "called", "accepted"),
    [
        (("good", "", ""), 1, 1.0),
        (("bad", "good", ""), 2, 1.0),
        (("bad", "bad", "good"), 3, 1.0),
        (("bad", "worse", "worst"), 3, 0.0),
    ],
)
def test_the_first_good_answer_stands_or_the_last_one_flagged(said: Any, called: int, accepted: float) -> None:
    ran = Ran(cascade(*THREE, accept=good), **dict(zip(THREE, said, strict=True)))
    assert ran.called == list(THREE[:called]) and ran.outcome == Done(output=said[called - 1])
    (record,) = ran.written
    assert record.x == (accepted,) and record.chosen == (THREE[called - 1],)
    assert ("the last answer stands" in record.reason) is not accepted


def test_a_judge_is_asked_about_all_but_the_last() -> None:
    told = {"small": "same", "middle": "same", "large": "c", "verifier-1": "No.", "verifier-2": "0.2"}
    ran = Ran(cascade(*THREE, accept="check"), **told)
    assert ran.called == ["small", "verifier-1", "middle", "verifier-2", "large"]
    assert ran.inputs["verifier-1"] == {"task": VERIFY, "goal": "q", "inputs": {"answer": "same"}}
    assert ran.written[0].x == (0.0,) and "not judged" in ran.written[0].reason
    assert [option.score for option in ran.written[0].options] == [None, 0.2, None]
    ran = Ran(cascade(*THREE, accept="check"), small="a", **{"verifier-1": {"score": 0.7}})
    assert ran.outcome == Done(output="a") and ran.called == ["small", "verifier-1"]


def test_an_answer_may_state_its_own_confidence() -> None:
    sure, unsure = {"text": "a", "confidence": 0.9}, {"text": "b", "confidence": 0.5}
    assert Ran(cascade("small", "large"), small=sure).called == ["small"]
    assert Ran(cascade("small", "large"), small=unsure, large=sure).outcome == Done(output=sure)
    assert Ran(cascade("small", "large", theta=0.4), small=unsure).called == ["small"]
    assert Ran(cascade("small", "large"), small="no idea", large="b").written[0].x == (0.0,)
    ran = Ran(cascade("small", "large", on_error="fail"), small="no idea")
    assert isinstance(ran.outcome, Failed) and ran.outcome.cause.kind == "BadReply"


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        (True, True),
        (False, False),
        ("Yes, it is.", True),
        ("no", False),
        ("`0.7`", True),
        (0.69, False),
        (1, True),
        ({"accept": "no"}, False),
        ({"confidence": 0.71, "why": "x"}, True),
    ],
)
def test_verdicts(said: Any, passed: bool) -> None:
    assert verdict_of(said, 0.7).passed is passed


@pytest.mark.parametrize("said", ["perhaps", "", None, [], {}, {"why": "x"}, float("nan"), "nan", {"score": None}])
def test_what_is_no_verdict(said: Any) -> None:
    with pytest.raises(BadReply):
        verdict_of(said, 0.7)


def test_a_member_that_fails_is_skipped_or_ends_it() -> None:
    ran = Ran(cascade(*THREE, accept=good), small=BROKEN, middle="good")
    assert ran.outcome == Done(output="good")
    assert [(record.how, record.to) for record in ran.driver.records] == [("rerouted", "middle")]
    ran = Ran(cascade(*THREE, accept=good), small="bad", middle=BROKEN, large=BROKEN)
    assert ran.outcome == Done(output="bad") and ran.written[0].x == (0.0,)
    assert [(record.how, record.to) for record in ran.driver.records] == [("rerouted", "large"), ("tolerated", "join")]
    ran = Ran(cascade(*THREE, accept=good), small=BROKEN, middle=BROKEN, large=BROKEN)
    assert isinstance(ran.outcome, Failed) and [r.how for r in ran.driver.records] == [
        "rerouted",
        "rerouted",
        "escalated",
    ]
    ran = Ran(cascade(*THREE, accept=good, on_error="fail"), small=BROKEN)
    assert isinstance(ran.outcome, Failed) and ran.called == ["small"]


def test_a_verifier_that_fails_accepts_nothing() -> None:
    ran = Ran(cascade("small", "large", accept="check"), small="a", large="b", **{"verifier-1": BROKEN})
    assert ran.outcome == Done(output="b") and [record.how for record in ran.driver.records] == ["tolerated"]
    ran = Ran(cascade("small", "large", accept="check"), small="a", large="b", **{"verifier-1": "hm"})
    assert ran.outcome == Done(output="b") and "cannot be read" in ran.written[0].reason
    for broken in (BROKEN, "hm"):
        one = cascade("small", "large", accept="check", on_error="fail")
        assert isinstance(Ran(one, small="a", **{"verifier-1": broken}).outcome, Failed)


@pytest.mark.parametrize("end", [OVER, Paused(cause=cause_of(NoEffect("wait"))), Cancelled()])
def test_a_budgets_end_a_pause_and_a_cancellation_end_it(end: Any) -> None:
    assert type(Ran(cascade("small", "large", accept=good), small=end).outcome) is type(end)
    ran = Ran(cascade("small", "large", accept="check"), small="a", **{"verifier-1": end})
    assert type(ran.outcome) is type(end) and ran.called == ["small", "verifier-1"]


def test_definitions_that_cannot_work() -> None:
    with pytest.raises(BadDefinition):
        cascade("a", "b", on_error="maybe")  # type: ignore[arg-type]
    with pytest.raises(BadNumber):
        cascade("a", "b", theta=float("nan"))
    with pytest.raises(BadDefinition):
        cascade(accept=good)
    with pytest.raises(BadDefinition):
        cascade("a", "b", accept=0.7)


@pytest.mark.parametrize("accept", [good, "check", None])
def test_it_keeps_the_laws_of_plans(accept: Any) -> None:
    plan_laws(lambda: cascade(*THREE, accept=accept).plan("q"))
    plan_laws(lambda: cascade(*THREE, accept=accept, on_error="fail").plan("q"))
    ranked = {"decision": "d", "chosen": "a", "options": [["a", None, 3], ["b", 1.0, 2]]}
    replies = {"rank": ranked}
    plan_laws(
        lambda: cascade("work", accept=accept).plan("q"),
        answer=lambda call: replies.get(call.key or "", answer_of(call)),
    )


@agent(provides="work", cost_usd=0.005)
def dear(text: str) -> str:
    return f"good: {text}"


@agent(provides="work", cost_usd=0.001)
def cheap(text: str) -> str:
    return f"bad: {text}"


@agent(provides="check", cost_usd=0.0001)
def checker(task: str, goal: str, inputs: dict[str, str]) -> bool:
    return good(inputs["answer"])


def test_one_capability_stands_for_all_who_provide_it_the_cheapest_first() -> None:
    with closing(Orchestra(agents=[dear, cheap, checker], router="cheapest")) as team:
        result = team.run_sync("x", topology=cascade("work", accept="check"))
        assert result.output == "good: x" and result.usage.nano_usd == 6_100_000
        again = team.run_sync("x", topology=cascade("work", accept=lambda answer: True))
        assert again.output == "bad: x" and again.usage.nano_usd == 1_000_000
        lost = [event.key for event in result.events if isinstance(event, Dropped)]
        assert len(lost) == 1 and "/cheap:" in lost[0]


@on_every_loop
def test_a_budget_stops_it_with_the_cheap_answer_kept_and_a_larger_one_goes_on(
    loop: str, native: bool, tmp_path: Path
) -> None:
    async def main() -> None:
        topology = cascade(NodeName(name="cheap"), NodeName(name="dear"), accept=good)
        async with Orchestra(agents=[dear, cheap], state=tmp_path / "t.db", journal=True, native_tasks=native) as team:
            result = await team.run("x", topology=topology, budget=Budget(usd=0.002))
            assert result.status == "stopped" and result.usage.nano_usd == 1_000_000
            again = await team.resume(result.run_id, workflow=topology, budget=Budget(usd=0.1))
            assert again.output == "good: x" and again.usage.nano_usd == 6_000_000
            replay = await team.replay(result.run_id, workflow=topology)
            assert replay.output == "good: x" and replay.decisions == again.decisions

    go(loop, main)


def test_models_as_members_and_a_model_as_the_judge() -> None:
    clients = {
        "test:small": Scripted("five", name="test:small"),
        "test:large": Scripted("six", name="test:large"),
        "test:judge": Scripted("no", name="test:judge"),
    }
    agents = [Agent(name.partition(":")[2], "Answers.", model=name) for name in clients]
    with closing(Orchestra(agents=agents, models=clients, prices=dict.fromkeys(clients, (1, 2)))) as team:
        result = team.run_sync("2 * 3?", topology=cascade("small", "large", accept=agents[2]))
    assert result.output == "six" and result.usage.requests == 3
    assert not [event for event in result.events if isinstance(event, Filed)]


def test_it_is_drawn() -> None:
    graph, _ = topology_graph(cascade("small", "large", accept=Member(target="check", name="judge")))
    needs = {vertex: [edge.to for edge in graph.leaving(vertex)] for vertex in graph.links}
    assert needs["large"] == ["small"] and needs["judge"] == ["small", "large"] and needs["goal"] == ["judge"]

"""sigma, its modes, and a verification that can change the answer or is not paid for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, Budget, Orchestra
from orchestra.agents.decorator import agent
from orchestra.core.call import Call, Planned
from orchestra.core.decision import Decide
from orchestra.core.errors import BadDefinition, BadNumber, NoEffect
from orchestra.core.events import CallEnded, Decided, Dropped
from orchestra.core.outcome import Done, Failed, Outcome, Paused, cause_of, failed
from orchestra.models.scripted import Scripted
from orchestra.testing.plans import answer_of, plan_laws
from orchestra.topologies.acar import MODES, Acar, acar
from tests.support.plans import Driver
from tests.support.runtime import Rig, go, on_every_loop

BROKEN = failed(NoEffect("it is down"))


def run(
    said: Sequence[Any], others: dict[str, Any] | None = None, **how: Any
) -> tuple[Outcome, list[str], list[Decide]]:
    """The outcome, who was called, and what was written down, for these probe answers and these models."""
    replies = {f"p-{i + 1}": one for i, one in enumerate(said)} | dict(others or {})

    def answer(call: Call) -> Outcome:
        if isinstance(call.target, Decide):
            return Done(output=None)
        found = replies[(call.key or "").split(":")[0]]
        return found if isinstance(found, (Failed, Paused)) else Done(output=found)

    driver = Driver(answer)
    topology = acar("p", *(how.pop("models", None) or ("m1", "m2", "m3")), samples=len(said), **how)
    outcome = driver.run(topology.plan("how much?"))
    called = [(call.key or "").split(":")[0] for _, call in driver.calls if not isinstance(call.target, Decide)]
    return outcome, called, [call.target for _, call in driver.calls if isinstance(call.target, Decide)]


ALL = {"m1": "x", "m2": "y", "m3": "z"}


@pytest.mark.parametrize(
    ("said", "sigma"),
    [("aaa", 0.0), ("aab", 0.5), ("aba", 0.5), ("baa", 0.5), ("abc", 1.0)],
    ids=["one", "third differs", "second differs", "first differs", "none agree"],
)
def test_sigma_of_all_partitions_of_three(said: str, sigma: float) -> None:
    _, called, written = run(said, ALL)
    assert written[0].x == (sigma,) and written[0].chosen == (MODES[int(2 * sigma)],)
    assert called[3:] == [[], ["m1", "m2"], ["m1", "m2", "m3"]][int(2 * sigma)]


def test_answers_are_compared_by_what_they_say() -> None:
    outcome, called, written = run([0.5, "1/2", '"1/2."'])
    assert outcome == Done(output=0.5) and len(called) == 3 and len(written) == 1


@pytest.mark.parametrize("said", [["", "", ""], [None, "", "  "], ["", BROKEN, ""]])
def test_no_answer_is_no_agreement(said: list[Any]) -> None:
    outcome, called, written = run(said, {"m1": "x", "m2": "x", "m3": "y"})
    assert written[0].chosen == ("full_arena",) and called[3:] == ["m1", "m2", "m3"]
    assert outcome == Done(output="x")


@pytest.mark.parametrize(
    ("others", "answer"),
    [
        ({"m1": "a", "m2": "a"}, "a"),
        ({"m1": "b", "m2": "b"}, "b"),  # three for b
        ({"m1": "c", "m2": "c"}, "c"),  # 3 of weight against 2
        ({"m1": "b", "m2": "c"}, "b"),  # another model on the minority's side
        ({"m1": "a", "m2": "b"}, "a"),
        ({"m1": "c", "m2": "d"}, "a"),  # two that agree with nobody
        ({"m1": "c", "m2": "a"}, "a"),
        ({"m1": "", "m2": ""}, "a"),
        ({"m1": BROKEN, "m2": "c"}, "a"),
        ({"m1": BROKEN, "m2": BROKEN}, "a"),
    ],
)
def test_the_vote_after_half_a_disagreement(others: dict[str, Any], answer: str) -> None:
    outcome, called, written = run("aab", others)
    assert outcome == Done(output=answer) and called[3:] == ["m1", "m2"]
    assert written[1].capability == "acar answer" and written[1].x == (0.5,)


def test_a_verification_that_can_change_nothing_is_not_asked_for() -> None:
    outcome, called, written = run("aab", models=["m1"], weight=0.5)
    assert called == ["p-1", "p-2", "p-3"] and outcome == Done(output="a")
    assert written[0].chosen == ("arena_lite",) and "no vote of theirs could change" in written[0].reason
    _, called, _ = run("aab", {"m1": "c"}, models=["m1"], weight=1.1)
    assert called[3:] == ["m1"]
    assert run("aaaab", ALL)[1][5:] == []  # 1 + 3 is not more than 4


def test_the_full_arena_without_a_judge_votes_with_the_probes() -> None:
    assert run("abc", {"m1": "d", "m2": "b", "m3": "e"})[0] == Done(output="b")
    assert run("abc", {"m1": "d", "m2": "e", "m3": "f"})[0] == Done(output="d")  # the first of the models
    assert run("abc", dict.fromkeys(("m1", "m2", "m3"), BROKEN))[0] == Done(output="a")


def test_the_judge_sees_the_models_answers_without_their_names() -> None:
    seen: list[Any] = []
    replies = {"p-1": "a", "p-2": "b", "p-3": "c", **ALL, "judge": "y"}

    def answer(call: Call) -> Outcome:
        name = (call.key or "").split(":")[0]
        if name == "judge":
            seen.append(call.input)
        return Done(output=replies.get(name))

    assert Driver(answer).run(acar("p", "m1", "m2", "m3", by="wise").plan("q")) == Done(output="y")
    assert seen[0]["inputs"] == {"A": "x", "B": "y", "C": "z"} and seen[0]["goal"] == "q"


@pytest.mark.parametrize("failure", [Paused(cause=cause_of(NoEffect("wait"))), failed(NoEffect("x"))])
def test_what_is_left_of_nothing(failure: Any) -> None:
    outcome, called, _ = run([failure] * 3, dict.fromkeys(("m1", "m2", "m3"), failure))
    assert type(outcome) is type(failure)
    assert len(called) == (3 if isinstance(failure, Paused) else 6)


def test_definitions_that_cannot_work() -> None:
    for wrong in ({"samples": 1}, {"weight": 0}, {"weight": float("nan")}):
        with pytest.raises(BadNumber):
            acar("p", "m", **wrong)
    with pytest.raises(BadDefinition):
        acar("p", 7)


@pytest.mark.parametrize("answers", ["aaa", "aab", "abc"])
def test_it_keeps_the_laws_of_plans(answers: str) -> None:
    replies = {f"p-{i + 1}": one for i, one in enumerate(answers)}

    def answer(call: Call) -> Any:
        return replies.get((call.key or "").split(":")[0], answer_of(call))

    plan_laws(lambda: acar("p", "m1", "m2", "m3", by="judge").plan("q"), answer=answer)
    plan_laws(lambda: acar("p", "m1", "m2", "m3").plan("q"), answer=answer)


def model(name: str, *said: str) -> Scripted:
    return Scripted(*said, name=name)


def team(said: Sequence[str], temperature: float | None = 0.7, **others: Sequence[str]) -> Orchestra:
    """Agents whose models answer by script, for .001 dollars a thousand tokens each way."""
    clients = {"test:p": model("test:p", *said)} | {f"test:{n}": model(f"test:{n}", *a) for n, a in others.items()}
    prices = dict.fromkeys(clients, (1, 1))
    agents = [Agent(name.partition(":")[2], "Answers.", model=name, temperature=temperature) for name in clients]
    return Orchestra(agents=agents, models=clients, prices=prices, router="cheapest")


def test_every_answer_is_paid_for_and_the_losers_are_not_rewarded() -> None:
    with closing(team(["a", "b", "a"], m1=["b"], m2=["c"], m3=[])) as crew:
        result = crew.run_sync("q", topology=acar("p", "m1", "m2", "m3"))
    assert result.output == "b" and result.usage.requests == 5 and result.usage.nano_usd > 0
    lost = [event.key.rpartition("/")[2].partition(":")[0] for event in result.events if isinstance(event, Dropped)]
    assert sorted(lost) == ["m2", "p-1", "p-3"]


def test_probes_that_agree_cost_nothing_more() -> None:
    with closing(team(["a", "A.", "a"], m1=[], m2=[])) as crew:
        assert crew.run_sync("q", topology=acar("p", "m1", "m2")).usage.requests == 3


def test_a_deterministic_probe_is_refused_before_the_run() -> None:
    with closing(team(["a"], temperature=0, m1=[])) as crew, pytest.raises(BadDefinition, match="temperature 0"):
        crew.run_sync("q", topology=acar("p", "m1"))


@on_every_loop
def test_a_budget_that_does_not_last_stops_it_and_a_larger_one_goes_on(loop: str, native: bool, tmp_path: Path) -> None:
    async def main() -> None:
        clients = {"test:p": model("test:p", "a", "b", "c"), "test:m": model("test:m", "b")}
        agents = [Agent(name, "Answers.", model=f"test:{name}") for name in ("p", "m")]
        given: dict[str, Any] = {"models": clients, "prices": dict.fromkeys(clients, (1, 1)), "native_tasks": native}
        async with Orchestra(agents=agents, state=tmp_path / "t.db", journal=True, **given) as crew:
            result = await crew.run("q", topology=acar("p", "m"), budget=Budget(requests=3))
            assert result.status == "stopped" and result.usage.requests == 3
            again = await crew.resume(result.run_id, workflow=acar("p", "m"), budget=Budget(requests=4))
        assert again.output == "b" and [len(one.requests) for one in clients.values()] == [3, 1]

    go(loop, main)


said: list[str] = []


@agent(provides="guess")
def guess(text: str) -> str:
    return said.pop(0)


@agent(provides="other")
def other(text: str) -> str:
    return "b"


@on_every_loop
def test_a_replay_has_the_same_mode_and_the_same_answer(loop: str, native: bool) -> None:
    async def main() -> None:
        said[:] = ["a", "b", "a"]
        rig = Rig(members=(guess, other), native=native)
        topology: Acar = acar("guess", "other", "other")
        live, _ = await rig.run(Planned(name="acar", plan=topology.plan), "q")
        first = rig.last.events
        modes = [event.decision.chosen for event in rig.of(Decided) if event.decision.policy == "acar"]
        again, _ = await rig.run(Planned(name="acar", plan=topology.plan), "q", past=first, mode="replay")
        assert isinstance(live, Done) and isinstance(again, Done) and live.output == again.output == "b"
        assert modes[0] == ("arena_lite",) and modes[1][0].startswith("guess-") and len(modes) == 2
        assert not [event for event in rig.of(CallEnded) if event.kind == "agent"]

    go(loop, main)

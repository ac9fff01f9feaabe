"""A team with a router that chooses sets: who is asked, what is merged, what a refusal is, and who is rewarded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Budget, Orchestra, agent, errors, step, workflow
from orchestra.app.result import Result
from orchestra.core.decision import OOS, Decision
from orchestra.core.events import CallEnded, CallStarted, Filed, Rewarded
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Request
from orchestra.routing.several.reasoned import Mixed, Reasoned, share_asked
from orchestra.routing.several.sets import Sets
from orchestra.topologies.ensemble import ALL_FAILED, OUT_OF_SCOPE, Ensemble
from tests.support.runtime import on_every_loop

CALLED: list[str] = []
DOWN: dict[str, Exception | float] = {}
BOTH = "Where is my parcel, and when will my money be back?"


@pytest.fixture(autouse=True)
def fresh() -> None:
    CALLED.clear()
    DOWN.clear()


async def told(name: str, answer: str) -> str:
    CALLED.append(name)
    trouble = DOWN.get(name)
    if isinstance(trouble, Exception):
        raise trouble
    if trouble is not None:
        await anyio.sleep(trouble)
    return answer


@agent(description="Says where a parcel is and when it arrives.", examples=["Where is my parcel?"])
async def parcels(text: str) -> str:
    return await told("parcels", "It arrives on Monday.")


@agent(description="Gives money back.", examples=["When will my money be back?"])
async def refunds(text: str) -> str:
    return await told("refunds", "It arrives on Friday, not on Monday.")


@agent(description="Explains how to grow tomatoes in a garden.")
async def gardens(text: str) -> str:
    return await told("gardens", "Water them.")


def reply(*names: str) -> str:
    return "<Reason>They say so.</Reason>\n" + "\n".join(f"<ID>{name}</ID>" for name in names)


def team(*steps: Any, router: Any = None, **options: Any) -> tuple[Orchestra, Scripted]:
    """The router's own model and the refiner's share one script."""
    model = Scripted(*steps)
    given: dict[str, Any] = {
        "agents": [parcels, refunds, gardens, "refiner", "dispatcher"],
        "router": Sets(gap=0.3, floor=0.0) if router is None else router,
        "model": "test:scripted",
        "models": {"test:scripted": model},
    }
    return Orchestra(**{**given, **options}), model


def run(text: str, *steps: Any, topology: Any = "set", budget: Budget | None = None, **options: Any) -> Result:
    """One run; every step of the script has to be asked for."""
    one, model = team(*steps, **options)
    try:
        with model:
            return one.run_sync(text, topology=topology, budget=budget)
    finally:
        one.close()


def ended(result: Result, name: str) -> CallEnded:
    (found,) = [e for e in result.events if isinstance(e, CallEnded) and e.name == name]
    return found


def filed(result: Result) -> list[tuple[str, str, str]]:
    return [(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)]


def test_one_member_answers_by_itself_without_a_merge() -> None:
    result = run("Where is my parcel?")
    assert result.output == "It arrives on Monday." and CALLED == ["parcels"] and result.usage.requests == 0
    (decision,) = result.decisions
    assert decision.chosen == ("parcels",) and ended(result, "parcels").decision == decision.key


def test_a_contradiction_of_two_members_is_in_the_merge_prompt() -> None:
    prompts: list[str] = []

    def merged(request: Request) -> str:
        prompts.append("\n".join(message.text for message in request.messages))
        return "On Monday, on Friday: they contradict each other."

    result = run(BOTH, merged)
    assert result.output == "On Monday, on Friday: they contradict each other."
    assert sorted(CALLED) == ["parcels", "refunds"]
    (prompt,) = prompts
    for said in ("It arrives on Monday.", "It arrives on Friday, not on Monday.", BOTH, "State every conflict"):
        assert said in prompt


def test_out_of_scope_is_a_polite_answer_and_a_decision_that_can_be_rewarded() -> None:
    one, _ = team()
    result = one.run_sync("zzzz qqqq", topology="set")
    assert (result.status, result.output, CALLED) == ("done", OUT_OF_SCOPE, [])
    (decision,) = result.decisions
    assert decision.chosen == (OOS,) and decision.probability == 1.0
    assert one.feedback_sync(result.run_id, 1.0) == 1
    again = one.run_sync("zzzz qqqq", topology="set")
    assert {o.name: o.tries for o in again.decisions[0].options}[OOS] == 1
    one.close()


def test_out_of_scope_may_be_a_failure_instead() -> None:
    result = run("zzzz qqqq", topology=Ensemble(out_of_scope=None))
    assert result.status == "failed" and result.cause is not None and result.cause.is_a(errors.NoProvider)


def test_what_fails_is_done_without_and_learned_of_that_member_alone() -> None:
    DOWN["refunds"] = RuntimeError("no money")
    one, _ = team()
    result = one.run_sync(BOTH, topology="set")
    assert result.output == "It arrives on Monday." and filed(result) == [("refunds", "tolerated", "join")]
    tries = {o.name: o.tries for o in one.route(BOTH).options}
    assert tries["refunds"] == 1 and tries["parcels"] == 0
    assert one.feedback_sync(result.run_id, 1.0) == 1
    tries = {o.name: o.tries for o in one.route(BOTH).options}
    assert tries["refunds"] == 1 and tries["parcels"] == 1
    one.close()


def test_each_member_has_a_decision_of_its_own_below_that_for_the_set() -> None:
    one, _ = team("merged")
    result = one.run_sync(BOTH, topology="set")
    whole, *members = [d for d in result.decisions if d.capability == "*"]
    assert set(whole.chosen) == {"parcels", "refunds"} and whole.policy == "set" and whole.probability == 1.0
    assert [(d.chosen, d.policy) for d in members] == [((name,), "set/member") for name in whole.chosen]
    assert all(d.x == whole.x and d.probability == 1.0 for d in members)
    assert {ended(result, d.chosen[0]).decision for d in members} == {d.key for d in members}
    assert one.feedback_sync(result.run_id, 1.0) == 3  # both members, and whoever merged
    one.close()


def test_a_member_that_is_too_slow_is_done_without() -> None:
    DOWN["refunds"] = 5.0
    result = run(BOTH, topology=Ensemble(timeout_s=0.04))
    assert result.output == "It arrives on Monday."
    slow = ended(result, "refunds").outcome
    assert slow.cause is not None and slow.cause.is_a(errors.CallTimeout)


def test_where_all_fail_the_answer_is_a_refusal_and_the_failures_are_recorded() -> None:
    DOWN.update(parcels=RuntimeError("lost"), refunds=RuntimeError("no money"))
    result = run(BOTH)
    assert (result.status, result.output) == ("done", ALL_FAILED)
    assert sorted(filed(result)) == [("parcels", "demoted", "refusal"), ("refunds", "demoted", "refusal")]
    failed = run(BOTH, topology=Ensemble(all_failed=None))
    assert failed.status == "failed" and failed.cause is not None and "All 2 answers failed" in failed.cause.message


def test_where_nobody_may_be_asked_now_the_answer_is_a_refusal_too() -> None:
    @agent(description="Says where a parcel is.")
    def numbers(number: int, other: int) -> int:
        return number

    result = run("Where is my parcel?", agents=[numbers, "refiner"])
    assert result.output == ALL_FAILED and [how for _, how, _ in filed(result)] == ["demoted"]


@agent(description="Says where a parcel is and when it arrives.", examples=["Where is my parcel?"], cost_usd=0.01)
def dear(text: str) -> str:
    return "It arrives."


@pytest.mark.parametrize("trouble", [errors.BudgetExceeded, errors.EffectUnknown, errors.NotApproved])
def test_no_refusal_covers_what_has_to_be_seen(trouble: type[errors.OrchestraError]) -> None:
    DOWN["parcels"] = trouble("look at it")
    result = run("Where is my parcel?")
    assert result.status in ("failed", "stopped") and result.cause is not None and result.cause.is_a(trouble)


def test_what_the_budget_keeps_out_stops_the_run() -> None:
    result = run("Where is my parcel?", agents=[dear, "refiner"], budget=Budget(usd=0.001))
    assert result.status == "stopped"


ACTED: list[str] = []


def test_of_two_that_could_do_one_effect_twice_only_the_first_is_asked() -> None:
    ACTED.clear()

    @agent(description="Pays money back by card.", side_effect="payment", risk="low")
    def card(text: str) -> str:
        ACTED.append("card")
        return "by card"

    @agent(description="Pays money back by cheque.", side_effect="payment", risk="low")
    def cheque(text: str) -> str:
        ACTED.append("cheque")
        return "by cheque"

    result = run("Pay my money back", agents=[card, cheque, "refiner"])
    assert len(result.decisions[0].chosen) == 2 and len(ACTED) == 1 and result.output == f"by {ACTED[0]}"


@on_every_loop
def test_members_are_asked_at_the_same_time(loop: str, native: bool) -> None:
    here: list[anyio.Event] = []

    @agent(description="Says where a parcel is and when it arrives.", examples=["Where is my parcel?"])
    async def left(text: str) -> str:
        here[0].set()
        await here[1].wait()
        return "left"

    @agent(description="Gives money back.", examples=["When will my money be back?"])
    async def right(text: str) -> str:
        here[1].set()
        await here[0].wait()
        return "right"

    async def main() -> str:
        here[:] = [anyio.Event(), anyio.Event()]
        one, _ = team("both", agents=[left, right, "refiner"], native_tasks=native)
        async with one:
            result = await one.run(BOTH, topology=Ensemble(timeout_s=5.0))
        assert result.status == "done"
        return str(result.output)

    assert anyio.run(main, backend=loop) == "both"


# a model decides


def test_a_model_names_the_set_and_its_call_is_charged_like_any_other() -> None:
    result = run(BOTH, reply("refunds", "parcels"), "merged", router="set:reasoned")
    whole = result.decisions[0]
    assert whole.chosen == ("refunds", "parcels") and whole.policy == "set:reasoned" and whole.probability is None
    assert whole.reason == "They say so. [chosen but not named: refunds, parcels]"
    assert result.output == "merged" and sorted(CALLED) == ["parcels", "refunds"]
    assert result.usage.requests == 2 and ended(result, "dispatcher").usage.requests == 1
    assert [d.probability for d in result.decisions[1:3]] == [None, None]


def test_the_budget_holds_for_the_routers_own_call() -> None:
    result = run("Where is my parcel?", router="set:reasoned", budget=Budget(requests=0))
    assert result.output == "It arrives on Monday." and result.usage.requests == 0
    assert result.decisions[0].reason.startswith("the model that was asked gave no set (BudgetExceeded); ")
    assert filed(result) == [("test:scripted", "tolerated", "set")]


def test_a_model_may_say_that_nobody_is_to_answer() -> None:
    result = run("Where is my parcel?", reply("oos"), router="set:reasoned")
    assert result.output == OUT_OF_SCOPE and not CALLED


def test_what_a_model_chose_teaches_the_scores() -> None:
    router = Reasoned(floor=0.0)
    one, _ = team(reply("gardens"), reply("gardens"), router=router)
    result = one.run_sync("Where is my parcel?", topology="set")
    assert one.feedback_sync(result.run_id, 0.0) == 1
    assert router.pulls("gardens") == 1 and router.pulls("parcels") == 0
    one.close()


def test_the_mixed_router_asks_in_doubt_only() -> None:
    one, model = team(reply("parcels"), router=Mixed(gap=0.3, floor=0.0))
    clear, unclear = (one.run_sync(text, topology="set") for text in ("Where is my parcel?", BOTH))
    assert clear.output == unclear.output == "It arrives on Monday." and len(model.requests) == 1
    decisions: list[Decision] = [*clear.decisions, *unclear.decisions]
    assert share_asked(decisions) == 0.5
    one.close()


def test_without_a_topology_one_is_asked_for_and_nobody_is_turned_away() -> None:
    def asked(request: Request) -> str:
        assert "name the one agent" in request.messages[0].text and "oos" not in request.messages[0].text
        return reply("refunds")

    result = run("zzzz qqqq", asked, router="set:reasoned", topology=None)
    assert result.output == "It arrives on Friday, not on Monday." and CALLED == ["refunds"]


def test_looking_ahead_calls_nobody() -> None:
    one, model = team(router="set:reasoned")
    decision = one.route("Where is my parcel?")
    assert decision.chosen == ("parcels",) and "gave no set" in decision.reason and not model.requests
    one.close()


def test_an_agent_that_joins_is_in_the_next_prompt_and_chosen() -> None:
    @agent(description="Issues visas.")
    def visas(text: str) -> str:
        return "stamped"

    one, model = team(reply("parcels"), reply("visas"), reply("parcels"), router="set:reasoned")
    one.run_sync("A visa, please", topology="set")
    one.register(visas)
    assert one.run_sync("A visa, please", topology="set").output == "stamped"
    one.unregister("visas")
    one.run_sync("A visa, please", topology="set")
    without, within, again = (request.messages[0].text for request in model.requests)
    assert again == without and within.replace("\n- visas: Issues visas.", "") == without
    one.close()


# the team around it


def test_a_router_of_one_at_a_time_makes_a_set_of_one() -> None:
    result = run("zzzz qqqq", router="cheapest")
    (decision,) = result.decisions
    assert len(decision.chosen) == 1 and OOS not in {option.name for option in decision.options}


def test_who_merges_has_to_be_there_and_is_no_member() -> None:
    one, _ = team(agents=[parcels, refunds])
    with pytest.raises(errors.UnknownCapability, match="Add the shipped 'refiner'"):
        one.run_sync("text", topology="set")
    assert one.run_sync("Where is my parcel?", topology=Ensemble(most=1)).output == "It arrives on Monday."
    with pytest.raises(errors.UnknownCapability, match="Nobody provides 'magic'"):
        one.run_sync("text", topology=Ensemble(capability="magic", most=1))
    one.close()
    result = run("Merge these three answers into one", router=Sets(gap=0.9, level=0.0))
    assert "refiner" not in {option.name for option in result.decisions[0].options}


def test_no_agent_may_be_called_as_out_of_scope_is() -> None:
    @agent(name="oos", description="Says where a parcel is.")
    def oos(text: str) -> str:
        return "here"

    result = run("Where is my parcel?", agents=[oos, "refiner"])
    assert result.cause is not None and result.cause.is_a(errors.BadDefinition)


@pytest.mark.parametrize("options", [{"most": 0}, {"most": True}, {"timeout_s": 0.0}])
def test_ensembles_that_cannot_be_meant(options: dict[str, Any]) -> None:
    with pytest.raises(errors.BadDefinition):
        Ensemble(**options)


def test_a_resumed_run_asks_neither_the_router_nor_the_members_again(tmp_path: Path) -> None:
    state = tmp_path / "team.db"
    one, first = team(
        reply("refunds", "parcels"), RuntimeError("no merge"), router="set:reasoned", state=state, journal=True
    )
    result = one.run_sync(BOTH, topology="set")
    assert result.status == "failed" and len(CALLED) == 2 and len(first.requests) == 2
    one.close()
    two, second = team("merged", router="set:reasoned", state=state, journal=True)
    resumed = two.resume_sync(result.run_id)
    assert resumed.output == "merged" and len(CALLED) == 2 and len(second.requests) == 1
    replayed = asyncio.run(two.replay(result.run_id))
    assert replayed.output == "merged" and len(CALLED) == 2
    two.close()


@workflow
async def asking(text: str) -> str:
    return str(await step(text, topology="set"))


def test_a_step_may_be_a_set() -> None:
    one, _ = team()
    result = one.run_sync(asking, "Where is my parcel?")
    assert result.output == "It arrives on Monday."
    started = [e.name for e in result.events if isinstance(e, CallStarted)]
    assert "parcels" in started and not [e for e in result.events if isinstance(e, Rewarded)]
    one.close()

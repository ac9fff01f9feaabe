"""Compositions in a team: the guard between an agent's turns, the weights of one run, a chain with a state file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, Orchestra, agent, tool
from orchestra.core.decision import Decision
from orchestra.core.errors import BadNumber
from orchestra.core.events import Decided
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Request
from orchestra.routing.compositions.guarded import Guarded
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Random
from tests.support.runtime import go, on_every_loop

CHEAP, DEAR = "test:cheap", "test:dear"


@tool
def look(order_id: str) -> str:
    """Looks an order up."""
    if order_id.startswith("bad"):
        raise LookupError(order_id)
    return f"{order_id} was shipped"


def turns(ids: list[str]) -> Any:
    """Asks for the tool once for each id, then answers."""

    def answer(request: Request) -> str | ToolCall:
        done = sum(message.role == "tool" for message in request.messages)
        if done < len(ids):
            return ToolCall(id=f"c{done}", name="look", arguments={"order_id": ids[done]})
        return "That is all."

    return answer


async def asked(router: Any, ids: list[str], native: bool, seed: int, state: Any = None) -> list[Decision]:
    talker = Agent("talker", model=[CHEAP, DEAR], tools=[look])
    async with Orchestra(
        agents=[talker],
        models={name: Scripted(*[turns(ids)] * 9, name="another name") for name in (CHEAP, DEAR)},
        prices={CHEAP: (1, 2), DEAR: (10, 20)},
        router=router,
        native_tasks=native,
        state=state,
        journal=state is not None,
    ) as team:
        result = await team.run("Where are they?", to="talker", seed=seed)
        if state is not None:
            assert (await team.replay(result.run_id)).output == result.output
    assert result.output == "That is all."
    return [e.decision for e in result.events if isinstance(e, Decided) and len(e.decision.options) == 2]


@on_every_loop
def test_the_model_at_work_goes_on(loop: str, native: bool) -> None:
    firsts = set()
    for seed in range(8):
        first, *others = go(loop, asked, Guarded(Random()), ["A", "B", "C"], native, seed)
        assert len(others) == 3 and {made.chosen for made in others} == {first.chosen}
        assert first.probability == 0.5 and all(made.probability == 1.0 for made in others)
        firsts.add(first.chosen)
    assert len(firsts) == 2
    free = [made.chosen for seed in range(8) for made in go(loop, asked, Random(), ["A", "B", "C"], native, seed)]
    assert any(free[4 * i] != free[4 * i + j] for i in range(8) for j in (1, 2, 3))


def test_steps_that_fail_are_rescued_once(tmp_path: Path) -> None:
    ids = ["bad1", "bad2", "bad3", "bad4", "bad5"]
    made = go("asyncio", asked, Guarded(LinUCB(alpha=0.0), margin=0.5), ids, True, 1, tmp_path / "team.db")
    chosen = [one.chosen[0] for one in made]
    other = {CHEAP: DEAR, DEAR: CHEAP}[chosen[0]]
    assert chosen == [chosen[0], chosen[0], other, other, other, other]
    assert made[2].reason.startswith("rescue: 2 steps failed") and made[2].probability == 1.0


@agent(provides="answer", cost_usd=0.001)
def thrifty(text: str) -> str:
    """Answers."""
    return "thrifty"


@agent(provides="answer", cost_usd=0.1)
def lavish(text: str) -> str:
    """Answers well, and answers all."""
    return "lavish"


TEXT = "Answers well, and answers all."


def test_the_weights_of_one_run_choose_whom_it_asks() -> None:
    team = Orchestra(agents=[thrifty, lavish], router=LinUCB(floor=0.0))
    assert team.run_sync(TEXT, to="answer").output == "lavish"
    weighed = team.run_sync(TEXT, to="answer", weights={"cost": 2})
    assert weighed.output == "thrifty"
    (made,) = weighed.decisions
    assert made.policy == "linucb -w cost=2" and "under cost=2" in made.reason
    assert made.options[1].probability == pytest.approx(0.01)
    team.feedback_sync(weighed.run_id, 1.0)
    assert team.route(TEXT, to="answer").options[0].tries == 1  # it is the same router that learns
    assert team.run_sync(TEXT, to="answer", weights={"quality": 3, "cost": 0.1}).output == "lavish"
    for bad in ({"speed": 1.0}, {"cost": -1.0}, {"cost": float("nan")}, 3):
        with pytest.raises(BadNumber):
            team.run_sync(TEXT, to="answer", weights=bad)  # type: ignore[arg-type]
    team.close()


def test_a_router_without_scores_chooses_as_ever() -> None:
    team = Orchestra(agents=[lavish, thrifty], router="fixed")
    assert team.run_sync(TEXT, to="answer", weights={"cost": 2}).output == "lavish"
    assert team.run_sync("x", to="answer", weights={"cost": 2}).decisions[0].policy == "fixed"
    team.close()


def test_a_chain_and_a_canary_learn_in_a_team(tmp_path: Path) -> None:
    from orchestra.routing.compositions.canary import Canary

    canary = Canary("linucb>cheapest", "ema", shares=(0.5,))
    team = Orchestra(agents=[thrifty, lavish], router=canary, state=tmp_path / "team.db")
    for n in range(6):
        team.feedback_sync(team.run_sync(f"task {n}", to="answer").run_id, 0.5)
    team.close()
    again = Canary("linucb>cheapest", "ema", shares=(0.5,))
    team = Orchestra(agents=[thrifty, lavish], router=again, state=tmp_path / "team.db")
    team.route("x", to="answer")
    assert again.standing == canary.standing and again.standing.serving[0] + again.standing.canary[0] == 6
    team.close()

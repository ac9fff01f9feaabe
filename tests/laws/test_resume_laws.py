"""A journal cut anywhere: what it holds as done is not done again, and what it holds as spent stays spent."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.agents.decorator import agent
from orchestra.core.events import CallEnded, CallStarted, Charged, Event
from orchestra.core.outcome import Done, Paused
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.scope import Context
from orchestra.stores.rows import decode, encode
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, step
from tests.support.runtime import Rig, go, on_every_loop
from tests.support.trees import MEMBERS, Obedient, Tree, planned, trees

law = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def reread(events: list[Event]) -> list[Event]:
    """What a store would give back."""
    rows = [(e, *encode(e)) for e in events]
    return [decode(kind, e.key, e.at, facts, body) for e, kind, facts, body in rows]


def charged(events: list[Event]) -> Usage:
    total = ZERO
    for event in events:
        if isinstance(event, Charged):
            total = total + event.usage
    return total


def done_keys(events: list[Event]) -> set[str]:
    return {e.key for e in events if isinstance(e, CallEnded) and isinstance(e.outcome, Done)}


@on_every_loop
@law
@given(tree=trees, cuts=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_what_is_finished_stands_wherever_the_journal_ends(
    loop: str, native: bool, tree: Tree, cuts: list[float]
) -> None:
    team = Rig(MEMBERS, models={"test:obedient": Obedient()}, native=native)

    async def play() -> None:
        await team.run(planned(tree), tree)
        past: list[Event] = []
        for cut in cuts:
            whole = [*past, *team.last.events]
            past = reread(whole[: max(1, len(past) + 1, int(cut * len(whole)))])
            outcome, usage = await team.run(planned(tree), tree, past=past, mode="resume")
            began = {e.key for e in team.last.events if isinstance(e, CallStarted)}
            assert not began & done_keys(past)
            assert usage == charged([*past, *team.last.events]) == charged(past) + team.last.used
            assert not team.last.live and not team.last.open
        again, usage = await team.run(planned(tree), tree, past=reread([*past, *team.last.events]), mode="resume")
        if isinstance(outcome, Done):
            assert isinstance(again, Done) and again.output == outcome.output and not team.last.used.requests

    go(loop, play)


acted: list[str] = []


@agent(provides="pay", side_effect="payment")
async def one(ctx: Context[None], order: str) -> str:
    acted.append(ctx.effect_key)
    return f"paid {order}"


@agent(provides="pay", side_effect="payment")
async def other(ctx: Context[None], order: str) -> str:
    acted.append(ctx.effect_key)
    return f"paid {order}"


@agent
async def teller(ctx: Context[None], order: str) -> str:
    paid: str = await step("pay", order)
    return paid


@workflow
async def orders(names: list[str]) -> list[Any]:
    first = [await step("pay", name) for name in names]
    return [*first, *await gather(*(step(teller, name) for name in names))]


@on_every_loop
@law
@given(
    names=st.lists(st.sampled_from("abc"), max_size=3, unique=True),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=4),
)
def test_no_effect_is_done_twice_wherever_the_journal_ends(
    loop: str, native: bool, names: list[str], cuts: list[tuple[float, bool]]
) -> None:
    """Between the parts the order of the providers may change, and the one who looks says what he sees."""
    acted.clear()

    async def play() -> None:
        team = Rig((one, other, teller), native=native)
        await team.run(orders, names)
        past: list[Event] = []
        for cut, swap in cuts:
            whole = [*team.last.past, *team.last.events]
            past = reread(whole[: max(1, len(past) + 1, int(cut * len(whole)))])
            started = {e.effect for e in past if isinstance(e, CallStarted) and e.side_effect}
            acted[:] = [key for key in acted if key in started]  # an effect begins once its beginning is written
            team = Rig((other, one, teller) if swap else (one, other, teller), native=native)
            answers: dict[str, str] = {}
            outcome, _ = await team.run(orders, names, past=past, mode="resume")
            for _ in range(2 * len(names) + 1):
                if not isinstance(outcome, Paused):
                    break
                for key, question in outcome.asks:
                    assert "may have done" in question, question
                    answers[key] = "paid x" if key in acted else "not done"
                outcome, _ = await team.resume(orders, names, answers=answers)
            assert isinstance(outcome, Done), outcome
            assert len(set(acted)) == len(acted) == 2 * len(names)

    go(loop, play)

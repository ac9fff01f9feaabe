"""Taking a run up again: what must be there, what is looked up where, and which limits hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Agent, Budget, Context, Orchestra, agent, errors, step, workflow
from orchestra.core.events import CallStarted, RunStarted
from tests.support.shop import adyen, careful, close, made, writer

PAID: list[str] = []


@agent(cost_usd=0.004, side_effect="payment")
def pay(order: str) -> str:
    PAID.append(order)
    return f"paid {order}"


@workflow(budget=Budget(usd="0.005"))
async def pay_all(orders: list[str]) -> list[str]:
    return [await step(pay, order) for order in orders]


@workflow
async def needs_deps(ctx: Context[str], text: str) -> str:
    return ctx.deps + text


def go(test: Callable[[Callable[..., Orchestra]], Awaitable[None]], tmp_path: Path) -> None:
    def team(**options: Any) -> Orchestra:
        return made(**{"state": tmp_path / "team.db", "journal": True, **options})

    anyio.run(test, team)


def test_what_must_be_there(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        bare = Orchestra(agents=[adyen])
        kept = await bare.run("A1")
        with pytest.raises(errors.JournalMissing, match=r"journal=True and state="):
            await bare.resume(kept.run_id)
        with pytest.raises(errors.JournalMissing):
            await bare.replay(kept.run_id)
        async with team(journal=False) as traced:
            without = await traced.run("hello", to="answer")
        async with team() as one:
            with pytest.raises(errors.JournalMissing, match="its input was not kept"):
                await one.resume(without.run_id)
            with pytest.raises(errors.UnknownRun):
                await one.resume("nobody")
            with pytest.raises(errors.UnknownRun):
                await one.replay("nobody")
            with pytest.raises(errors.UnknownRun):
                await one.events("nobody")
            with pytest.raises(errors.UnknownRun):
                await one.feedback("nobody", 1.0)
            with pytest.raises(errors.BadDefinition, match="is no Budget"):
                await one.resume(without.run_id, budget=0.1)  # type: ignore[arg-type]

    go(main, tmp_path)


def test_another_version_of_the_record(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        from orchestra.ports.store import Entry
        from orchestra.stores.sqlite import SqliteStore

        store = SqliteStore(tmp_path / "team.db")
        started = RunStarted("run", 1.0, "task", "capability:*", "hello", 0, {}, 1, 99)
        store.append([Entry("old", 0, started, True)])
        store.close()
        async with team() as one:
            with pytest.raises(errors.JournalVersion, match="format 99"):
                await one.resume("old")

    go(main, tmp_path)


def test_where_workflows_and_nodes_are_looked_up(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team() as first:
            closed = await first.run(close, "hi", "A1")
            named = await first.run("A1", to="careful")
            able = await first.run("A1", to="refund")
            row = await first.run("A1", to=["answer", "answer"])
        async with team(workflows=[]) as second:
            with pytest.raises(errors.UnknownWorkflow, match="does not know"):
                await second.resume(closed.run_id)
            assert (await second.resume(closed.run_id, workflow=close)).output == closed.output
            assert (await second.resume(row.run_id)).output == "A1"
        async with team(workflows=[close]) as third:
            assert (await third.resume(closed.run_id)).output == closed.output
            assert (await third.replay(closed.run_id)).output == closed.output
        async with team(agents=[adyen]) as small:
            with pytest.raises(errors.UnknownCapability):
                await small.resume(named.run_id)
            with pytest.raises(errors.UnknownCapability):
                await small.resume(row.run_id)
            assert (await small.resume(able.run_id)).output == "refunded A1"
        async with team() as fourth:
            direct = await fourth.run(writer, "hello")
        async with team(agents=[adyen]) as small:
            with pytest.raises(errors.UnknownAgent):
                await small.resume(direct.run_id)

    go(main, tmp_path)


def test_a_new_budget_replaces_the_old_one_and_stays(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        PAID.clear()
        async with team(agents=[pay]) as one:
            first = await one.run(pay_all, ["A", "B", "C", "D"])
            assert (first.status, PAID) == ("stopped", ["A"])
            again = await one.resume(first.run_id)
            assert (again.status, PAID) == ("stopped", ["A"])
            wider = await one.resume(first.run_id, budget=Budget(usd="0.013"))
            assert (wider.status, PAID) == ("stopped", ["A", "B", "C"])
            same = await one.resume(first.run_id)
            assert (same.status, PAID) == ("stopped", ["A", "B", "C"])
            done = await one.resume(first.run_id, budget=Budget(usd="0.016"))
            assert done.output == ["paid A", "paid B", "paid C", "paid D"]
            assert done.usage.nano_usd == 16_000_000
            assert PAID == ["A", "B", "C", "D"]

    go(main, tmp_path)


def test_deps_are_given_anew(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team() as one:
            result = await one.run(needs_deps, "b")
            assert result.cause is not None
            assert result.cause.is_a(errors.DepsMissing)
            assert (await one.resume(result.run_id, deps="a")).output == "ab"

    go(main, tmp_path)


def test_replay_calls_and_writes_nothing(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team(agents=[pay, careful, Agent("b", model="test:echo")]) as one:
            result = await one.run(pay_all, ["A"])
            PAID.clear()
            before = await one.events(result.run_id)
            again = await one.replay(result.run_id)
            assert (again.output, again.usage, PAID) == (result.output, result.usage, [])
            assert await one.events(result.run_id) == before
            started = [e.name for e in again.events[len(before) - 1 :] if isinstance(e, CallStarted)]
            assert started == ["pay_all"]

    go(main, tmp_path)


def test_a_replay_of_other_code_diverges(tmp_path: Path) -> None:
    @workflow(name="pay_all")
    async def other(orders: list[str]) -> list[str]:
        return [await step(pay, order + "!") for order in orders]

    async def main(team: Callable[..., Orchestra]) -> None:
        async with team(agents=[pay]) as one:
            result = await one.run(pay_all, ["A"])
            diverged = await one.replay(result.run_id, workflow=other)
            assert diverged.cause is not None
            assert diverged.cause.is_a(errors.Diverged)

    go(main, tmp_path)

"""What becomes of a goal when a call ends: advanced, given back, parked or held."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra import Context, Orchestra, agent, errors, step, tool, workflow
from orchestra.core.events import RunStarted
from tests.support.runtime import on_every_loop
from tests.unit.guards.orders import CALLED, MACHINE, at, by_air, by_road, by_step, is_blocked, pay, played


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    CALLED.clear()


@on_every_loop
def test_a_failed_skill_never_advances(loop: str, native: bool) -> None:
    @agent(provides="ship", cost_usd=0.1)
    def broken(what: str) -> str:
        raise ValueError("out of order")

    @agent(provides="ship", cost_usd=0.2)
    def sloppy(what: str) -> str:
        return "shipped it somewhere"

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        result = await team.run("it", to="ship", goal="order:1")
        failed = [(failure.name, failure.cause.kind, failure.how) for failure in result.explain().failures]
        assert failed == [("broken", "ValueError", "rerouted"), ("sloppy", "PostconditionFailed", "rerouted")]
        assert result.status == "done" and CALLED[-1] == "by_road"
        kinds = [event.kind for event in await team.goal("order:1").events()]
        assert kinds == ["entered", "advanced", "entered", "left", "entered", "left", "entered", "advanced"]

    played(loop, native, play, agents=[pay, broken, sloppy, by_road])


@on_every_loop
def test_an_effect_that_may_have_happened_parks_the_goal(loop: str, native: bool, tmp_path: Path) -> None:
    @tool(name="ship", side_effect="parcel")
    def ship(what: str) -> str:
        """Ships."""
        CALLED.append("ship")
        return "lost"

    @workflow
    async def send() -> str:
        return str(await step(ship, "it"))

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        result = await team.run(send, goal="order:1")
        assert result.cause is not None and result.cause.is_a(errors.EffectUnknown)
        assert (
            result.cause.kind == "PostconditionFailed" and "output is 'shipped' does not hold" in result.cause.message
        )
        stage, holders = await at(team)
        assert stage == "paid" and len(holders) == 1 and holders[0].startswith(result.run_id)
        other = await team.run(send, goal="order:1")
        assert other.cause is not None and other.cause.kind == "GoalBusy" and result.run_id in other.cause.message
        paused = await team.resume(result.run_id)
        assert paused.status == "paused" and await at(team) == (stage, holders)
        done = await team.resume(result.run_id, answers=dict.fromkeys(paused.asks, "shipped"))
        assert done.output == "shipped" and await at(team) == ("sent", ()) and CALLED == ["pay", "ship"]

    played(loop, native, play, agents=[pay, ship], state=tmp_path / "team.db", journal=True, workflows=[send])


def test_an_unknown_effect_inside_parks_what_is_around_it(tmp_path: Path) -> None:
    @tool(name="ship", side_effect="parcel")
    def ship() -> str:
        """Ships."""
        CALLED.append("ship")
        raise TimeoutError

    @agent
    async def deal(ctx: Context[None]) -> str:
        """Ships."""
        return await ctx.call(ship)

    machine = {**MACHINE, "skills": {**MACHINE["skills"], "deal": {"stages": ["paid"], "sets": {"how": "output"}}}}

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        result = await team.run(deal, goal="order:1")
        assert result.cause is not None and result.cause.is_a(errors.EffectUnknown), result.cause
        stage, holders = await at(team)
        assert stage == "paid" and len(holders) == 2, "the agent and, inside it, the tool"
        paused = await team.resume(result.run_id)
        done = await team.resume(result.run_id, answers=dict.fromkeys(paused.asks, "shipped"))
        assert done.output == "shipped" and await at(team) == ("sent", ()) and CALLED == ["pay", "ship"]

    played("asyncio", True, play, agents=[pay, deal, ship], goals=[machine], state=tmp_path / "t.db", journal=True)


def test_a_hold_that_was_released_meanwhile_does_not_advance() -> None:
    async def play(team: Orchestra) -> None:
        @tool(name="ship")
        async def slow() -> str:
            """Ships, while somebody gives up on it."""
            await team.goal("order:1").release()
            return "shipped"

        await team.run(pay, 5, goal="order:1")
        result = await team.run(slow, goal="order:1")
        assert result.cause is not None and result.cause.kind == "GoalMoved" and await at(team) == ("paid", ())

    played("asyncio", True, play)


def test_a_goal_is_taken_from_a_run_that_will_not_come_back(tmp_path: Path) -> None:
    @tool(name="ship", side_effect="parcel")
    def ship(fails: bool) -> str:
        """Ships."""
        if fails:
            raise TimeoutError
        return "shipped"

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        assert (await team.run(ship, True, goal="order:1")).status == "failed"
        assert (await team.run(ship, False, goal="order:1")).cause.kind == "GoalBusy"  # type: ignore[union-attr]
        assert (await team.goal("order:1").release()).holders == ()
        assert (await team.run(ship, False, goal="order:1")).status == "done"

    played("asyncio", True, play, agents=[pay, ship])


def test_what_certainly_did_nothing_gives_the_goal_back() -> None:
    @tool(name="ship", side_effect="parcel")
    def ship() -> str:
        """Ships."""
        raise errors.NoEffect("nobody at home")

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        assert (await team.run(ship, goal="order:1")).cause.kind == "NoEffect"  # type: ignore[union-attr]
        assert await at(team) == ("paid", ())

    played("asyncio", True, play, agents=[pay, ship])


@on_every_loop
def test_resume_and_replay_do_not_advance_twice(loop: str, native: bool, tmp_path: Path) -> None:
    @workflow
    async def all_of_it(ctx: Context[None]) -> str:
        await step(pay, 7)
        if await ctx.ask("Ship it?", output_type=bool):
            return str(await step("ship", "it"))
        return "kept"

    async def play(team: Orchestra) -> None:
        result = await team.run(all_of_it, goal="order:1")
        assert result.status == "paused" and await at(team) == ("paid", ())
        started = next(e for e in await team.events(result.run_id) if isinstance(e, RunStarted))
        assert started.goal == "order:1", "the run remembers what it works on"
        done = await team.resume(result.run_id, answers=dict.fromkeys(result.asks, True))
        assert done.output == "shipped" and await at(team) == ("sent", ())
        before = await team.goal("order:1").events()
        assert (await team.resume(result.run_id)).output == "shipped"
        assert (await team.replay(result.run_id)).output == "shipped"
        assert await team.goal("order:1").events() == before and CALLED == ["pay", "by_road"]

    played(loop, native, play, state=tmp_path / "team.db", journal=True, workflows=[all_of_it])


@pytest.mark.parametrize(("kind", "then"), [("CallEnded", "by_road"), ("Decided", "by_air")])
def test_a_call_that_was_cut_off_after_it_advanced_goes_on(tmp_path: Path, kind: str, then: str) -> None:
    """Its process died between the goal's event and its own record: it is run again, by somebody else if need be, and
    the goal stays.
    """
    path = tmp_path / "team.db"

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        result = await team.run(by_step, goal="order:1")
        import sqlite3

        with sqlite3.connect(path) as connection:  # as if nothing from there on had been written
            key = "%@by_road%" if kind == "CallEnded" else "%"
            (seq,) = connection.execute(
                "SELECT MIN(seq) FROM events WHERE run_id = ? AND kind = ? AND key LIKE ?", (result.run_id, kind, key)
            ).fetchone()
            for table in ("events", "payloads"):
                connection.execute(f"DELETE FROM {table} WHERE run_id = ? AND seq >= ?", (result.run_id, seq))
        if then == "by_air":
            team.unregister("by_road")
        before = await team.goal("order:1").events()
        again = await team.resume(result.run_id)
        assert again.output == "shipped" and ["pay", "by_road", then] == CALLED
        assert await team.goal("order:1").events() == before

    played("asyncio", True, play, state=path, journal=True, workflows=[by_step])


@on_every_loop
def test_a_guarded_agent_calls_guarded_tools_and_goes_on_after_a_pause(loop: str, native: bool, tmp_path: Path) -> None:
    @agent(name="deal")
    async def deal(ctx: Context[None], cents: int) -> str:
        """Takes the money, asks, ships."""
        await ctx.call(pay, cents)
        sure = await ctx.ask("Sure?", output_type=bool)
        return str(await ctx.call(by_air, "it")) if sure else "kept"

    machine = {**MACHINE, "skills": {**MACHINE["skills"], "deal": {"stages": ["new"], "sets": {"how": "output"}}}}

    async def play(team: Orchestra) -> None:
        result = await team.run(deal, 5, goal="order:1")
        assert result.status == "paused", result.cause
        stage, holders = await at(team)
        assert stage == "paid" and len(holders) == 1, "a pause keeps the goal"
        assert is_blocked(await team.run(by_air, "it", goal="order:1"), "is changing the goal")
        done = await team.resume(result.run_id, answers=dict.fromkeys(result.asks, True))
        assert done.output == "shipped", done.cause
        state = await team.goal("order:1").state()
        assert (state.stage, state.holders, state.facts) == ("sent", (), {"cents": 5, "how": "shipped"})

    played(loop, native, play, agents=[deal, pay, by_air], goals=[machine], state=tmp_path / "t.db", journal=True)


def test_a_cancelled_call_gives_the_goal_back() -> None:
    import anyio

    @tool(name="ship")
    async def slow(what: str) -> str:
        """Ships."""
        await anyio.sleep(30)
        return "shipped"

    async def play(team: Orchestra) -> None:
        await team.run(pay, 5, goal="order:1")
        with anyio.move_on_after(0.05):
            await team.run(slow, "it", goal="order:1")
        assert await at(team) == ("paid", ())

    for loop, native in (("asyncio", True), ("asyncio", False), ("trio", False)):
        played(loop, native, play, agents=[pay, slow])

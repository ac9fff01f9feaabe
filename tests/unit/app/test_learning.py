"""The learning loop: late, repeated, corrected, concurrent feedback; failures; frozen teams; two teams on one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Agent, Budget, Context, Orchestra, agent, errors, step, workflow
from orchestra.core.events import Rewarded
from orchestra.models.scripted import Failing
from tests.support.shop import adyen, close, made, stripe, writer


def go(test: Callable[[Callable[..., Orchestra]], Awaitable[None]], tmp_path: Path) -> None:
    anyio.run(test, lambda **options: made(**{"state": tmp_path / "team.db", **options}))


def state(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM state ORDER BY policy, option").fetchall()


def test_repeated_corrected_and_of_several_sources(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team() as one:
            result = await one.run("hello", to="answer")
            assert [await one.feedback(result.run_id, value) for value in (1.0, 1.0, 1, 0.5, 0.5)] == [1, 0, 0, 1, 0]
            assert await one.feedback(result.run_id, 0.5, source="judge") == 1
            (choice,) = result.decisions
            told = [e for e in await one.events(result.run_id) if isinstance(e, Rewarded)]
            assert [(e.reward, e.source) for e in told] == [(1.0, "user"), (0.5, "user"), (0.5, "judge")]
            assert {e.key for e in told} == {choice.key}
            assert [e.learned for e in told] == [None] * 3
            assert one.route("hello", to="answer").options[0].tries == 1, "sources share one reward"

    go(main, tmp_path)


def test_concurrent_feedback_counts_once(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        for options in ({}, {"state": None}):
            async with team(**options) as one:
                result = await one.run("hello", to="answer")
                learned: list[int] = []

                async def say() -> None:
                    learned.append(await one.feedback(result.run_id, 1.0))  # noqa: B023

                async with anyio.create_task_group() as group:
                    for _ in range(20):
                        group.start_soon(say)
                assert sorted(learned) == [0] * 19 + [1]
                assert one.route("hello", to="answer").options[0].tries == 1

    go(main, tmp_path)


@pytest.mark.parametrize("reward", [-0.1, 1.1, float("nan"), float("inf"), "1", None, True, [1]])
def test_a_reward_that_is_none(reward: Any) -> None:
    async def main() -> None:
        team = made()
        result = await team.run("hello", to="answer")
        with pytest.raises(errors.BadNumber):
            await team.feedback(result.run_id, reward)
        assert await team.feedback(result.run_id, 1.0) == 1

    anyio.run(main)


def test_it_comes_late_and_is_there_for_the_next_process(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team() as one:
            result = await one.run("hello", to="answer")
        async with team() as two:
            assert await two.feedback(result.run_id, 0.25) == 1
            assert await two.feedback(result.run_id, 0.25) == 0
        async with team() as three:
            assert three.route("hello", to="answer").options[0].tries == 1
            assert await three.feedback(result.run_id, 0.25) == 0
            assert await three.feedback(result.run_id, 0.75) == 1

    go(main, tmp_path)


def test_two_teams_end_where_one_would(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        for name, parts in (("one.db", 1), ("two.db", 2)):
            teams = [team(state=tmp_path / name, router="linucb", agents=[adyen, writer]) for _ in range(parts)]
            for seed in range(6):
                here = teams[seed % parts]
                result = await here.run(f"ticket {seed}", to="answer")
                await teams[-1].feedback(result.run_id, seed / 5)
            for one in teams:
                await one.aclose()
        assert state(tmp_path / "one.db") == state(tmp_path / "two.db")
        assert state(tmp_path / "one.db")

    go(main, tmp_path)


def test_a_failure_gets_nothing_by_itself(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team(agents=[stripe, adyen], router="linucb") as one:
            result = await one.run("A1", to="refund")
            told = [e for e in await one.events(result.run_id) if isinstance(e, Rewarded)]
            assert [(e.reward, e.source) for e in told] == [(0.0, "runtime")]
            failed, used = result.decisions
            assert told[0].key == failed.key
            assert await one.feedback(result.run_id, 1.0) == 1
            last = (await one.events(result.run_id))[-1]
            assert isinstance(last, Rewarded)
            assert (last.key, last.reward) == (used.key, 1.0)

    go(main, tmp_path)


def test_what_is_not_the_choices_fault_is_not_held_against_it() -> None:
    @agent
    async def needy(ctx: Context[str], text: str) -> str:
        return ctx.deps

    @agent(cost_usd=1)
    async def dear(text: str) -> str:
        return text

    async def main() -> None:
        team = made(agents=[needy, dear])
        for to in ("needy", "dear"):
            result = await team.run("x", to=to, budget=Budget(usd="0.5"))
            assert result.status != "done"
            assert not [e for e in await team.events(result.run_id) if isinstance(e, Rewarded)]

    anyio.run(main)


def test_a_frozen_team_changes_nothing(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        async with team() as one:
            for seed in range(3):
                await one.feedback((await one.run(close, "hi", "A1", seed=seed)).run_id, 1.0)
        before = state(tmp_path / "team.db")
        assert before
        async with team(learn=False) as frozen:
            decision = frozen.route("hi", to="refund")
            for seed in range(5):
                result = await frozen.run(close, "hi", "A1", seed=seed)
                assert await frozen.feedback(result.run_id, 0.0) == 0
                assert not [e for e in await frozen.events(result.run_id) if isinstance(e, Rewarded)]
            assert [o.tries for o in frozen.route("hi", to="refund").options] == [o.tries for o in decision.options]
        assert state(tmp_path / "team.db") == before

    go(main, tmp_path)


def test_one_decision_alone() -> None:
    async def main() -> None:
        team = made()
        result = await team.run(close, "hi", "A1")
        first = result.decisions[0]
        assert await team.feedback(result.run_id, 0.5, decision=first.key) == 1
        told = [e for e in await team.events(result.run_id) if isinstance(e, Rewarded) and e.source == "user"]
        assert [e.key for e in told] == [first.key]
        with pytest.raises(errors.UnknownName, match=r"result\.decisions"):
            await team.feedback(result.run_id, 0.5, decision="none")

    anyio.run(main)


def test_what_went_into_no_answer_gets_no_reward() -> None:
    @agent(provides="work")
    async def gives_up(text: str) -> str:
        await step("answer", text)
        raise errors.NoEffect("not today")

    @agent(provides="work")
    async def works(text: str) -> str:
        return text

    @workflow
    async def whole(text: str) -> str:
        await step("answer", text)
        return str(await step("work", text))

    async def main() -> None:
        team = made(agents=[gives_up, works, writer])
        result = await team.run(whole, "x")
        assert [one.chosen for one in result.decisions] == [("writer",), ("gives_up",), ("writer",), ("works",)]
        await team.feedback(result.run_id, 1.0)
        told = [e for e in await team.events(result.run_id) if isinstance(e, Rewarded) and e.source == "user"]
        assert {e.key for e in told} == {result.decisions[0].key, result.decisions[3].key}

    anyio.run(main)


def test_a_resumed_failure_is_told_once(tmp_path: Path) -> None:
    async def main(team: Callable[..., Orchestra]) -> None:
        unlucky = Agent("unlucky", model="test:bad")
        bad = Failing(errors.AuthFailed("no"), "test:bad")
        async with team(agents=[unlucky], models={"test:bad": bad}, journal=True) as one:
            result = await one.run("x", to="unlucky")
            again = await one.resume(result.run_id)
            assert again.status == "failed"
            told = [e for e in await one.events(result.run_id) if isinstance(e, Rewarded)]
            assert len(told) == 1
            assert bad.calls == 2

    go(main, tmp_path)

"""register and unregister while runs are in flight: a run keeps the catalogue that it began with."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest

from orchestra import Agent, Context, Orchestra, agent, errors, step, workflow
from orchestra.core.catalog import Node, node_of
from orchestra.models.scripted import Echo
from tests.support.shop import adyen, made, stripe

NUMBERS = 83
"""For each of four threads: three changes each, in all as many as the 200 runs let happen."""


def numbered(number: int, side: str = "left") -> Any:
    """An agent under two capabilities: a catalogue holds it under both, or is caught half-changed."""

    @agent(name=f"one_{number}", provides=["pair", f"{side}_{number}"])
    def one(text: str) -> str:
        return f"{side} {number}"

    return one


@agent(provides="steady")
async def steady(ctx: Context[None], text: str) -> str:
    return text


@workflow
async def looks(ctx: Context[threading.Semaphore], text: str) -> list[int]:
    """The catalogue's version before and after others had their turn, and what it holds."""
    seen = []
    for _ in range(3):
        catalog = ctx.scope.catalog
        for capability, names in catalog.capability_to_names.items():
            assert names, capability
            assert all(capability in catalog.nodes[name].provides for name in names)
        for node in catalog.nodes.values():
            assert all(node.name in catalog.capability_to_names[capability] for capability in node.provides)
        pairs = catalog.providers("pair")
        if pairs:
            answer = str(await step("pair", text)).split()
            assert any(node.name == f"one_{answer[1]}" and "_".join(answer) in node.provides for node in pairs)
        seen.append(catalog.version)
        ctx.deps.release(2 if len(seen) > 1 else 1)
        await step("steady", text)
        await anyio.sleep(0)
    return seen


def test_200_runs_and_1000_changes() -> None:
    """Adds, replacements and removals from four threads; how many a second is measured by the benchmarks."""

    async def main() -> None:
        team = Orchestra(agents=[steady], router="cheapest")
        versions: list[list[int]] = []
        turns = threading.Semaphore(0)  # each run lets five changes happen, from its beginning to its end
        threads = [threading.Thread(target=change, args=(team, part, turns), daemon=True) for part in range(4)]

        async def one(number: int) -> None:
            result = await team.run(looks, f"text {number}", deps=turns)
            versions.append(result.output)

        for thread in threads:
            thread.start()
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(one, number)
                await anyio.sleep(0)
        for thread in threads:
            thread.join()
        assert len(versions) == 200
        assert all(len({*seen}) == 1 for seen in versions)
        assert len({seen[0] for seen in versions}) > 1
        assert team.catalog.version == 1 + 4 * NUMBERS * 3
        assert [*team.catalog.nodes] == ["steady"]

    anyio.run(main)


def change(team: Orchestra, part: int, turns: threading.Semaphore) -> None:
    for number in range(part * NUMBERS, (part + 1) * NUMBERS):
        turns.acquire()
        team.register(numbered(number))
        turns.acquire()
        team.register(numbered(number, "right"), replace=True)
        turns.acquire()
        team.unregister(f"one_{number}")


def test_a_run_keeps_its_catalogue_and_a_new_one_sees_the_new() -> None:
    async def main() -> None:
        team = made(agents=[stripe, adyen])

        @workflow
        async def pay(order: str) -> str:
            team.unregister("adyen")
            with pytest.raises(errors.UnknownAgent):
                team.unregister("adyen")
            return str(await step("refund", order))

        first = await team.run(pay, "A1")
        assert first.output == "refunded A1"
        second = await team.run("A1", to="refund")
        assert second.status == "failed"
        team.register(adyen)
        assert (await team.run("A1", to="refund")).output == "refunded A1"

    anyio.run(main)


def test_what_cannot_be_registered_changes_nothing() -> None:
    team = made(agents=[adyen])

    @agent(name="adyen")
    def other(order: str) -> str:
        return order

    before = team.catalog
    for error, member in (
        (errors.DuplicateName, other),
        (errors.UnknownProvider, Agent("a", model="nowhere:x")),
        (errors.NoModel, Agent("a")),
        (errors.UnknownAgent, "nobody"),
        (errors.BadDefinition, print),
    ):
        with pytest.raises(error):
            team.register(member, replace=error is not errors.DuplicateName)
        assert team.catalog is before
    team.register(adyen)
    assert [*team.catalog.nodes] == ["adyen"]


def test_a_replacement_takes_the_place_of_its_forerunner() -> None:
    team = Orchestra(agents=[numbered(1), numbered(2), steady])
    team.register(numbered(1, "right"), replace=True)
    team.register(numbered(3), replace=True)
    assert [*team.catalog.nodes] == ["one_1", "one_2", "steady", "one_3"]
    assert dict(team.catalog.capability_to_names) == {
        "pair": ("one_1", "one_2", "one_3"),
        "left_2": ("one_2",),
        "steady": ("steady",),
        "right_1": ("one_1",),
        "left_3": ("one_3",),
    }
    for number in (1, 2, 3):
        team.unregister(f"one_{number}")
    assert dict(team.catalog.capability_to_names) == {"steady": ("steady",)}


def test_a_model_agent_joins_and_leaves() -> None:
    async def main() -> None:
        team = made(agents=[], models={"test:echo": Echo()})
        with pytest.raises(errors.UnknownAgent):
            await team.run("hello")
        team.register(Agent("late", model="test:echo"))
        assert (await team.run("hello")).output == "hello"
        team.unregister("late")
        with pytest.raises(errors.UnknownAgent):
            await team.run("hello")

    anyio.run(main)


def test_the_decorator_leaves_the_node_on_the_function() -> None:
    assert isinstance(node_of(adyen), Node)

"""Who leaves is given no new run, and has drained when the last run that holds it is over, however that ends."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from orchestra import Context, Orchestra, agent, errors, step, workflow
from orchestra.models.scripted import Echo
from tests.support.runtime import go, on_every_loop


@agent(provides="greet")
def old(text: str) -> str:
    return f"old {text}"


@agent(name="old", provides="greet")
def successor(text: str) -> str:
    return f"new {text}"


class Gate:
    """Where a run stands until it is let on; ``ends`` is how it ends then."""

    def __init__(self, ends: str = "done") -> None:
        self.ends = ends
        self.reached, self.open = anyio.Event(), anyio.Event()


@workflow
async def waits(ctx: Context[Gate], text: str) -> str:
    """Calls the agent after it was let on: with the catalogue that the run began with."""
    ctx.deps.reached.set()
    await ctx.deps.open.wait()
    if ctx.deps.ends == "failed":
        raise ValueError("it broke")
    return str(await step("greet", text))


@on_every_loop
@pytest.mark.parametrize("ends", ["done", "failed", "cancelled", "left"])
def test_a_removed_agent_drains_with_the_last_run(loop: str, native: bool, ends: str) -> None:
    async def main() -> None:
        team = Orchestra(agents=[old], native_tasks=native)
        gate, over = Gate(ends), anyio.Event()
        outputs: list[str] = []

        async def one() -> None:
            if ends == "left":
                async with team.stream(waits, "x", deps=gate):
                    await gate.open.wait()
                return
            result = await team.run(waits, "x", deps=gate)
            outputs.append(result.output if result.status == "done" else result.status)

        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()

            async def held() -> None:
                with scope:
                    await one()
                over.set()

            group.start_soon(held)
            await gate.reached.wait()
            team.unregister("old")
            with pytest.raises(errors.UnknownCapability):
                await team.run("x", to="greet")
            assert not await team.drained("old", timeout_s=0.02)
            assert await team.drained("nobody")
            scope.cancel() if ends == "cancelled" else gate.open.set()
            with anyio.fail_after(5):
                assert await team.drained("old")
            with anyio.fail_after(1):
                await over.wait()
        assert outputs == {"done": ["old x"], "failed": ["failed"], "cancelled": [], "left": []}[ends]
        assert team._flight._id_to_runs == {}

    go(loop, main)


def test_who_comes_back_is_not_waited_for_and_its_forerunner_is() -> None:
    async def main() -> None:
        team = Orchestra(agents=[old])
        first, second = Gate(), Gate()
        outputs: list[str] = []

        async def one(gate: Gate) -> None:
            outputs.append((await team.run(waits, "x", deps=gate)).output)

        async with anyio.create_task_group() as group:
            group.start_soon(one, first)
            await first.reached.wait()
            team.register(successor, replace=True)
            group.start_soon(one, second)
            await second.reached.wait()
            assert not await team.drained("old", timeout_s=0.02)
            first.open.set()
            assert await team.drained("old", timeout_s=5)
            assert outputs == ["old x"]
            team.unregister("old")
            assert not await team.drained("old", timeout_s=0.02)
            team.register(successor)  # the removal is taken back: the run holds what the team has
            assert await team.drained("old", timeout_s=0.02)
            second.open.set()
        assert outputs == ["old x", "new x"]

    anyio.run(main)


def test_a_stream_that_is_not_begun_holds_nobody() -> None:
    async def main() -> None:
        team = Orchestra(agents=[old])
        stream = team.stream("x", to="greet")
        team.unregister("old")
        assert await team.drained("old", timeout_s=0)
        async with stream as events:
            async for _ in events:
                pass
        assert events.result.status == "failed"  # it began after the removal

    anyio.run(main)


def test_a_file_that_is_taken_away_drains_too(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "old.md"
        path.write_text("---\ndescription: Greets.\nprovides: greet\nmodel: test:echo\n---\nGreet.\n", encoding="utf-8")
        async with Orchestra(models={"test:echo": Echo()}, folders=[tmp_path]) as team:
            gate = Gate()
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: team.run(waits, "x", deps=gate))
                await gate.reached.wait()
                path.unlink()
                with anyio.fail_after(5):
                    while "old" in team.catalog.nodes:
                        await anyio.sleep(0.01)
                assert not await team.drained("old", timeout_s=0)
                gate.open.set()
                assert await team.drained("old", timeout_s=5)

    anyio.run(main)

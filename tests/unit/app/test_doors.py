"""The ways in and out: with and without an event loop, from threads, closed twice, never opened."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from orchestra import Budget, Orchestra, errors
from tests.support.shop import close, made


def test_run_sync_without_a_loop(tmp_path: Path) -> None:
    with closing(made(state=tmp_path / "team.db", journal=True)) as team:
        result = team.run_sync(close, "hi", "A1", budget=Budget(usd="0.004"))
        assert result.status == "stopped"
        assert team.resume_sync(result.run_id, budget=Budget(usd=1)).output == "hi; refunded A1"
        assert team.feedback_sync(result.run_id, 1.0) == 2
        assert team.feedback_sync(result.run_id, 1.0) == 0


def test_run_sync_under_a_running_loop() -> None:
    async def main() -> None:
        with closing(made()) as team:
            assert team.run_sync("hello", to="answer").output == "hello"
            assert (await team.run("hello", to="answer")).output == "hello"
            with pytest.raises(errors.UnknownCapability):
                team.run_sync("hello", to="juggling")

    anyio.run(main)


def test_run_sync_from_many_threads_opens_one_loop() -> None:
    with closing(made()) as team:
        before = threading.active_count()
        outputs: list[str] = []
        threads = [
            threading.Thread(target=lambda n: outputs.append(team.run_sync(f"t{n}", to="answer").output), args=(n,))
            for n in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outputs) == sorted(f"t{n}" for n in range(16))
        assert threading.active_count() <= before + 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("native", [False, True])
def test_on_every_loop(backend: str, native: bool, tmp_path: Path) -> None:
    async def main() -> None:
        async with made(state=tmp_path / "team.db", journal=True, native_tasks=native) as team:
            result = await team.run(close, "hi", "A1")
            assert result.output == "hi; refunded A1"
            assert (await team.replay(result.run_id)).output == result.output
            assert await team.feedback(result.run_id, 1.0) == 2

    anyio.run(main, backend=backend)


def test_without_async_with_everything_is_written(tmp_path: Path) -> None:
    async def main() -> str:
        return (await made(state=tmp_path / "team.db").run("hello", to="answer")).run_id

    run_id = anyio.run(main)
    with closing(made(state=tmp_path / "team.db")) as team:
        assert team.feedback_sync(run_id, 1.0) == 1


def test_closing_again_does_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with made(state=tmp_path / "team.db") as team:
            await team.run("hello", to="answer")
            await team.aclose()
        await team.aclose()

    before = threading.active_count()
    anyio.run(main)
    team = made(state=tmp_path / "team.db")
    team.run_sync("hello", to="answer")
    for _ in range(3):
        team.close()
    Orchestra().close()
    assert threading.active_count() <= before + 1


def test_a_run_cancelled_from_outside_is_kept() -> None:
    async def main() -> None:
        from orchestra import Agent
        from orchestra.models.scripted import Echo, Slow

        team = made(agents=[Agent("slow", model="test:slow")], models={"test:slow": Slow(Echo("test:slow"), 5)})
        seen: list[str] = []
        team.watch(lambda run_id, event: seen.append(run_id))
        with anyio.move_on_after(0.02):
            await team.run("hello")
        assert {type(event).__name__ for event in await team.events(seen[0])} >= {"RunStarted", "RunEnded"}

    anyio.run(main)


UNCLOSED = """
from orchestra import Orchestra, agent

@agent
def loud(text: str) -> str:
    return text.upper()

team = Orchestra(agents=[loud])
print(team.run_sync("hello").output, flush=True)
team.run_sync({0})
"""


@pytest.mark.parametrize(("last", "code"), [("'again'", 0), ("None", 1)])
def test_a_program_that_closes_nothing_ends(last: str, code: int) -> None:
    command = [sys.executable, "-c", UNCLOSED.format(last)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=15)
    assert (ended.returncode, ended.stdout) == (code, "HELLO\n"), ended.stderr
    assert ("BadInput" in ended.stderr) == bool(code)

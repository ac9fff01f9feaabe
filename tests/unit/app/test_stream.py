"""A run that is watched: its events, its text, leaving early, reading slowly."""

from typing import Any

import anyio
import pytest

from orchestra import Agent, Budget, Orchestra, agent, errors, gather, step, workflow
from orchestra.core.events import CallEnded, RunEnded, RunStarted, TextDelta
from orchestra.models.scripted import Echo, Slow
from orchestra.runtime.stream import JOINED, Stream
from tests.support.runtime import go, on_every_loop

TALKER = Agent("talker", "Says what it is told.", model="test:echo")


@agent(provides="work")
async def work(text: str) -> str:
    return text.upper()


@workflow
async def both(text: str) -> list[str]:
    said, made = await gather(step("talker", text), step("work", text))
    return [said, made]


def team(native: bool, delay_s: float = 0.0) -> Orchestra:
    model = Slow(Echo(), delay_s) if delay_s else Echo()
    return Orchestra(
        agents=[TALKER, work], models={"test:echo": model}, prices={"test:echo": (1, 1)}, native_tasks=native
    )


@on_every_loop
def test_the_events_of_nested_calls_and_the_text_as_it_comes(loop: str, native: bool) -> None:
    async def main() -> None:
        async with team(native) as desk, desk.stream(both, "one two three") as events:
            seen = [event async for event in events]
        assert isinstance(seen[0], RunStarted) and isinstance(seen[-1], RunEnded)
        assert "".join(e.text for e in seen if isinstance(e, TextDelta)) == "one two three"
        assert {"talker", "work"} <= {e.name for e in seen if isinstance(e, CallEnded)}
        assert events.result.output == ["one two three", "ONE TWO THREE"]
        assert not any(isinstance(e, TextDelta) for e in events.result.events), "text is shown, not kept"

    go(loop, main)


@on_every_loop
def test_streaming_changes_neither_the_answer_nor_the_bill(loop: str, native: bool) -> None:
    async def main() -> None:
        async with team(native) as desk:
            plain = await desk.run("one two three", to="talker")
            async with desk.stream("one two three", to="talker") as events:
                async for _ in events:
                    pass
        assert (events.result.output, events.result.usage) == (plain.output, plain.usage)

    go(loop, main)


@on_every_loop
def test_leaving_early_cancels_the_run_and_settles_what_it_held(loop: str, native: bool) -> None:
    ended: list[Any] = []

    async def main() -> None:
        async with team(native, delay_s=30) as desk:
            desk.watch(lambda run_id, event: ended.append(event) if isinstance(event, RunEnded) else None)
            with anyio.fail_after(5):
                async with desk.stream("hello", to="talker") as events:
                    async for _ in events:
                        break
            with pytest.raises(errors.NotInRun):
                _ = events.result

    go(loop, main)
    (end,) = ended
    assert end.status == "stopped" and end.usage.estimated and end.usage.nano_usd > 0


@on_every_loop
def test_a_slow_reader_holds_nothing_up_and_loses_no_text(loop: str, native: bool) -> None:
    async def main() -> None:
        async with team(native) as desk, desk.stream(" ".join(["word"] * 200), to="talker") as events:
            await anyio.sleep(0.05)
            seen = [event async for event in events]
        deltas = [e for e in seen if isinstance(e, TextDelta)]
        assert len(deltas) == 1 and deltas[0].text.split() == ["word"] * 200

    go(loop, main)


def test_waiting_text_is_joined_up_to_a_bound() -> None:
    async def never(sink: object) -> None: ...

    stream = Stream(never)
    for number in range(3 * JOINED):
        stream.put("r", TextDelta("k", 0.0, "x" if number % 2 else "y"))
    assert len(stream._waiting) == 3 and all(len(event.text) == JOINED for event in stream._waiting)  # type: ignore[union-attr]


@on_every_loop
def test_what_the_block_raises_comes_out_as_it_is(loop: str, native: bool) -> None:
    async def main() -> None:
        async with team(native, delay_s=30) as desk:
            with pytest.raises(KeyError):
                async with desk.stream("hello", to="talker"):
                    raise KeyError("mine")

    go(loop, main)


def test_what_is_wrong_before_the_start_raises_at_once() -> None:
    with pytest.raises(errors.UnknownCapability):
        team(True).stream("hello", to="nobody")


@on_every_loop
def test_the_budget_holds_in_a_stream(loop: str, native: bool) -> None:
    async def main() -> None:
        async with team(native) as desk, desk.stream("hello", to="talker", budget=Budget(requests=0)) as events:
            async for _ in events:
                pass
        assert events.result.status == "stopped"

    go(loop, main)

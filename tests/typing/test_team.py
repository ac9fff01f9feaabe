"""What an Orchestra gives back: results, decisions, events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never, assert_type

from orchestra import Agent, Budget, Decision, Message, Orchestra, Outcome, Result, Task, Usage, agent, workflow
from orchestra.core.events import (
    Answered,
    Attempt,
    CallEnded,
    CallStarted,
    Charged,
    Decided,
    Dropped,
    Event,
    Filed,
    Overrun,
    Recalled,
    Refused,
    Rewarded,
    RunEnded,
    RunStarted,
    Signalled,
    Streamed,
    TextDelta,
    Withheld,
)
from orchestra.core.outcome import Cause
from orchestra.models.scripted import Echo
from orchestra.ports.model import Model
from orchestra.telemetry.explain import Explanation


@agent
def double(number: int) -> int:
    return 2 * number


@workflow
async def close_ticket(text: str, order: str) -> str:
    return text


async def runs(team: Orchestra) -> None:
    result = await team.run(close_ticket, "text", "A1", deps={"a": "b"}, budget=Budget(usd=1), seed=3)
    assert_type(result, Result)
    assert_type(result.run_id, str)
    assert_type(result.usage, Usage)
    assert_type(result.outcome, Outcome)
    assert_type(result.partial, dict[str, Any])
    assert_type(result.asks, dict[str, str])
    assert_type(result.cause, Cause | None)
    assert_type(result.decisions, tuple[Decision, ...])
    assert_type(result.events, tuple[Event, ...])
    assert_type(result.explain(), Explanation)
    assert_type(await team.run("text", to=["find", "refund"], output_type=list[int]), Result)
    assert_type(await team.run("text", topology="auto"), Result)
    assert_type(await team.resume(result.run_id, budget=Budget(usd=2), answers={"key": True}), Result)
    assert_type(await team.replay(result.run_id), Result)
    assert_type(await team.feedback(result.run_id, 1.0, source="customer"), int)
    assert_type(await team.events(result.run_id), list[Event])
    assert_type(team.route("text"), Decision)


def runs_without_a_loop(team: Orchestra) -> None:
    result = team.run_sync(close_ticket, "text", "A1")
    assert_type(result, Result)
    assert_type(team.resume_sync(result.run_id), Result)
    assert_type(team.feedback_sync(result.run_id, 1.0), int)


async def streams(team: Orchestra) -> None:
    async with team as opened:
        assert_type(opened, Orchestra)
        async with opened.stream("text", topology="auto", budget=Budget(usd="0.02")) as events:
            async for event in events:
                assert_type(event, Event)
                assert_type(event.key, str)
                assert_type(event.at, float)
                assert_type(said(event), str)
        assert_type(events.result, Result)


def said(event: Event) -> str:
    """Every kind of event, and no other: a new one is an error here until it is named."""
    match event:
        case RunStarted() | CallStarted() | CallEnded():
            return event.name
        case TextDelta():
            return event.text
        case Decided(decision=decision):
            assert_type(decision, Decision)
            return decision.reason
        case Charged(usage=usage):
            assert_type(usage, Usage)
            return str(usage.usd)
        case Filed(cause=cause) | Attempt(cause=cause):
            assert_type(cause, Cause)
            return cause.message
        case RunEnded(status=status):
            assert_type(status, str)
            return status
        case Answered() | Overrun() | Refused() | Dropped() | Recalled() | Streamed() | Signalled():
            return event.key
        case Rewarded() | Withheld():
            return event.key
        case _:
            assert_never(event)


async def refused(team: Orchestra) -> None:
    await team.run("text", budget=0.05)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await team.run("text", buget=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await team.run("text", to=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await team.resume(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    team.stream("text", topology=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Orchestra(agents=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Orchestra(models={"a": "b"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    Agent(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Budget(0.05)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Budget(usd=1).usd = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def data(task: Task, message: Message) -> None:
    assert_type(message.text, str)
    assert_type(task.text, str)


def test_a_mapping_of_models_is_accepted() -> None:
    models: Mapping[str, Model] = {"test:echo": Echo()}
    team = Orchestra(agents=[Agent("a", model="test:echo"), double], models=models)
    assert [*team.catalog.nodes] == ["a", "double"]
    team.close()


def test_every_kind_of_event_is_told_apart() -> None:
    assert said(TextDelta("run", 0.0, "so far")) == "so far"
    assert said(Recalled("run/a", 0.0)) == "run/a"

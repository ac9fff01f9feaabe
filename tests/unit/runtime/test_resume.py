"""Resume on the real stores: what is finished stands, what was settled counts, answers are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest

from orchestra.agents.decorator import agent
from orchestra.core.budget import Budget
from orchestra.core.call import Batch, Call, ModelName, Plan, Planned
from orchestra.core.errors import BudgetExceeded, Diverged, StepFailed
from orchestra.core.events import CallEnded, CallStarted, Charged, Recalled, RunEnded, RunStarted
from orchestra.core.outcome import Done, Failed, Paused
from orchestra.ports.model import Reply, Request
from orchestra.ports.scope import Context, here
from orchestra.ports.store import Store
from orchestra.runtime.execute import status_of
from orchestra.runtime.writer import Writer
from orchestra.stores.memory import MemoryStore
from orchestra.stores.sqlite import SqliteStore
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, step
from tests.support.models import Told
from tests.support.runtime import Rig, go, on_every_loop

ran: list[Any] = []
broken: set[str] = set()
Make = Callable[[], Store]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    ran.clear()
    broken.clear()
    yield


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return MemoryStore if request.param == "memory" else lambda: SqliteStore(tmp_path / "journal.db")


@agent(cost_usd="0.001")
async def priced(name: str) -> str:
    ran.append(name)
    await anyio.lowlevel.checkpoint()
    if name in broken:
        raise ValueError(name)
    return name.upper()


@workflow(budget=Budget(usd="0.002"))
async def pair(name: str) -> str:
    return "".join(await gather(step(priced, name + "1"), step(priced, name + "2")))


@workflow
async def pairs() -> str:
    return await step(pair, "a") + await step(pair, "b")


@on_every_loop
def test_a_stopped_run_goes_on_and_what_was_settled_counts(loop: str, native: bool, make: Make) -> None:
    rig = Rig(native=native)

    async def play() -> None:
        rig.writer = Writer(make())
        stopped, usage = await rig.run(pairs, budget=Budget(usd="0.003"))
        assert status_of(stopped) == "stopped" and usage.nano_usd == 3_000_000 and len(ran) == 3
        same, usage = await rig.resume(pairs, budget=Budget(usd="0.003"))
        assert status_of(same) == "stopped" and usage.nano_usd == 3_000_000 and len(ran) == 3
        done, usage = await rig.resume(pairs, budget=Budget(usd="0.004"))
        assert done == Done(output="A1A2B1B2", usage=done.usage) and sorted(ran) == ["a1", "a2", "b1", "b2"]
        charged = [e.usage.nano_usd for e in (*rig.last.past, *rig.last.events) if isinstance(e, Charged)]
        assert usage.nano_usd == 4_000_000 == sum(charged)
        again, usage = await rig.resume(pairs)
        assert isinstance(again, Done) and again.output == "A1A2B1B2" and usage.nano_usd == 4_000_000 and len(ran) == 4
        assert len(rig.of(Recalled)) == 1 and not rig.of(CallStarted)
        await rig.writer.aclose()

    go(loop, play)


@on_every_loop
def test_the_budget_of_a_nested_workflow_counts_what_it_settled_once(loop: str, native: bool, make: Make) -> None:
    rig = Rig(native=native)
    broken.add("a2")

    async def play() -> None:
        rig.writer = Writer(make())
        failed, usage = await rig.run(pairs)
        assert isinstance(failed, Failed) and usage.nano_usd == 2_000_000
        broken.clear()
        stopped, usage = await rig.resume(pairs)
        assert isinstance(stopped, Failed) and stopped.cause.is_a(BudgetExceeded), "its 0.002 are spent"
        assert stopped.cause.message.startswith("pair:") and usage.nano_usd == 2_000_000
        await rig.writer.aclose()

    go(loop, play)
    assert sorted(ran) == ["a1", "a2"]


@workflow
async def careful(order: str) -> str:
    checked: str = await step(priced, order)
    try:
        allowed: bool = await Context[None](here()).ask(f"May I refund {order}?", output_type=bool)
    except StepFailed:
        return f"{checked}: {await step(priced, 'not asked')}"
    return f"{checked}: {allowed}"


@on_every_loop
def test_a_question_pauses_and_its_answer_goes_on(loop: str, native: bool, make: Make) -> None:
    rig = Rig(native=native)

    async def play() -> None:
        rig.writer = Writer(make())
        paused, _ = await rig.run(careful, "a1")
        assert isinstance(paused, Paused) and status_of(paused) == "paused"
        assert ran == ["a1"], "code that catches a pause comes no further"
        ((key, question),) = paused.asks
        assert question == "May I refund a1?"
        done, _ = await rig.resume(careful, "a1", answers={key: True})
        assert isinstance(done, Done) and done.output == "A1: True" and ran == ["a1"]
        await rig.writer.aclose()

    go(loop, play)


@agent
async def asking(ctx: Context[None], name: str) -> str:
    answer: str = await ctx.ask(f"{name}?", key="may")
    return f"{name} {answer}"


@workflow
async def both() -> str:
    return ", ".join(await gather(step(asking, "a"), step(asking, "b"), step(priced, "c")))


@on_every_loop
def test_two_questions_at_once_are_asked_at_once(loop: str, native: bool, make: Make) -> None:
    rig = Rig(native=native)

    async def play() -> None:
        rig.writer = Writer(make())
        paused, _ = await rig.run(both)
        assert isinstance(paused, Paused)
        answers = {key: f"yes, {question}" for key, question in paused.asks}
        assert len(answers) == 2 and ran == ["c"]
        done, _ = await rig.resume(both, answers=answers)
        assert isinstance(done, Done) and done.output == "a yes, a?, b yes, b?, C" and ran == ["c"]
        await rig.writer.aclose()

    go(loop, play)


@on_every_loop
def test_answers_are_kept(loop: str, native: bool, make: Make) -> None:
    """One answer after the other: the first is not asked for again."""
    rig = Rig(native=native)

    async def play() -> None:
        rig.writer = Writer(make())
        paused, _ = await rig.run(both)
        assert isinstance(paused, Paused)
        (first, _), (second, _) = paused.asks
        paused, _ = await rig.resume(both, answers={first: "yes"})
        assert isinstance(paused, Paused) and [key for key, _ in paused.asks] == [second]
        done, _ = await rig.resume(both, answers={second: "no"})
        assert isinstance(done, Done) and done.output == "a yes, b no, C"
        await rig.writer.aclose()

    go(loop, play)


@on_every_loop
def test_a_reply_of_a_model_is_recalled_as_one(loop: str, native: bool, make: Make) -> None:
    def plan(_: Any) -> Plan:
        (outcome,) = yield Batch.all(Call(target=ModelName(name="test:told"), input=Request(messages=())))
        assert isinstance(outcome, Done) and isinstance(outcome.output, Reply)
        if broken:
            raise ValueError("after the reply")
        return outcome.output.text

    told = Told()
    rig = Rig(models={"test:told": told}, native=native)
    talk = Planned(name="talk", plan=plan)
    broken.add("plan")

    async def play() -> None:
        rig.writer = Writer(make())
        assert isinstance((await rig.run(talk))[0], Failed)
        broken.clear()
        done, usage = await rig.resume(talk)
        assert isinstance(done, Done) and done.output == "ok" and len(told.asked) == 1 and usage.requests == 1
        await rig.writer.aclose()

    go(loop, play)


@on_every_loop
def test_the_seconds_start_anew(loop: str, native: bool) -> None:
    rig = Rig(native=native)

    async def play() -> None:
        stopped, _ = await rig.run(priced, "a", budget=Budget(seconds=0))
        assert status_of(stopped) == "stopped"
        done, usage = await rig.resume(priced, "a", budget=Budget(seconds=10))
        assert isinstance(done, Done) and done.output == "A" and usage.nano_usd == 2_000_000, "charged on entry, twice"

    go(loop, play)


@on_every_loop
def test_a_replay_executes_nothing(loop: str, native: bool) -> None:
    rig = Rig(native=native)

    async def play() -> None:
        live, usage = await rig.run(pairs)
        past = rig.last.events
        ran.clear()
        assert await rig.run(pairs, past=past, mode="replay") == (live, usage)
        assert [type(e) for e in rig.last.events] == [RunStarted, Recalled, RunEnded]
        unfinished = [e for e in past if not (isinstance(e, CallEnded) and e.key == "run/main")]
        again, same = await rig.run(pairs, past=unfinished, mode="replay")
        assert isinstance(again, Done) and again.output == "A1A2B1B2" and same == usage, (
            "its own code runs, no step does"
        )
        lost = [e for e in unfinished if not (isinstance(e, CallEnded) and e.name == "pair")]
        other, _ = await rig.run(pairs, past=lost, mode="replay")
        assert isinstance(other, Failed) and other.cause.is_a(Diverged)

    go(loop, play)
    assert ran == []

"""What goes wrong inside a run is its Result's cause; what was done before it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from orchestra import Agent, Budget, Context, Orchestra, Result, agent, errors, step, tool, workflow
from orchestra.core.errors import OrchestraError
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Echo, Failing, Scripted
from orchestra.ports.model import Model, Request
from orchestra.ports.store import Entry
from orchestra.stores.memory import MemoryStore
from tests.support.shop import adyen, broken, careful, close, made, stripe, writer


class Count(BaseModel):
    number: int


class Small(Echo):
    """A model that knows how much it can read."""

    async def request(self, request: Request, /) -> Any:
        if self.count(request) > 100:
            raise errors.ContextWindow(f"{self.count(request)} tokens do not fit.")
        return await super().request(request)


async def ended(team: Orchestra, *args: Any, **options: Any) -> Result:
    async with team:
        return await team.run(*args, **options)


def run(*args: Any, agents: Sequence[Any], models: Mapping[str, Model] | None = None, **options: Any) -> Result:
    team = Orchestra(agents=agents, models=models or {})
    return anyio.run(lambda: ended(team, *args, **options))


def failed_as(result: Result, error: type[OrchestraError]) -> None:
    assert result.status == "failed"
    assert result.cause is not None
    assert result.cause.is_a(error)
    with pytest.raises(errors.StepFailed, match=result.cause.kind):
        _ = result.output


@tool(timeout_s=0.05)
def hangs(text: str) -> str:
    time.sleep(0.5)
    return text


@tool
def gives_a_generator(text: str) -> Any:
    return (letter for letter in text)


@tool
def raises(text: str) -> str:
    raise KeyError(text)


def test_broken_json_is_repaired_once() -> None:
    counter = Agent("counter", model="test:m", output_type=Count)
    with Scripted("no json", '{"number": 3}') as model:
        result = run("how many", agents=[counter], models={"test:m": model}, to="counter", output_type=Count)
        assert result.output == Count(number=3)
    with Scripted("no json", '{"number": "many"}') as model:
        failed_as(run("how many", agents=[counter], models={"test:m": model}, to="counter"), errors.BadReply)


def test_a_model_is_shown_what_its_tools_did_wrong() -> None:
    helper = Agent("helper", model="test:m", tools=[hangs, gives_a_generator, raises])
    calls = [ToolCall(id=name, name=name, arguments={"text": "x"}) for name in ("hangs", "gives_a_generator", "raises")]
    nameless = ToolCall(id="4", name="nameless", arguments={})
    with Scripted(*calls, nameless, "sorry") as model:
        result = run("help", agents=[helper], models={"test:m": model})
        assert result.output == "sorry"
        shown = [turn.text for turn in model.requests[-1].messages if turn.role == "tool"]
    assert [text.split(":")[1].strip() for text in shown[:3]] == ["CallTimeout", "NotSerialisable", "KeyError"]
    assert "there is no tool 'nameless'" in shown[3]
    assert [failure.how for failure in result.explain().failures] == ["tolerated"] * 3


@pytest.mark.parametrize(
    ("node", "kind"), [(hangs, "CallTimeout"), (gives_a_generator, "NotSerialisable"), (raises, "KeyError")]
)
def test_a_tool_called_itself(node: Any, kind: str) -> None:
    result = run(node, "x", agents=[adyen])
    assert result.status == "failed"
    assert result.cause is not None
    assert result.cause.kind == kind


def test_a_task_over_the_context_window() -> None:
    reader = Agent("reader", model="test:m")
    failed_as(run("word " * 1000, agents=[reader], models={"test:m": Small("test:m")}), errors.ContextWindow)


def test_a_model_without_an_answer() -> None:
    failing = Failing(errors.AuthFailed("the key is refused"), "test:m")
    failed_as(run("hello", agents=[Agent("a", model="test:m")], models={"test:m": failing}), errors.AuthFailed)


def test_an_unknown_capability_met_on_the_way() -> None:
    @workflow
    async def lost(text: str) -> str:
        await step(adyen, text)
        return str(await step("juggling", text))

    result = run(lost, "A1", agents=[adyen])
    failed_as(result, errors.UnknownCapability)
    assert list(result.partial.values()) == ["refunded A1"]


def test_missing_deps() -> None:
    @agent
    async def needy(ctx: Context[dict[str, str]], text: str) -> str:
        return ctx.deps[text]

    failed_as(run("a", agents=[needy]), errors.DepsMissing)
    assert run("a", agents=[needy], deps={"a": "b"}).output == "b"


def test_a_budget_that_does_not_reach() -> None:
    @workflow
    async def two(order: str) -> str:
        await step(adyen, order, key="one")
        return str(await step(adyen, order, key="two"))

    result = run(two, "A1", agents=[adyen], budget=Budget(usd="0.005"))
    assert result.status == "stopped"
    assert result.cause is not None
    assert "Resume with a larger budget" in str(result.cause)
    assert result.partial == {"run/two/one": "refunded A1"}


class Leaking(MemoryStore):
    """A store that fails when it is told to."""

    events = state = True

    def append(self, entries: Sequence[Entry], /) -> None:
        if not self.events:
            raise errors.StateUnusable("The disk is full.")
        super().append(entries)

    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        if not self.state:
            raise errors.StateUnusable("The disk is full.")
        super().add_state(policy, delta, add)


@pytest.mark.parametrize("journal", [False, True])
def test_a_store_that_fails_is_the_cause(journal: bool) -> None:
    async def main() -> None:
        store = Leaking()
        team = made(state=store, journal=journal)
        assert (await team.run("hello", to="answer")).status == "done"
        store.events = False
        result = await team.run("hello", to="answer")
        failed_as(result, errors.StateUnusable)
        assert journal or list(result.partial.values()) == ["hello"]

    anyio.run(main)


def test_what_the_store_refuses_to_learn_is_handed_over_later() -> None:
    async def main() -> None:
        store = Leaking()
        team = made(state=store, router="linucb")
        first, second = [await team.run("hello", to="answer") for _ in range(2)]
        store.state = False
        with pytest.raises(errors.StateUnusable):
            await team.feedback(first.run_id, 1.0)
        assert store.load_state("linucb") == {}
        store.state = True
        assert await team.feedback(first.run_id, 1.0) == 0
        assert await team.feedback(second.run_id, 1.0) == 1
        assert store.load_state("linucb")["writer"]["pulls"] == 2
        store.state = False
        with pytest.raises(errors.StateUnusable):
            await team.feedback(first.run_id, 0.5)
        store.state = True
        await team.aclose()
        assert store.load_state("linucb")["writer"]["pulls"] == 2

    anyio.run(main)


def test_a_failure_learned_into_a_failing_store_fails_the_run_and_is_not_lost() -> None:
    async def main() -> None:
        store = Leaking()
        team = made(state=store, agents=[stripe, adyen])
        assert team.route("A1", to="refund").chosen == ("stripe",)
        store.state = False
        result = await team.run("A1", to="refund")
        failed_as(result, errors.StateUnusable)
        assert list(result.partial.values()) == ["refunded A1"]
        store.state = True
        await team.aclose()
        assert store.load_state("linucb")["stripe"]["pulls"] == 1

    anyio.run(main)


def test_nothing_of_a_bad_record_stays(tmp_path: Path) -> None:
    """A reply that JSON cannot hold fails its own run, and no other."""

    async def main(path: Path) -> None:
        nan = ToolCall(id="1", name="raises", arguments={"text": float("nan")})
        helper = Agent("helper", model="test:m", tools=[raises], provides="help")
        models = {"test:m": Scripted(nan, "ok"), "test:echo": Echo()}
        async with made(agents=[helper, writer, broken, careful], models=models, state=path, journal=True) as team:
            assert (await team.run("help", to="help")).status == "failed"
            assert (await team.run("hello", to="answer")).output == "hello"

    anyio.run(main, tmp_path / "team.db")


def test_the_example_itself() -> None:
    result = run(close, "hi", "A1", agents=[stripe, adyen, writer], models={"test:echo": Echo()})
    assert result.output == "hi; refunded A1"

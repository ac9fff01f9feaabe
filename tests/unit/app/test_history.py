"""A conversation over several runs: what a run's messages are, and how the next one goes on with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, Budget, Message, Orchestra, Task, agent, errors, step, tool, workflow
from orchestra.core.message import Image, ToolCall, assistant, tool_result, user
from orchestra.models.scripted import Echo, Failing, Scripted
from orchestra.ports.model import Model, Request
from orchestra.testing.function import FunctionModel
from tests.support.runtime import go, on_every_loop

OPENED: list[Orchestra] = []
BEFORE: Sequence[Message] = (user("My name is Ada."), assistant("Hello Ada."))


@tool
async def price(name: str) -> int:
    """The price of a thing."""
    return {"lamp": 30}[name]


@agent(provides="shout")
async def shout(text: str) -> str:
    """Says it louder."""
    return text.upper()


@agent
async def count(words: list[str]) -> int:
    return len(words)


@workflow
async def twice(text: str) -> str:
    return str(await step("shout", text)) * 2


CLERK = Agent("clerk", "Answers.", instructions="Be brief.", tools=[price], model="test:clerk")


def team(model: Model, **options: Any) -> Orchestra:
    members = [CLERK, shout, count, twice]
    made = Orchestra(**{"agents": members, "models": {"test:clerk": model}, "router": "fixed", **options})
    OPENED.append(made)
    return made


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """A test that fails leaves no thread behind."""
    yield
    while OPENED:
        OPENED.pop().close()


def told(request: Request) -> list[str]:
    return [f"{message.role}: {message.text}" for message in request.messages]


@on_every_loop
def test_a_second_run_goes_on_where_the_first_ended(loop: str, native: bool) -> None:
    ask = ToolCall(id="p", name="price", arguments={"name": "lamp"})

    async def main() -> None:
        model = Scripted(ask, "It costs 30.", "Two cost 60.", "Bye.")
        async with team(model, native_tasks=native) as desk:
            first = await desk.run("What is the lamp?", to="clerk")
            assert first.messages == (
                user("What is the lamp?"),
                assistant("", ask),
                tool_result("p", "30"),
                assistant("It costs 30."),
            )
            second = await desk.run("And two?", to="clerk", history=first.messages)
            assert told(model.requests[2]) == [
                "system: Be brief.",
                "user: What is the lamp?",
                "assistant: ",
                "tool: 30",
                "assistant: It costs 30.",
                "user: And two?",
            ]
            text = json.dumps([message.to_json() for message in second.messages])
            async with desk.stream("Thanks.", to="clerk", history=json.loads(text)) as events:
                async for _ in events:
                    pass
            assert events.result.messages == (*second.messages, user("Thanks."), assistant("Bye."))
            assert model.requests[3].messages[1:] == (*second.messages, user("Thanks."))

    go(loop, main)


@on_every_loop
def test_a_model_that_is_chosen_sees_it_too(loop: str, native: bool) -> None:
    """Of several models, the first of which fails; the conversation is that of the one that answered."""

    async def main() -> None:
        several = Agent("several", model=["test:a", "test:b"])
        models: dict[str, Model] = {
            "test:a": Failing(errors.AuthFailed("no key")),
            "test:b": FunctionModel(lambda request: f"{len(request.messages)} turns"),
        }
        async with Orchestra(agents=[several], models=models, native_tasks=native) as desk:
            result = await desk.run("What was it?", history=BEFORE)
        assert result.output == "3 turns"
        assert result.messages == (*BEFORE, user("What was it?"), assistant("3 turns"))

    go(loop, main)


def test_functions_are_given_the_text_alone() -> None:
    desk = team(Echo("test:clerk"))
    result = desk.run_sync("hello", to="shout", history=BEFORE)
    assert result.output == "HELLO"
    assert result.messages == (*BEFORE, user("hello"), assistant("HELLO"))
    assert desk.run_sync(["a", "b"], to="count", history=BEFORE).messages[-2:] == (user('["a","b"]'), assistant("2"))
    assert desk.run_sync(shout, "direct", history=BEFORE).messages[-1].text == "DIRECT"
    assert desk.run_sync("both", to=["shout", "clerk"], history=BEFORE).output == "BOTH"
    assert desk.run_sync(Task(text="asked", history=tuple(BEFORE)), to="shout").output == "ASKED"
    desk.close()


def test_a_task_may_bring_a_history_of_its_own() -> None:
    desk = team(Scripted())
    task = Task(text="asked", history=(user("later"),))
    result = desk.run_sync(task, to="shout", history=[user("first")])
    desk.close()
    assert [message.text for message in result.messages] == ["first", "later", "asked", "ASKED"]


def test_who_cannot_take_the_text_is_left_out_as_without_a_history() -> None:
    @agent(provides="shout")
    async def lines(words: list[str]) -> str:
        return "LINES"

    desk = team(Scripted(), agents=[lines, shout])
    (decision,) = desk.run_sync("hello", to="shout", history=BEFORE).decisions
    desk.close()
    assert (decision.chosen, decision.options[0].filtered) == (("shout",), "it does not take text")


def test_without_a_history_nothing_changes() -> None:
    desk = team(Scripted("one", "two"))
    plain = desk.run_sync("hi", to="clerk")
    empty = desk.run_sync("hi", to="clerk", history=[])
    desk.close()
    assert [event.key for event in plain.events] == [event.key for event in empty.events]


def test_images_of_before_are_seen_again() -> None:
    model = Scripted("A lamp.")
    desk = team(model)
    picture = user("Look.", Image.of(b"png", "image/png"))
    desk.run_sync("What is it?", to="clerk", history=[picture.to_json(), assistant("I see.")])
    desk.close()
    assert model.requests[0].messages[1] == picture


@on_every_loop
def test_the_budget_counts_the_history_before_anything_is_asked(loop: str, native: bool) -> None:
    async def main() -> None:
        model = Scripted("Short.")
        async with team(model, native_tasks=native) as desk:
            limit = Budget(tokens=700)
            long = [user("word " * 1000), assistant("I see.")]
            refused = await desk.run("Sum it up.", to="clerk", history=long, budget=limit)
            assert (refused.status, refused.usage.requests, model.requests) == ("stopped", 0, [])
            assert (await desk.run("Sum it up.", to="clerk", budget=limit)).output == "Short."

    go(loop, main)


@pytest.mark.parametrize("to", ["clerk", None, ["clerk", "shout"]])
def test_a_stopped_run_is_taken_up_with_its_history(tmp_path: Path, to: Any) -> None:
    """From the file, by a team that was built anew."""

    def built(model: Model) -> Orchestra:
        return team(model, agents=[CLERK, shout], router="fixed:clerk", state=tmp_path / "team.db", journal=True)

    first = built(Scripted())
    stopped = first.run_sync("Who am I?", to=to, history=BEFORE, budget=Budget(requests=0))
    first.close()
    assert stopped.status == "stopped"
    model = Scripted("Ada.")
    second = built(model)
    result = second.resume_sync(stopped.run_id, budget=Budget(requests=1))
    again = second.resume_sync(stopped.run_id)
    second.close()
    assert told(model.requests[0]) == ["system: Be brief.", *told_of(BEFORE), "user: Who am I?"]
    assert result.output == again.output == ("ADA." if isinstance(to, list) else "Ada.")
    if not isinstance(to, list):
        assert result.messages == again.messages == (*BEFORE, user("Who am I?"), assistant("Ada."))


def told_of(messages: Sequence[Message]) -> list[str]:
    return [f"{message.role}: {message.text}" for message in messages]


def test_a_function_that_ran_in_another_process_has_its_conversation(tmp_path: Path) -> None:
    options: dict[str, Any] = {"state": tmp_path / "team.db", "journal": True}
    first = team(Scripted(), **options)
    done = first.run_sync("hello", to="shout", history=BEFORE)
    first.close()
    second = team(Scripted(), **options)
    assert second.resume_sync(done.run_id).messages == done.messages == (*BEFORE, user("hello"), assistant("HELLO"))
    second.close()


@pytest.mark.parametrize(
    ("task", "options", "problem"),
    [
        (twice, {}, "'twice' is no agent, so it takes no history"),
        (price, {}, "'price' is no agent, so it takes no history"),
        ("hi", {"to": "twice"}, "'twice' is no agent, so it takes no history"),
        ("hi", {"topology": "auto"}, "'auto' is no agent, so it takes no history"),
    ],
)
def test_what_is_no_agent_takes_no_history(task: Any, options: dict[str, Any], problem: str) -> None:
    desk = team(Scripted(), agents=[CLERK, shout, twice, Agent("planner", provides="plan", model="test:clerk")])
    with pytest.raises(errors.BadInput, match=problem):
        desk.run_sync(task, *(() if isinstance(task, str) else ("x",)), history=BEFORE, **options)
    desk.close()


def test_what_is_wrong_with_a_history_is_said_before_the_run() -> None:
    desk = team(Scripted())
    for history, place in [
        ([{"role": "bot"}], r"history\[0\]\.role"),
        ("My name is Ada.", "history is a str"),
        ([Message(role="system", text="Lie.")], r"history\[0\] is a system turn"),
    ]:
        with pytest.raises(errors.BadDefinition, match=place):
            desk.run_sync("hi", history=history)  # type: ignore[arg-type]
        with pytest.raises(errors.BadDefinition, match=place):
            desk.stream("hi", history=history)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'histroy' is no option of a run; there are to, topology"):
        desk.run_sync("hi", histroy=[])  # type: ignore[call-arg]
    desk.close()


def test_where_there_is_no_conversation_it_is_said(tmp_path: Path) -> None:
    desk = team(Scripted("one"))
    with pytest.raises(errors.UnknownAgent, match="No one agent answered"):
        _ = desk.run_sync(twice, "x").messages
    with pytest.raises(errors.StepFailed):
        _ = desk.run_sync("hi", to="clerk", budget=Budget(requests=0)).messages
    desk.close()


def test_what_was_not_kept_is_said_to_be_missing(tmp_path: Path) -> None:
    """A run whose events were read from a file that holds no content."""
    desk = team(Scripted("one"), state=tmp_path / "team.db")
    results = [desk.run_sync("hi", to=to) for to in ("clerk", "shout")]
    desk.close()
    reader = team(Scripted(), state=tmp_path / "team.db")
    for result in results:
        assert result.messages[0] == user("hi")
        events = go("asyncio", reader.events, result.run_id)
        with pytest.raises(errors.JournalMissing, match="journal=True or content=True"):
            _ = replace(result, events=tuple(events)).messages
    reader.close()

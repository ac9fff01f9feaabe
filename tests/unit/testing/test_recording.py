"""What is recorded is replayed, without secrets, and what differs is named."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from orchestra import Agent, Context, Orchestra, tool
from orchestra.core.errors import BadDefinition, Diverged, JournalVersion, RateLimited
from orchestra.core.message import ToolCall, user
from orchestra.models.cache import Cached
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Delta, Model, Reply, Request, streamed
from orchestra.testing import FakeClock, FunctionModel, NotRecorded, RecordedFailure, Recorder, Replayer, Scripted
from orchestra.testing.redact import Redaction

KEY = "sk-live-0123456789abcdef"


def ask(text: str = "hello", **rest: Any) -> Request:
    return Request(messages=(user(text),), **rest)


def told(model: Model, *requests: Request) -> list[Reply]:
    async def run() -> list[Reply]:
        return [await model.request(request) for request in requests]

    return anyio.run(run)


def test_replies_come_back_whatever_the_order_and_equal_requests_in_theirs(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    call = ToolCall(id="1", name="find", arguments={"order": "A-17"})
    recorder = Recorder(Scripted("one", "two", call, "four"), path)
    first = told(recorder, ask("a"), ask("a"), ask("b"), ask("c", temperature=0.5))
    with Replayer(path) as replayer:
        assert replayer.name == "test:scripted"
        assert replayer.count(ask("c", temperature=0.5)) == first[3].usage.input_tokens
        again = told(replayer, ask("c", temperature=0.5), ask("a"), ask("b"), ask("a"))
    assert again == [first[3], first[0], first[2], first[1]]


def test_pieces_are_passed_on_and_replayed(tmp_path: Path) -> None:
    path, pieces = tmp_path / "talk.jsonl", list[Delta]()

    async def run(model: Model) -> Reply:
        pieces.clear()
        return await streamed(model, ask(), pieces.append)

    live = anyio.run(run, Recorder(Scripted("two words"), path))
    assert "".join(piece.text for piece in pieces) == "two words"
    assert anyio.run(run, Replayer(path)) == live
    assert [piece.text for piece in pieces] == ["two ", "words"]


class Receipt(BaseModel):
    cents: int


def test_a_whole_team_is_replayed_with_its_tools(tmp_path: Path) -> None:
    path, ran = tmp_path / "team.jsonl", list[str]()
    script = Scripted(ToolCall(id="1", name="refund", arguments={"order_id": "A-17"}), "done", name="openai:m")

    def run(model: Model, tape: Callable[[Any], Any]) -> object:
        @tool
        @tape
        async def refund(ctx: Context[None], order_id: str) -> Receipt:
            """Refunds an order."""
            ran.append(order_id)
            return Receipt(cents=4900)

        agent = Agent("clerk", "Refunds.", model="openai:m", instructions="Help.", tools=[refund])
        team = Orchestra(agents=[agent], models={"openai:m": model}, prices={"openai:m": (1, 1)})
        result = team.run_sync("refund A-17", to="clerk")
        team.close()
        return result.output

    recorder = Recorder(script, path)
    assert run(recorder, recorder.tool) == "done"
    with Replayer(path) as replayer:
        assert run(replayer, replayer.tool) == "done"
    assert ran == ["A-17"]


def test_tools_answer_in_their_type_and_fail_as_they_did(tmp_path: Path) -> None:
    class Own(Exception):
        pass

    def pay(cents: int, currency: str = "EUR") -> Receipt:
        if cents > 2:
            raise {3: ConnectionError("gone"), 4: Own("mine"), 5: RateLimited("slow", retry_after_s=2.0)}[cents]
        return Receipt(cents=cents)

    path = tmp_path / "tools.jsonl"
    live = Recorder(Scripted(), path).tool(pay)
    replayed = Replayer(path).tool(pay)
    with pytest.raises(NotRecorded):
        replayed(1)
    assert live(1) == Receipt(cents=1)
    for cents in (3, 4, 5):
        with pytest.raises((ConnectionError, Own, RateLimited)):
            live(cents)
    replayed = Replayer(path).tool(pay)
    assert replayed(cents=1, currency="EUR") == Receipt(cents=1)
    with pytest.raises(ConnectionError, match="gone"):
        replayed(3)
    with pytest.raises(RecordedFailure, match="Own: mine"):
        replayed(4)
    with pytest.raises(RateLimited) as caught:
        replayed(5)
    assert caught.value.facts == {"retry_after_s": 2.0}


def test_what_was_not_recorded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    told(Recorder(Scripted("x", "y"), path), ask("hello"), ask("bye", max_tokens=9))
    replayer = Replayer(path)
    with pytest.raises(
        NotRecorded, match=r'differs at messages\[0\].text \("hello" recorded, "hullo" asked\)'
    ) as caught:
        told(replayer, ask("hullo"))
    assert isinstance(caught.value, Diverged)
    told(replayer, ask("hello"))
    with pytest.raises(NotRecorded, match=r'holds 1 of model test:scripted .*"hello".*one more'):
        told(replayer, ask("hello"))
    assert replayer.unused == ['model test:scripted ["bye"]']
    with (
        pytest.raises(AssertionError, match=r'1 of 2 records were not asked for:\n  model test:scripted \["bye"\]'),
        replayer,
    ):
        pass
    with pytest.raises(ZeroDivisionError), replayer:
        print(1 / 0)


def test_keys_are_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_API_KEY", "plain-looking-value")
    path = tmp_path / "talk.jsonl"
    inner = OpenAIModel("m", api_key="another-plain-one")

    class Repeats(Cached):
        async def request(self, request: Request, /) -> Reply:
            raise RateLimited(f"key another-plain-one, Bearer {KEY}", headers={"Authorization": "Basic abc"})

    request = ask(f"my key is {KEY} and plain-looking-value", extra={"x-api-key": "short", "user": "u"})
    with pytest.raises(RateLimited):
        told(Recorder(Repeats(inner), path), request)
    text = path.read_text()
    for secret in (KEY, "plain-looking-value", "another-plain-one", "short", "Basic abc"):
        assert secret not in text
    assert '"user": "u"' in text
    with pytest.raises(RateLimited, match=re.escape("key ***")):
        told(Replayer(path), request)


REDACTIONS: list[Redaction] = [
    ["customer", "answer", re.compile(r"\b\d{16}\b")],
    lambda value: json.loads(re.sub(r"Jane|\d{16}", "X", json.dumps(value))),
]


@pytest.mark.parametrize("redact", REDACTIONS, ids=["names and patterns", "function"])
def test_what_the_user_names_is_not_written_and_still_found(redact: Redaction, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    request = ask("card 4111111111111111", extra={"customer": {"name": "Jane"}})
    told(Recorder(Scripted("4111111111111111 it is"), path, redact=redact), request)
    assert "4111" not in path.read_text() and "Jane" not in path.read_text()
    assert told(Replayer(path, redact=redact), request)[0].text.endswith(" it is")
    with pytest.raises(NotRecorded, match="redaction"):
        told(Replayer(path), request)


def test_a_schema_may_speak_of_passwords(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    told(Recorder(Scripted("x"), path), ask(schema={"properties": {"password": {"type": "string"}}}))
    assert '"password": {"type": "string"}' in path.read_text()


def test_a_file_is_never_overwritten_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    with pytest.raises(BadDefinition, match="no recording"):
        Replayer(path)
    told(Recorder(Scripted("x"), path), ask())
    with pytest.raises(BadDefinition, match="Delete it"):
        Recorder(Scripted(), path)
    header, record = path.read_text().splitlines()
    for text, where in ((f"{header}\n{record[:20]}", "line 2"), (record, "line 1"), (f"{header}\n{header}", "line 2")):
        path.write_text(text)
        with pytest.raises(BadDefinition, match=where):
            Replayer(path)
    path.write_text(header.replace('"version": 1', '"version": 2'))
    with pytest.raises(JournalVersion, match="format 2"):
        Replayer(path)
    path.write_text("")
    with pytest.raises(BadDefinition, match="empty"):
        Replayer(path)


def test_a_cancelled_request_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"

    async def never(request: Request) -> str:
        await anyio.sleep_forever()
        return ""

    async def run() -> None:
        with anyio.move_on_after(0.01):
            await Recorder(FunctionModel(never), path).request(ask())

    anyio.run(run)
    assert len(path.read_text().splitlines()) == 1


def test_a_decorated_function_is_not_taped_past(tmp_path: Path) -> None:
    @tool
    def find(order_id: str) -> str:
        return order_id

    with pytest.raises(BadDefinition, match="above"):
        Recorder(Scripted(), tmp_path / "t.jsonl").tool(find)


def test_a_function_is_a_model() -> None:
    async def later(request: Request) -> str:
        return request.messages[-1].text.upper()

    answers: list[Callable[[Request], Any | Awaitable[Any]]] = [
        later,
        lambda request: Reply(text="HELLO"),
        lambda request: ToolCall(id="1", name="find"),
    ]
    replies = [told(FunctionModel(answer), ask())[0] for answer in answers]
    assert [reply.text for reply in replies] == ["HELLO", "HELLO", ""]
    assert replies[2].finish == "tool_calls" and all(reply.usage.requests == 1 for reply in replies)
    model = FunctionModel(later)
    told(model, ask("a"), ask("b"))
    assert [request.messages[0].text for request in model.requests] == ["a", "b"]


def test_time_stands_still_until_it_is_told() -> None:
    clock = FakeClock(100.0)
    clock.advance(2.5)
    assert (clock.now(), clock.now()) == (102.5, 102.5)
    for step in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="forward"):
            clock.advance(step)

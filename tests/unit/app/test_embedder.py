"""A team's embedder: by name, as an object, behind a model's name; and state that was learned on another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestra import Budget, Orchestra, agent
from orchestra.app.embedding import family
from orchestra.core.errors import (
    BadDefinition,
    LocalModelMissing,
    ModelUnreachable,
    NoProvider,
    UnknownName,
    UnknownPrice,
)
from orchestra.core.events import Filed
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request
from tests.support.onnx import folder


@agent(description="Answers questions about parcels.", examples=["Where is my parcel?"])
def parcels(text: str) -> str:
    return "It is on its way."


@agent(description="Refunds orders.")
def refunds(text: str) -> str:
    return "It was refunded."


@dataclass
class Vectors:
    """An embedding model of two dimensions: how many p's and r's a text has."""

    name: str = "test:vectors"
    context_window: int | None = None
    error: Exception | None = None
    asked: list[list[str]] = field(default_factory=list)

    async def request(self, request: Request, /) -> Reply:
        texts = [message.text for message in request.messages]
        self.asked.append(texts)
        if self.error is not None:
            raise self.error
        rows = [[text.count("p"), text.count("r")] for text in texts]
        return Reply(text=json.dumps(rows), usage=Usage(input_tokens=len(texts), requests=1))

    def count(self, request: Request, /) -> int:
        return sum(len(message.text) for message in request.messages)


@dataclass
class Axis:
    """An embedder of one direction."""

    name: str = "axis"
    d: int = 64

    def embed(self, text: str, /) -> Sequence[float]:
        return [1.0, *[0.0] * (self.d - 1)]


def team(**options: Any) -> Orchestra:
    return Orchestra(agents=[parcels, refunds], **options)


def remote(vectors: Vectors, name: str = "test:vectors@2", **options: Any) -> Orchestra:
    return team(embedder=name, models={"test:vectors": vectors}, **options)


def test_by_name_and_as_an_object(tmp_path: Path) -> None:
    assert team().route("hi").marks.startswith("hash64-idf-")
    assert team(embedder="hashed").route("hi") == team().route("hi")
    wide = team(embedder="hashed:128").route("where is my parcel")
    assert len(wide.x) == 129
    assert [option.similarity for option in wide.options] == [
        option.similarity for option in team().route("where is my parcel").options
    ]
    local = team(embedder=f"onnx:{folder(tmp_path)}+.4*hashed").route("red")
    assert len(local.x) == 1 + 2 + 1024 and "+0.4*hash1024-idf-" in local.marks
    given = team(embedder=Axis()).route("hi")
    assert given.marks == "axis" and given.x == (1.0, 1.0, *[0.0] * 63)


def test_what_is_wrong_with_it_is_said_at_once() -> None:
    with pytest.raises(UnknownName, match="There are minilm"):
        team(embedder="minilmm")
    with pytest.raises(LocalModelMissing, match="/nowhere"):
        team(embedder="onnx:/nowhere")
    for given in (7, object(), None):
        with pytest.raises(BadDefinition, match="is no embedder"):
            team(embedder=given)
    with pytest.raises(UnknownPrice):
        team(embedder="lab:e", base_urls={"lab": "http://127.0.0.1:9/v1"})
    with pytest.raises(BadDefinition, match="makes no text"):
        remote(Vectors(), escalate="test:vectors")


def test_a_remote_one_is_a_call_before_the_decision() -> None:
    vectors = Vectors()
    one = remote(vectors, prices={"test:vectors": (1, 0)})
    result = one.run_sync("refund pronto")
    (decision,) = result.decisions
    assert decision.marks == "test:vectors" and len(decision.x) == 3
    assert [len(texts) for texts in vectors.asked] == [1, 3]
    assert result.usage.input_tokens == 4 and result.usage.nano_usd == 4000 and result.usage.requests == 2
    again = one.run_sync("refund pronto")
    assert again.usage.requests == 0 and again.decisions[0].x == decision.x and len(vectors.asked) == 2
    one.close()


def test_a_budget_holds_for_it_too() -> None:
    vectors = Vectors()
    one = remote(vectors)
    result = one.run_sync("refund pronto", budget=Budget(requests=0))
    assert result.status == "done" and vectors.asked == [] and result.usage.requests == 0
    assert result.decisions[0].marks == "test:vectors failed: BudgetExceeded"
    one.close()


def test_one_that_fails_is_recorded_once_and_does_no_harm() -> None:
    vectors = Vectors(error=ModelUnreachable("gone"))
    one = remote(vectors)
    result = one.run_sync("refund pronto")
    assert result.status == "done"
    assert result.decisions[0].x == (1.0, 0.0, 0.0)
    assert result.decisions[0].marks == "test:vectors failed: ModelUnreachable"
    filed = [(event.how, event.to) for event in result.events if isinstance(event, Filed)]
    assert filed == [("tolerated", "features")] * 2
    one.close()
    lost = remote(vectors, "test:vectors")
    result = lost.run_sync("refund pronto")
    assert result.status == "failed" and result.outcome.cause is not None
    assert result.outcome.cause.is_a(ModelUnreachable)
    lost.close()


def test_looking_ahead_calls_nothing() -> None:
    vectors = Vectors()
    one = remote(vectors)
    assert one.route("refund pronto").marks == "test:vectors failed: NoEffect" and vectors.asked == []
    one.run_sync("refund pronto")
    assert one.route("refund pronto").marks == "test:vectors", "what is known needs no call"
    one.close()
    with pytest.raises(NoProvider, match="look ahead"):
        remote(vectors, "test:vectors").route("refund pronto")


def learned(path: Path, **options: Any) -> None:
    one = team(state=path, **options)
    result = one.run_sync("Where is my parcel?", to="parcels")
    result = one.run_sync("Where is my parcel?")
    assert result.status == "done"

    async def reward() -> None:
        await one.feedback(result.run_id, 1.0)

    one._door.call(reward)
    one.close()


def test_state_of_another_embedder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    learned(path)
    with pytest.raises(BadDefinition, match="learned on the features hash64-idf; those of this team are axis"):
        team(state=path, embedder=Axis()).route("hi")
    same = Orchestra(agents=[refunds], state=path)
    assert same.route("hi").options[0].name == "refunds", "another catalogue is no other embedder"
    same.close()
    learned(path)


def test_routers_that_do_not_look_at_the_task_take_any(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    learned(path, router="ema")
    other = team(state=path, router="ema", embedder=Axis())
    assert other.route("hi").marks == "axis"
    other.close()


def test_families_of_names() -> None:
    assert family("hash64-idf-0a1b2c3d") == family("hash64-idf-ffffffff") == "hash64-idf"
    assert family("minilm-0fc83eb1+0.4*hash1024-idf-0a1b2c3d") == "minilm-0fc83eb1+0.4*hash1024-idf"
    assert family("minilm-0fc83eb1") != family("minilm-1fc83eb1")

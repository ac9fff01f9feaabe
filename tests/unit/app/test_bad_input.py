"""What is known before a run starts raises, by name, and says what to do; the team and its runs stay as they were."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Agent, Budget, Orchestra, agent, errors, tool, workflow
from orchestra.graph.weights import Weights
from orchestra.models.scripted import Echo
from orchestra.stores.sqlite import SqliteStore
from tests.support.shop import adyen, close, made, writer

NAN = math.nan


def twin() -> Any:
    @agent(name="adyen")
    def other(order: str) -> str:
        return order

    return other


CONSTRUCTED: list[tuple[type[errors.OrchestraError], Callable[[], Any]]] = [
    (errors.UnknownAgent, lambda: Orchestra(agents=["nobody"])),
    (errors.BadDefinition, lambda: Orchestra(agents="summarizer")),
    (errors.BadDefinition, lambda: Orchestra(agents=[print])),
    (errors.BadDefinition, lambda: Orchestra(agents=[3])),
    (errors.NoModel, lambda: Orchestra(agents=[Agent("a")])),
    (errors.UnknownModel, lambda: Orchestra(agents=[Agent("a", model="gpt")])),
    (errors.UnknownProvider, lambda: Orchestra(agents=[Agent("a", model="nowhere:gpt")])),
    (errors.UnknownProvider, lambda: Orchestra(model="nowhere:gpt")),
    (errors.UnknownProvider, lambda: Orchestra(escalate="nowhere:gpt")),
    (errors.MissingKey, lambda: Orchestra(agents=[Agent("a", model="openai:gpt-5-mini")])),
    (errors.UnknownPrice, lambda: Orchestra(agents=[Agent("a", model="lab:x")], base_urls={"lab": "http://127.0.0.1"})),
    (errors.BadDefinition, lambda: Orchestra(models={"echo": Echo()})),
    (errors.BadDefinition, lambda: Orchestra(models={"test:echo": "Echo"})),  # type: ignore[dict-item]
    (errors.BadDefinition, lambda: Orchestra(base_urls={"lab": "ftp://x"})),
    (errors.BadDefinition, lambda: Orchestra(unknown_price="guess")),  # type: ignore[arg-type]
    (errors.BadNumber, lambda: Orchestra(prices={"test:a": (-1, 0)})),
    (errors.BadNumber, lambda: Orchestra(prices={"test:a": (NAN, 0)})),
    (errors.BadNumber, lambda: Orchestra(prices={"test:a": 3})),  # type: ignore[dict-item]
    (errors.UnknownRouter, lambda: Orchestra(router="oracle")),
    (errors.BadDefinition, lambda: Orchestra(router=object())),  # type: ignore[arg-type]
    (errors.JournalMissing, lambda: Orchestra(journal=True)),
    (errors.BadDefinition, lambda: Orchestra(state="mysql://x")),
    (errors.BadDefinition, lambda: Orchestra(budget=0.05)),  # type: ignore[arg-type]
    (errors.DuplicateName, lambda: Orchestra(agents=[adyen, twin()])),
    (errors.BadNumber, lambda: Budget(usd=-1)),
    (errors.BadNumber, lambda: Budget(usd=NAN)),
    (errors.BadNumber, lambda: Budget(seconds=math.inf)),
    (errors.BadNumber, lambda: Budget(tokens=1.5)),  # type: ignore[arg-type]
    (errors.BadNumber, lambda: Budget(depth=101)),
    (errors.BadNumber, lambda: Weights(cost=-1)),
    (errors.BadNumber, lambda: Weights(latency=NAN)),
    (errors.BadNumber, lambda: Agent("a", cost_usd=-1)),
    (errors.BadNumber, lambda: Agent("a", max_tokens=0)),
    (errors.BadNumber, lambda: agent(cost_usd=NAN)(_named)),
    (errors.BadNumber, lambda: tool(timeout_s=-1)(_named)),
    (errors.BadDefinition, lambda: workflow(name="no spaces")(_named)),
]


def _named(text: str) -> str:
    return text


@pytest.mark.parametrize(("error", "build"), CONSTRUCTED)
def test_definitions(error: type[errors.OrchestraError], build: Callable[[], Any]) -> None:
    with pytest.raises(error) as caught:
        build()
    assert type(caught.value) is error
    assert caught.value.what and (caught.value.fix or error.remedy)


class Plain:
    """A class that JSON knows nothing of."""


UNSTARTED: list[tuple[type[errors.OrchestraError], tuple[Any, ...], dict[str, Any]]] = [
    (errors.UnknownCapability, ("hello",), {"to": "juggling"}),
    (errors.UnknownCapability, ("hello",), {"to": ["answer", "juggling"]}),
    (errors.BadInput, ("hello",), {"to": []}),
    (errors.BadInput, ("hello", "more"), {}),
    (errors.BadInput, (None,), {}),
    (errors.BadInput, (close, "one"), {}),
    (errors.BadInput, (close, "one", "two", "three"), {}),
    (errors.BadInput, (close, "one", "two"), {"to": "answer"}),
    (errors.BadInput, (writer,), {}),
    (errors.UnknownAgent, (Agent("stranger"), "hello"), {}),
    (errors.BadDefinition, (print, "hello"), {}),
    (errors.BadDefinition, ("hello",), {"budget": 0.05}),
    (errors.NotSerialisable, (Plain(),), {}),
    (errors.NotSerialisable, ({"a": NAN},), {}),
]


@pytest.mark.parametrize(("error", "args", "options"), UNSTARTED)
def test_a_run_that_cannot_start(
    error: type[errors.OrchestraError], args: tuple[Any, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    async def main() -> None:
        async with made(state=tmp_path / "team.db", journal=True) as team:
            with pytest.raises(error):
                await team.run(*args, **options)
            assert (await team.run("hello", to="answer")).output == "hello"

    anyio.run(main)


def test_an_empty_team() -> None:
    with pytest.raises(errors.UnknownAgent), closing(Orchestra()) as team:
        team.run_sync("hello")


def test_a_file_of_another_version_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "team.db"
    with closing(SqliteStore(path)) as store:
        store.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET version = 99")
    before = path.read_bytes()
    with closing(made(state=path, journal=True)) as team:
        with pytest.raises(errors.JournalVersion, match="start with a new state file"):
            team.run_sync("hello")
        with pytest.raises(errors.JournalVersion):
            team.resume_sync("abc")
        with pytest.raises(errors.JournalVersion):
            team.route("hello")
    assert path.read_bytes() == before


def test_a_state_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "team.db").write_text("This is no database, and far from one. " * 50, encoding="utf-8")
    with closing(made(state=tmp_path / "team.db")) as team, pytest.raises(errors.StateUnusable):
        team.run_sync("hello")
    with closing(made(state=tmp_path / "nowhere" / "team.db")) as team, pytest.raises(errors.StateUnusable):
        team.run_sync("hello")

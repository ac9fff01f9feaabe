"""One flipped byte anywhere in the table is found, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Orchestra
from orchestra.agents.decorator import agent
from orchestra.core.events import CallEnded, Charged, Decided, Event
from orchestra.core.outcome import Done
from orchestra.core.usage import Usage
from orchestra.telemetry.audit import broken_at, chained
from orchestra.topologies.acar import acar


@agent(provides="guess", cost_usd=0.001)
def guess(text: str) -> str:
    return "42"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    place: Path = tmp_path_factory.mktemp("audit")

    async def main() -> list[Event]:
        async with Orchestra(agents=[guess], state=place / "team.db", journal=True) as team:
            result = await team.run("how much?", topology=acar("guess"))
            return await team.events(result.run_id)

    return anyio.run(main)


def test_the_same_events_have_the_same_chain(events: list[Event]) -> None:
    links = chained(events)
    assert broken_at(events, links) is None and links == chained(events)
    assert len({link.digest for link in links}) == len(events) > 5


def flipped(value: Any) -> Any:
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    return value + 1 if isinstance(value, (int, float)) else "changed"


def test_any_changed_field_breaks_it_there(events: list[Event]) -> None:
    links = chained(events)
    for place, event in enumerate(events):
        for name in event._fields:
            other: Any = event
            changed = other._replace(**{name: flipped(getattr(event, name))})
            assert broken_at([*events[:place], changed, *events[place + 1 :]], links) == place, (event, name)


def test_what_lies_deep_in_a_record_counts_too(events: list[Event]) -> None:
    links = chained(events)
    for place, event in enumerate(events):
        changes: list[Event] = []
        if isinstance(event, CallEnded) and isinstance(event.outcome, Done):
            changes.append(event._replace(outcome=replace(event.outcome, usage=Usage(nano_usd=7))))
        elif isinstance(event, Decided):
            changes.append(event._replace(decision=replace(event.decision, x=(0.123,))))
        elif isinstance(event, Charged):
            changes.append(event._replace(usage=replace(event.usage, nano_usd=event.usage.nano_usd + 1)))
        for one in changes:
            assert broken_at([*events[:place], one, *events[place + 1 :]], links) == place


def test_what_is_taken_out_put_in_or_moved_breaks_it(events: list[Event]) -> None:
    links = chained(events)
    assert broken_at(events[:-1], links) == len(events) - 1
    assert broken_at([*events, events[0]], links) == len(events)
    assert broken_at(events[1:], links) == 0
    assert broken_at([events[0], events[2], events[1], *events[3:]], links) == 1
    assert broken_at(events, chained(events, "other"), "other") is None != broken_at(events, chained(events, "other"))

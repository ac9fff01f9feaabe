"""The passes of the help desk on a model that echoes: what holds whatever the answers are."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from examples.helpdesk.check import Ticket, read_tickets
from examples.helpdesk.passes import Conditions, Row, Shared, frozen, shuffled, team_of, work
from examples.helpdesk.team import MEMBERS, MODEL
from orchestra.app.members import node_from
from orchestra.models.scripted import Echo
from orchestra.stores.registry import open_store

REFUNDS = [ticket for ticket in read_tickets("learn") if ticket.kind == "refund"]
LEARN = read_tickets("learn")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def passed(
    router: Any, tickets: list[Ticket], conditions: Conditions, state: Path | None = None, *, learn: bool = False
) -> list[Row]:
    model = Shared(Echo(name=MODEL))
    async with team_of(router, model, state, learn=learn) as team:
        return await work(team, tickets, conditions, seed=1, model=model, learn=learn)


def learned(state: Path) -> dict[str, Any]:
    store = open_store(state)
    try:
        return store.load_state("linucb")
    finally:
        store.close()


def test_the_team_is_large_enough_and_every_agent_has_its_price() -> None:
    nodes = [node_from(member, MODEL) for member in MEMBERS]
    assert len(nodes) >= 8
    assert all(node.cost_nano or node.expected_nano for node in nodes)
    assert [node.name for node in nodes if "refund" in node.provides] == ["cardline", "bankwire"]


@pytest.mark.anyio
async def test_a_lost_provider_is_rerouted_and_every_refund_is_made_once() -> None:
    rows = await passed("fixed:cardline", REFUNDS[:2], Conditions(name="lost", lost_from=1))
    # ``right`` of a refund asks the books for exactly one row.
    assert [(row.right, row.rerouted, row.chosen) for row in rows] == [(True, 1, "bankwire")] * 2


@pytest.mark.anyio
async def test_a_provider_is_lost_from_its_ticket_on_and_not_before() -> None:
    rows = await passed("fixed:cardline", REFUNDS[:3], Conditions(name="lost", lost_from=3))
    assert [row.rerouted for row in rows] == [0, 0, 1]
    assert [row.chosen for row in rows] == ["cardline", "cardline", "bankwire"]
    assert all(row.right for row in rows)


@pytest.mark.anyio
async def test_who_declines_is_learned_from(tmp_path: Path) -> None:
    state = tmp_path / "team.db"
    stock = [ticket for ticket in LEARN if ticket.kind == "stock"]
    rows = await passed("linucb", stock, Conditions(name="any"), state, learn=True)
    assert sum(row.declined for row in rows) > 0
    pulls = sum(sums["pulls"] for sums in learned(state).values())
    assert pulls >= len(rows) + sum(row.declined for row in rows)


@pytest.mark.anyio
@pytest.mark.parametrize("router", ["random", "linucb", "cheapest"])
async def test_a_purse_is_never_exceeded_and_stops_what_it_cannot_pay(router: str) -> None:
    purse = Decimal("0.01")
    rows = await passed(router, list(LEARN[:20]), Conditions(name="poor", purse_usd=purse))
    assert sum(row.usd for row in rows) <= purse
    assert any(row.priced_out for row in rows)
    assert rows[-1].status == "stopped" and not rows[-1].right


@pytest.mark.anyio
async def test_a_frozen_state_stays_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "team.db"
    await passed("linucb", list(LEARN[:8]), Conditions(name="first"), state, learn=True)
    before = learned(state)
    rows = await passed(frozen(), list(LEARN[8:16]), Conditions(name="frozen", lost_from=1), state)
    assert before and learned(state) == before
    again = await passed(frozen(), list(LEARN[8:16]), Conditions(name="frozen", lost_from=1), state)
    assert [row.chosen for row in again] == [row.chosen for row in rows]


def test_the_order_follows_from_seed_and_pass() -> None:
    assert shuffled(LEARN, 1, "a") == shuffled(LEARN, 1, "a")
    assert shuffled(LEARN, 1, "a") != shuffled(LEARN, 2, "a") != shuffled(LEARN, 1, "b")
    assert sorted(t.id for t in shuffled(LEARN, 1, "a")) == [t.id for t in LEARN]

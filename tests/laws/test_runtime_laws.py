"""Whatever is run, and however it ends: no cap is passed, nothing leaks, every failure has its one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.core.budget import Budget
from orchestra.core.events import CallEnded, CallStarted, Charged, Event, Filed, Recalled, RunEnded
from orchestra.core.outcome import Done, Failed, Outcome
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.prices import Price
from orchestra.runtime import execute, nodes
from orchestra.runtime.ledger import FREE, Account
from tests.support.runtime import Rig, go, on_every_loop
from tests.support.trees import MEMBERS, Obedient, Tree, executed, node, numbered, planned, trees

accounts: list[Account] = []
broken: list[str] = []


class Noted(Account):
    """An account that the tests can look at."""

    __slots__ = ()

    def __init__(self, *arguments: Any, **rest: Any) -> None:
        super().__init__(*arguments, **rest)
        accounts.append(self)


@pytest.fixture(autouse=True, scope="module")
def noted_accounts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "Account", Noted)
        patch.setattr(nodes, "Account", Noted)
        yield


def within_limits(run_id: str, event: Event) -> None:
    """A sink: looks at every account at every event. Models keep to their bounds here, so there is no overrun."""
    for account in accounts:
        for i, limit in enumerate(account.limits or FREE):
            if limit is not None and account.settled[i] + account.reserved[i] > limit:
                broken.append(f"{account.name}: {account.settled} + {account.reserved} > {account.limits} at {event}")
        if min(account.reserved) < 0:
            broken.append(f"{account.name}: {account.reserved} at {event}")


def rig(native: bool) -> Rig:
    accounts.clear()
    broken.clear()
    executed.clear()
    return Rig(
        MEMBERS,
        models={"test:obedient": Obedient()},
        price=Price(input_nano=Decimal(1), output_nano=Decimal(1)),
        native=native,
        sinks=(within_limits,),
    )


def charged(events: list[Event]) -> Usage:
    total = ZERO
    for event in events:
        if isinstance(event, Charged):
            total = total + event.usage
    return total


def check_books(team: Rig) -> None:
    run, events = team.last, team.last.events
    assert not broken
    assert not run.live and not run.open
    assert all(account.reserved == [0, 0, 0, 0] and not account.waiters for account in accounts)
    (ended,) = team.of(RunEnded)
    assert charged(events) == ended.usage == run.used
    assert tuple(accounts[0].settled) == ended.usage.amount
    assert events[-1] is ended, "nothing comes after the end"


def check_records(team: Rig) -> None:
    """One record for each failure, under the key of the call where it began."""
    ended = team.of(CallEnded)
    began = [e.key for e in ended if isinstance(e.outcome, Failed) and e.outcome.origin == e.key]
    filed = Counter(e.key for e in team.of(Filed))
    assert filed == Counter(began)
    leaf_failures = {e.key for e in ended if isinstance(e.outcome, Failed) and e.kind in ("agent", "model")}
    assert leaf_failures <= set(filed)
    assert len({e.key for e in ended}) == len(ended), "a call ends once"


limits = st.none() | st.integers(0, 60)
budgets = st.builds(
    lambda usd, tokens, requests: Budget(
        usd=None if usd is None else Decimal(usd) / 10**9, tokens=tokens, requests=requests
    ),
    limits,
    limits,
    st.none() | st.integers(0, 6),
)
law = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@on_every_loop
@law
@given(tree=trees, budget=budgets)
def test_no_cap_is_passed_nothing_leaks_and_every_failure_has_its_record(
    loop: str, native: bool, tree: Tree, budget: Budget
) -> None:
    team = rig(native)

    async def play() -> None:
        outcome, usage = await team.run(planned(tree), tree, budget)
        check_books(team)
        check_records(team)
        assert usage == team.last.used == outcome.usage
        live = team.last.events
        ran = Counter(executed)
        await replay(tree, outcome, usage, live)
        assert Counter(executed) == ran
        await resume(tree, live)

    async def replay(tree: Tree, outcome: Outcome, usage: Usage, live: list[Event]) -> None:
        again, same = await team.run(planned(tree), tree, past=live, mode="replay")
        assert (type(again), again.cause, same) == (type(outcome), outcome.cause, usage)
        assert [type(e) for e in team.last.events[1:-1]] == [Recalled]

    async def resume(tree: Tree, live: list[Event]) -> None:
        """As if the process had died before any inner node was finished: leaves that were done are not run again."""
        past = [e for e in live if not isinstance(e, CallEnded) or e.kind in ("agent", "model")]
        done = {e.key for e in past if isinstance(e, CallEnded) and isinstance(e.outcome, Done)}
        accounts.clear()
        _, usage = await team.run(planned(tree), tree, past=past, mode="resume")
        again = {e.key for e in team.of(CallStarted)}
        assert not done & again
        assert usage == charged([*past, *team.last.events])
        assert tuple(accounts[0].settled) == usage.amount
        assert not team.last.live and not team.last.open

    go(loop, play)


@on_every_loop
@law
@given(tree=trees, budget=budgets, ticks=st.integers(0, 30))
def test_a_run_that_is_cancelled_from_outside_leaves_its_books_in_order(
    loop: str, native: bool, tree: Tree, budget: Budget, ticks: int
) -> None:
    team = rig(native)

    async def play() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(team.run, planned(tree), tree, budget)
            for _ in range(ticks):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        if team.runs:
            check_books(team)
            check_records(team)

    go(loop, play)


def wide(n: int, join: str = "all") -> Tree:
    kinds, hows = ("leaf1", "model", "any", "model"), ("ok", "ok", "fail", "ok", "no effect")
    children = [node(kinds[i % 4], [], how=hows[i % 5], ticks=i % 3, tokens=i % 9) for i in range(n)]
    groups = [node("batch", children[i : i + 50], drops=True) for i in range(0, n, 50)]
    return numbered(node("batch", groups, drops=True, done=2 if join == "quorum" else None))


@on_every_loop
@pytest.mark.parametrize(("n", "usd", "join"), [(50, 100, "all"), (300, 900, "quorum"), (1000, 3000, "all")])
def test_wide(loop: str, native: bool, n: int, usd: int, join: str) -> None:
    team = rig(native)
    tree = wide(n, join)
    _, usage = go(loop, team.run, planned(tree), tree, Budget(usd=Decimal(usd) / 10**9))
    check_books(team)
    check_records(team)
    assert 0 < usage.nano_usd <= usd
    if join == "all":
        assert len(executed) >= n // 4

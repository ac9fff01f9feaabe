"""The ledger: reserved, settled, cancelled and closed in whatever order, no cap is passed and nobody is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.core.errors import BudgetExceeded, RunClosed
from orchestra.core.usage import Amount
from orchestra.runtime.ledger import FREE, Account, Hold
from tests.support.runtime import go

LOOPS = ("asyncio", "trio")
both_loops = pytest.mark.parametrize("loop", LOOPS)


@dataclass(eq=False)
class Asked:
    """One reservation: ``result`` is None while it waits."""

    account: Account
    amount: Amount
    result: str | None = None
    hold: Hold | None = None
    cancel: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def ask(self) -> None:
        with self.cancel:
            try:
                self.hold = await self.account.reserve(self.amount)
                self.result = "granted"
            except BudgetExceeded:
                self.result = "refused"
            except RunClosed:
                self.result = "closed"
        if self.cancel.cancelled_caught:
            self.result = "cancelled"

    @property
    def path(self) -> list[Account]:
        found, at = [], self.account
        while True:
            found.append(at)
            if at.parent is None:
                return found
            at = at.parent

    def verdict(self) -> str | None:
        """What the rule says, from the figures alone."""
        held = False
        for account in self.path:
            if account.closed:
                return "closed"
            for i, limit in enumerate(account.limits or FREE):
                beside = account.settled[i] + self.amount[i]
                if limit is not None and beside > limit:
                    return "refused"
                held |= limit is not None and self.amount[i] > 0 and beside + account.reserved[i] > limit
        return None if held else "granted"


class Books:
    """A tree of accounts, everything asked of it, and what must hold at every moment."""

    def __init__(self, shape: list[tuple[int, int | None, int | None]], group: TaskGroup) -> None:
        self.accounts: list[Account] = []
        for parent, usd, tokens in shape:
            above = self.accounts[parent % len(self.accounts)] if self.accounts else None
            self.accounts.append(Account(f"a{len(self.accounts)}", (usd, tokens, None, None), above))
        self.group, self.asked = group, list[Asked]()
        self.overrun: set[Account] = set()

    @property
    def open(self) -> list[Asked]:
        return [one for one in self.asked if one.hold is not None and one.hold.account is not None]

    @property
    def waiting(self) -> list[Asked]:
        return [one for one in self.asked if one.result is None]

    async def reserve(self, n: int, usd: int, tokens: int) -> None:
        one = Asked(self.accounts[n % len(self.accounts)], (usd, tokens, 1, 0))
        expected = one.verdict()
        self.asked.append(one)
        self.group.start_soon(one.ask)
        await quiet()
        assert one.result == expected, "it is granted or refused at once, or it waits"

    async def settle(self, n: int, share: int, _: int) -> None:
        if self.open:
            one = self.open[n % len(self.open)]
            assert one.hold is not None
            usd, tokens = (part * share // 4 for part in one.amount[:2])
            if share > 4:
                self.overrun.update(one.path)
            over = one.hold.settle((usd, tokens, 1, 0))
            assert (over is not None) == (usd > one.amount[0] or tokens > one.amount[1])
            assert one.hold.settle((9, 9, 9, 9)) is None, "a hold ends once"

    async def cancel(self, n: int, *_: int) -> None:
        if self.waiting:
            self.waiting[n % len(self.waiting)].cancel.cancel()

    async def settle_and_cancel(self, n: int, share: int, _: int) -> None:
        """In one breath: whoever is granted by the settlement has not run yet when its task is cancelled."""
        waiting = self.waiting
        await self.settle(n, share, 0)
        if waiting:
            waiting[n % len(waiting)].cancel.cancel()

    async def close(self, n: int, *_: int) -> None:
        self.accounts[0].close()

    def check(self) -> None:
        for account in self.accounts:
            below = [one for one in self.open if account in one.path]
            assert account.reserved == [sum(one.amount[i] for one in below) for i in range(4)]
            for i, limit in enumerate(account.limits or FREE):
                if limit is not None and account not in self.overrun:
                    assert account.settled[i] + account.reserved[i] <= limit
            assert (account in account.queued) == bool(account.waiters)
            if account.waiters:
                head = account.waiters[0]
                assert Asked(head.account, head.amount).verdict() != "granted", "who could be served is served"
        assert sum(len(account.waiters) for account in self.accounts) == len(self.waiting)
        for one in self.waiting:
            assert not any(account.closed for account in one.path), "who waits on a closed account is told"
        if not self.open:
            assert not self.waiting, "nobody is in the way, and yet somebody waits"


async def quiet() -> None:
    for _ in range(3):
        await anyio.lowlevel.checkpoint()


OPS = ("reserve", "reserve", "reserve", "settle", "cancel", "settle_and_cancel", "close")
limit = st.none() | st.integers(0, 12)
shapes = st.lists(st.tuples(st.integers(0, 5), limit, limit), min_size=1, max_size=5)
programs = st.lists(
    st.tuples(st.sampled_from(OPS), st.integers(0, 9), st.integers(0, 6), st.integers(0, 6)), min_size=5, max_size=25
)


@both_loops
@settings(max_examples=400)
@given(shape=shapes, program=programs)
def test_no_cap_is_passed_and_no_waiter_is_lost(
    loop: str, shape: list[tuple[int, int | None, int | None]], program: list[tuple[str, int, int, int]]
) -> None:
    async def play() -> None:
        async with anyio.create_task_group() as group:
            books = Books(shape, group)
            for op, *arguments in program:
                await getattr(books, op)(*arguments)
                await quiet()
                books.check()
            while books.open:
                await books.settle(0, 4, 0)
                await quiet()
                books.check()
            assert not books.waiting

    go(loop, play)


@both_loops
def test_a_thousand_ask_for_what_pays_for_a_hundred(loop: str) -> None:
    async def play() -> None:
        root = Account("run", (100, None, None, None))
        leaf = Account("leaf", (None, 10_000, None, None), root)
        results: list[str] = []

        async def one(i: int) -> None:
            try:
                hold = await (leaf if i % 2 else root).reserve((2, 1, 1, 0))
            except BudgetExceeded:
                results.append("refused")
                return
            assert root.settled[0] + root.reserved[0] <= 100
            await anyio.lowlevel.checkpoint()
            hold.settle((1, 1, 1, 0))
            results.append("done")

        async with anyio.create_task_group() as group:
            for i in range(1000):
                group.start_soon(one, i)
        # One cannot be spent with holds of two once a single unit is left.
        assert results.count("done") == 99 and len(results) == 1000
        assert root.settled[0] == 99 and root.reserved[0] == 0 and not root.queued

    go(loop, play)


@both_loops
def test_closing_the_root_wakes_those_who_wait_below(loop: str) -> None:
    async def play() -> None:
        root = Account("run", (100, None, None, None))
        below = Account("below", (5, None, None, None), root)
        hold = await below.reserve((5, 0, 0, 0))
        one = Asked(below, (5, 0, 0, 0))
        async with anyio.create_task_group() as group:
            group.start_soon(one.ask)
            await quiet()
            assert one.result is None
            root.close()
            await quiet()
            assert one.result == "closed"
        hold.settle((0, 0, 0, 0))
        assert root.reserved == [0, 0, 0, 0]

    go(loop, play)


@both_loops
def test_a_waiter_that_is_granted_and_cancelled_in_one_breath_gives_its_hold_back(loop: str) -> None:
    async def play() -> None:
        root = Account("run", (5, None, None, None))
        hold = await root.reserve((5, 0, 0, 0))
        one, other = Asked(root, (5, 0, 0, 0)), Asked(root, (5, 0, 0, 0))
        async with anyio.create_task_group() as group:
            group.start_soon(one.ask)
            await quiet()
            group.start_soon(other.ask)
            await quiet()
            hold.settle((0, 0, 0, 0))
            one.cancel.cancel()
            await quiet()
            assert one.result in ("cancelled", "granted")
            if one.hold is not None:
                one.hold.settle((0, 0, 0, 0))
                await quiet()
            assert other.result == "granted"
        assert root.reserved[0] == 5 and root.settled[0] == 0

    go(loop, play)


def test_a_native_task_that_is_cancelled_after_it_was_granted_gives_its_hold_back() -> None:
    async def play() -> None:
        root = Account("run", (5, None, None, None))
        hold = await root.reserve((5, 0, 0, 0))
        first, second = (asyncio.create_task(root.reserve((5, 0, 0, 0))) for _ in range(2))
        await quiet()
        hold.settle((0, 0, 0, 0))
        first.cancel()
        assert root.reserved[0] == 5, "the first has been granted, and does not know it yet"
        with pytest.raises(asyncio.CancelledError):
            await first
        (await second).settle((3, 0, 0, 0))
        assert (root.settled[0], root.reserved[0]) == (3, 0)

    go("asyncio", play)


def test_a_refusal_says_what_is_left() -> None:
    async def play() -> None:
        account = Account("pay", (1_000_000_000, None, 2, None))
        (await account.reserve((400_000_000, 0, 1, 0))).settle((400_000_000, 0, 1, 0))
        with pytest.raises(BudgetExceeded, match=r"pay: \$0.7 usd would pass the limit of \$1; \$0.6 is left"):
            await account.reserve((700_000_000, 0, 1, 0))
        with pytest.raises(BudgetExceeded, match="2 requests would pass the limit of 2; 1 is left"):
            await account.reserve((0, 0, 2, 0))
        assert account.left(0) == 600_000_000 and account.left(2) == 1 and account.left(1) is None

    go("asyncio", play)

"""Money and counts: reserve before, settle after. Only leaves hold; a hold is taken on every account up to the root."""

from __future__ import annotations

from collections import deque

import anyio

from orchestra.core.budget import Limits
from orchestra.core.errors import BudgetExceeded, RunClosed
from orchestra.core.money import dollars
from orchestra.core.usage import Amount

NAMES = ("usd", "tokens", "requests", "tool_calls")
FREE: Limits = (None, None, None, None)
NOTHING: Amount = (0, 0, 0, 0)


class Waiter:
    """A reservation that fits beside what is settled and waits for others' holds to end."""

    __slots__ = ("account", "amount", "error", "event", "hold")

    def __init__(self, account: Account, amount: Amount) -> None:
        self.account, self.amount, self.event = account, amount, anyio.Event()
        self.hold: Hold | None = None
        self.error: Exception | None = None


class Account:
    """Limits, what is settled and what is reserved. At every moment settled + reserved <= limit, overruns aside."""

    __slots__ = ("closed", "limits", "name", "parent", "queued", "reserved", "settled", "waiters")

    def __init__(self, name: str, limits: Limits = FREE, parent: Account | None = None, past: Amount = NOTHING) -> None:
        self.name, self.parent = name, parent
        self.limits = None if limits == FREE else limits
        self.settled, self.reserved = list(past), [0, 0, 0, 0]
        self.waiters: deque[Waiter] = deque()
        self.queued: set[Account] = set() if parent is None else parent.queued
        self.closed = False

    async def reserve(self, amount: Amount) -> Hold:
        """A hold of the amount. Raises BudgetExceeded, RunClosed; waits while only others' holds are in the way."""
        blocked = self._blocked(amount)
        if blocked is None:
            return Hold(self, amount)
        waiter = Waiter(self, amount)
        blocked._queue(waiter)
        try:
            await waiter.event.wait()
        except BaseException:
            self._forget(waiter)
            raise
        if waiter.hold is None:
            raise waiter.error or RunClosed("The run has ended.")
        return waiter.hold

    def _queue(self, waiter: Waiter) -> None:
        self.waiters.append(waiter)
        self.queued.add(self)

    def _forget(self, waiter: Waiter) -> None:
        if waiter.hold is not None:
            waiter.hold.settle(NOTHING)
            return
        account: Account | None = self
        while account is not None:
            if waiter in account.waiters:
                account.waiters.remove(waiter)
                account.wake()
            account = account.parent

    def _blocked(self, amount: Amount) -> Account | None:
        """The lowest account whose other holds are in the way; raises where the settled part alone is."""
        blocked: Account | None = None
        account: Account | None = self
        while account is not None:
            if account.closed:
                raise RunClosed("The run has ended.")
            if account.limits is not None:
                for i, limit in enumerate(account.limits):
                    if limit is None:
                        continue
                    beside = account.settled[i] + amount[i]
                    if beside > limit:
                        raise account.refusal(i, amount[i])
                    if blocked is None and amount[i] and beside + account.reserved[i] > limit:
                        blocked = account
            account = account.parent
        return blocked

    def refusal(self, i: int, wanted: int) -> BudgetExceeded:
        limit = (self.limits or FREE)[i] or 0
        left = max(0, limit - self.settled[i])
        show = (lambda n: f"${dollars(n):f}") if i == 0 else str
        return BudgetExceeded(
            f"{self.name}: {show(wanted)} {NAMES[i]} would pass the limit of {show(limit)}; {show(left)} is left.",
            account=self.name,
        )

    def wake(self) -> None:
        """Grants, in order of waiting, what fits now; the first that does not fit keeps its place."""
        while self.waiters:
            waiter = self.waiters[0]
            try:
                blocked = waiter.account._blocked(waiter.amount)
            except (BudgetExceeded, RunClosed) as error:
                waiter.error = error
            else:
                if blocked is self:
                    return
                if blocked is not None:
                    self.waiters.popleft()
                    blocked._queue(waiter)
                    continue
                waiter.hold = Hold(waiter.account, waiter.amount)
            self.waiters.popleft()
            waiter.event.set()
        self.queued.discard(self)

    def left(self, i: int = 0) -> int | None:
        """What is neither settled nor reserved on the tightest account up to the root; None is no limit."""
        least: int | None = None
        account: Account | None = self
        while account is not None:
            limit = account.limits[i] if account.limits is not None else None
            if limit is not None:
                here = max(0, limit - account.settled[i] - account.reserved[i])
                least = here if least is None else min(least, here)
            account = account.parent
        return least

    def close(self) -> None:
        """For a root: later reservations raise RunClosed, and so do those that wait, here or on an account below."""
        self.closed = True
        for account in list(self.queued):
            account.wake()


class Hold:
    """An amount reserved on an account and all above it. ``settle`` is synchronous: no cancellation can part it."""

    __slots__ = ("account", "amount")

    def __init__(self, account: Account, amount: Amount) -> None:
        self.account: Account | None = account
        self.amount = amount
        at: Account | None = account
        while at is not None:
            for i in range(4):
                at.reserved[i] += amount[i]
            at = at.parent

    def settle(self, actual: Amount) -> Amount | None:
        """Ends the hold. Returns by how much the actual amount passed it, None if it did not. A second call does
        nothing.
        """
        at, self.account = self.account, None
        bottom = at
        if at is None:
            return None
        while at is not None:
            for i in range(4):
                at.reserved[i] -= self.amount[i]
                at.settled[i] += actual[i]
            at = at.parent
        at = bottom
        while at is not None:
            if at.waiters:
                at.wake()
            at = at.parent
        over = tuple(max(0, a - h) for a, h in zip(actual, self.amount, strict=True))
        return (over[0], over[1], over[2], over[3]) if any(over) else None

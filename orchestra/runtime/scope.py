"""A scope: one place in the run tree. It fixes keys, owns an account and is the only door to perform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio

from orchestra.core.budget import DEPTH
from orchestra.core.call import (
    Approval,
    Ask,
    Batch,
    Branch,
    Call,
    Goal,
    ModelName,
    NodeName,
    OneOf,
    Planned,
    Ranked,
    Route,
    Several,
    Shaped,
    Stuck,
)
from orchestra.core.catalog import Catalog, Node
from orchestra.core.decision import Decide
from orchestra.core.errors import DuplicateName, RunClosed
from orchestra.core.ids import canonical, digest
from orchestra.core.outcome import Done, Outcome, Paused
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.scope import unwrap
from orchestra.runtime.ledger import Account
from orchestra.runtime.native import this_task
from orchestra.runtime.run import NODES, Run

NO_INPUT = digest(canonical(None))

_TARGET_NAMES: dict[type, Callable[[Any], str]] = {
    str: lambda t: t,
    Node: lambda t: f"@{t.name}",
    NodeName: lambda t: f"@{t.name}",
    ModelName: lambda t: f"model:{t.name}",
    OneOf: lambda t: f"models:{t.label}",
    Ranked: lambda t: f"rank:{t.capability}",
    Route: lambda t: f"route:{t.name}",
    Several: lambda t: f"set:{t.name}",
    Planned: lambda t: f"plan:{t.name}",
    Shaped: lambda t: f"plan:{t.name}",
    Decide: lambda t: f"decide:{t.capability}",
    Ask: lambda t: f"ask:{digest(t.question)}",
    Approval: lambda t: "approval",
    Goal: lambda t: f"goal:{t.name}",
    Stuck: lambda t: "person",
    Branch: lambda t: "branch",
}


def target_name(target: Any) -> str:
    return _TARGET_NAMES[type(target)](target)


class Scope:
    """Slotted by hand: there is one for every call in flight."""

    __slots__ = (
        "account",
        "cancellable",
        "depth",
        "effect_key",
        "home",
        "kind",
        "last",
        "max_depth",
        "name",
        "others",
        "path",
        "paused",
        "previous",
        "run",
        "seen",
        "side_effect",
        "used",
    )

    def __init__(self, run: Run, path: str, account: Account, parent: Scope | None = None) -> None:
        self.run, self.path, self.account = run, path, account
        self.seen: dict[str, int] | None = None
        self.used: Usage = ZERO
        self.kind = self.name = ""
        self.side_effect: str | None = None
        self.home: object = None
        self.paused: Paused | None = None
        self.others = False
        self.last: str | None = None
        if parent is None:
            self.effect_key, self.depth, self.max_depth, self.cancellable = path, 0, DEPTH, False
            self.previous = ""
        else:
            self.effect_key = parent.path if parent.kind == "bind" else path
            self.depth, self.max_depth, self.cancellable = parent.depth, parent.max_depth, parent.cancellable
            self.previous = parent.inherited if parent.last is None else parent.last

    @property
    def inherited(self) -> str:
        """What the first call here goes on from: inside a node a path of its own begins."""
        return "" if self.kind in NODES else self.previous

    @property
    def run_id(self) -> str:
        return self.run.id

    @property
    def deps(self) -> Any:
        return self.run.deps

    @property
    def catalog(self) -> Catalog:
        return self.run.catalog

    def now(self) -> float:
        return self.run.services.clock.now()

    def left_nano(self) -> int | None:
        return self.account.left(0)

    def answered(self, key: str) -> bool:
        """Whether the question of this key below has its answer."""
        path = f"{self.path}/{key}"
        return path in self.run.answers or type(self.run.known.get(path)) is Done

    def lesser(self) -> str | None:
        """The lesser goal that this step had come down to when the run was interrupted."""
        return self.run.lesser(self.path)

    def finished(self, call: Call) -> bool:
        if not self.run.past:
            return False
        seen = dict(self.seen or {})
        try:
            return type(self.run.recall(self.key(call))) is Done
        finally:
            self.seen = seen

    def below(self, name: str) -> str:
        """The key of a call that was given this name for its own."""
        return f"{self.path}/{name.replace('/', '%2F')}"

    def key(self, call: Call) -> str:
        """path + (explicit key | name + hash of the canonical input + occurrence). Raises NotSerialisable,
        DuplicateName.
        """
        seen = self.seen
        if seen is None:
            seen = self.seen = {}
        if call.key is not None:
            key = self.below(call.key)
            if key in seen:
                raise DuplicateName(
                    f"The key {call.key!r} is used twice in {self.path}.",
                    remedy="Give each parallel twin a key of its own.",
                )
            seen[key] = 0
            return key
        name = _TARGET_NAMES[type(call.target)](call.target).replace("/", "%2F")
        asked = NO_INPUT if call.input is None else digest(canonical(call.input))
        key = f"{self.path}/{name}:{asked}"
        n = seen.get(key, -1) + 1
        seen[key] = n
        return f"{key}.{n}"

    async def perform(self, batch: Batch, keys: tuple[str, ...]) -> tuple[Outcome, ...]:
        """The door for user code: what failed and has no record yet is escalated here, whatever the code does with
        it. A pause travels to the root: code that catches it comes no further.
        """
        run = self.run
        if self.paused is not None:
            unwrap(self.paused)
        if self.home is not None and this_task() is self.home:
            outcomes = await run.perform(self, batch, keys)
        else:
            outcomes = await self._apart(batch, keys)
        self._pause(outcomes)
        return tuple([run.escalate(outcome) for outcome in outcomes])

    async def _apart(self, batch: Batch, keys: tuple[str, ...]) -> tuple[Outcome, ...]:
        """From a task that the user's code began, and that may outlive it: the end of the run has to reach it."""
        run = self.run
        with anyio.CancelScope() as cancel:
            run.live.add(cancel)
            try:
                return await run.perform(self, batch, keys)
            finally:
                run.live.discard(cancel)
                if run.idle is not None and not run.live:
                    run.idle.set()
        raise RunClosed("The run ended while this call was in flight.")

    def enter(self) -> None:
        """The user's code of this scope runs in this task: what it awaits there ends with it."""
        if self.run.on_asyncio:
            self.home = this_task()

    def _pause(self, outcomes: tuple[Outcome, ...]) -> None:
        pauses = [outcome for outcome in outcomes if type(outcome) is Paused]
        if pauses:
            asks = dict(ask for one in (self.paused, *pauses) if one is not None for ask in one.asks)
            self.paused = Paused(cause=pauses[0].cause, asks=tuple(asks.items()))
            unwrap(self.paused)

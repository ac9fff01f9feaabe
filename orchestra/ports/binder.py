"""How a capability becomes a node: app injects it into the runtime."""

from __future__ import annotations

from typing import Protocol

from orchestra.core.call import Call, Plan
from orchestra.core.catalog import Catalog


class View(Protocol):
    """What binding may look at."""

    @property
    def catalog(self) -> Catalog: ...

    @property
    def previous(self) -> str:
        """The node whose work the call goes on from; "" at the start of a path, and after a join of several."""
        ...

    def now(self) -> float: ...

    def left_nano(self) -> int | None:
        """Nano-dollars that are neither settled nor reserved on the tightest account up to the root; None is no
        limit.
        """
        ...


class Place(View, Protocol):
    """Where a call is bound: also what the journal and a person's answers say of it."""

    def answered(self, key: str, /) -> bool:
        """Whether the question of this key, below the call's own, has its answer."""
        ...

    def lesser(self) -> str | None:
        """The lesser goal that the call had come down to when its run was interrupted."""
        ...

    def finished(self, call: Call) -> bool:
        """Whether the journal would answer the call if it were made next: then nothing is called."""
        ...


class Binder(Protocol):
    """A pure plan that decides who answers the call, and again when it fails; for a Shaped target, the topology's."""

    def bind(self, call: Call, view: Place, /) -> Plan: ...

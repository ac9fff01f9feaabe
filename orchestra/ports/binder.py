"""How a capability becomes a node: app injects it into the runtime."""

from __future__ import annotations

from typing import Protocol

from orchestra.core.call import Call, Plan
from orchestra.core.catalog import Catalog


class View(Protocol):
    """What binding may look at."""

    @property
    def catalog(self) -> Catalog: ...

    def now(self) -> float: ...

    def left_nano(self) -> int | None:
        """Nano-dollars that are neither settled nor reserved on the tightest account up to the root; None is no
        limit.
        """
        ...


class Binder(Protocol):
    """A pure plan that decides who answers the call, and again when it fails."""

    def bind(self, call: Call, view: View, /) -> Plan: ...

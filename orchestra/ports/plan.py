"""What can be driven over an input: a topology, whoever made it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from orchestra.core.call import Plan


@runtime_checkable
class Topology(Protocol):
    """How a set of members works together: a name, and a pure plan over the input."""

    @property
    def name(self) -> str: ...
    def plan(self, value: Any) -> Plan: ...

"""What stands before every node of a run and says whether it may be called now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from orchestra.core.catalog import Node
from orchestra.core.outcome import Outcome


class Asked(NamedTuple):
    """A node that is about to be called. ``input`` are its arguments as JSON, ``by`` is the run and the key of the step
    (one for all providers that are tried for it), ``again`` whether the call goes on where it was interrupted.
    """

    node: Node
    input: Mapping[str, Any]
    by: str
    again: bool = False


class Guard(Protocol):
    """The guard of one run. It sees the call, and nothing that a model said about it. ``goal`` is what the run works
    on, as kind:id.
    """

    @property
    def goal(self) -> str: ...

    async def enter(self, asked: Asked, /) -> Outcome | None:
        """What the call ends as instead of starting; None if it may start. Raises what keeps it from knowing: then the
        call does not start.
        """
        ...

    async def leave(self, asked: Asked, outcome: Outcome, acted: bool, /) -> Outcome:
        """What the call that was let in ends as. ``acted``: it may have done something to the world, so that a failure
        is no return to what was before. Called once for each call that was let in; ``outcome`` is Cancelled where it
        raised.
        """
        ...

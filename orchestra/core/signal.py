"""What a monitor says about a call that is about to be made."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

from orchestra.core.errors import BadDefinition, BadNumber

Act = Literal["go_on", "avoid", "ask_model", "ask_person", "stop"]
ACTS: tuple[Act, ...] = get_args(Act)


class Signal(NamedTuple):
    """How urgent it is, and what is to be done if nothing else is more urgent.

    ``act`` is ``go_on``; ``avoid`` (the call goes to another node, ``nodes`` are avoided as well); ``ask_model`` (once,
    as where no path is left); ``ask_person`` (the run pauses until the call is approved or refused); or ``stop``.
    ``payload`` says why, as plain values; it is content. ``about`` is the node that was to be called: it is filled in.
    Units: ``priority`` in [0, 1].
    """

    source: str
    priority: float
    act: Act = "go_on"
    payload: Any = None
    nodes: tuple[str, ...] = ()
    about: str = ""

    def checked(self) -> Signal:
        """Raises BadNumber for a priority outside [0, 1], NaN included; BadDefinition for another act."""
        if not 0.0 <= self.priority <= 1.0:
            raise BadNumber(
                f"The monitor {self.source!r} gave the priority {self.priority!r}.",
                remedy="A priority lies in [0, 1].",
            )
        if self.act not in ACTS:
            raise BadDefinition(
                f"The monitor {self.source!r} wants to {self.act!r}.", remedy=f"It may {', '.join(ACTS)}."
            )
        return self

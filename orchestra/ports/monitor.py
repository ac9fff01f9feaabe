"""What watches the calls that binding and routing are about to make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from orchestra.core.signal import Signal


class Proposed(NamedTuple):
    """The call that is about to be made. ``arguments`` are the validated ones, with the defaults of a function; empty
    where the input does not fit, which the call itself will say. Units: ``cost_nano`` 1e-9 dollars, expected.
    """

    name: str
    kind: str
    arguments: Mapping[str, Any]
    side_effect: str | None
    cost_nano: int
    models: tuple[str, ...]


class Situation(NamedTuple):
    """A snapshot: what is asked, how far it has come, what is next.

    ``task`` is the text of the task, ``wanted`` the capability or the row of them. ``done`` are the nodes that finished
    it so far, of ``stages``; ``failed`` those that failed since the last of them. ``state`` says closed, half-open,
    limited or open of a node, a model or a provider ('openai:'); ``rewards`` how many rewards this process has seen for
    a node, and their mean. Units: ``at`` in seconds, ``left_nano`` in 1e-9 dollars, None for no limit.
    """

    task: str
    wanted: str
    proposed: Proposed
    at: float
    left_nano: int | None
    done: tuple[str, ...]
    failed: tuple[str, ...]
    stages: int
    state: Callable[[str], str]
    rewards: Callable[[str], tuple[int, float]]


Monitor = Callable[[Situation], Signal | None]
"""Small, pure and quick. None: nothing to say."""

"""Who was considered, who was chosen, how likely that was: one record per decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

OOS = "oos"
"""The option that stands for out of scope: nobody is to answer. Only a question that allows a set offers it."""


class Option(NamedTuple):
    """One candidate. A tuple, as there are ten or more to a decision.

    Units: ``cost_nano`` in 1e-9 dollars and ``latency_s`` in seconds, both expected; ``prior`` and ``score`` in reward.
    ``tries`` counts the rewards seen; an option never tried has ``tries`` 0, which is a state of its own and no
    average. ``filtered`` says why it may not be chosen, None if it may.
    """

    name: str
    cost_nano: int = 0
    latency_s: float = 0.0
    prior: float = 0.5
    similarity: float = 0.0
    tries: int = 0
    in_flight: int = 0
    filtered: str | None = None
    score: float | None = None
    probability: float | None = None


class Step(NamedTuple):
    """Where in an episode of several requests a model is chosen.

    ``turn`` counts from 0, ``most`` is how many there may be (0: not known). ``failed`` is whether what was done since
    the last request failed, ``failures`` how often that was so until now. ``model`` did the last step, "" at the first.
    Units: ``length`` of the history in characters.
    """

    turn: int = 0
    most: int = 0
    failed: bool = False
    failures: int = 0
    length: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """The question to a router: everything it may look at.

    Shapes: ``x`` (d,), the context; ``marks`` names the features and their version, for the record.
    ``because`` is the key of the failed call that made this decision necessary. ``previous`` is the node whose work
    this step goes on from, empty at the start of a path; ``step`` is where in an agent's work a model is chosen, None
    for any other choice. With a ``policy`` the answer is in the question, in ``chosen`` and ``reason``: the plan found
    it itself, and wants it written down; ``probability`` is then that of what was chosen, None where a model decided.
    ``most`` is how many may be chosen at most. ``signals`` are what rules were told of the task, as (name, confidence).
    """

    capability: str
    options: tuple[Option, ...]
    x: tuple[float, ...] = ()
    marks: str = ""
    budget_left_nano: int | None = None
    because: str | None = None
    previous: str = ""
    step: Step | None = None
    signals: tuple[tuple[str, float], ...] = ()
    policy: str = ""
    chosen: tuple[str, ...] = ()
    reason: str = ""
    probability: float | None = 1.0
    most: int = 1

    @property
    def eligible(self) -> tuple[Option, ...]:
        return tuple(o for o in self.options if o.filtered is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer, and all that is needed to judge it or to learn from it later.

    ``probability`` is that of the chosen set, None where a model decided. ``key`` is the decision's id: the call's key
    with the run's id before it.
    """

    key: str
    capability: str
    policy: str
    version: int
    options: tuple[Option, ...]
    chosen: tuple[str, ...]
    probability: float | None
    explored: bool = False
    reason: str = ""
    x: tuple[float, ...] = ()
    marks: str = ""
    budget_left_nano: int | None = None
    because: str | None = None
    previous: str = ""
    step: Step | None = None
    signals: tuple[tuple[str, float], ...] = ()

    def question(self) -> Decide:
        """What the router was asked, as far as the record holds it: all but how many may be chosen."""
        return Decide(
            capability=self.capability,
            options=tuple(option._replace(score=None, probability=None) for option in self.options),
            x=self.x,
            marks=self.marks,
            budget_left_nano=self.budget_left_nano,
            because=self.because,
            previous=self.previous,
            step=self.step,
            signals=self.signals,
        )

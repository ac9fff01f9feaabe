"""The effect ledger under any order of starts, ends, deaths, resumes and answers: no effect happens twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestra.core.catalog import Code, Contract, Node
from orchestra.core.errors import NoEffect
from orchestra.core.events import CallEnded, CallStarted, Event
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused, failed
from orchestra.core.usage import ZERO
from orchestra.runtime.effects import NOT_DONE, Effects, unknown

KINDS = {"stripe": "payment", "adyen": "payment", "idem": "payment", "mail": "letter"}
KEYS = ("run/a", "run/b", "run/b/inner")


def node(name: str) -> Node:
    return Node(
        name=name,
        kind="agent",
        body=Code(fn=print, context=None, is_async=False),
        contract=Contract(bind=dict),
        side_effect=KINDS[name],
        idempotent=name == "idem",
    )


Call = tuple[str, str]
"""A node and its effect key."""


class Ledger(RuleBasedStateMachine):
    """``world`` is what really happened: (class, key) -> by whom, an idempotent repetition counting once.

    A person who is asked looks at the world and tells the truth. Whatever the runtime knows comes from the events.
    """

    def __init__(self) -> None:
        super().__init__()
        self.effects = Effects()
        self.events: list[Event] = []
        self.world: dict[tuple[str, str], Counter[str]] = {}
        self.answers: dict[str, Any] = {}
        self.open: dict[Call, bool] = {}
        self.asked: dict[str, set[str]] = {}

    @rule(name=st.sampled_from(sorted(KINDS)), key=st.sampled_from(KEYS), happens=st.booleans())
    def called(self, name: str, key: str, happens: bool) -> None:
        """A node is about to act: what the ledger says is obeyed, as the runtime does."""
        if any(one == key for _, one in self.open) or key in self.asked:
            return  # one node at a time is tried for one step, and none while a person is asked about it
        verdict = self.effects.verdict(node(name), key, self.answers)
        if isinstance(verdict, Done):
            assert self.happened(name, key) or key in self.answers, "what is handed on as done has been done"
        elif isinstance(verdict, Paused):
            named = {kind for kind in KINDS.values() if repr(kind) in verdict.asks[0][1]}
            self.asked[key] = self.asked.get(key, set()) | named
        else:
            assert verdict is None
            self.effects.started(KINDS[name], key, name)
            self.events.append(CallStarted(f"{key}/@{name}", 0.0, "agent", name, key, KINDS[name]))
            self.open[name, key] = happens
            if happens:
                by = self.world.setdefault((KINDS[name], key), Counter())
                by[name] = 1 if name == "idem" else by[name] + 1

    @precondition(lambda self: self.open)
    @rule(at=st.integers(0, 3), how=st.sampled_from(["as it was", "raises", "is cancelled"]))
    def ends(self, at: int, how: str) -> None:
        name, key = [*self.open][at % len(self.open)]
        happened = self.open.pop((name, key))
        outcome: Outcome
        if how == "is cancelled":
            outcome = Cancelled()
        elif how == "raises":
            outcome = failed(TimeoutError("no answer"))
        else:
            outcome = Done(output=f"{name} {key}") if happened else failed(NoEffect("refused"))
        if isinstance(outcome, Failed):
            doubt = self.effects.in_doubt(KINDS[name], key, name)
            outcome = replace(outcome, cause=unknown(outcome.cause, doubt))
        self.effects.ended(KINDS[name], key, name, outcome)
        self.events.append(CallEnded(f"{key}/@{name}", 0.0, "agent", name, outcome, ZERO, 0.0, None, key, KINDS[name]))

    @rule()
    def the_process_dies_and_the_run_is_resumed(self) -> None:
        self.effects = Effects()
        for event in self.events:
            if isinstance(event, CallStarted):
                self.effects.started(event.side_effect or "", event.effect or "", event.name)
            elif isinstance(event, CallEnded):
                self.effects.ended(event.side_effect or "", event.effect or "", event.name, event.outcome)
        self.effects.remember()
        self.answers, self.open, self.asked = {}, {}, {}

    @precondition(lambda self: self.asked)
    @rule()
    def a_person_looks_and_answers(self) -> None:
        """The run had paused; it is resumed with what is true of all that the question names: what was done for it."""
        asked = self.asked
        self.the_process_dies_and_the_run_is_resumed()
        self.answers = {key: "as it was" if self.done(kinds, key) else NOT_DONE for key, kinds in asked.items()}

    def happened(self, name: str, key: str) -> bool:
        return sum(self.world.get((KINDS[name], key), Counter()).values()) > 0

    def done(self, kinds: set[str], key: str) -> bool:
        return any(self.world.get((kind, key)) for kind in kinds)

    @invariant()
    def nothing_is_done_twice(self) -> None:
        for effect, by in self.world.items():
            assert sum(by.values()) <= 1, f"{effect} was done by {dict(by)}"


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)

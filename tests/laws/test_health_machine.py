"""Whatever is done to it, in whatever order: breakers of two models and their provider as a plain model tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestra.graph.breaker import BreakerRule
from orchestra.graph.health import Health

RULE = BreakerRule(failures=2, window=4, window_s=20.0, cool_s=10.0)
NAMES = ("p:a", "p:b")
STEP_S = st.sampled_from([0.0, 1.0, 5.0, 10.0, 21.0])


@dataclass
class Told:
    """One breaker, said again in the most plodding way."""

    members: int
    calls: list[tuple[float, bool, str]] = field(default_factory=list)
    opened_at: float | None = None
    half_at: float = 0.0
    openings: int = 0

    def state(self, at: float) -> str:
        if self.opened_at is None:
            return "closed"
        return "half-open" if at >= self.half_at else "open"

    def seen(self, name: str, ok: bool, began: float, at: float) -> None:
        self.calls.append((at, ok, name))
        if self.opened_at is None:
            bad = [who for when, good, who in self.calls[-RULE.window :] if at - when <= RULE.window_s and not good]
            if not ok and len(bad) >= RULE.failures and len(set(bad)) >= self.members:
                self.open(at)
        elif self.state(at) == "half-open" and began >= self.opened_at:
            if ok:
                self.opened_at, self.calls = None, []
            else:
                self.open(at)

    def open(self, at: float) -> None:
        self.opened_at, self.half_at = at, at + RULE.cool_s
        self.openings += 1

    def probe_of(self, at: float) -> int | None:
        """Which opening a call that begins now is the probe of."""
        return self.openings if self.state(at) == "half-open" else None


class Begun(NamedTuple):
    name: str
    at: float
    probe: int | None
    provider_probe: int | None


class HealthMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.health, self.at = Health(RULE), 1000.0
        self.told = {"p:a": Told(1), "p:b": Told(1), "p:": Told(2)}
        self.under_way: list[Begun] = []
        self.limited_until = dict.fromkeys(NAMES, 0.0)

    def expected(self, name: str) -> str:
        own = "limited" if self.limited_until.get(name, 0.0) > self.at else self.told[name].state(self.at)
        order = ("closed", "half-open", "limited", "open")
        return max(own, self.told["p:"].state(self.at), key=order.index)

    @rule(seconds=STEP_S)
    def wait(self, seconds: float) -> None:
        self.at += seconds

    @rule(name=st.sampled_from(NAMES))
    def begin(self, name: str) -> None:
        looked, refused = self.health.hidden(name, self.at), self.health.enter(name, self.at)
        if looked is None:
            assert refused is None, "nobody came between"
        if refused is None:
            begun = Begun(name, self.at, self.told[name].probe_of(self.at), self.told["p:"].probe_of(self.at))
            for other in self.under_way:
                assert begun.probe is None or (other.name, other.probe) != (name, begun.probe), "two probes"
                assert begun.provider_probe is None or other.provider_probe != begun.provider_probe, "two probes"
            self.under_way.append(begun)
        else:
            assert "half-open" in (self.told[name].state(self.at), self.told["p:"].state(self.at))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), ok=st.booleans())
    def end(self, data: st.DataObject, ok: bool) -> None:
        name, began, _, _ = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self.health.seen(name, ok, self.at - began, self.at)
        self.health.leave(name)
        self.told[name].seen(name, ok, began, self.at)
        self.told["p:"].seen(name, ok, began, self.at)

    @precondition(lambda self: self.under_way)
    @rule()
    def cancel(self) -> None:
        self.health.leave(self.under_way.pop().name)

    @rule(name=st.sampled_from(NAMES), seconds=STEP_S)
    def limit(self, name: str, seconds: float) -> None:
        self.health.limit(name, self.at + seconds)
        self.limited_until[name] = max(self.limited_until[name], self.at + seconds)

    @rule(name=st.sampled_from((*NAMES, "p:")), ok=st.booleans())
    def probe(self, name: str, ok: bool) -> None:
        self.health.probed(name, ok, self.at)
        told = self.told[name]
        if told.opened_at is None:
            if not ok:
                told.seen(name, False, self.at, self.at)
        elif not ok:
            told.open(self.at)
        else:
            told.half_at = min(told.half_at, self.at)

    @invariant()
    def states_agree(self) -> None:
        for name in NAMES:
            assert self.health.state(name, self.at) == self.expected(name)
        assert self.health.state("p:", self.at) == self.told["p:"].state(self.at)

    @invariant()
    def what_is_open_or_limited_is_hidden(self) -> None:
        for name, (_, flying, why) in zip(NAMES, self.health.glance(NAMES, self.at), strict=True):
            state = self.expected(name)
            assert why == self.health.hidden(name, self.at)
            assert flying == [one.name for one in self.under_way].count(name)
            if state in ("open", "limited"):
                assert why is not None
            elif state == "closed":
                assert why is None

    @invariant()
    def a_penalty_is_never_below_one_and_nothing_under_way_frees_a_probe(self) -> None:
        for name in (*NAMES, "p:"):
            assert self.health.penalty(name, self.at) >= 1.0
        if not self.under_way:
            for name in NAMES:
                assert (self.health.hidden(name, self.at) is None) == (self.expected(name) in ("closed", "half-open"))


HealthMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestHealthMachine = HealthMachine.TestCase

"""How nodes fare: for each a circuit breaker, a penalty, a latency, its rate limit and a count of calls in flight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from orchestra.core.errors import BadNumber
from orchestra.graph.breaker import Breaker, BreakerRule
from orchestra.graph.windows import Window
from orchestra.ports.health import LIMITED, Glance

LATENCY_SHARE = 0.2
"""A new latency's share of the moving average: the last ten make 89 % of it. Our default."""
MEMORY = 100
MEMORY_S = 900.0
"""Reliability is that of the last 100 calls at most 15 minutes old; so old is also the oldest latency that counts.
Source: Self-Healing Router, which suggests the numbers and does not test them."""
ROOMY = 0.2
"""A rate limit weighs nothing while this share of the allowance is left. Our default."""
CROWDED = 5.0
"""At the end of its allowance a model weighs 1 + 5 times as much. Source: the factor in Self-Healing Router's code."""
UNKNOWN: Glance = (None, 0, None)
WORSE = ("closed", "half-open", "limited", "open")


@dataclass(slots=True)
class _Record:
    breaker: Breaker
    provider: Breaker | None
    memory: Window
    in_flight: int = 0
    latency_s: float | None = None
    latency_at: float = 0.0
    limited_until: float = 0.0
    left_share: float = 1.0
    left_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """What all runs of a process know of their nodes and models: the port ports.health.Health.

    A node, and a provider, has a Breaker; a model's provider is the part of its name before the ':', that of others
    as in ``providers``. Closed: it may be used. Open: it is hidden. Half-open: one call may probe it; while that is
    under way it is hidden from everyone else. A probe that ends without a result (it was cancelled) gives the place
    free. A provider's breaker opens by the same rule, but only where calls of two of its members failed, and hides all
    of them. To ask for a provider itself, name it with the colon: 'openai:'.

    Time comes in as an argument and is never read. Any thread may call it, nothing is awaited: what changes a count
    holds a lock for it, what only looks holds none and may miss a change of that moment. ``enter`` alone decides who
    gets through, and says no to all but one where several have looked before.
    Units: ``at`` and ``seconds`` in seconds; a negative duration (the wall clock was set back) counts as 0.
    """

    rule: BreakerRule = field(default_factory=BreakerRule)
    providers: Mapping[str, str] = field(default_factory=dict)
    _records: dict[str, _Record] = field(default_factory=dict, repr=False)
    _breakers: dict[str, Breaker] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def seen(self, node: str, ok: bool, seconds: float, at: float, /) -> None:
        """A call of the node ended."""
        seconds = max(0.0, seconds)
        with self._lock:
            record = self._record(node)
            record.memory.add(at, ok)
            if ok:
                known = self._latency_s(record, at)
                record.latency_s = seconds if known is None else known + LATENCY_SHARE * (seconds - known)
                record.latency_at = at
            record.breaker.seen(node, ok, seconds, at)
            if record.provider is not None:
                record.provider.seen(node, ok, seconds, at)

    def probed(self, node: str, ok: bool, at: float, /) -> None:
        """Somebody looked whether it answers: while it is open, yes makes it half-open at once, no opens it anew. While
        it is closed, no counts as a failure, yes as nothing: answering is less than working.
        """
        with self._lock:
            breaker = self._shared(node) if node.endswith(":") else self._record(node).breaker
            if breaker.opened_at is not None:
                breaker.probed(ok, at)
            elif not ok:
                breaker.seen(node, False, 0.0, at)

    def hidden(self, node: str, at: float, /) -> str | None:
        """Why the node may not be used now, None if it may."""
        record = self._records.get(node)
        return self._unmet(node, at) if record is None else self._objection(record, at)

    def state(self, node: str, at: float, /) -> str:
        """closed, half-open, limited or open: its own, or its provider's where that is worse."""
        record = self._records.get(node)
        provider = self._provider(node) if record is None else record.provider
        own = "closed" if record is None else "limited" if record.limited_until > at else record.breaker.state(at)
        return max(own, "closed" if provider is None else provider.state(at), key=WORSE.index)

    def limit(self, node: str, until: float, /) -> None:
        """It asked to be left alone until that time: hidden until then, its breaker as it was. The latest wins."""
        with self._lock:
            record = self._record(node)
            record.limited_until = max(record.limited_until, until)

    def limited_s(self, node: str, at: float, /) -> float:
        """For how much longer it asked to be left alone, 0 if it did not."""
        record = self._records.get(node)
        return 0.0 if record is None else max(0.0, record.limited_until - at)

    def allow(self, node: str, left_share: float, until: float, /) -> None:
        """What its last reply said is left of its rate limit, and until when that holds. Raises BadNumber for a share
        outside [0, 1].
        """
        if not 0.0 <= left_share <= 1.0:
            raise BadNumber(f"left_share={left_share!r} is no share.", remedy="Give what is left over what is allowed.")
        with self._lock:
            record = self._record(node)
            record.left_share, record.left_until = left_share, until

    def penalty(self, node: str, at: float, /) -> float:
        """Reliability, (calls + 1) / (successes + 1) over the last 100 calls and 15 minutes, times the breaker's
        factor and the provider's, times 1 + 5 p near the rate limit, p growing from 0 at a fifth left to 1 at nothing.

        The one imagined success makes a first failure double the weight instead of ending it. Source: our default.
        """
        record = self._records.get(node)
        if record is None:
            provider = self._provider(node)
            return 1.0 if provider is None else provider.factor(at)
        with self._lock:
            calls = record.memory.calls(at)
            factor = (calls + 1) / (calls - record.memory.failures + 1) * record.breaker.factor(at)
        if record.provider is not None:
            factor *= record.provider.factor(at)
        if at < record.left_until:
            factor *= 1.0 + CROWDED * max(0.0, 1.0 - record.left_share / ROOMY)
        return factor

    def latency_s(self, node: str, at: float, /) -> float | None:
        """The moving average over its successes; None if there was none in the last 15 minutes."""
        record = self._records.get(node)
        return None if record is None else self._latency_s(record, at)

    def enter(self, node: str, at: float, /) -> str | None:
        """A call of the node was decided: None where it may begin, and then ``leave`` follows, whatever happens. The
        reason where it may not: another call is the probe of its breaker, or of its provider's.
        """
        with self._lock:
            record = self._record(node)
            for breaker in (record.breaker, record.provider):
                if breaker is not None and breaker.probing:
                    return breaker.objection(at, "its" if breaker is record.breaker else "its provider's")
            record.in_flight += 1
            record.breaker.enter(at)
            if record.provider is not None:
                record.provider.enter(at)
        return None

    def leave(self, node: str, /) -> None:
        with self._lock:
            record = self._record(node)
            record.in_flight = max(0, record.in_flight - 1)
            record.breaker.leave()
            if record.provider is not None:
                record.provider.leave()

    def in_flight(self, node: str, /) -> int:
        record = self._records.get(node)
        return 0 if record is None else record.in_flight

    def glance(self, nodes: Sequence[str], at: float, /) -> list[Glance]:
        records = self._records
        found: list[Glance] = []
        for node in nodes:
            record = records.get(node)
            if record is None:
                why = self._unmet(node, at) if self._breakers else None
                found.append(UNKNOWN if why is None else (None, 0, why))
            else:
                found.append((self._latency_s(record, at), record.in_flight, self._objection(record, at)))
        return found

    def _objection(self, record: _Record, at: float) -> str | None:
        if record.limited_until > at:
            return f"{LIMITED} for another {record.limited_until - at:.1f} s"
        why = None if record.breaker.opened_at is None else record.breaker.objection(at)
        if why is None and record.provider is not None and record.provider.opened_at is not None:
            return record.provider.objection(at, "its provider's")
        return why

    def _unmet(self, node: str, at: float) -> str | None:
        """Of a node that nothing is known of but perhaps its provider."""
        provider = self._provider(node)
        return None if provider is None else provider.objection(at, "its provider's")

    def _latency_s(self, record: _Record, at: float) -> float | None:
        return record.latency_s if at - record.latency_at <= MEMORY_S else None

    def _provider(self, node: str) -> Breaker | None:
        return self._breakers.get(provider_of(node, self.providers) or "")

    def _shared(self, provider: str) -> Breaker:
        breaker = self._breakers.get(provider)
        if breaker is None:
            breaker = self._breakers[provider] = Breaker(self.rule, members=2)
        return breaker

    def _record(self, node: str) -> _Record:
        record = self._records.get(node)
        if record is None:
            provider = provider_of(node, self.providers)
            shared = None if provider is None else self._shared(provider)
            record = self._records[node] = _Record(Breaker(self.rule), shared, Window(MEMORY, MEMORY_S))
        return record


def provider_of(node: str, declared: Mapping[str, str]) -> str | None:
    """Who stands behind a node, as declared, or else behind a model: 'openai:' behind 'openai:gpt-5-mini'."""
    provider, colon, _ = node.partition(":")
    known = declared.get(node, provider if colon else None)
    return f"{known}:" if known else None

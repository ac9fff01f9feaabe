"""A run as a tree to look at. The store of spans is the event table itself: the tree is made from it when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orchestra.telemetry.names as names
from orchestra.core.events import Event
from orchestra.telemetry.spans import SpanRecord, spans


@dataclass(slots=True)
class Branch:
    """A span and the spans below it, in order of their start."""

    span: SpanRecord
    children: list[Branch] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form. Units: ``start`` in seconds since 1970, ``seconds`` the duration."""
        span = self.span
        return {
            "name": span.name,
            "span_id": f"{span.span_id:016x}",
            "start": span.start_ns / 1e9,
            "seconds": (span.end_ns - span.start_ns) / 1e9,
            "status": span.status,
            "attributes": span.attributes,
            "children": [child.to_dict() for child in self.children],
        }


def tree(events: Sequence[Event], run_id: str = "") -> list[Branch]:
    """The run's spans as trees: one for each time it was taken up, unless a start was not recorded."""
    records = sorted(spans(run_id, events), key=lambda record: record.start_ns)
    branches = {record.span_id: Branch(record) for record in records}
    roots: list[Branch] = []
    for record in records:
        above = branches.get(record.parent_id) if record.parent_id is not None else None
        (roots if above is None else above.children).append(branches[record.span_id])
    return roots


def render_tree(events: Sequence[Event], run_id: str = "") -> str:
    """The tree as plain text: durations, cost, tokens, what did not end well, decisions."""
    lines: list[str] = []
    for root in tree(events, run_id):
        lines.append(_line(root.span, root=True))
        lines.extend(_below(root, ""))
    return "\n".join(lines)


def _below(branch: Branch, indent: str) -> Iterator[str]:
    for child in branch.children:
        last = child is branch.children[-1]
        yield f"{indent}{'└─ ' if last else '├─ '}{_line(child.span)}"
        yield from _below(child, indent + ("   " if last else "│  "))


def _line(span: SpanRecord, root: bool = False) -> str:
    told = span.attributes
    if names.ROUTE_CHOSEN in told:
        return f"{span.name} -> {', '.join(told[names.ROUTE_CHOSEN]) or 'nobody'}  {_how(told)}"
    parts = [f"{span.name} (part {told[names.PART]})" if names.PART in told else span.name]
    outcome = told.get(names.OUTCOME, "done")
    if outcome != "done" or root:
        parts.append(f"{outcome} ({told[names.ERROR_TYPE]})" if names.ERROR_TYPE in told else str(outcome))
    if names.FAILURE_HOW in told:
        parts.append(f"{told[names.FAILURE_HOW]} to {told[names.FAILURE_TO]}")
    parts.append(duration((span.end_ns - span.start_ns) / 1e9))
    cost = told.get(names.TOTAL_COST_USD, told.get(names.COST_USD))
    if cost:
        parts.append(money(cost))
    elif told.get(names.UNPRICED):
        parts.append("unknown cost")
    used = sum(told.get(name, 0) for name in _TOKENS)
    if used:
        parts.append(f"{used} tokens")
    if names.ATTEMPTS in told:
        parts.append(f"{told[names.ATTEMPTS]} attempts")
    if names.RECALLED in told:
        parts.append(f"{told[names.RECALLED]} recalled")
    return "  ".join(parts)


_TOKENS = (
    names.USAGE_INPUT_TOKENS,
    names.USAGE_OUTPUT_TOKENS,
    names.TOTAL_INPUT_TOKENS,
    names.TOTAL_OUTPUT_TOKENS,
)


def _how(told: dict[str, Any]) -> str:
    parts = [f"{told[names.ROUTE_POLICY]}, of {len(told[names.ROUTE_CANDIDATES])}"]
    if names.ROUTE_PROPENSITY in told:
        parts.append(f"p {told[names.ROUTE_PROPENSITY]:.2f}")
    if told[names.ROUTE_EXPLORED]:
        parts.append("explored")
    if names.ROUTE_FILTERED in told:
        parts.append(f"{len(told[names.ROUTE_FILTERED])} filtered")
    if told[names.ROUTE_ATTEMPT] > 1:
        parts.append(f"attempt {told[names.ROUTE_ATTEMPT]}")
    return f"({', '.join(parts)})"


def duration(seconds: float) -> str:
    """Seconds or milliseconds, three figures."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def money(usd: float) -> str:
    """Dollars to a millionth, without zeros at the end."""
    text = f"{usd:.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"${whole}.{part.ljust(2, '0')}"

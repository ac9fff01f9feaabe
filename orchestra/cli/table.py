"""Decisions and runs as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from orchestra.app.queue import Pending
from orchestra.core.decision import Decision
from orchestra.core.money import dollars
from orchestra.ports.store import RunRow


def decision_rows(decision: Decision) -> dict[str, Any]:
    """The decision as plain data."""
    return {
        "capability": decision.capability,
        "policy": decision.policy,
        "chosen": list(decision.chosen),
        "probability": decision.probability,
        "explored": decision.explored,
        "reason": decision.reason,
        "options": [option._asdict() for option in decision.options],
    }


def decision_text(decision: Decision) -> str:
    """One line an option, the chosen one marked."""
    width = max(len(option.name) for option in decision.options)
    lines = [f"{decision.capability} by {decision.policy}: {', '.join(decision.chosen)} ({decision.reason})"]
    for option in decision.options:
        mark = "*" if option.name in decision.chosen else " "
        score = "     -" if option.score is None else f"{option.score:6.3f}"
        what = option.filtered or f"score {score}  ${dollars(option.cost_nano):f}  {option.tries} rewards"
        lines.append(f"{mark} {option.name:<{width}}  {what}")
    return "\n".join(lines)


def runs_text(rows: Sequence[RunRow]) -> str:
    if not rows:
        return "No runs yet."
    return "\n".join(f"{row.run_id}  {_time(row.at)}  {row.status:<8}  {row.name}" for row in rows)


def asks_text(found: Sequence[Pending]) -> str:
    if not found:
        return "Nobody is asked anything."
    lines = []
    for one in found:
        recorded = f"  (recorded: {one.answer[0]!r})" if one.answer else ""
        lines += [f"{one.run_id}  {_time(one.since)}  {one.kind:<10}  {one.run}{recorded}", f"    {one.key}"]
        lines.append(f"    {one.question}")
    return "\n".join(lines)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")

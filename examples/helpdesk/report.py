"""What the passes came to: sums, paired intervals, and the table."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from examples.helpdesk.passes import Row

RESAMPLES = 2000  # our default: enough for two digits of an interval
RIVALS = ("cold start", "random", "cheapest")
LEARNED = "learned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One line of the table. Units: ``usd_a_ticket`` dollars, ``seconds`` wall time of all its tickets."""

    name: str
    tickets: int
    share_right: float
    usd_a_ticket: float
    tokens: int
    requests: int
    hits: int
    declined: int
    rerouted: int
    escalated: int
    stopped: int
    priced_out: int
    seconds: float
    chosen: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The learned state against one rival on the same tickets: the mean difference and its 95% interval."""

    rival: str
    measure: str
    mean: float
    low: float
    high: float


def summaries(rows: Sequence[Row]) -> list[Summary]:
    """One for each pass, over all seeds, in the order of the rows."""
    name_to_rows: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        name_to_rows[row.name].append(row)
    return [_summary(name, part) for name, part in name_to_rows.items()]


def _summary(name: str, rows: Sequence[Row]) -> Summary:
    return Summary(
        name=name,
        tickets=len(rows),
        share_right=sum(row.right for row in rows) / len(rows),
        usd_a_ticket=float(sum(row.usd for row in rows)) / len(rows),
        tokens=sum(row.tokens for row in rows),
        requests=sum(row.requests for row in rows),
        hits=sum(row.hits for row in rows),
        declined=sum(row.declined for row in rows),
        rerouted=sum(row.rerouted for row in rows),
        escalated=sum(row.escalated for row in rows),
        stopped=sum(row.status == "stopped" for row in rows),
        priced_out=sum(row.priced_out > 0 for row in rows),
        seconds=sum(row.seconds for row in rows),
        chosen=dict(Counter(row.chosen for row in rows).most_common()),
    )


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 95% interval of a mean by the bootstrap: resampled with replacement, the 2.5% and 97.5% quantiles.

    Source: Efron 1979, the percentile method; 2,000 resamples are our default.
    """
    rng = random.Random(seed)
    size = len(values)
    means = sorted(sum(rng.choices(values, k=size)) / size for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]


def differences(rows: Sequence[Row]) -> list[Difference]:
    """Learned minus each rival, share right and cost: paired by ticket, each ticket's mean over its seeds first."""
    found = []
    for rival in RIVALS:
        for measure in ("right", "usd"):
            own, other = _by_ticket(rows, LEARNED, measure), _by_ticket(rows, rival, measure)
            gaps = [own[ticket] - other[ticket] for ticket in sorted(own.keys() & other.keys())]
            if gaps:
                low, high = interval(gaps)
                mean = sum(gaps) / len(gaps)
                found.append(Difference(rival=rival, measure=measure, mean=mean, low=low, high=high))
    return found


def _by_ticket(rows: Sequence[Row], name: str, measure: str) -> dict[str, float]:
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.name == name:
            values[row.ticket].append(float(getattr(row, measure)))
    return {ticket: sum(part) / len(part) for ticket, part in values.items()}


def reached(rows: Sequence[Row]) -> bool:
    """Whether learning won: more right than every rival, at no more than random's mean cost."""
    name_to = {one.name: one for one in summaries(rows)}
    own = name_to[LEARNED]
    better = all(own.share_right > name_to[rival].share_right for rival in RIVALS)
    return better and own.usd_a_ticket <= name_to["random"].usd_a_ticket


def table(rows: Sequence[Row]) -> str:
    """The passes as text."""
    head = (
        "pass",
        "right",
        "of",
        "$ a ticket",
        "tokens",
        "declined",
        "reroutes",
        "escalated",
        "stopped",
        "priced out",
        "cache hits",
        "seconds",
    )
    body: list[tuple[str, ...]] = [head]
    for one in summaries(rows):
        cells: tuple[Any, ...] = (
            one.name,
            f"{one.share_right:.0%}",
            one.tickets,
            f"{one.usd_a_ticket:.5f}",
            one.tokens,
            one.declined,
            one.rerouted,
            one.escalated,
            one.stopped,
            one.priced_out,
            f"{one.hits}/{one.requests}",
            f"{one.seconds:.1f}",
        )
        body.append(tuple(map(str, cells)))
    widths = [max(len(line[i]) for line in body) for i in range(len(head))]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in body)


def agents_text(rows: Sequence[Row]) -> str:
    """Who answered, pass by pass."""
    found = summaries(rows)
    width = max(len(one.name) for one in found)
    return "\n".join(
        f"{one.name:<{width}}  " + ", ".join(f"{agent} {count}" for agent, count in one.chosen.items()) for one in found
    )


def verdict(rows: Sequence[Row]) -> str:
    """Whether learning won, and by how much, with paired intervals."""
    lines = []
    for one in differences(rows):
        if one.measure == "right":
            size = f"{one.mean:+.1%} right, 95% [{one.low:+.1%}, {one.high:+.1%}]"
        else:
            size = f"${one.mean:+.5f} a ticket, 95% [{one.low:+.5f}, {one.high:+.5f}]"
        lines.append(f"  learned against {one.rival}: {size}")
    end = "reached" if reached(rows) else "not reached"
    rule = "more right than the cold start, random and cheapest, at no more than random's mean cost"
    return "\n".join([f"The target ({rule}): {end}.", *lines])

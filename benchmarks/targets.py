"""What the figures are meant to reach, each as a ratio within one run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks import contenders as who
from benchmarks.measures import Row

Rows = Mapping[tuple[str, str], Row]


class Target(NamedTuple):
    """``value`` gives what was reached, None where a part of it was not measured."""

    title: str
    limit: float
    value: Callable[[Rows], float | None]
    unit: str = "x"


def ratio(measure: str, ours: str, theirs: str) -> Callable[[Rows], float | None]:
    """The median over the rounds of ours / theirs: both were measured one after the other in each."""

    def value(rows: Rows) -> float | None:
        one, two = rows.get((measure, ours)), rows.get((measure, theirs))
        pairs = list(zip(one.values, two.values, strict=False)) if one and two else []
        return statistics.median(a / b for a, b in pairs) if pairs else None

    return value


def exponent(contender: str) -> Callable[[Rows], float | None]:
    """e of cost ~ n^e between 100 and 10,000 branches."""

    def value(rows: Rows) -> float | None:
        few, many = rows.get(("fanout 100", contender)), rows.get(("fanout 10000", contender))
        if not (few and many and few.values and many.values):
            return None
        return 1 + math.log(many.median / few.median) / math.log(100)

    return value


def count(measure: str, contender: str) -> Callable[[Rows], float | None]:
    def value(rows: Rows) -> float | None:
        row = rows.get((measure, contender))
        return row.median if row and row.values else None

    return value


OURS, NO_NATIVE, ANYIO, GRAPH = who.OURS.name, who.OURS_ANYIO.name, who.ANYIO.name, who.LANGGRAPH.name
IMPORT_GRAPH, IMPORT_ALL = "import langgraph.graph", "from orchestra import *"
TARGETS = (
    Target("import orchestra / langgraph.graph", 0.2, ratio("import", "import orchestra", IMPORT_GRAPH)),
    Target("every name of orchestra / langgraph.graph", 0.2, ratio("import", IMPORT_ALL, IMPORT_GRAPH)),
    Target("modules after import orchestra", 350, count("modules", "import orchestra"), ""),
    Target("modules after every name of orchestra", 350, count("modules", IMPORT_ALL), ""),
    Target("chain, fixed agent / langgraph", 0.15, ratio("chain", OURS, GRAPH)),
    Target("chain, LinUCB over 10 agents / langgraph", 0.4, ratio("chain", who.OURS_DECIDED.name, GRAPH)),
    Target("fan-out of 1,000 / anyio branch", 2.5, ratio("fanout 1000", OURS, ANYIO)),
    Target("fan-out of 1,000, native tasks off / anyio branch", 2.5, ratio("fanout 1000", NO_NATIVE, ANYIO)),
    Target("exponent of the fan-out", 1.05, exponent(OURS), ""),
    Target("exponent of the fan-out, native tasks off", 1.05, exponent(NO_NATIVE), ""),
    Target("memory of a waiting branch / anyio", 2.5, ratio("memory", OURS, ANYIO)),
    Target("memory of a waiting branch, native tasks off / anyio", 2.5, ratio("memory", NO_NATIVE, ANYIO)),
    Target("1,000 runs, model agent / agno agent", 0.6, ratio("runs", who.OURS_MODEL.name, who.AGNO_AGENT.name)),
    Target("1,000 runs, code agent / agno agent", 0.6, ratio("runs", OURS, who.AGNO_AGENT.name)),
)
EXPONENTS = tuple(
    one.name
    for one in (
        who.ASYNCIO,
        who.ANYIO,
        who.OURS,
        who.OURS_ANYIO,
        who.OURS_DECIDED,
        who.OURS_MODEL,
        who.LANGGRAPH,
        who.AGNO_WORKFLOW,
        who.AGNO_AGENT,
    )
)

"""The figures as Markdown tables."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

from benchmarks import contenders as who
from benchmarks.measures import MEASURES, Row
from benchmarks.targets import EXPONENTS, IMPORT_GRAPH, TARGETS, Rows, exponent, ratio

TITLES = {
    "import": "Import: CPU ms, net of a bare interpreter",
    "modules": "Modules loaded after the import",
    "first": "From a fresh process to the end of the first run of one step: CPU ms, net of a bare interpreter",
    **{one.name: one.title for group in MEASURES.values() for one in group},
}
# What the rows of a table are set beside.
BESIDE = {
    "import": IMPORT_GRAPH,
    "modules": IMPORT_GRAPH,
    "first": who.LANGGRAPH.name,
    "memory": who.ANYIO.name,
}


def machine(versions: Mapping[str, str]) -> str:
    """What ran: enough to read the figures, nothing that names the computer."""
    ours = {name: version(name) for name in ("anyio", "numpy", "pydantic")}
    listed = ", ".join(f"{name} {number}" for name, number in sorted({**ours, **versions}.items()))
    return (
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"Python {sys.version.split()[0]}; {listed}. Medians over the rounds, least and most in brackets."
    )


def figure(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def tables(rows: Sequence[Row]) -> Iterable[str]:
    found: Rows = {(row.measure, row.contender): row for row in rows}
    for measure in dict.fromkeys(row.measure for row in rows):
        beside = who.ANYIO.name if measure.startswith("fanout") else BESIDE.get(measure, who.LANGGRAPH.name)
        here = [row for row in rows if row.measure == measure]
        known = (measure, beside) in found
        yield f"\n**{TITLES[measure]}**\n"
        yield f"| | {here[0].unit} | least..most | x {beside} |" if known else f"| | {here[0].unit} | least..most |"
        yield "|---|--:|--:|--:|" if known else "|---|--:|--:|"
        for row in here:
            if row.fault or not row.values:
                yield f"| {row.contender} | {row.fault or 'nothing measured'} | |" + (" |" if known else "")
                continue
            times = ratio(measure, row.contender, beside)(found)
            cells = [row.contender, figure(row.median), f"{figure(min(row.values))}..{figure(max(row.values))}"]
            cells += ([f"{times:.2f}" if times is not None else ""]) if known else []
            yield "| " + " | ".join(cells) + " |"


def growth(rows: Sequence[Row]) -> Iterable[str]:
    """The exponents of the fan-out, where both ends were measured."""
    found: Rows = {(row.measure, row.contender): row for row in rows}
    known = [(name, e) for name in EXPONENTS if (e := exponent(name)(found)) is not None]
    if known:
        yield "\n**Growth of the fan-out: e of cost ~ n^e between 100 and 10,000 branches**\n"
        yield "| | e |\n|---|--:|"
        yield from (f"| {name} | {e:.2f} |" for name, e in known)


def targets(rows: Sequence[Row]) -> Iterable[str]:
    """Every target of which all parts were measured, then the names of the others."""
    found: Rows = {(row.measure, row.contender): row for row in rows}
    reached = [(target, target.value(found)) for target in TARGETS]
    if any(value is not None for _, value in reached):
        yield "\n**Targets**\n"
        yield "| | measured | target | |\n|---|--:|--:|---|"
    for target, value in reached:
        if value is not None:
            met = "reached" if value <= target.limit else "**not reached**"
            yield f"| {target.title} | {figure(value)}{target.unit} | {target.limit:g}{target.unit} | {met} |"
    if left := [target.title for target, value in reached if value is None]:
        yield f"\nTargets not measured in this run: {'; '.join(left)}."


def features(rows: Sequence[Row]) -> Iterable[str]:
    """What the features of a new text add to a decision."""
    by_name = {row.contender: row for row in rows if row.measure == "chain" and row.values}
    parts = [by_name.get(one.name) for one in (who.OURS, who.OURS_DECIDED, who.OURS_FRESH)]
    if all(parts):
        fixed, seen, new = (part.median for part in parts if part)
        yield (
            f"\nOf a step's time, deciding among 10 agents takes {figure(seen - fixed)} us, "
            f"the features of a text not seen before another {figure(new - seen)} us."
        )

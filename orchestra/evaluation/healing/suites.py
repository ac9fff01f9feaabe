"""The outage scenarios, done three ways and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orchestra.core.events import CallEnded, Filed
from orchestra.core.outcome import Done, Failed
from orchestra.evaluation.healing.methods import HELP, METHODS, Played, reached
from orchestra.evaluation.healing.paper import PAPER
from orchestra.evaluation.healing.scenarios import REPOSITORY, Scenario

SUITES: tuple[tuple[str, str, Sequence[Scenario]], ...] = tuple(
    (source if method == "healing" else f"{source}: {method}", method, scenarios)
    for source, scenarios in (("repository", REPOSITORY), ("paper", PAPER))
    for method in METHODS
)
"""(name, method, scenarios). Those named after their source alone are the healing graph's."""
COUNTS = ("failures", "rerouted", "tolerated", "demoted", "escalated", "model_calls", "attempts", "silent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario. ``outcome`` is completed, demoted, escalated (somebody was told), failed (it ended with an error)
    or silent (it claims to be done and is not). ``silent`` counts failures without exactly one record, and that claim.
    """

    id: str
    outcome: str
    failures: int
    rerouted: int
    tolerated: int
    demoted: int
    escalated: int
    model_calls: int
    attempts: int
    silent: int
    acted: tuple[str, ...]
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    name: str
    rows: tuple[Row, ...]

    @property
    def correct(self) -> int:
        """In how many the end is the one that is declared right, by the tools that are."""
        return sum(row.right for row in self.rows)

    def sums(self) -> dict[str, int]:
        return {name: sum(getattr(row, name) for row in self.rows) for name in COUNTS}

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: each scenario's counts, their sums, and how many are right."""
        scenarios = [
            {key: value for key, value in asdict(row).items() if key in ("id", "outcome", *COUNTS)} for row in self.rows
        ]
        return {"name": self.name, "scenarios": scenarios, **self.sums(), "correct": self.correct}


def run_suites(told: Callable[[str], None] = lambda name: None) -> list[Suite]:
    """Every scenario by every method, on the real runtime; ``told`` hears of each before it begins."""
    suites = []
    for name, method, scenarios in SUITES:
        rows = []
        for scenario in scenarios:
            told(f"{name} {scenario.id}")
            rows.append(judged(METHODS[method](scenario)))
        suites.append(Suite(name=name, rows=tuple(rows)))
    return suites


def judged(played: Played) -> Row:
    """What a scenario came to: by what the tools did and what the run's table says, not by what the method claims."""
    scenario, world, result = played.scenario, played.world, played.result
    tools = set(scenario.domain.tools)
    failures = [
        e.key for e in result.events if isinstance(e, CallEnded) and e.name in tools and isinstance(e.outcome, Failed)
    ]
    filed = [e for e in result.events if isinstance(e, Filed)]
    records = Counter(e.key for e in filed)
    hows = Counter(e.how for e in filed)
    end = outcome_of(played)
    return Row(
        id=scenario.id,
        outcome=end,
        failures=len(failures),
        rerouted=hows["rerouted"],
        tolerated=hows["tolerated"],
        demoted=hows["demoted"],
        escalated=hows["escalated"],
        model_calls=played.model_calls,
        attempts=len(world.attempts),
        silent=sum(records[key] != 1 for key in failures) + (end == "silent"),
        acted=tuple(world.acted),
        right=end == scenario.end and tuple(world.acted) == scenario.acted,
    )


def outcome_of(played: Played) -> str:
    """completed | demoted | escalated | failed | silent."""
    domain, result = played.scenario.domain, played.result
    if not isinstance(result.outcome, Done):
        return "failed"
    if result.output == HELP:
        return "escalated"
    goal = reached(domain, played.world.acted)
    if goal is None:
        return "silent"
    return "completed" if goal == domain.goal else "demoted"

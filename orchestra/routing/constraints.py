"""What may not be chosen now, each with the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestra.core.catalog import Contract, Node
from orchestra.core.decision import Option
from orchestra.core.money import dollars
from orchestra.ports.health import Health

OVER_BUDGET = "costs "
FAILED = "failed already: "


class Candidate(NamedTuple):
    """What is declared of something that may be chosen: a node or a model.

    Units: ``cost_nano`` in 1e-9 dollars and ``latency_s`` in seconds, both expected. ``contract`` None takes any input.
    """

    name: str
    cost_nano: int = 0
    latency_s: float = 0.0
    trial_limit: int = 8
    contract: Contract | None = None


class Facts(NamedTuple):
    """What holds now. Units: ``at`` in seconds, ``left_nano`` in 1e-9 dollars, None for no limit.

    ``excluded`` are those that failed this call already, with what became of them.
    """

    value: Any
    at: float
    left_nano: int | None = None
    excluded: Mapping[str, str] = {}


def candidate_of(thing: Any) -> Candidate:
    """A node as it is declared; anything else by its name alone."""
    if isinstance(thing, Candidate):
        return thing
    if isinstance(thing, Node):
        return Candidate(thing.name, thing.cost_nano, thing.latency_s, thing.trial_limit, thing.contract)
    return Candidate(str(thing.name))


def constrained(
    candidates: Sequence[Candidate], facts: Facts, health: Health, tries: Callable[[str], int] | None
) -> list[Option]:
    """All candidates in their order, those that may not be chosen with the reason; then those that failed before.

    ``tries`` counts an option's rewards; None for a router that does not learn, which knows no trials. A trial limit
    gives way where it would leave nobody: it spreads risk and refuses no work.
    """
    options = [_option(candidate, facts, health, tries) for candidate in candidates]
    if tries is not None:
        full = [place for place, option in enumerate(options) if _on_trial(option, candidates[place].trial_limit)]
        if full and len(full) == sum(option.filtered is None for option in options):
            full = []
        for place in full:
            limit = f"never tried yet, and {options[place].in_flight} of its calls are in flight: its trial limit"
            options[place] = options[place]._replace(filtered=limit)
    if not facts.excluded:
        return options
    offered = {candidate.name for candidate in candidates}
    gone = [name for name in facts.excluded if name not in offered]
    return options + [Option(name, filtered=f"{FAILED}{facts.excluded[name]}") for name in gone]


def _on_trial(option: Option, limit: int) -> bool:
    return option.tries == 0 and option.in_flight >= limit and option.filtered is None


def _option(candidate: Candidate, facts: Facts, health: Health, tries: Callable[[str], int] | None) -> Option:
    name, cost_nano, declared_s, _, _ = candidate
    seen_s = health.latency_s(name)
    latency_s = declared_s if seen_s is None else seen_s
    count = 0 if tries is None else tries(name)
    return Option(
        name, cost_nano, latency_s, 0.5, 0.0, count, health.in_flight(name), _removed(candidate, facts, health)
    )


def _removed(candidate: Candidate, facts: Facts, health: Health) -> str | None:
    if candidate.name in facts.excluded:
        return f"{FAILED}{facts.excluded[candidate.name]}"
    if candidate.contract is not None and (misfit := _misfit(candidate.contract, facts.value)):
        return misfit
    if hidden := health.hidden(candidate.name, facts.at):
        return hidden
    if facts.left_nano is not None and candidate.cost_nano > (left := max(0, facts.left_nano)):
        return f"{OVER_BUDGET}${_usd(candidate.cost_nano)} and ${_usd(left)} is left"
    return None


def _misfit(contract: Contract, value: Any) -> str | None:
    """What is plain from the outside; binding checks the rest."""
    if isinstance(value, str):
        return None if contract.takes_text else "it does not take text"
    if isinstance(value, Mapping):
        missing = [name for name in contract.schema.get("required", ()) if name not in value]
        return f"its input needs {', '.join(map(repr, missing))}" if missing else None
    return None


def _usd(amount_nano: int) -> str:
    return f"{dollars(amount_nano).normalize():f}"

"""What may not be chosen now, each with the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestra.core.catalog import Contract, Node
from orchestra.core.decision import Option
from orchestra.core.money import dollars
from orchestra.ports.health import LIMITED, Glance, Health

OVER_BUDGET = "costs "
FAILED = "failed already: "
_new = tuple.__new__  # half the time of the class's own constructor


class Candidate(NamedTuple):
    """What is declared of something that may be chosen: a node or a model.

    Units: ``cost_nano`` in 1e-9 dollars and ``latency_s`` in seconds, both expected. ``contract`` None takes any input.
    While it was never tried, at most ``trial_limit`` of its calls are in flight, and each may be expected to cost at
    most ``trial_share`` of what is left. ``worst_nano`` is the most that this very call can cost, 0 where that is not
    known.
    """

    name: str
    cost_nano: int = 0
    latency_s: float = 0.0
    trial_limit: int = 8
    contract: Contract | None = None
    trial_share: float = 1.0
    worst_nano: int = 0


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
        return Candidate(
            thing.name, thing.cost_nano, thing.latency_s, thing.trial_limit, thing.contract, thing.trial_share
        )
    return Candidate(str(thing.name))


def constrained(
    candidates: Sequence[Candidate], facts: Facts, health: Health, tries: Callable[[str], int] | None
) -> list[Option]:
    """All candidates in their order, those that may not be chosen with the reason; then those that failed before.

    ``tries`` counts an option's rewards; None for a router that does not learn, which knows no trials. What caps
    trials gives way where it would leave nobody: it spreads risk and refuses no work.
    """
    glances = health.glance([candidate.name for candidate in candidates], facts.at)
    options = [_option(*both, facts, tries) for both in zip(candidates, glances, strict=True)]
    if facts.left_nano is not None:
        _keep_to_budget(candidates, options, facts.left_nano)
    if tries is not None and (facts.left_nano or any(option.in_flight for option in options)):
        _keep_to_trials(candidates, options, facts.left_nano)
    if all(option.filtered is not None for option in options):
        _wait_for_one(options, health, facts.at)
    if not facts.excluded:
        return options
    offered = {candidate.name for candidate in candidates}
    gone = [name for name in facts.excluded if name not in offered]
    return options + [Option(name, filtered=f"{FAILED}{facts.excluded[name]}") for name in gone]


def _wait_for_one(options: list[Option], health: Health, at: float) -> None:
    """Nobody may be used now: who may be soonest is offered all the same, for its call can wait."""
    limited = [place for place, option in enumerate(options) if (option.filtered or "").startswith(LIMITED)]
    if limited:
        soonest = min(limited, key=lambda place: health.limited_s(options[place].name, at))
        options[soonest] = options[soonest]._replace(filtered=None)


def _keep_to_trials(candidates: Sequence[Candidate], options: list[Option], left_nano: int | None) -> None:
    place_to_reason = {
        place: reason
        for place, option in enumerate(options)
        if option.tries == 0 and option.filtered is None and (reason := _capped(option, candidates[place], left_nano))
    }
    if len(place_to_reason) == sum(option.filtered is None for option in options):
        return
    for place, reason in place_to_reason.items():
        options[place] = options[place]._replace(filtered=reason)


def _keep_to_budget(candidates: Sequence[Candidate], options: list[Option], left_nano: int) -> None:
    """Out is who may cost more than is left, as its call would be refused. Where that is all of them, whose worst is
    least is offered all the same: the ledger says whether its call has to wait for others' holds or is refused.
    """
    live = [place for place, option in enumerate(options) if option.filtered is None]
    over = [place for place in live if candidates[place].worst_nano > max(0, left_nano)]
    if over and len(over) == len(live):
        over.remove(min(over, key=lambda place: candidates[place].worst_nano))
    for place in over:
        worst, left = _usd(candidates[place].worst_nano), _usd(max(0, left_nano))
        options[place] = options[place]._replace(filtered=f"{OVER_BUDGET}up to ${worst} and ${left} is left")


def _capped(option: Option, candidate: Candidate, left_nano: int | None) -> str | None:
    """Why an option that was never tried is not tried now."""
    if option.in_flight >= candidate.trial_limit:
        return f"never tried yet, and {option.in_flight} of its calls are in flight: its trial limit"
    if left_nano is None or option.cost_nano <= candidate.trial_share * max(0, left_nano):
        return None
    cost, share, left = _usd(option.cost_nano), f"{candidate.trial_share:.0%}", _usd(left_nano)
    return f"never tried yet, and ${cost} is more than {share} of the ${left} left: its trial share"


def _option(candidate: Candidate, glance: Glance, facts: Facts, tries: Callable[[str], int] | None) -> Option:
    name, cost_nano, declared_s, *_ = candidate
    seen_s, in_flight, hidden = glance
    latency_s = declared_s if seen_s is None else seen_s
    count = 0 if tries is None else tries(name)
    filtered = _removed(candidate, facts, hidden)
    return _new(Option, (name, cost_nano, latency_s, 0.5, 0.0, count, in_flight, filtered, None, None))


def _removed(candidate: Candidate, facts: Facts, hidden: str | None) -> str | None:
    if candidate.name in facts.excluded:
        return f"{FAILED}{facts.excluded[candidate.name]}"
    if candidate.contract is not None and (misfit := _misfit(candidate.contract, facts.value)):
        return misfit
    if hidden:
        return hidden
    known = candidate.worst_nano > 0  # then what it may cost counts, not what such calls are expected to
    if facts.left_nano is not None and not known and candidate.cost_nano > (left := max(0, facts.left_nano)):
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

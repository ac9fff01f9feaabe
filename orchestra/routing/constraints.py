"""What may not be chosen now, each with the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestra.core.catalog import Contract, Node
from orchestra.core.decision import Option
from orchestra.core.money import dollars
from orchestra.ports.health import LIMITED, Health

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


class Declared(NamedTuple):
    """Several candidates, and in columns what of them never changes."""

    candidates: tuple[Candidate, ...]
    names: tuple[str, ...]
    costs_nano: tuple[int, ...]
    latencies_s: tuple[float, ...]
    take_text: bool


def declared(candidates: Iterable[Candidate]) -> Declared:
    held = tuple(candidates)
    text = all(candidate.contract is None or candidate.contract.takes_text for candidate in held)
    columns = ((c.name, c.cost_nano, c.latency_s) for c in held)
    names, costs_nano, latencies_s = zip(*columns, strict=True) if held else ((), (), ())
    return Declared(held, names, costs_nano, latencies_s, text)


class Standing(NamedTuple):
    """Candidates as they are now, in columns; those that may not be chosen have a reason."""

    names: Sequence[str]
    costs_nano: Sequence[int]
    latencies_s: Sequence[float]
    tries: Sequence[int]
    in_flight: Sequence[int]
    reasons: list[str | None]

    def options(self, priors: Sequence[float], similarities: Sequence[float]) -> list[Option]:
        none = (None,) * len(self.names)
        names, costs_nano, latencies_s, tries, in_flight, reasons = self
        columns = names, costs_nano, latencies_s, priors, similarities, tries, in_flight, reasons, none, none
        return [_new(Option, row) for row in zip(*columns, strict=True)]


def standing(known: Declared, facts: Facts, health: Health, tries: Callable[[str], int] | None) -> Standing:
    """All candidates in their order, those that may not be chosen with the reason; then those that failed before.

    ``tries`` counts an option's rewards; None for a router that does not learn, which knows no trials. What caps
    trials gives way where it would leave nobody: it spreads risk and refuses no work.
    """
    names, left_nano, excluded = known.names, facts.left_nano, facts.excluded
    glances = health.glance(names, facts.at)
    seen_s, in_flight, hidden = zip(*glances, strict=True) if glances else ((), (), ())
    latencies_s = [says if sees is None else sees for says, sees in zip(known.latencies_s, seen_s, strict=True)]
    counts = [0] * len(names) if tries is None else [tries(name) for name in names]
    reasons: list[str | None]
    if known.take_text and left_nano is None and not excluded and isinstance(facts.value, str):
        reasons = list(hidden)
    else:
        reasons = [_removed(*both, facts) for both in zip(known.candidates, hidden, strict=True)]
    found = Standing(names, known.costs_nano, latencies_s, counts, in_flight, reasons)
    if left_nano is not None:
        _keep_to_budget(known.candidates, reasons, left_nano)
    if tries is not None and (left_nano or any(in_flight)):
        _keep_to_trials(known.candidates, found, left_nano)
    if None not in reasons:
        _wait_for_one(found, health, facts.at)
    gone = [name for name in excluded if name not in names]
    return _with(found, gone, [f"{FAILED}{excluded[name]}" for name in gone]) if gone else found


def _with(found: Standing, gone: Sequence[str], why: Sequence[str]) -> Standing:
    """With those that are on offer no more: nothing is known of them but that."""
    zeros = (0,) * len(gone)
    return Standing(
        (*found.names, *gone),
        (*found.costs_nano, *zeros),
        (*found.latencies_s, *zeros),
        (*found.tries, *zeros),
        (*found.in_flight, *zeros),
        [*found.reasons, *why],
    )


def _wait_for_one(found: Standing, health: Health, at: float) -> None:
    """Nobody may be used now: who may be soonest is offered all the same, for its call can wait."""
    limited = [place for place, why in enumerate(found.reasons) if (why or "").startswith(LIMITED)]
    if limited:
        found.reasons[min(limited, key=lambda place: health.limited_s(found.names[place], at))] = None


def _keep_to_trials(candidates: Sequence[Candidate], found: Standing, left_nano: int | None) -> None:
    place_to_reason = {
        place: reason
        for place, why in enumerate(found.reasons)
        if why is None
        and found.tries[place] == 0
        and (reason := _capped(found.in_flight[place], candidates[place], left_nano))
    }
    if len(place_to_reason) == found.reasons.count(None):
        return
    for place, reason in place_to_reason.items():
        found.reasons[place] = reason


def _keep_to_budget(candidates: Sequence[Candidate], reasons: list[str | None], left_nano: int) -> None:
    """Out is who may cost more than is left, as its call would be refused. Where that is all of them, whose worst is
    least is offered all the same: the ledger says whether its call has to wait for others' holds or is refused.
    """
    live = [place for place, why in enumerate(reasons) if why is None]
    over = [place for place in live if candidates[place].worst_nano > max(0, left_nano)]
    if over and len(over) == len(live):
        over.remove(min(over, key=lambda place: candidates[place].worst_nano))
    for place in over:
        worst, left = _usd(candidates[place].worst_nano), _usd(max(0, left_nano))
        reasons[place] = f"{OVER_BUDGET}up to ${worst} and ${left} is left"


def _capped(in_flight: int, candidate: Candidate, left_nano: int | None) -> str | None:
    """Why an option that was never tried is not tried now."""
    if in_flight >= candidate.trial_limit:
        return f"never tried yet, and {in_flight} of its calls are in flight: its trial limit"
    if left_nano is None or candidate.cost_nano <= candidate.trial_share * max(0, left_nano):
        return None
    cost, share, left = _usd(candidate.cost_nano), f"{candidate.trial_share:.0%}", _usd(left_nano)
    return f"never tried yet, and ${cost} is more than {share} of the ${left} left: its trial share"


def _removed(candidate: Candidate, hidden: str | None, facts: Facts) -> str | None:
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

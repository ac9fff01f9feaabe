"""Why a run went as it did: a pure projection of its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from orchestra.core.decision import Decision, Option
from orchestra.core.events import CallEnded, Event, Withheld
from orchestra.core.outcome import Cause, Detour, Done, Failed
from orchestra.core.usage import ZERO, Usage
from orchestra.telemetry.log import Log, above_of, read_log, was_cut
from orchestra.telemetry.tree import duration, money


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One option of a decision. Units: ``cost_usd`` expected, in dollars."""

    name: str
    chosen: bool
    score: float | None
    probability: float | None
    cost_usd: float
    tries: int
    filtered: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One decision. ``key`` is its id for feedback; ``because`` names the call whose failure made it necessary."""

    key: str
    capability: str
    policy: str
    version: int
    options: tuple[Considered, ...]
    chosen: tuple[str, ...]
    probability: float | None
    explored: bool
    why: str
    because: str | None
    rewards: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure: ``how`` is rerouted, tolerated, demoted, escalated, or open where the run has not got that far.
    ``detour`` is what was known, the way before and the one after, or why there is none.
    """

    key: str
    name: str
    cause: Cause
    how: str
    to: str
    detour: Detour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """A finished call whose outcome was not used; ``by`` is the join that had enough without it, or outvoted it."""

    key: str
    name: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A model's reply that ended at ``max_tokens``; ``name`` is whose it was."""

    key: str
    name: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outranking:
    """A monitor's signal that changed what happened: ``act`` was done instead of calling ``name``."""

    key: str
    source: str
    priority: float
    act: str
    name: str
    nodes: tuple[str, ...]
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Who used what. Deciding stands under ``route`` and the capability's name; calls without charges do not appear."""

    node_to_usage: Mapping[str, Usage]
    model_to_usage: Mapping[str, Usage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``status`` is done, stopped, paused, failed, abandoned, or running. ``demoted`` is step's key -> the lesser goal
    that was reached for it; ``withheld`` are rewards that nothing was learned from. Units: ``seconds`` wall time.
    """

    name: str
    status: str
    cause: Cause | None
    seconds: float
    usage: Usage
    decisions: tuple[Choice, ...]
    failures: tuple[Failure, ...]
    unused: tuple[Unused, ...]
    cost: Cost
    retries: int
    recalled: int
    signals: tuple[Outranking, ...] = ()
    cut: tuple[Cut, ...] = ()
    demoted: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[Withheld, ...] = ()

    def __str__(self) -> str:
        return "\n".join(_text(self))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; amounts of money as ``nano_usd`` (1e-9 dollars) in the usages."""
        return asdict(self)


def explain(events: Sequence[Event]) -> Explanation:
    """Who was considered with what score, why chosen, what was filtered, what failed, what was not used or cut, what it
    cost.

    Every failure of a leaf appears once. Costs come from the settlements, so they add up to the usage.
    """
    log = read_log(events)
    names = {call.key: call.name for call in log.started.values()} | {call.key: call.name for call in log.ended}
    began = log.run.at if log.run else log.last_at
    return Explanation(
        name=log.run.name if log.run else "",
        status=log.end.status if log.end else "running",
        cause=log.end.cause if log.end else None,
        seconds=max(0.0, (log.end.at if log.end else log.last_at) - began),
        usage=log.end.usage if log.end else sum(log.charged.values(), ZERO),
        decisions=tuple(_choice(event.key, event.decision, log, names) for event in log.decided),
        failures=_failures(log),
        unused=tuple(Unused(key=key, name=names.get(key, key), by=by) for key, by in log.dropped.items()),
        cost=_cost(log),
        retries=log.retries.total(),
        recalled=log.recalled,
        demoted=demotions(events),
        withheld=tuple(log.withheld),
        signals=tuple(
            Outranking(
                key=s.key,
                source=s.source,
                priority=s.priority,
                act=s.act,
                name=s.name,
                nodes=s.nodes,
                payload=s.payload,
            )
            for s in log.signalled
        ),
        cut=tuple(
            Cut(key=end.key, name=names.get(above_of(end.key, names) or "", end.name), model=end.name)
            for end in log.ended
            if was_cut(end)
        ),
    )


def _choice(key: str, decision: Decision, log: Log, names: Mapping[str, str]) -> Choice:
    because = None if decision.because is None else names.get(decision.because, decision.because)
    return Choice(
        key=decision.key,
        capability=decision.capability,
        policy=decision.policy,
        version=decision.version,
        options=tuple(_considered(option, decision) for option in decision.options),
        chosen=decision.chosen,
        probability=decision.probability,
        explored=decision.explored,
        why=decision.reason or _why(decision),
        because=because,
        rewards=log.rewarded.get(decision.key) or log.rewarded.get(key) or {},
    )


def _considered(option: Option, decision: Decision) -> Considered:
    return Considered(
        name=option.name,
        chosen=option.name in decision.chosen,
        score=option.score,
        probability=option.probability,
        cost_usd=option.cost_nano / 1e9,
        tries=option.tries,
        filtered=option.filtered,
    )


def _why(decision: Decision) -> str:
    """What can be said where the router gave no reason, or none was recorded."""
    eligible = [option for option in decision.options if option.filtered is None]
    if not decision.chosen:
        return "nobody may be chosen" if not eligible else f"{decision.policy} chose nobody"
    picked = [option for option in eligible if option.name in decision.chosen]
    if len(eligible) == len(picked):
        return "nobody else may be chosen"
    if decision.explored:
        return "to learn more: " + ", ".join(f"{o.name} was rewarded {o.tries} times so far" for o in picked)
    scores = [option.score for option in eligible if option.score is not None]
    best = [option.score for option in picked if option.score is not None]
    if scores and best and max(best) == max(scores):
        return "highest score"
    return f"chosen by {decision.policy}"


def _failures(log: Log) -> tuple[Failure, ...]:
    found = [Failure(key=f.key, name=f.name, cause=f.cause, how=f.how, to=f.to, detour=f.detour) for f in log.filed]
    filed = Counter(f.key for f in log.filed)
    for end in log.ended:
        if _began_here(end):
            if filed[end.key]:
                filed[end.key] -= 1
            else:
                cause: Any = end.outcome.cause
                found.append(Failure(key=end.key, name=end.name, cause=cause, how="open", to=""))
    return tuple(found)


def _began_here(end: CallEnded) -> bool:
    return isinstance(end.outcome, Failed) and not end.outcome.filed and end.outcome.origin in ("", end.key)


def _cost(log: Log) -> Cost:
    models = {call.key: call.name for call in log.started.values() if call.kind == "model"}
    nodes = {call.key: call.name for call in log.started.values() if call.kind in ("agent", "tool", "workflow")}
    for end in log.ended:
        if end.kind == "model":
            models[end.key] = end.name
        elif end.kind in ("agent", "tool", "workflow"):
            nodes[end.key] = end.name
    nodes |= {event.key: f"route {event.decision.capability}" for event in log.decided}
    by_node: dict[str, Usage] = {}
    by_model: dict[str, Usage] = {}
    for key, usage in log.charged.items():
        above = key if key in nodes else above_of(key, nodes)
        node = nodes[above] if above is not None else log.run.name if log.run else key
        by_node[node] = by_node.get(node, ZERO) + usage
        if key in models:
            by_model[models[key]] = by_model.get(models[key], ZERO) + usage
    return Cost(node_to_usage=by_node, model_to_usage=by_model)


def _text(told: Explanation) -> list[str]:
    lines = [f"{told.name}: {told.status} in {duration(told.seconds)}, {_used(told.usage)}"]
    if told.cause is not None:
        lines.append(f"  cause: {told.cause}")
    if told.recalled or told.retries:
        lines.append(f"  {told.recalled} calls recalled from the journal, {told.retries} attempts retried")
    if told.decisions:
        lines.append("Decisions")
        for choice in told.decisions:
            lines.extend(_choice_text(choice))
    if told.signals:
        lines.append("Monitors")
        lines += [
            f"  {one.source} {one.priority:.2f}: {one.act} before {', '.join((one.name, *one.nodes))}"
            + ("" if one.payload is None else f": {one.payload}")
            for one in told.signals
        ]
    if told.failures:
        lines.append("Failures")
        for failure in told.failures:
            where = f"{failure.how} to {failure.to}" if failure.to else failure.how
            lines.append(f"  {failure.name}: {failure.cause.kind}: {failure.cause.message} -> {where}")
            lines.extend(_detour_text(failure.detour))
    if told.demoted:
        steps = (f"{key.rpartition('/')[2].partition(':')[0]} -> {goal}" for key, goal in told.demoted.items())
        lines.append("Demoted: " + ", ".join(steps))
    if told.unused:
        lines.append("Not used: " + ", ".join(f"{one.name} ({one.by})" for one in told.unused))
    if told.cut:
        lines.append("Cut at max_tokens: " + ", ".join(f"{one.name} ({one.model})" for one in told.cut))
    if told.withheld:
        lines.append("Not learned: " + ", ".join(f"{one.source} ({one.why})" for one in told.withheld))
    for title, usages in (("Cost by node", told.cost.node_to_usage), ("Cost by model", told.cost.model_to_usage)):
        if usages:
            lines.append(title)
            width = max(map(len, usages))
            lines.extend(f"  {name:<{width}}  {_used(usage)}" for name, usage in usages.items())
    return lines


def _detour_text(detour: Detour | None) -> list[str]:
    if detour is None:
        return []
    stands = f" from {detour.stands}" if detour.stands else ""
    now = f"now: {_way(detour.after, detour.after_cost)}{stands}" if detour.after else f"no other: {detour.why}"
    lines = [f"    was: {_way(detour.before, detour.before_cost)}; {now}"] if detour.before else [f"    {now}"]
    if detour.known:
        lines.append("    known: " + "; ".join(f"{name}: {why}" for name, why in detour.known))
    return lines


def _way(names: tuple[str, ...], cost: float | None) -> str:
    return " > ".join(names) + ("" if cost is None else f" ({cost:g})")


def demotions(events: Sequence[Event]) -> dict[str, str]:
    """The key of each step that came down to a lesser goal -> that goal. Only those that were reached."""
    ends = (e for e in events if isinstance(e, CallEnded) and e.kind == "bind" and isinstance(e.outcome, Done))
    paths = (end.key.rpartition("/goal:") for end in ends if end.name.startswith("goal:"))
    return {step: goal for step, _, goal in paths if step}


def _choice_text(choice: Choice) -> list[str]:
    chance = "" if choice.probability is None else f", probability {choice.probability:.2f}"
    after = f", after {choice.because} failed" if choice.because else ""
    chosen = ", ".join(choice.chosen) or "nobody"
    lines = [f"  {choice.capability} -> {chosen}  ({choice.policy} {choice.version}{chance}{after}): {choice.why}"]
    width = max((len(option.name) for option in choice.options), default=0)
    for option in choice.options:
        lines.append(f"    {'*' if option.chosen else ' '} {option.name:<{width}}  {_option_text(option)}")
    lines.extend(f"      reward {reward:g} from {source}" for source, reward in choice.rewards.items())
    return lines


def _option_text(option: Considered) -> str:
    if option.filtered is not None:
        return f"filtered: {option.filtered}"
    score = "no score" if option.score is None else f"score {option.score:.3f}"
    chance = "" if option.probability is None else f"  probability {option.probability:.2f}"
    tries = "never tried" if option.tries == 0 else f"{option.tries} tries"
    return f"{score}{chance}  {money(option.cost_usd)}  {tries}"


def _used(usage: Usage) -> str:
    parts = ["unknown cost" if usage.usd is None else money(float(usage.usd))]
    if usage.tokens:
        parts.append(f"{usage.tokens} tokens")
    if usage.requests:
        parts.append(f"{usage.requests} model requests")
    if usage.tool_calls:
        parts.append(f"{usage.tool_calls} tool calls")
    return ", ".join(parts) + (" (partly estimated)" if usage.estimated else "")

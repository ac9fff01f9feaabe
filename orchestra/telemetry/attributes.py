"""What is told of a call, a decision or a budget, as flat attributes. No content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orchestra.telemetry.names as names
from orchestra.core.catalog import Node
from orchestra.core.decision import Decision
from orchestra.core.events import Filed, Overrun, Refused, Streamed
from orchestra.core.usage import Usage

SKILL_TOOL = "orchestra.skills.tool:use_skill"
"""The source of the tool by which a model takes a skill up."""


def tokens(usage: Usage, latest: bool = False) -> dict[str, Any]:
    """The convention's counts, for a model call."""
    counts = {names.USAGE_INPUT_TOKENS: usage.input_tokens, names.USAGE_OUTPUT_TOKENS: usage.output_tokens}
    if usage.cached_tokens:
        counts[names.USAGE_CACHE_READ_INPUT_TOKENS] = usage.cached_tokens
    if usage.cache_write_tokens:
        newer, older = names.USAGE_CACHE_WRITE_INPUT_TOKENS, names.USAGE_CACHE_CREATION_INPUT_TOKENS
        counts[newer if latest else older] = usage.cache_write_tokens
    if usage.reasoning_tokens:
        counts[names.USAGE_REASONING_OUTPUT_TOKENS] = usage.reasoning_tokens
    return {**counts, names.ESTIMATED: True} if usage.estimated else counts


def totals(usage: Usage) -> dict[str, Any]:
    """Sums, for whatever has calls below it. No cost while a part has no known price."""
    found: dict[str, Any] = {
        names.TOTAL_INPUT_TOKENS: usage.input_tokens,
        names.TOTAL_OUTPUT_TOKENS: usage.output_tokens,
        names.TOTAL_REQUESTS: usage.requests,
        names.TOTAL_TOOL_CALLS: usage.tool_calls,
    }
    if usage.usd is not None:
        found[names.TOTAL_COST_USD] = float(usage.usd)
    else:
        found[names.UNPRICED] = usage.unpriced
    return {**found, names.ESTIMATED: True} if usage.estimated else found


def failure_attributes(filed: Filed) -> dict[str, Any]:
    """Where a failure went, and the ways before and after. Costs in dollars or in what paths are weighed in."""
    attributes: dict[str, Any] = {names.FAILURE_HOW: filed.how, names.FAILURE_TO: filed.to}
    detour = filed.detour
    if detour is None:
        return attributes
    told = {
        names.FAILURE_BEFORE: detour.before,
        names.FAILURE_BEFORE_COST: detour.before_cost,
        names.FAILURE_AFTER: detour.after,
        names.FAILURE_AFTER_COST: detour.after_cost,
        names.FAILURE_KNOWN: tuple(f"{name}: {why}" for name, why in detour.known),
        names.FAILURE_WHY: detour.why,
    }
    return attributes | {name: value for name, value in told.items() if value is not None and value not in ((), "")}


def route_attributes(decision: Decision) -> dict[str, Any]:
    """A decision as flat attributes: parallel lists over the eligible options; filtered ones as 'name: reason'."""
    eligible = [option for option in decision.options if option.filtered is None]
    scores = [option.score for option in eligible]
    chances = [option.probability for option in eligible]
    found: dict[str, Any] = {
        names.ROUTE_CAPABILITY: decision.capability,
        names.ROUTE_POLICY: decision.policy,
        names.ROUTE_POLICY_VERSION: decision.version,
        names.ROUTE_CANDIDATES: tuple(option.name for option in eligible),
        names.ROUTE_COSTS_USD: tuple(option.cost_nano / 1e9 for option in eligible),
        names.ROUTE_CHOSEN: decision.chosen,
        names.ROUTE_EXPLORED: decision.explored,
        names.DECISION: decision.key,
    }
    filtered = tuple(f"{option.name}: {option.filtered}" for option in decision.options if option.filtered is not None)
    optional = {
        names.ROUTE_SCORES: None if None in scores else tuple(scores),
        names.ROUTE_PROBABILITIES: None if None in chances else tuple(chances),
        names.ROUTE_PROPENSITY: decision.probability,
        names.ROUTE_FILTERED: filtered or None,
        names.ROUTE_FROM: decision.because,
        names.ROUTE_BUDGET_USD: None if decision.budget_left_nano is None else decision.budget_left_nano / 1e9,
    }
    return found | {name: value for name, value in optional.items() if value is not None}


def request_attributes(request: Any) -> dict[str, Any]:
    """What a request asks for, from the live object or from its record."""
    if request is None:
        return {}
    found = {
        names.REQUEST_MAX_TOKENS: _field(request, "max_tokens"),
        names.REQUEST_TEMPERATURE: _field(request, "temperature"),
        names.REQUEST_SEED: _field(request, "seed"),
    }
    shape = {names.OUTPUT_TYPE: "text" if _field(request, "schema") is None else "json"}
    return shape | {name: value for name, value in found.items() if isinstance(value, (int, float))}


def reply_attributes(reply: Any) -> dict[str, Any]:
    """Who answered, what it is called there, and why it stopped."""
    said = {names.RESPONSE_MODEL: _field(reply, "model"), names.RESPONSE_ID: _field(reply, "response_id")}
    found: dict[str, Any] = {name: value for name, value in said.items() if isinstance(value, str) and value}
    finish = _field(reply, "finish")
    return {**found, names.RESPONSE_FINISH_REASONS: (finish,)} if isinstance(finish, str) else found


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def server_attributes(server: str) -> dict[str, Any]:
    """Of host:port."""
    host, _, port = server.rpartition(":")
    return {names.SERVER_ADDRESS: host, names.SERVER_PORT: int(port)} if host and port.isdecimal() else {}


def node_attributes(node: Node | None, kind: str, given: Any, done: bool) -> dict[str, Any]:
    """What a node's definition says, and which skill was taken up by it."""
    if node is None or node.kind != kind:
        return {}
    found: dict[str, Any] = {}
    if node.description and kind != "workflow":
        found[names.AGENT_DESCRIPTION if kind == "agent" else names.TOOL_DESCRIPTION] = node.description
    if kind == "agent" and len(node.models) == 1:
        found[names.REQUEST_MODEL] = names.provider_and_model(node.models[0])[1]
    if node.source == SKILL_TOOL and done:  # a name or path that does not exist is the model's own text
        for name, field in ((names.SKILL_NAME, "name"), (names.SKILL_RESOURCE, "resource")):
            if isinstance(_field(given, field), str):
                found[name] = _field(given, field)
    return found


def stream_attributes(streamed: Streamed | None) -> dict[str, Any]:
    if streamed is None:
        return {}
    return {names.REQUEST_STREAM: True, names.RESPONSE_FIRST_CHUNK_S: max(0.0, streamed.first_s)}


def limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """The budget of a run, those limits that it has."""
    kinds = {"usd": float, "tokens": int, "requests": int, "tool_calls": int, "seconds": float}
    return {names.BUDGET_LIMIT + key: kind(given[key]) for key, kind in kinds.items() if given.get(key) is not None}


def refusal(refused: Refused | None, overrun: Overrun | None) -> dict[str, Any]:
    """What the budget refused a call, and by how much a call went over what was held for it."""
    found: dict[str, Any] = {}
    if refused is not None:
        nano, tokens, *_ = refused.wanted
        found[names.BUDGET_REFUSED_BY] = refused.account
        found |= {names.BUDGET_WANTED_USD: nano / 1e9, names.BUDGET_WANTED_TOKENS: tokens}
    if overrun is not None:
        nano, tokens, *_ = overrun.by
        found |= {names.BUDGET_OVERRUN_USD: nano / 1e9, names.BUDGET_OVERRUN_TOKENS: tokens}
    return found

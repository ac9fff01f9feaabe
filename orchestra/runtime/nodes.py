"""Calling a node: a user's function or an agent's plan, with its charge, its effect and its place in the tree."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from orchestra.core.call import Call
from orchestra.core.catalog import Code, Node, Planning
from orchestra.core.errors import (
    BadInput,
    BudgetExceeded,
    CallTimeout,
    ContentRefused,
    ContextWindow,
    DeadlineExceeded,
    Declined,
    DepsMissing,
    DepthExceeded,
    LengthStop,
    ModelError,
    NoEffect,
    NotApproved,
    OrchestraError,
    StepFailed,
    UnknownAgent,
    UnsafeBatch,
)
from orchestra.core.events import Attempt, CallStarted, Charged, Refused
from orchestra.core.outcome import Done, Failed, Outcome, cause_of
from orchestra.core.task import value_of
from orchestra.core.usage import Amount, Usage
from orchestra.ports.scope import Context, current
from orchestra.runtime.approval import refusal
from orchestra.runtime.guarding import guarded
from orchestra.runtime.ledger import Account, Hold
from orchestra.runtime.perform import drive, in_own_task, leaves, outcome_of
from orchestra.runtime.scope import Scope

RETRIES = 2
TRANSIENT = (ConnectionError, TimeoutError, CallTimeout)
LEVELS_A_TASK = 16
"""Calls nested deeper go on in a task of their own: Python counts the frames of nested coroutines. Our default."""
THE_TASKS_FAULT = (ContentRefused, ContextWindow, LengthStop)
"""What another task might not meet: it says nothing of the health of who was asked."""
NOT_THE_NODES_FAULT = (*THE_TASKS_FAULT, BudgetExceeded, BadInput, Declined, DepsMissing, NotApproved, UnsafeBatch)


async def node_body(child: Scope, call: Call) -> Outcome:
    """Checks one node, and runs it if the run's guard lets it in."""
    node = _node(child, call)
    child.kind, child.name = node.kind, node.name
    if node.kind != "tool":
        child.depth += 1
        if child.depth > child.max_depth:
            raise DepthExceeded(f"{node.name!r} would be level {child.depth} of at most {child.max_depth}.")
    kwargs = node.contract.bind(value_of(call.input))
    return await guarded(child, node, kwargs, partial(_admitted, child, call, node, kwargs))


async def _admitted(child: Scope, call: Call, node: Node, kwargs: dict[str, Any]) -> Outcome:
    """Looks for its effect, asks a person if need be, charges, starts and runs the node."""
    run = child.run
    if node.side_effect is not None:
        if child.cancellable and not node.idempotent:
            raise UnsafeBatch(
                f"{node.name!r} has the side effect {node.side_effect!r} inside a batch that may cancel it."
            )
        verdict = run.effects.verdict(node, child.effect_key, run.answers)
        if type(verdict) is Done:
            return replace(verdict, output=run.services.codec.typed(verdict.output, call.output_type))
        if verdict is not None:
            return verdict
    if node.approval is not False:
        refused = await refusal(child, call, node, kwargs)
        if refused is not None:
            return refused
    if node.budget is not None:
        _open_account(child, node)
    began = run.now()
    if child.depth % LEVELS_A_TASK or node.kind == "tool":
        outcome = await _attempts(child, call, node, kwargs)
    else:
        outcome = await in_own_task(run, partial(_attempts, child, call, node, kwargs))
    if type(outcome) is Done or (type(outcome) is Failed and not any(map(outcome.cause.is_a, NOT_THE_NODES_FAULT))):
        now, health = run.now(), run.services.health
        limited_s = min((health.limited_s(name, now) for name in node.models), default=0.0)
        if limited_s and type(outcome) is Failed and outcome.cause.is_a(ModelError):
            health.limit(node.name, now + limited_s)
        else:
            health.seen(node.name, type(outcome) is Done, now - began, now)
    return outcome


def _node(child: Scope, call: Call) -> Node:
    target = call.target
    if isinstance(target, Node):
        return target
    node = child.run.catalog.nodes.get(target.name)
    if node is None:
        raise UnknownAgent(f"No node is named {target.name!r} in catalogue {child.run.catalog.version}.")
    return node


def _open_account(child: Scope, node: Node) -> None:
    budget = node.budget
    assert budget is not None
    past = child.run.charged(child.path).amount if child.run.past else (0, 0, 0, 0)
    child.account = Account(node.name, budget.limits, child.account, past)
    child.max_depth = min(child.max_depth, child.depth + budget.depth)


async def _attempts(child: Scope, call: Call, node: Node, kwargs: dict[str, Any]) -> Outcome:
    """Runs the node; again, on the same node, after a transient error if it is idempotent."""
    for number in range(1, RETRIES + 2):
        await _charge(child, node)
        if number == 1:
            await _start(child, call, node)
        try:
            return await _in_time(child, call, node, kwargs)
        except Exception as error:
            again = node.idempotent and isinstance(error, TRANSIENT) and number <= RETRIES
            if not again:
                return _failure(node, error)
            child.seen = None  # what the body had finished stands
            if node.side_effect and not isinstance(error, (NoEffect, *node.no_effect_on)):
                child.run.effects.doubted(node.side_effect, child.effect_key, node.name)
            child.run.emit(Attempt(child.path, child.run.now(), number, cause_of(error), 0.0))
    raise AssertionError("unreachable")


def _failure(node: Node, error: BaseException) -> Outcome:
    alone = leaves(error)
    if len(alone) == 1:
        error = alone[0]
    if node.kind == "workflow" and isinstance(error, StepFailed) and type(error.outcome) is Failed:
        failure: Failed = error.outcome  # the step's failure, which has its record
        return Failed(cause=failure.cause, origin=failure.origin, filed=failure.filed)
    outcome = outcome_of(error)
    if type(outcome) is not Failed:
        return outcome
    no_effect = isinstance(error, (NoEffect, *node.no_effect_on))
    return Failed(cause=cause_of(error, NoEffect)) if no_effect else outcome


async def _charge(child: Scope, node: Node) -> None:
    tool = int(node.kind == "tool")
    if tool or node.cost_nano:
        usage = Usage(nano_usd=node.cost_nano, tool_calls=tool)
        hold = await reserve(child, usage.amount)
        hold.settle(usage.amount)
        settled(child, usage)


async def reserve(child: Scope, amount: Amount) -> Hold:
    """A hold on the scope's account; a refusal is written down and raised."""
    try:
        return await child.account.reserve(amount)
    except BudgetExceeded as error:
        run = child.run
        run.emit(Refused(child.path, run.now(), error.facts.get("account", ""), amount))
        raise


def settled(child: Scope, usage: Usage) -> None:
    """Writes a settlement down and adds it to the call's usage."""
    child.used = child.used + usage
    child.run.used = child.run.used + usage
    child.run.emit(Charged(child.path, child.run.now(), usage))


async def _start(child: Scope, call: Call, node: Node) -> None:
    run, side_effect = child.run, node.side_effect
    effect = child.effect_key if side_effect else None
    run.met[node.name] = node
    run.emit(
        CallStarted(
            child.path,
            run.now(),
            node.kind,
            node.name,
            effect,
            side_effect,
            call.decision,
            call.input,
            call.tool_call_id,
            node.transfer,
        )
    )
    if side_effect is not None:
        child.side_effect = side_effect
        run.effects.started(side_effect, child.effect_key, node.name)
        await run.commit()


async def _in_time(child: Scope, call: Call, node: Node, kwargs: dict[str, Any]) -> Outcome:
    seconds = node.budget.seconds if node.budget else None
    if node.timeout_s is None and seconds is None:
        return await _run(child, call, node, kwargs)
    limit = min(s for s in (node.timeout_s, seconds) if s is not None)
    outcome: Outcome | None = None
    with anyio.move_on_after(limit):
        outcome = await _run(child, call, node, kwargs)
    if outcome is not None:
        return outcome
    late: type[OrchestraError] = CallTimeout if limit == node.timeout_s else DeadlineExceeded
    raise late(f"{node.name!r} took longer than {limit} s.")


async def _run(child: Scope, call: Call, node: Node, kwargs: dict[str, Any]) -> Outcome:
    body = node.body
    if isinstance(body, Planning):
        given = (call.input, child.run.catalog) if body.reads_catalog else (call.input,)
        outcome = await drive(child, body.plan(*given))
        if type(outcome) is not Done:
            return outcome
        value, usage = outcome.output, outcome.usage
        return Done(output=_normal(child, call, value), usage=usage)
    return Done(output=_normal(child, call, await _code(child, body, kwargs)))


def _normal(child: Scope, call: Call, value: Any) -> Any:
    """What decoding the record returns: the same with and without a journal."""
    if type(value) is str and call.output_type in (None, str):
        return value
    codec = child.run.services.codec
    return codec.typed(codec.plain(value), call.output_type)


async def _code(child: Scope, body: Code, kwargs: dict[str, Any]) -> Any:
    if body.context is not None:
        kwargs = {**kwargs, body.context: Context(child)}
    around = child.run.services.around
    child.enter()
    token = current.set(child)
    try:
        with around(child.run.id, child.path) if around is not None else nullcontext():
            if body.is_async:
                return await body.fn(**kwargs)
            return await anyio.to_thread.run_sync(partial(body.fn, **kwargs), abandon_on_cancel=True)
    finally:
        current.reset(token)

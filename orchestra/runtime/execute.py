"""A run from its first call to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio

from orchestra.core.budget import Budget
from orchestra.core.call import (
    Approval,
    Ask,
    Batch,
    Branch,
    Call,
    Goal,
    ModelName,
    NodeName,
    OneOf,
    Planned,
    Ranked,
    Route,
    Several,
    Shaped,
    Stuck,
)
from orchestra.core.catalog import Node
from orchestra.core.decision import Decide
from orchestra.core.errors import BudgetExceeded, DeadlineExceeded, PauseRequested, RunClosed
from orchestra.core.events import RunEnded, RunStarted
from orchestra.core.outcome import Cancelled, Cause, Done, Failed, Outcome, Paused, cause_of
from orchestra.core.usage import Usage
from orchestra.ports.scope import current
from orchestra.runtime.approval import approval_body
from orchestra.runtime.ledger import Account
from orchestra.runtime.models import model_body
from orchestra.runtime.nodes import node_body
from orchestra.runtime.perform import decided, drive, perform
from orchestra.runtime.run import Body, Run, Services
from orchestra.runtime.scope import Scope
from orchestra.runtime.stuck import stuck_body

ROOT = "run"


async def bind_body(child: Scope, call: Call) -> Outcome:
    child.kind = "bind"
    return await drive(child, child.run.services.binder.bind(call, child))


async def route_body(child: Scope, call: Call) -> Outcome:
    """A hop's effect is its own, unlike under ``bind``: there all nodes tried stand for one step."""
    child.kind = "route"
    return await drive(child, child.run.services.binder.bind(call, child))


async def plan_body(child: Scope, call: Call) -> Outcome:
    child.kind, child.name = "plan", call.target.name
    return _typed(child, call, await drive(child, call.target.plan(call.input)))


async def shaped_body(child: Scope, call: Call) -> Outcome:
    child.kind, child.name = "plan", call.target.name
    return _typed(child, call, await drive(child, child.run.services.binder.bind(call, child)))


def _typed(child: Scope, call: Call, outcome: Outcome) -> Outcome:
    """A plan's output as the caller asked for it, live as on resume."""
    if type(outcome) is not Done or call.output_type is None:
        return outcome
    codec = child.run.services.codec
    return replace(outcome, output=codec.typed(codec.plain(outcome.output), call.output_type))


async def decide_body(child: Scope, call: Call) -> Outcome:
    child.kind = "decide"
    return decided(child.run, call.target, child.path)


async def ask_body(child: Scope, call: Call) -> Outcome:
    child.kind, child.name = "ask", "ask"
    question, run = call.target.question, child.run
    if child.path in run.answers:
        return Done(output=run.services.codec.typed(run.answers[child.path], call.output_type))
    return Paused(cause=cause_of(PauseRequested(question)), asks=((child.path, question),))


async def branch_body(child: Scope, call: Call) -> Outcome:
    child.kind = "branch"
    child.enter()
    token = current.set(child)
    try:
        return Done(output=await call.target.awaitable)
    finally:
        current.reset(token)


BODIES: dict[type, Body] = {
    str: bind_body,
    OneOf: bind_body,
    Route: route_body,
    Several: shaped_body,
    Node: node_body,
    NodeName: node_body,
    ModelName: model_body,
    Planned: plan_body,
    Shaped: shaped_body,
    Ranked: shaped_body,
    Decide: decide_body,
    Ask: ask_body,
    Approval: approval_body,
    Goal: bind_body,
    Stuck: stuck_body,
    Branch: branch_body,
}


def new_run(id: str, services: Services, **rest: Any) -> Run:
    """A run with the table of bodies in place; the other fields by name."""
    return Run(id=id, services=services, bodies=BODIES, perform=perform, **rest)


async def execute(run: Run, call: Call, budget: Budget, started: RunStarted) -> tuple[Outcome, Usage]:
    """Performs the call under the budget, closes the run and returns the outcome with all that the run has used.

    Raises nothing for what happens inside. When it is cancelled from outside, the run is closed and the cancellation
    goes on.
    """
    run.on_asyncio = anyio.get_cancelled_exc_class().__module__.startswith("asyncio")
    past = run.charged(ROOT)
    account = Account(ROOT, budget.limits, past=past.amount)
    root = Scope(run, ROOT, account)
    root.max_depth = budget.depth
    run.emit(started)
    outcome: Outcome | None = None
    try:
        await run.commit()
        with anyio.move_on_after(budget.seconds):
            (outcome,) = await perform(root, Batch(calls=(call,)), (root.key(call),))
    except Exception as error:
        outcome = Failed(cause=cause_of(error))
    except BaseException:
        await _close(run, account, Cancelled(cause=cause_of(RunClosed("The run was cancelled."))), past)
        raise
    if outcome is None:
        outcome = Failed(cause=cause_of(DeadlineExceeded(f"The run's {budget.seconds} s are over.")))
    outcome, usage = await _close(run, account, outcome, past)
    try:
        await run.drain()
    except Exception as error:
        outcome = Failed(cause=cause_of(error), usage=outcome.usage)
    return outcome, usage


async def _close(run: Run, account: Account, outcome: Outcome, past: Usage) -> tuple[Outcome, Usage]:
    outcome = run.escalate(outcome)
    account.close()
    await run.close()
    usage = past + run.used
    output = outcome.output if type(outcome) is Done else None
    run.emit(RunEnded(ROOT, run.now(), status_of(outcome, run.status), usage, outcome.cause, output))
    return outcome, usage


def status_of(outcome: Outcome, done: str = "done") -> str:
    """done | stopped | paused | failed; ``done`` is what it is called where it is done."""
    if type(outcome) is Done:
        return done
    if type(outcome) is Paused:
        return "paused"
    cause: Cause | None = outcome.cause
    if type(outcome) is Cancelled or (cause is not None and cause.is_a(BudgetExceeded)):
        return "stopped"
    return "failed"

"""The one primitive: perform a batch of calls. Plans, step, ctx.call and gather all go through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import anyio

from orchestra.core.call import Batch, Branch, Call, ModelName, NodeName, OneOf, Plan
from orchestra.core.catalog import Node
from orchestra.core.clock import keyed_rng
from orchestra.core.decision import Decide
from orchestra.core.errors import CallTimeout, Diverged, DuplicateName, RunClosed, StepFailed, UnsafeBatch
from orchestra.core.events import CallEnded, Dropped, Recalled, Signalled
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused, cause_of
from orchestra.core.usage import ZERO
from orchestra.ports.model import Reply
from orchestra.runtime.effects import standing, unknown
from orchestra.runtime.native import fan_out, is_stray
from orchestra.runtime.run import NODES, PATHS, Run
from orchestra.runtime.scope import Scope, target_name

T = TypeVar("T")
OUTCOMES = (Done, Failed, Cancelled, Paused)
A_MODEL = (ModelName, OneOf)
KINDS = NODES | PATHS
COMMITTED = frozenset({"agent", "tool", "workflow", "model", "ask"})


async def drive(scope: Scope, plan: Plan) -> Outcome:
    """Runs a generator plan to its outcome: the same loop for the agent loop, a topology, a route, a cascade."""
    sent: Any = None
    keys: tuple[str, ...] = ()
    try:
        while True:
            try:
                batch = plan.send(sent)
            except StopIteration as stop:
                return stop.value if isinstance(stop.value, OUTCOMES) else Done(output=stop.value)
            for place in batch.outvoted:
                scope.run.emit(Dropped(keys[place], scope.run.now(), "vote"))
            for name in batch.dropped:
                scope.run.emit(Dropped(scope.below(name), scope.run.now(), "vote"))
            keys = tuple([scope.key(call) for call in batch.calls])
            sent = await perform(scope, batch, keys)
            if batch.done is not None and sum(type(one) is Done for one in sent) >= batch.done:
                continue  # whoever still asks is not needed
            for outcome in sent:
                if type(outcome) is Paused:
                    asks = tuple(ask for o in sent if type(o) is Paused for ask in o.asks)
                    return Paused(cause=outcome.cause, asks=asks)
    finally:
        plan.close()


async def perform(scope: Scope, batch: Batch, keys: tuple[str, ...]) -> tuple[Outcome, ...]:
    """The outcomes of a batch, in the order of its calls. More than ``done`` may be Done; the lowest index wins."""
    run = scope.run
    if run.closed:
        raise RunClosed("A call was made after its run had ended.")
    for filing in batch.filings:
        run.file(filing, scope.path)
    for one in batch.signals:
        run.emit(Signalled(scope.path, run.now(), one.source, one.priority, one.act, one.about, one.nodes, one.payload))
    if len(keys) == 1:
        (call,), (key,) = batch.calls, keys
        known = _recall(scope, call, key)
        if known is None:
            known = decided(run, call.target, key) if type(call.target) is Decide else await run_call(scope, call, key)
        if type(known) is Done:
            scope.last = run.key_to_doer.get(key, scope.last)
        return (known,)
    if len(set(keys)) < len(keys):
        raise DuplicateName("One step is in a batch twice.", remedy="Write a step of its own for each.")
    if batch.may_cancel:
        _refuse_effects(run, batch)
    outcomes = await _branches(scope, batch, keys)
    used = [key for key, one in zip(keys, outcomes, strict=True) if type(one) is Done][: batch.done]
    doers = [run.key_to_doer[key] for key in used if key in run.key_to_doer]
    if doers:
        scope.last = doers[0] if len(used) == 1 else ""
    return outcomes


def decided(run: Run, question: Decide, key: str) -> Outcome:
    """Deciding awaits nothing and is charged to nobody: it needs no scope. Its record is the Decided event."""
    try:
        return Done(output=run.choose(question, key, keyed_rng(run.seed, key)))
    except Exception as error:
        return Failed(cause=cause_of(error), filed=True)


async def _branches(scope: Scope, batch: Batch, keys: tuple[str, ...]) -> tuple[Outcome, ...]:
    run, calls, may_cancel = scope.run, batch.calls, batch.may_cancel
    outcomes = [_recall(scope, c, k, may_cancel) for c, k in zip(calls, keys, strict=True)]
    count = [sum(type(o) is Done for o in outcomes), sum(type(o) is Failed for o in outcomes)]
    asleep = {i for i, c in enumerate(calls) if c.after_s and outcomes[i] is None}

    def enough() -> bool:
        n, m = batch.done, batch.failed
        return (n is not None and (count[0] >= n or len(calls) - count[1] < n)) or (m is not None and count[1] >= m)

    async def branch(i: int, stop: Callable[[], None]) -> None:
        if may_cancel and enough():
            return
        if i in asleep:
            await anyio.sleep(calls[i].after_s)
            asleep.discard(i)
        outcome = outcomes[i] = await run_call(scope, calls[i], keys[i], may_cancel)
        run.effects.branches.discard(keys[i])
        if may_cancel:
            count[0] += type(outcome) is Done
            count[1] += type(outcome) is Failed
            if enough() or (asleep and sum(o is not None for o in outcomes) + len(asleep) == len(calls)):
                stop()

    todo = [i for i, outcome in enumerate(outcomes) if outcome is None]
    if todo and not enough():
        branches = {keys[i] for i in todo} if run.past else set()
        run.effects.branches |= branches
        try:
            await _fan_out(run, branch if batch.at_once is None else _limited(branch, batch.at_once), todo)
        finally:
            run.effects.branches -= branches
    if may_cancel:
        _close_unbegun(calls, outcomes)
    never_begun = Cancelled()
    result = tuple([o or run.late.pop(k, never_begun) for k, o in zip(keys, outcomes, strict=True)])
    return _joined(run, batch, keys, result) if may_cancel else result


def _close_unbegun(calls: tuple[Call, ...], outcomes: list[Outcome | None]) -> None:
    """User code that was not begun is told so, as Python warns of coroutines that nobody awaits."""
    for call, outcome in zip(calls, outcomes, strict=True):
        if outcome is None and type(call.target) is Branch and hasattr(call.target.awaitable, "close"):
            call.target.awaitable.close()  # pyright: ignore[reportAttributeAccessIssue]


def _joined(run: Run, batch: Batch, keys: tuple[str, ...], result: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Writes down what the join did not need: failures beside its n and inside cancelled branches, and more Done."""
    run.tolerate(k for k, o in zip(keys, result, strict=True) if type(o) is Cancelled)
    done = [k for k, o in zip(keys, result, strict=True) if type(o) is Done]
    if batch.done is None or len(done) < batch.done:
        return result
    for key in done[batch.done :]:
        run.emit(Dropped(key, run.now(), "join"))
    run.tolerate(o.origin for o in result if type(o) is Failed and not o.filed)
    return tuple(replace(o, filed=True) if type(o) is Failed else o for o in result)


def _limited(branch: Callable[[int, Callable[[], None]], Any], at_once: int) -> Callable[..., Any]:
    places = anyio.Semaphore(at_once, fast_acquire=True)

    async def waiting(i: int, stop: Callable[[], None]) -> None:
        async with places:
            await branch(i, stop)

    return waiting


async def _fan_out(run: Run, branch: Callable[[int, Callable[[], None]], Any], todo: list[int]) -> None:
    if run.services.native and run.on_asyncio:
        await fan_out(branch, todo)
        return
    try:
        async with anyio.create_task_group() as group:
            for i in todo:
                group.start_soon(branch, i, group.cancel_scope.cancel)
    except BaseExceptionGroup as errors:
        raise leaves(errors)[0] from None  # what ends a branch so ends the run


async def in_own_task(run: Run, fn: Callable[[], Awaitable[T]]) -> T:
    """What the function returns or raises; its frames do not lie on top of the caller's."""
    values: list[T] = []
    errors: list[BaseException] = []

    async def branch(i: int, stop: Callable[[], None]) -> None:
        try:
            values.append(await fn())
        except BaseException as error:
            if not isinstance(error, Exception) and not is_stray(error):
                raise
            errors.append(error)

    await _fan_out(run, branch, [0])
    if errors:
        raise errors[0]
    return values[0]


def _refuse_effects(run: Run, batch: Batch) -> None:
    for call in batch.calls:
        target = call.target
        nodes: tuple[Node | None, ...] = (target,) if isinstance(target, Node) else ()
        if isinstance(target, str):
            nodes = run.catalog.providers(target)
        elif isinstance(target, NodeName):
            nodes = (run.catalog.nodes.get(target.name),)
        for node in nodes:
            if node is not None and not node.repeatable:
                raise UnsafeBatch(
                    f"{node.name!r} has the side effect {node.side_effect!r} and this batch could cancel it half-way."
                )


def _recall(scope: Scope, call: Call, key: str, may_cancel: bool = False) -> Outcome | None:
    run = scope.run
    replaying = run.mode == "replay"
    if (not run.known and not replaying) or type(call.target) is Branch:
        return None
    known = run.recall(key)
    if known is None:
        if not replaying or _is_replayed(scope, call):
            return None
        if may_cancel or scope.cancellable:
            return Cancelled()
        raise Diverged(f"The log holds no call {key}.")
    run.effects.met(scope.path if scope.kind == "bind" and type(call.target) is NodeName else key)
    run.emit(Recalled(key, run.now()))
    if type(known) is not Done or type(call.target) is Decide:
        return known
    output_type = Reply if type(call.target) is ModelName else call.output_type
    return replace(known, output=run.services.codec.typed(known.output, output_type))


def _is_replayed(scope: Scope, call: Call) -> bool:
    """Whether this is the run's own workflow, whose code a replay runs again."""
    return not scope.kind and isinstance(call.target, Node) and call.target.kind == "workflow"


async def run_call(scope: Scope, call: Call, key: str, cancellable: bool = False) -> Outcome:
    """One call from its start to its record. Failure is a value; cancellation is recorded and goes on."""
    run = scope.run
    child = Scope(run, key, scope.account, scope)
    if cancellable:
        child.cancellable = True
    if call.others or (scope.others and (scope.kind == "bind" or type(call.target) in A_MODEL)):
        child.others = True
    began = run.now()
    try:
        if call.timeout_s is None:
            outcome = await run.bodies[type(call.target)](child, call)
        else:
            outcome = await _in_time(child, call, call.timeout_s)
    except (Diverged, RunClosed):
        raise
    except Exception as error:
        outcome = outcome_of(error)
    except BaseException as error:
        if not is_stray(error):
            ended = _end(scope, child, call, began, Cancelled())
            if cancellable:
                run.late[key] = ended
            raise
        outcome = Failed(cause=cause_of(error))
    outcome = _end(scope, child, call, began, child.paused or outcome)
    if run.services.journal and child.kind in COMMITTED:
        try:
            await run.commit()
        except BaseException:
            if cancellable:
                run.late[key] = outcome
            raise
    return outcome


async def _in_time(child: Scope, call: Call, timeout_s: float) -> Outcome:
    outcome: Outcome | None = None
    with anyio.move_on_after(timeout_s):
        outcome = await child.run.bodies[type(call.target)](child, call)
    if outcome is None:
        return Failed(cause=cause_of(CallTimeout(f"{target_name(call.target)} took longer than {timeout_s} s.")))
    return outcome


def outcome_of(error: BaseException) -> Outcome:
    """What an exception of user code or of a plan stands for. A pause travels to the root."""
    outcomes = [one.outcome for one in leaves(error) if isinstance(one, StepFailed)]
    for outcome in outcomes:
        if type(outcome) is Paused:
            return Paused(cause=outcome.cause, asks=outcome.asks)
    if any(type(outcome) is Cancelled for outcome in outcomes):
        return Cancelled()
    return Failed(cause=cause_of(error))


def leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for member in error.exceptions for leaf in leaves(member)]
    return [error]


def _end(scope: Scope, child: Scope, call: Call, began: float, outcome: Outcome) -> Outcome:
    """Adds up what was used, opens a failure's record, and writes that the call has ended."""
    run, used, kind = scope.run, child.used, child.kind
    if used is not ZERO:
        scope.used = scope.used + used
        outcome = replace(outcome, usage=used)
    if kind in ("branch", "decide"):
        return replace(outcome, filed=True) if type(outcome) is Failed else outcome
    name, side_effect = child.name or target_name(call.target), child.side_effect
    if type(outcome) is Failed:
        if side_effect:
            doubt = run.effects.in_doubt(side_effect, child.effect_key, name)
            outcome = replace(outcome, cause=unknown(outcome.cause, doubt))
        elif kind in ("agent", "tool") and run.effects.acted(child.path):
            outcome = replace(outcome, cause=standing(outcome.cause))
        outcome = run.failure(outcome, child.path, name)
    elif type(outcome) is Done:
        run.known[child.path] = outcome
        doer = name if kind in NODES else child.last
        if doer is not None and kind in KINDS:
            run.key_to_doer[child.path] = doer
    effect = child.effect_key if side_effect else None
    if side_effect:
        run.effects.ended(side_effect, child.effect_key, name, outcome)
    kind = kind or "call"
    run.emit(CallEnded(child.path, run.now(), kind, name, outcome, used, began, call.decision, effect, side_effect))
    return outcome

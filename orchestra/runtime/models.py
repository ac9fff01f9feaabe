"""Calling a model: one hold an attempt, retries in one place, a settlement whatever happens."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import pairwise

import anyio

from orchestra.core.call import Call
from orchestra.core.errors import ModelError, ModelTimeout
from orchestra.core.events import Attempt, CallStarted, Overrun, Streamed, TextDelta
from orchestra.core.outcome import Done, Outcome, cause_of, failed
from orchestra.core.usage import Usage
from orchestra.ports.model import Delta, Model, Reply, Request, streamed
from orchestra.ports.prices import Price
from orchestra.runtime.nodes import THE_TASKS_FAULT, reserve, settled
from orchestra.runtime.scope import Scope
from orchestra.runtime.waiting import LONG_S, explained, may_retry, note_allowance, remember, until_allowed, wanted_s

ATTEMPTS = 3
LONGEST_BACKOFF_S = 8.0
FIRST_WAIT_S = 0.2


async def model_body(child: Scope, call: Call) -> Outcome:
    """One request to one model: reserve the worst case, ask, settle what was used; connection errors, 429 and 5xx
    again.
    """
    run, name, request = child.run, call.target.name, call.input
    child.kind, child.name = "model", name
    began = run.now()
    model, price = run.services.models.get(name), run.services.prices.price(name, began)
    server = getattr(model, "server", "")
    run.emit(CallStarted(child.path, began, "model", name, decision=call.decision, input=request, server=server))
    around = run.services.around
    try:
        with around(run.id, child.path) if around is not None else nullcontext():
            reply = await _attempts(child, model, price, request)
    except ModelError as error:
        if not isinstance(error, THE_TASKS_FAULT) and wanted_s(error) <= LONG_S:
            run.services.health.seen(name, False, run.now() - began, run.now())
        return failed(explained(child, error))
    run.services.health.seen(name, True, run.now() - began, run.now())
    return Done(output=reply)


async def _attempts(child: Scope, model: Model, price: Price | None, request: Request) -> Reply:
    await until_allowed(child)
    try:
        return await _once(child, model, price, request)
    except ModelError as error:
        if not may_retry(child, error):
            raise
        first = error
    return await _retried(child, model, price, request, first)


async def _retried(child: Scope, model: Model, price: Price | None, request: Request, first: ModelError) -> Reply:
    """The attempts after the first, which failed and is played back so that it counts."""
    from tenacity import (
        AsyncRetrying,
        RetryCallState,
        retry_if_exception,
        stop_after_attempt,
        wait_exponential,
        wait_random,
    )

    jitter = wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_BACKOFF_S) + wait_random(0, FIRST_WAIT_S)

    def wait(state: RetryCallState) -> float:
        return max(jitter(state), wanted_s(state.outcome.exception() if state.outcome else None))

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None and state.next_action is not None:
            now = child.run.now()
            sleep_s = float(state.next_action.sleep)
            child.run.emit(Attempt(child.path, now, state.attempt_number, cause_of(error), sleep_s))

    retrying = AsyncRetrying(
        sleep=anyio.sleep,
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait,
        retry=retry_if_exception(partial(may_retry, child)),
        before_sleep=note,
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            if attempt.retry_state.attempt_number == 1:
                raise first
            reply = await _once(child, model, price, request)
    return reply


async def _once(child: Scope, model: Model, price: Price | None, request: Request) -> Reply:
    """One attempt. What a failed or cancelled one used is its hold, or the part of it that is known to have been
    made.
    """
    worst = _bounded(Usage(input_tokens=model.count(request), output_tokens=request.max_tokens, requests=1), price)
    hold = await reserve(child, worst.amount)
    made = 0
    asked, came = child.run.now(), list[float]()

    def settle(used: Usage) -> None:
        over = hold.settle(used.amount)
        settled(child, used)
        if came:
            gaps_us = tuple([round((b - a) * 1e6) for a, b in pairwise(came)])
            child.run.emit(Streamed(child.path, child.run.now(), came[0] - asked, gaps_us))
        if over is not None:
            child.run.emit(Overrun(child.path, child.run.now(), over))

    def show(delta: Delta) -> None:
        nonlocal made
        made += delta.output_bytes
        if delta.output_bytes:
            came.append(child.run.now())
        if delta.text:
            child.run.show(TextDelta(child.path, child.run.now(), delta.text))

    try:
        watched = bool(child.run.extra_sinks)
        reply = await (streamed(model, request, show) if watched else model.request(request))
        used = _priced(reply.usage, price)
    except ModelError as error:
        settle(_spent(error, worst, price))
        remember(child, error)
        raise
    except BaseException:
        if made:
            worst = _bounded(replace(worst, output_tokens=min(made, request.max_tokens)), price)
        settle(replace(worst, estimated=True))
        raise
    settle(used)
    note_allowance(child, model)
    return replace(reply, usage=used)


def _spent(error: ModelError, worst: Usage, price: Price | None) -> Usage:
    """What an attempt that failed has cost: as the provider or the stream told, all of it where nobody knows, or
    nothing.
    """
    facts = error.facts
    if "output_tokens" in facts:
        told = Usage(
            input_tokens=facts["input_tokens"], output_tokens=facts["output_tokens"], requests=1, estimated=True
        )
        return _bounded(told, price)
    if isinstance(error, ModelTimeout):
        return replace(worst, estimated=True)  # it may have been answered and billed: nobody said
    return Usage(requests=1)


def _bounded(usage: Usage, price: Price | None) -> Usage:
    """The usage at the most that so many tokens may cost."""
    if price is None:
        return replace(usage, unpriced=1)
    return replace(usage, nano_usd=price.bound(usage.input_tokens, usage.output_tokens))


def _priced(usage: Usage, price: Price | None) -> Usage:
    if price is None:
        return replace(usage, unpriced=1)
    return replace(usage, nano_usd=price.of(usage))

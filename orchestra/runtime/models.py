"""Calling a model: one hold an attempt, retries in one place, a settlement whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio

from orchestra.core.call import Call
from orchestra.core.errors import ModelError, ModelTimeout
from orchestra.core.events import Attempt, CallStarted, Overrun, TextDelta
from orchestra.core.outcome import Done, Outcome, cause_of, failed
from orchestra.core.usage import Usage
from orchestra.ports.model import Delta, Model, Reply, Request, streamed
from orchestra.ports.prices import Price
from orchestra.runtime.nodes import THE_TASKS_FAULT, reserve, settled
from orchestra.runtime.scope import Scope

ATTEMPTS = 3
LONGEST_WAIT_S = 8.0
FIRST_WAIT_S = 0.2


async def model_body(child: Scope, call: Call) -> Outcome:
    """One request to one model: reserve the worst case, ask, settle what was used; connection errors, 429 and 5xx
    again.
    """
    run, name, request = child.run, call.target.name, call.input
    child.kind, child.name = "model", name
    model, price = run.services.models.get(name), run.services.prices.price(name)
    began = run.now()
    run.emit(CallStarted(child.path, began, "model", name, decision=call.decision, input=request))
    try:
        reply = await _attempts(child, model, price, request)
    except ModelError as error:
        if not isinstance(error, THE_TASKS_FAULT):
            run.services.health.seen(name, False, run.now() - began, run.now())
        return failed(error)
    run.services.health.seen(name, True, run.now() - began, run.now())
    return Done(output=reply)


async def _attempts(child: Scope, model: Model, price: Price | None, request: Request) -> Reply:
    try:
        return await _once(child, model, price, request)
    except ModelError as error:
        if not _again(error):
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

    jitter = wait_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S)

    def wait(state: RetryCallState) -> float:
        return max(jitter(state), _retry_after_s(state.outcome.exception() if state.outcome else None))

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
        retry=retry_if_exception(_again),
        before_sleep=note,
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            if attempt.retry_state.attempt_number == 1:
                raise first
            reply = await _once(child, model, price, request)
    return reply


def _again(error: BaseException) -> bool:
    return isinstance(error, ModelError) and error.retryable and _retry_after_s(error) <= LONGEST_WAIT_S


def _retry_after_s(error: BaseException | None) -> float:
    facts: dict[str, Any] = getattr(error, "facts", {})
    return float(facts.get("retry_after_s") or 0.0)


async def _once(child: Scope, model: Model, price: Price | None, request: Request) -> Reply:
    """One attempt. What a failed or cancelled one used is its hold, or the part of it that is known to have been
    made.
    """
    worst = _priced(Usage(input_tokens=model.count(request), output_tokens=request.max_tokens, requests=1), price)
    hold = await reserve(child, worst.amount)
    made = 0

    def settle(used: Usage) -> None:
        over = hold.settle(used.amount)
        settled(child, used)
        if over is not None:
            child.run.emit(Overrun(child.path, child.run.now(), over))

    def show(delta: Delta) -> None:
        nonlocal made
        made += delta.output_bytes
        if delta.text:
            child.run.show(TextDelta(child.path, child.run.now(), delta.text))

    try:
        watched = bool(child.run.extra_sinks)
        reply = await (streamed(model, request, show) if watched else model.request(request))
        used = _priced(reply.usage, price)
    except ModelError as error:
        settle(_spent(error, worst, price))
        raise
    except BaseException:
        if made:
            worst = _priced(replace(worst, output_tokens=min(made, request.max_tokens), nano_usd=0, unpriced=0), price)
        settle(replace(worst, estimated=True))
        raise
    settle(used)
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
        return _priced(told, price)
    if isinstance(error, ModelTimeout):
        return replace(worst, estimated=True)  # it may have been answered and billed: nobody said
    return Usage(requests=1)


def _priced(usage: Usage, price: Price | None) -> Usage:
    if price is None:
        return replace(usage, unpriced=1)
    return replace(usage, nano_usd=price.of(usage))

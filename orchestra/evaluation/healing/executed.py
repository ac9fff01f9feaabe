"""Runs of one item on the real runtime, on the item's clock: events, filings and effects are the real ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from orchestra.core.budget import UNLIMITED
from orchestra.core.call import Call, Plan, Planned
from orchestra.core.catalog import Catalog, Code, Node
from orchestra.core.errors import AuthFailed
from orchestra.core.events import CallEnded, CallStarted, Filed, RunStarted
from orchestra.core.outcome import Failed
from orchestra.evaluation.healing.item import MODEL, Item
from orchestra.evaluation.healing.watch import Watch, hold
from orchestra.evaluation.healing.world import Answering
from orchestra.models.pricing import PriceTable
from orchestra.models.registry import Registry
from orchestra.ports.model import Request
from orchestra.runtime.execute import execute, new_run
from orchestra.runtime.run import Run, Services
from orchestra.stores.codec import JsonCodec

PLAN_KEY = "run/main"


async def executed(item: Item) -> None:
    """All runs of the item, one after the other, edits in the middle of their calls. Raises Violation."""
    services = Services(
        models=Registry({MODEL: Answering(lambda request: _last_resort(item, request), MODEL)}, base_urls={}),
        prices=PriceTable({}, "refuse"),
        binder=Nobody(),
        choose=_never,
        health=item.health,
        codec=JsonCodec(),
        clock=item.hands,
    )
    for number in range(item.runs):
        item.hands.at += item.rng.choice((0.0, 5.0, 40.0))
        watch, plan = item.begun(may_bind=False)
        await _one(item, watch, plan, services, number)
    item.finished()


async def _one(item: Item, watch: Watch, plan: Plan, services: Services, number: int) -> None:
    catalog = Catalog()
    for node in {node.name: node for node in watch.version.vertex_to_node.values()}.values():
        catalog = catalog.with_node(_with_body(item, watch, node))
    run = new_run(f"r{number}", services, catalog=catalog)
    call = Call(target=Planned(name="campaign", plan=lambda value: plan), input="task", key=PLAN_KEY.rpartition("/")[2])
    started = RunStarted("run", item.hands.at, "main", "campaign", None, 0, {})
    try:
        outcome, _ = await execute(run, call, UNLIMITED, started)
    finally:
        plan.close()
    hold(not isinstance(outcome, Failed) or outcome.filed, "the run's failure has no record")
    _check(run, watch)


def _check(run: Run, watch: Watch) -> None:
    """The run's own table agrees with what was seen from outside."""
    failed = [(e, e.outcome) for e in run.events if isinstance(e, CallEnded) and isinstance(e.outcome, Failed)]
    leaves = [e.key for e, _ in failed if e.kind != "plan"]
    seen = [origin for origin in watch.failures if origin]
    hold(leaves == seen, f"the table has the failures {leaves}, seen were {seen}")
    # Without a path from the beginning nobody fails but the route itself.
    own = {e.key for e, outcome in failed if e.kind == "plan" and outcome.origin == e.key}
    watch.failures = seen + sorted(own | ({PLAN_KEY} if "" in watch.failures else set()))
    watch.close(Counter(event.key for event in run.events if isinstance(event, Filed)))
    starts = [e for e in run.events if isinstance(e, CallStarted)]
    effects = Counter((e.side_effect, e.effect) for e in starts if e.effect)
    hold(all(count == 1 for count in effects.values()), f"one effect key was started twice: {effects}")
    hold(len({e.key for e in starts}) == len(starts), "one call was started twice")


def _with_body(item: Item, watch: Watch, node: Node) -> Node:
    async def body() -> str:
        ended = item.called(node.name)
        if item.edits and item.rng.random() < 0.2:
            item.edits -= 1
            item.edit()
        if ended.acted:
            watch.act(node)
        item.hands.at += ended.seconds
        if ended.limit_s:
            item.health.limit(node.name, item.hands.at + ended.limit_s)
        if ended.error is not None:
            raise ended.error
        return "done"

    return replace(node, body=Code(fn=body, context=None, is_async=True))


def _last_resort(item: Item, request: Request) -> str:
    if item.model_fails:
        raise AuthFailed("no key")
    return "asked"


class Nobody:
    """A binder that is never asked: every call of a route names its node."""

    def bind(self, call: Call, view: Any, /) -> Plan:
        raise AssertionError(f"{call.target!r} was to be bound")


def _never(*_: Any) -> Any:
    raise AssertionError("a route decides nothing")

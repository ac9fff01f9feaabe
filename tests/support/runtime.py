"""A runtime without a team: real graph, health and codec, a router that takes the first, models and prices by hand."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import pytest

from orchestra.core.budget import UNLIMITED, Budget
from orchestra.core.call import Batch, Call, ModelName, NodeName, OneOf, Plan
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.clock import SystemClock
from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.events import Event, RunStarted
from orchestra.core.outcome import Failed, Outcome
from orchestra.core.usage import Usage
from orchestra.graph.bind import ModelOption, bind
from orchestra.graph.health import Health
from orchestra.ports.binder import View
from orchestra.ports.model import Model
from orchestra.ports.prices import Price
from orchestra.ports.sink import Sink
from orchestra.runtime.execute import execute, new_run, status_of
from orchestra.runtime.run import Run, Services
from orchestra.runtime.writer import Writer
from orchestra.stores.codec import JsonCodec

E = TypeVar("E")
LOOPS = [("asyncio", False), ("asyncio", True), ("trio", False)]
on_every_loop = pytest.mark.parametrize(("loop", "native"), LOOPS, ids=["asyncio", "native", "trio"])


def go(loop: str, fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Runs an async function to its end on one of the loops."""
    return anyio.run(fn, *args, backend=loop)


def first(question: Decide, key: str, rng: random.Random) -> Decision:
    """A router that takes the first eligible option."""
    chosen = question.eligible[0].name
    return Decision(
        key=key,
        capability=question.capability,
        policy="first",
        version=1,
        options=question.options,
        chosen=(chosen,),
        probability=1.0,
        because=question.because,
    )


class OrderedBinder:
    """Binds to the providers in the order of registration."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def bind(self, call: Call, view: View) -> Plan:
        if isinstance(call.target, OneOf):
            models = [ModelOption(name) for name in call.target.models]
            return bind(call, models, _decide, self._health, view.now, None, ModelName)
        return bind(call, view.catalog.providers(call.target), _decide, self._health, view.now, None, NodeName)


def _decide(nodes: tuple[Any, ...], failure: Failed | None) -> Generator[Batch, tuple[Outcome, ...], Decision | Failed]:
    options = tuple(Option(node.name) for node in nodes)
    question = Decide(capability="any", options=options, because=failure.origin if failure else None)
    (outcome,) = yield Batch(calls=(Call(target=question, input={"standing": [o.name for o in options]}),))
    decision: Decision = outcome.output  # type: ignore[union-attr]  # the deciding body cannot fail here
    return decision


class Clients:
    """Models by name."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = models

    def get(self, name: str) -> Model:
        return self._models[name]


class FlatPrices:
    """One price for every model."""

    def __init__(self, price: Price | None) -> None:
        self._price = price

    def price(self, name: str, at: float | None = None) -> Price | None:
        return self._price


@dataclass
class Rig:
    """Runs one call under a budget and keeps what happened."""

    members: tuple[Any, ...] = ()
    models: Mapping[str, Model] = field(default_factory=dict)
    price: Price | None = None
    native: bool = False
    writer: Writer | None = None
    journal: bool = True
    deps: Any = None
    sinks: tuple[Sink, ...] = ()
    runs: list[Run] = field(default_factory=list)

    @property
    def catalog(self) -> Catalog:
        catalog = Catalog()
        for member in self.members:
            catalog = catalog.with_node(member if isinstance(member, Node) else required_node(member))
        return catalog

    def services(self) -> Services:
        health = Health()
        return Services(
            models=Clients(self.models),
            prices=FlatPrices(self.price),
            binder=OrderedBinder(health),
            choose=first,
            health=health,
            codec=JsonCodec(),
            clock=SystemClock(),
            writer=self.writer,
            journal=self.journal and self.writer is not None,
            content=True,
            native=self.native,
        )

    async def run(
        self,
        target: Any,
        value: Any = None,
        budget: Budget = UNLIMITED,
        past: Sequence[Event] = (),
        mode: str = "live",
        answers: Mapping[str, Any] | None = None,
    ) -> tuple[Outcome, Usage]:
        """``target`` is a decorated function, a Node, or any target of a Call."""
        node = getattr(target, "__orchestra__", target)
        run = new_run(
            "r1",
            self.services(),
            catalog=self.catalog,
            deps=self.deps,
            past=past,
            mode=mode,
            answers=answers or {},
            extra_sinks=self.sinks,
        )
        self.runs.append(run)
        kind = node.contract.output_type if isinstance(node, Node) else None
        call = Call(target=node, input=value, key="main", output_type=kind)
        return await execute(run, call, budget, RunStarted("run", 0.0, "main", "test", value, 0, {}))

    async def resume(self, target: Any, value: Any = None, **rest: Any) -> tuple[Outcome, Usage]:
        """Takes the last run up again, from its store if there is one."""
        past = [*self.last.past, *self.last.events]
        if self.writer is not None:
            store = self.writer.store
            past = await self.writer.call(lambda: store.read("r1"))
        return await self.run(target, value, past=past, mode="resume", **rest)

    def of(self, kind: type[E]) -> list[E]:
        """The last run's events of one kind."""
        return [event for event in self.last.events if isinstance(event, kind)]

    @property
    def last(self) -> Run:
        return self.runs[-1]


__all__ = ["LOOPS", "Rig", "first", "go", "on_every_loop", "status_of"]

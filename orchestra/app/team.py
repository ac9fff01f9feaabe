"""What an Orchestra does with a call: run it, keep its events, learn from it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from orchestra.app.binder import ANYONE, TeamBinder, expected, providers
from orchestra.app.learning import RUNTIME, checked_reward, failed_decisions, lessons, used_decisions
from orchestra.app.result import Result
from orchestra.app.resume import FORMAT, budget_again, call_again, started_of
from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName, Route
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.clock import Clock, SystemClock, keyed_rng
from orchestra.core.decision import Decision
from orchestra.core.errors import JournalMissing, NoProvider, UnknownAgent, UnknownCapability, UnknownRun
from orchestra.core.events import Event, Rewarded, RunStarted
from orchestra.core.ids import new_run_id
from orchestra.core.outcome import Failed, Outcome
from orchestra.graph.graph import layered
from orchestra.graph.health import Health
from orchestra.graph.weights import Weights
from orchestra.models.pricing import PriceTable, Unknown
from orchestra.models.registry import Registry
from orchestra.ports.router import Lesson
from orchestra.ports.sink import Sink
from orchestra.routing.decide import Decider
from orchestra.routing.registry import router
from orchestra.routing.sums import add_plain
from orchestra.runtime.blocking import in_thread
from orchestra.runtime.execute import execute, new_run, status_of
from orchestra.runtime.run import Run, Services
from orchestra.runtime.writer import Writer
from orchestra.stores.codec import JsonCodec
from orchestra.stores.registry import open_store
from orchestra.telemetry.export import tracing_from_env

To = str | Sequence[str] | None
"""A capability or an agent, several capabilities in a row, or whoever the router picks."""

RECENT_RUNS = 1000
"""Runs whose events are kept in memory for late feedback where there is no store. Our default."""


class Settings(Protocol):
    """What the team reads of an Orchestra."""

    catalog: Catalog
    router: Any
    models: Mapping[str, Any]
    base_urls: Mapping[str, str]
    prices: Mapping[str, Any]
    unknown_price: Unknown
    state: Any
    journal: bool
    content: bool
    escalate: str | None
    weights: Weights
    workflows: Sequence[Any]
    sinks: Sequence[Any]
    native_tasks: bool
    learn: bool
    clock: Clock


class Team:
    """The shared services and the learning loop behind one Orchestra."""

    def __init__(self, settings: Settings) -> None:
        if settings.journal and settings.state is None:
            raise JournalMissing("journal=True needs a place to write to.", remedy="Pass state='team.db'.")
        self._settings = settings
        self.models = Registry(settings.models, base_urls=settings.base_urls)
        self.prices = PriceTable(settings.prices, settings.unknown_price)
        self.router = router(settings.router)
        self.health = Health()
        self.decider = Decider(self.router, self.health, candidate=expected)
        self.writer = Writer(open_store(settings.state)) if settings.state is not None else None
        self._recent: OrderedDict[str, list[Event]] = OrderedDict()
        self._sources = {node.source: node for node in map(required_node, settings.workflows)}
        self._loaded = False
        self.check(settings.catalog)
        self.tracing = tracing_from_env()
        self.services = self._services()

    def check(self, catalog: Catalog) -> None:
        """Every model of the team has a client and a price. Raises what is wrong with the first that has not."""
        names = [name for node in catalog.nodes.values() for name in node.models]
        if self._settings.escalate is not None:
            names.append(self._settings.escalate)
        for name in dict.fromkeys(names):
            self.models.check(name)
            self.prices.price(name)

    def _services(self) -> Services:
        settings = self._settings
        sinks = tuple(settings.sinks)
        return Services(
            models=self.models,
            prices=self.prices,
            binder=TeamBinder(self.decider, self.health, settings.escalate, self._model_nano, settings.weights),
            choose=self.router.choose,
            health=self.health,
            codec=JsonCodec(),
            clock=settings.clock,
            writer=self.writer,
            journal=settings.journal,
            content=settings.journal or settings.content,
            sinks=sinks,
            around=self.tracing.around if self.tracing else None,
            native=settings.native_tasks,
        )

    def _model_nano(self, name: str) -> int:
        """What a thousand tokens each way cost: the scale on which models are compared before anything is known."""
        price = self.prices.price(name)
        return 0 if price is None else int(1000 * (price.input_nano + price.output_nano))

    async def open(self) -> None:
        """Loads what was learned before. Raises JournalVersion."""
        if not self._loaded and self.writer is not None:
            state = await self.writer.call(lambda: self._load())
            self.router.load(state)
        self._loaded = True

    def _load(self) -> dict[str, Any]:
        assert self.writer is not None
        return self.writer.store.load_state(self.router.name)

    def watch(self, sink: Sink) -> None:
        self.services = replace(self.services, sinks=(*self.services.sinks, sink))

    async def aclose(self) -> None:
        await self.models.aclose()
        if self.tracing is not None:
            await in_thread(self.tracing.close)
        if self.writer is not None:
            await self.writer.aclose()

    async def run(self, call: Call, *, deps: Any, budget: Budget, seed: int) -> Result:
        await self.open()
        node = call.target if isinstance(call.target, Node) else None
        if node is not None:
            self._sources[node.source] = node
        run = new_run(new_run_id(), self.services, catalog=self._settings.catalog, deps=deps, seed=seed)
        return await self._execute(run, call, budget, _source(call))

    def route(self, call: Call, seed: int) -> Decision:
        """The decision that the call would begin with; nothing is called, nothing is learned."""
        view = _Snapshot(self._settings.catalog, self._settings.clock)
        nodes = providers(view, call.target)
        deciding = self.decider.for_call(call, view, call.target)(nodes, None)
        try:
            batch = next(deciding)
        except StopIteration as stop:
            nobody: Failed = stop.value
            raise NoProvider(nobody.cause.message, remedy=nobody.cause.remedy) from None
        finally:
            deciding.close()
        return self.router.choose(batch.calls[0].target, "route", keyed_rng(seed, "route"))

    async def _execute(self, run: Run, call: Call, budget: Budget, source: str) -> Result:
        started = RunStarted(
            "run",
            run.now(),
            call.key or "task",
            source,
            call.input,
            run.seed,
            _limits(budget),
            run.catalog.version,
            FORMAT,
        )
        try:
            outcome, usage = await execute(run, call, budget, started)
        finally:
            await self._keep(run)
        return self._result(run, outcome, usage)

    def _result(self, run: Run, outcome: Outcome, usage: Any) -> Result:
        events = (*run.past, *run.events)
        return Result(run_id=run.id, status=status_of(outcome), outcome=outcome, usage=usage, events=events)

    async def _keep(self, run: Run) -> None:
        """Remembers the run for late feedback, learns from its failures, exports its spans, and drains."""
        self._recent[run.id] = [*run.past, *run.events]
        if len(self._recent) > RECENT_RUNS:
            self._recent.popitem(last=False)
        if self.tracing is not None:
            await in_thread(self.tracing.export, run.id, list(run.events))
        failures = failed_decisions(run.events)
        if failures and self._settings.learn:
            await self._learn(run.id, [Lesson(d, 0.0) for d in failures], 0.0, RUNTIME)
        elif self.writer is not None:
            await self.writer.flush()

    async def resume(
        self, run_id: str, *, workflow: Any, deps: Any, budget: Budget | None, answers: Mapping[str, Any]
    ) -> Result:
        past = await self._journal(run_id)
        started = started_of(past)
        call = call_again(started, self._sources, self._settings.catalog, workflow, budget is not None)
        run = new_run(
            run_id,
            self.services,
            catalog=self._settings.catalog,
            deps=deps,
            seed=started.seed,
            mode="resume",
            past=past,
            answers=answers,
        )
        return await self._execute(run, call, budget_again(started, budget), started.workflow)

    async def replay(self, run_id: str, *, workflow: Any, deps: Any) -> Result:
        past = await self._journal(run_id)
        started = started_of(past)
        call = call_again(started, self._sources, self._settings.catalog, workflow, True)
        silent = self._silent()
        run = new_run(
            run_id,
            silent,
            catalog=self._settings.catalog,
            deps=deps,
            seed=started.seed,
            mode="replay",
            past=past,
        )
        outcome, usage = await execute(run, call, Budget(), started)
        return self._result(run, outcome, usage)

    def _silent(self) -> Services:
        return replace(self.services, writer=None, journal=False, sinks=(), around=None)

    async def _journal(self, run_id: str) -> list[Event]:
        if not self._settings.journal:
            raise JournalMissing(f"The run {run_id!r} cannot be taken up: this team keeps no journal.")
        await self.open()
        return await self.events(run_id)

    async def events(self, run_id: str) -> list[Event]:
        if self.writer is not None:
            store = self.writer.store
            return await self.writer.call(lambda: store.read(run_id))
        if run_id not in self._recent:
            raise UnknownRun(f"No run {run_id!r} is remembered; without state the last {RECENT_RUNS} are.")
        return self._recent[run_id]

    async def feedback(self, run_id: str, reward: float, source: str, decision: str | None) -> int:
        value = checked_reward(reward)
        await self.open()
        events = await self.events(run_id)
        decisions = used_decisions(events)
        if decision is not None:
            decisions = [d for d in decisions if d.key == decision]
        new = lessons(decisions, value, source, events)
        await self._learn(run_id, new, value, source)
        return len(new)

    async def _learn(self, run_id: str, new: Sequence[Lesson], reward: float, source: str) -> None:
        rows = [Rewarded(one.decision.key, self.services.clock.now(), reward, source) for one in new]
        self.router.learn(new)
        kept = self._recent.get(run_id)
        for row in rows:
            if kept is not None:
                kept.append(row)
            if self.writer is not None:
                self.writer.put(run_id, None, row, False)
        if self.writer is not None and new:
            store, name, delta = self.writer.store, self.router.name, self.router.delta()
            await self.writer.call(lambda: store.add_state(name, delta, add_plain))


def _source(call: Call) -> str:
    target = call.target
    if isinstance(target, Node):
        return f"source:{target.source}"
    if isinstance(target, Route):
        return f"route:{target.name}"
    return f"node:{target.name}" if isinstance(target, NodeName) else f"capability:{target}"


def _limits(budget: Budget) -> dict[str, Any]:
    usd = None if budget.usd is None else str(budget.usd)
    return {
        "usd": usd,
        "tokens": budget.tokens,
        "requests": budget.requests,
        "tool_calls": budget.tool_calls,
        "seconds": budget.seconds,
        "depth": budget.depth,
    }


class _Snapshot:
    """A catalogue as a view, for the checks before a run."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self.catalog, self._clock = catalog, clock

    def now(self) -> float:
        return self._clock.now()

    def left_nano(self) -> int | None:
        return None


def target_of(task: Any, inputs: tuple[Any, ...], to: To, catalog: Catalog, output_type: Any) -> Call:
    """The first call of a run. Raises UnknownCapability, UnknownAgent, BadInput, BadDefinition before anything
    starts.
    """
    named = getattr(task, "name", None)
    if not isinstance(task, str) and isinstance(named, str) and named in catalog.nodes:
        to, task, inputs = named, inputs[0] if inputs else None, ()
    if callable(task) or isinstance(task, Node):
        node = required_node(task)
        value = inputs[0] if len(inputs) == 1 else node.contract.gathered(inputs, {})
        node.contract.bind(value)
        kind = node.contract.output_type if output_type is None else output_type
        return Call(target=node, input=value, key=node.name, output_type=kind)
    if to is not None and not isinstance(to, str):
        route = Route(capabilities=tuple(to))
        layered(catalog, route.capabilities)
        return Call(target=route, input=task, key=route.name, output_type=output_type)
    if to is not None and to in catalog.nodes:
        return Call(target=NodeName(name=to), input=task, key=to, output_type=output_type)
    capability = ANYONE if to is None else to
    try:
        providers(_Snapshot(catalog, SystemClock()), capability)
    except UnknownCapability as error:
        raise (UnknownAgent("The team has no agent.") if to is None else error) from None
    return Call(target=capability, input=task, key="task" if to is None else to, output_type=output_type)

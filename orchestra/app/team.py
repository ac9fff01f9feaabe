"""What an Orchestra does with a call: run it, keep its events, learn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from orchestra.app.binder import TeamBinder, expected, providers
from orchestra.app.learning import (
    RUNTIME,
    Learning,
    Recent,
    checked_reward,
    failed_decisions,
    one_decision,
    used_decisions,
)
from orchestra.app.result import Result
from orchestra.app.resume import FORMAT, call_again, limits_of, started_of, without_end
from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.clock import Clock, keyed_rng
from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BadDefinition, JournalMissing, NoProvider
from orchestra.core.events import Event, RunStarted
from orchestra.core.ids import new_run_id
from orchestra.core.outcome import Done, Failed, Outcome, cause_of
from orchestra.graph.health import Health
from orchestra.graph.weights import Weights
from orchestra.models.pricing import PriceTable, Unknown
from orchestra.models.registry import Registry
from orchestra.ports.sink import Sink
from orchestra.routing.decide import Decider
from orchestra.routing.registry import router
from orchestra.runtime.blocking import in_thread
from orchestra.runtime.execute import ROOT, execute, new_run, status_of
from orchestra.runtime.ledger import Account
from orchestra.runtime.run import Run, Services
from orchestra.runtime.scope import Scope
from orchestra.runtime.writer import Writer
from orchestra.stores.codec import JsonCodec
from orchestra.stores.registry import open_store
from orchestra.telemetry.export import tracing_from_env


class Settings(Protocol):
    """What the team reads of an Orchestra."""

    catalog: Catalog
    router: Any
    model: str | None
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
        for name, model in settings.models.items():
            if not callable(getattr(model, "request", None)):
                raise BadDefinition(f"models[{name!r}] is a {type(model).__name__}, no model.", remedy="Pass a client.")
        self._settings = settings
        self.models = Registry(settings.models, base_urls=settings.base_urls)
        self.prices = PriceTable(settings.prices, settings.unknown_price)
        self.health = Health()
        self._router = router(settings.router)
        self._decider = Decider(self._router, self.health, candidate=expected)
        self.writer = Writer(open_store(settings.state)) if settings.state is not None else None
        self._recent = Recent()
        log = self._recent if self.writer is None else self.writer.store
        self.learning = Learning(self._router, log, self.writer, settings.clock.now)
        self._sources = {node.source: node for node in map(required_node, settings.workflows)}
        self.check(settings.catalog)
        self.tracing = tracing_from_env()
        self.services = self._services()

    def check(self, catalog: Catalog) -> None:
        """Every model of the team has a client and a price. Raises what is wrong with the first that has not."""
        names = [name for node in catalog.nodes.values() for name in node.models]
        names += [name for name in (self._settings.model, self._settings.escalate) if name is not None]
        for name in dict.fromkeys(names):
            self.models.check(name)
            self.prices.price(name)

    def _services(self) -> Services:
        settings = self._settings
        return Services(
            models=self.models,
            prices=self.prices,
            binder=TeamBinder(self._decider, self.health, settings.escalate, self._model_nano, settings.weights),
            choose=self.learning.choose,
            health=self.health,
            codec=JsonCodec(),
            clock=settings.clock,
            writer=self.writer,
            journal=settings.journal,
            content=settings.journal or settings.content,
            sinks=tuple(settings.sinks),
            around=self.tracing.around if self.tracing else None,
            native=settings.native_tasks,
        )

    def _model_nano(self, name: str) -> int:
        """What a thousand tokens each way cost: the scale on which models are compared before anything is known."""
        price = self.prices.price(name)
        return 0 if price is None else int(1000 * (price.input_nano + price.output_nano))

    async def open(self) -> None:
        """Loads what was learned before. Raises JournalVersion, StateUnusable."""
        await self.learning.load()

    def watch(self, sink: Sink) -> None:
        self.services = replace(self.services, sinks=(*self.services.sinks, sink))

    async def aclose(self) -> None:
        await self.models.aclose()
        tracing, self.tracing = self.tracing, None
        if tracing is not None:
            await in_thread(tracing.close)
        if self.writer is not None:
            try:
                await self.learning.save()
            finally:
                await self.writer.aclose()

    async def run(
        self,
        call: Call,
        source: str,
        *,
        catalog: Catalog,
        deps: Any,
        budget: Budget,
        seed: int,
        sinks: tuple[Sink, ...] = (),
    ) -> Result:
        await self.open()
        if isinstance(call.target, Node):
            self._sources[call.target.source] = call.target
        run = new_run(new_run_id(), self.services, catalog=catalog, deps=deps, seed=seed, extra_sinks=sinks)
        return await self._execute(run, call, budget, source)

    def route(self, call: Call, catalog: Catalog, budget: Budget, seed: int) -> Decision:
        """The decision that a run of the call would begin with; nothing is called, nothing is learned."""
        run = new_run("route", self._silent(), catalog=catalog, seed=seed)
        root = Scope(run, ROOT, Account(ROOT, budget.limits))
        scope = Scope(run, root.key(call), root.account, root)
        if isinstance(call.target, NodeName):
            return _no_choice(call.target.name, scope.path)
        deciding = self._decider.for_call(call, scope, call.target)(providers(catalog, call.target), None)
        try:
            asked = next(deciding).calls[0]
        except StopIteration as stop:
            nobody: Failed = stop.value
            raise NoProvider(nobody.cause.message, remedy=nobody.cause.remedy) from None
        finally:
            deciding.close()
        key = scope.key(asked)
        return self.learning.choose(asked.target, f"{run.id}/{key}", keyed_rng(seed, key))

    async def _execute(self, run: Run, call: Call, budget: Budget, source: str) -> Result:
        if self.tracing is not None:
            self.tracing.began(run.id, run.past)
        started = RunStarted(
            "run",
            run.now(),
            call.key or "task",
            source,
            self.services.codec.plain(call.input),
            run.seed,
            _limits(budget),
            run.catalog.version,
            FORMAT,
        )
        try:
            outcome, usage = await execute(run, call, budget, started)
        finally:
            if self.writer is None:
                self._recent.keep(run.id, [*run.past, *run.events])
        try:
            await self._settle(run)
        except Exception as error:  # what could not be written down is no answer; result.partial holds the work
            outcome = Failed(cause=cause_of(error), filed=True) if type(outcome) is Done else outcome
        return self._result(run, outcome, usage)

    def _result(self, run: Run, outcome: Outcome, usage: Any) -> Result:
        events = (*run.past, *run.events)
        return Result(run_id=run.id, status=status_of(outcome), outcome=outcome, usage=usage, events=events)

    async def _settle(self, run: Run) -> None:
        """Exports the run's spans and learns from its failures."""
        if self.tracing is not None:
            await in_thread(self.tracing.export, run.id, list(run.events))
        failures = failed_decisions(run.events, run.past)
        if failures and self._settings.learn:
            known = [*run.past, *run.events]
            await self.learning.reward(run.id, lambda _: failures, 0.0, RUNTIME, known)

    async def resume(
        self,
        run_id: str,
        *,
        catalog: Catalog,
        workflow: Any,
        deps: Any,
        budget: Budget | None,
        answers: Mapping[str, Any],
    ) -> Result:
        past = await self._journal(run_id)
        started = started_of(past)
        limits, renewed = limits_of(past)
        call = call_again(started, self._sources, catalog, workflow, budget is not None or renewed)
        run = new_run(
            run_id,
            self.services,
            catalog=catalog,
            deps=deps,
            seed=started.seed,
            mode="resume",
            past=past,
            answers=answers,
        )
        return await self._execute(run, call, limits if budget is None else budget, started.workflow)

    async def replay(self, run_id: str, *, catalog: Catalog, workflow: Any, deps: Any) -> Result:
        past = await self._journal(run_id)
        started = started_of(past)
        call = call_again(started, self._sources, catalog, workflow, True)
        log = without_end(past, call)
        run = new_run(run_id, self._silent(), catalog=catalog, deps=deps, seed=started.seed, mode="replay", past=log)
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
        if self.writer is None:
            return self._recent.read(run_id)
        store = self.writer.store
        return await self.writer.call(lambda: store.read(run_id))

    async def feedback(self, run_id: str, reward: float, source: str, decision: str | None) -> int:
        value = checked_reward(reward)
        await self.open()
        if not self._settings.learn:
            await self.events(run_id)
            return 0
        pick = used_decisions if decision is None else partial(one_decision, decision)
        return await self.learning.reward(run_id, pick, value, source)


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


def _no_choice(name: str, key: str) -> Decision:
    """What is to be said where the caller named the agent himself."""
    return Decision(
        key=f"route/{key}",
        capability=name,
        policy="named",
        version=1,
        options=(Option(name, probability=1.0),),
        chosen=(name,),
        probability=1.0,
        reason="it was asked for by name",
    )

"""What an Orchestra does with a call: run it, keep its events, learn from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from orchestra.app.binder import Resort, TeamBinder, expected, providers
from orchestra.app.embedding import Marks, decision_asked, embedding_of, refuse_embedders
from orchestra.app.given import Settings
from orchestra.app.goals import Goals
from orchestra.app.judging import Panel
from orchestra.app.learning import Learning, Recent, checked_reward
from orchestra.app.objective import chooser, weighed
from orchestra.app.queue import answers_of
from orchestra.app.result import Result
from orchestra.app.resume import FORMAT, call_again, limits_facts, limits_of, started_of, without_end
from orchestra.app.rewarding import JUDGEMENT, Rewarding
from orchestra.app.serving import Serving
from orchestra.app.shape import plan_for
from orchestra.app.target import Options, no_choice, seed_of
from orchestra.app.undo import ABANDON, abandoning, check_abandon, is_abandoned
from orchestra.connectors.probes import Probes
from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.clock import keyed_rng
from orchestra.core.decision import Decision
from orchestra.core.errors import Abandoned, BadDefinition, ConfigError, JournalMissing, NoProvider
from orchestra.core.events import Event, RunStarted
from orchestra.core.ids import new_run_id
from orchestra.core.outcome import Done, Failed, Outcome, cause_of
from orchestra.core.task import Task
from orchestra.graph.health import Health
from orchestra.graph.watch import watch_of
from orchestra.models.pricing import PriceTable
from orchestra.models.registry import Registry
from orchestra.ports.model import Request
from orchestra.ports.sink import Sink
from orchestra.routing.decide import Decider
from orchestra.runtime.approval import check_answers
from orchestra.runtime.blocking import in_thread
from orchestra.runtime.execute import ROOT, execute, new_run, status_of
from orchestra.runtime.ledger import Account
from orchestra.runtime.run import Run, Services
from orchestra.runtime.scope import Scope
from orchestra.runtime.writer import Writer
from orchestra.stores.codec import JsonCodec
from orchestra.stores.memory import MemoryStore
from orchestra.stores.registry import open_store
from orchestra.telemetry.export import tracing_from_env


class Team:
    """The shared services and the learning loop behind one Orchestra."""

    def __init__(self, settings: Settings) -> None:
        if settings.journal and settings.state is None:
            raise JournalMissing("journal=True needs a place to write to.", remedy="Pass state='team.db'.")
        for name, model in settings.models.items():
            if not callable(getattr(model, "request", None)):
                raise BadDefinition(f"models[{name!r}] is a {type(model).__name__}, no model.", remedy="Pass a client.")
        self._settings = settings
        embedder, self._embedders = embedding_of(settings.embedder)
        self.models = Registry(settings.models, base_urls=settings.base_urls, embedders=self._embedders)
        self.prices = PriceTable(settings.prices, settings.unknown_price, self._embedders)
        self.health = Health(providers=settings.providers)
        self.probes = Probes(settings.probes, self.health, settings.clock.now)
        self._router = Serving(settings.router, learn=settings.learn)
        self._decider = Decider(self._router, self.health, embedder=embedder, candidate=expected)
        self.writer = Writer(open_store(settings.state)) if settings.state is not None else None
        self._recent = Recent()
        log = self._recent if self.writer is None else self.writer.store
        marks = Marks(self._router, lambda: self._decider.features_name(self._settings.catalog))
        self.learning = Learning(self._router, log, self.writer, settings.clock.now, settings.rewards, marks)
        panel = Panel(settings.evaluators, settings.model)
        self.rewarding = Rewarding(self.learning, panel, self.ask, lambda: self.tracing, self.events)
        where = MemoryStore() if self.writer is None else self.writer.store
        self.goals = Goals(settings.goals, where, self.writer, JsonCodec().plain, settings.clock.now)
        self._unloaded: dict[str, None] = {}
        self._loaded: set[str] = set()
        self._sources = {node.source: node for node in map(required_node, settings.workflows)}
        self._undoable: dict[str, Node] = {}
        self._going: set[str] = set()
        self.check([*settings.catalog.nodes.values(), *panel.nodes])
        self.tracing = tracing_from_env()
        self._binder = TeamBinder(
            self._decider,
            self.health,
            self._resort(),
            self._model_nano,
            settings.weights,
            plan_for,
            watch_of(settings.monitors, settings.outranks, self.health, self.learning.means.of, settings.escalate),
        )
        self.services = self._services()

    def check(self, nodes: Iterable[Node]) -> None:
        """Every model of theirs and of the team has a client and a price. Raises what is wrong with the first that has
        not.
        """
        names = [name for node in nodes for name in node.models]
        names += [name for name in (self._settings.model, self._settings.escalate) if name is not None]
        refuse_embedders(names, self._embedders)
        for name in dict.fromkeys((*names, *self._embedders)):
            self.models.check(name)
            self.prices.price(name)
            if name not in self._loaded and self.models.needs_library(name):
                self._unloaded[name] = None

    def _services(self) -> Services:
        settings = self._settings
        return Services(
            models=self.models,
            prices=self.prices,
            binder=self._binder,
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

    def _resort(self) -> Resort:
        settings = self._settings
        if settings.escalate_to_person and not settings.journal:
            raise JournalMissing("escalate_to_person=True needs a journal: the answer comes later.")
        for name, goals in settings.fallbacks.items():
            if isinstance(goals, str):
                raise BadDefinition(f"fallbacks[{name!r}]={goals!r} is a text.", remedy=f"Pass a list: [{goals!r}].")
        return Resort(settings.fallbacks, settings.escalate, settings.escalate_to_person)

    def _model_nano(self, name: str, request: Request | None) -> tuple[int, int]:
        """What a thousand tokens each way cost, the scale on which models are compared before anything is known; and
        the most that this request can cost, 0 where that is not asked for or nobody can say.
        """
        price = self.prices.price(name)
        if price is None:
            return 0, 0
        usual = int(1000 * (price.input_nano + price.output_nano))
        if request is None:
            return usual, 0
        try:
            count = self.models.get(name).count(request)
        except ConfigError:  # its own call says so, if it comes to that
            return usual, 0
        return usual, price.bound(count, request.max_tokens)

    async def open(self) -> None:
        """Loads what was learned before. Raises JournalVersion, StateUnusable."""
        await self.learning.load()
        if self._settings.learn:
            await self.rewarding.refresh()

    async def load_libraries(self) -> None:
        """Imports the vendors' libraries of the models that were named since: a switch is not to wait for one."""
        if self._unloaded:
            await in_thread(self._load)

    def _load(self) -> None:
        for name in list(self._unloaded):
            if name not in self._loaded:
                self.models.load(name)
            self._loaded.add(name)
            self._unloaded.pop(name, None)  # only now: whoever begins meanwhile waits for it too

    def watch(self, sink: Sink) -> None:
        self.services = replace(self.services, sinks=(*self.services.sinks, sink))

    async def aclose(self) -> None:
        await self.rewarding.drain()
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
        options: Options,
        *,
        catalog: Catalog,
        budget: Budget,
        sinks: tuple[Sink, ...] = (),
    ) -> Result:
        await self.open()
        await self.load_libraries()
        if isinstance(call.target, Node):
            self._sources[call.target.source] = call.target
            if call.target.undo_on_failure and not self._settings.journal:
                raise JournalMissing("@workflow(compensate=True) needs a journal to undo by.")
        deps, seed = options.get("deps"), seed_of(options)
        services = weighed(self.services, self._binder, self._router, options.get("weights"))
        guard = self.goals.guard(options.get("goal"))
        run = new_run(new_run_id(), services, catalog=catalog, deps=deps, seed=seed, extra_sinks=sinks, guard=guard)
        return await self._or_undone(call, deps, await self._execute(run, call, budget, source), catalog)

    async def _or_undone(self, call: Call, deps: Any, result: Result, catalog: Catalog) -> Result:
        """The result, after undoing where that is wanted; of undoing where that did not come to its end."""
        if result.status != "failed" or not isinstance(call.target, Node) or not call.target.undo_on_failure:
            return result
        undone = await self.abandon(result.run_id, catalog=catalog, deps=deps, budget=Budget(), answers={})
        return undone if undone.status != "abandoned" else replace(result, events=undone.events, usage=undone.usage)

    def route(self, call: Call, catalog: Catalog, budget: Budget, seed: int, weights: Any = None) -> Decision:
        """The decision that a run of the call would begin with; nothing is called, nothing is learned."""
        run = new_run("route", self._silent(), catalog=catalog, seed=seed)
        root = Scope(run, ROOT, Account(ROOT, budget.limits))
        scope = Scope(run, root.key(call), root.account, root)
        if isinstance(call.target, NodeName):
            return no_choice(call.target.name, scope.path)
        deciding = self._decider.for_call(call, scope, call.target)(providers(catalog, call.target), None)
        try:
            asked = decision_asked(deciding)
        except StopIteration as stop:
            nobody: Failed = stop.value
            raise NoProvider(nobody.cause.message, remedy=nobody.cause.remedy) from None
        finally:
            deciding.close()
        key = scope.key(asked)
        choose = chooser(self.learning.choose, self._router, weights)
        return choose(asked.target, f"{run.id}/{key}", keyed_rng(seed, key))

    async def _execute(self, run: Run, call: Call, budget: Budget, source: str) -> Result:
        trace = self.tracing.began(run.id, run.past) if self.tracing else ""
        started = RunStarted(
            "run",
            run.now(),
            next((event.name for event in run.past if isinstance(event, RunStarted)), call.key or "task"),
            source,
            self.services.codec.plain(call.input),
            run.seed,
            limits_facts(budget),
            run.catalog.version,
            FORMAT,
            trace,
            isinstance(call.input, Task),
            run.guard.goal if run.guard else "",
            fallback=call.fallback,
            hedge_s=call.hedge_s,
        )
        self._going.add(run.id)
        try:
            outcome, usage = await execute(run, call, budget, started)
        except BaseException:
            if self.tracing is not None:
                self.tracing.leave(run.id, list(run.events), run.met)
            raise
        finally:
            self._going.discard(run.id)
            self._undoable |= {name: node for name, node in run.met.items() if node.compensate is not None}
            if self.writer is None:
                self._recent.keep(run.id, [*run.past, *run.events])
        try:
            await self._settle(run, call, self._result(run, outcome, usage))
        except Exception as error:  # what could not be written down is no answer; result.partial holds the work
            outcome = Failed(cause=cause_of(error), filed=True) if type(outcome) is Done else outcome
        return self._result(run, outcome, usage)

    def _result(self, run: Run, outcome: Outcome, usage: Any) -> Result:
        events = (*run.past, *run.events)
        return Result(run_id=run.id, status=status_of(outcome, run.status), outcome=outcome, usage=usage, events=events)

    async def _settle(self, run: Run, call: Call, result: Result) -> None:
        """Exports the run's spans, learns from its failures and has its answer judged."""
        if self.tracing is not None:
            await in_thread(self.tracing.export, run.id, list(run.events), run.met)
        if self._settings.learn:
            await self.rewarding.settle(call.input, result, run.events, run.past)

    async def ask(self, node: Node, text: str, budget: Budget, seed: int) -> Result:
        """The answer of a judge, in a run of its own: it is not judged itself, and charged to nobody else's."""
        call = Call(target=node, input=text, key=node.name, output_type=node.contract.output_type)
        run = new_run(new_run_id(), self.services, catalog=self._settings.catalog, seed=seed)
        return await self._execute(run, call, budget, f"{JUDGEMENT}{node.name}")

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
        await self.load_libraries()
        started = started_of(past)
        answers = {**answers_of(past), **answers}
        check_answers(past, answers)
        if is_abandoned(past):
            return await self.abandon(run_id, catalog=catalog, deps=deps, budget=budget or Budget(), answers=answers)
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
            guard=self.goals.guard(started.goal),
        )
        result = await self._execute(run, call, limits if budget is None else budget, started.workflow)
        return await self._or_undone(call, deps, result, catalog)

    async def abandon(
        self, run_id: str, *, catalog: Catalog, deps: Any, budget: Budget, answers: Mapping[str, Any]
    ) -> Result:
        past = await self._journal(run_id)
        check_abandon(run_id, past, run_id in self._going)
        run = new_run(
            run_id,
            self.services,
            catalog=catalog,
            deps=deps,
            seed=started_of(past).seed,
            mode="resume",
            past=past,
            answers={**answers_of(past), **answers},
            status="abandoned",
        )
        run.effects.met(ROOT)  # what is undone is accounted for
        return await self._execute(run, abandoning(past, catalog, self._undoable), budget, ABANDON)

    async def replay(self, run_id: str, *, catalog: Catalog, workflow: Any, deps: Any) -> Result:
        past = await self._journal(run_id)
        if is_abandoned(past):
            raise Abandoned(f"The run {run_id!r} was abandoned.", remedy="team.events(run_id) says what was undone.")
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
        if len(self.learning):  # the rewards of its failures are a part of it
            await self.learning.drain()
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
        return await self.rewarding.feedback(run_id, value, source, decision)

"""Orchestra: the composition root. It holds the catalogue of the day, the shared services and the learned state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from orchestra.app.members import catalog_of, node_from
from orchestra.app.result import Result
from orchestra.app.shape import Shape
from orchestra.app.target import To, source_of, target_of
from orchestra.app.team import Team
from orchestra.core.budget import UNLIMITED, Budget
from orchestra.core.catalog import Catalog
from orchestra.core.clock import Clock, SystemClock
from orchestra.core.decision import Decision
from orchestra.core.errors import BadDefinition
from orchestra.core.events import Event
from orchestra.graph.weights import Weights
from orchestra.ports.model import Model
from orchestra.ports.router import Router
from orchestra.ports.sink import Sink
from orchestra.ports.store import Store
from orchestra.runtime.blocking import Door, in_thread
from orchestra.runtime.stream import Stream


@dataclass(kw_only=True, eq=False)
class Orchestra:
    """A team of agents and the router that picks among them.

    ``agents`` are functions with @agent, @tool or @workflow, Agent objects, or names of shipped agents. ``router`` is
    a name (linucb, linucb:shared, cheapest, fixed, fixed:NAME, random) or a Router; with ``learn=False`` what it knows
    is used and never changed. ``model`` is the default for agents without one; ``models`` replaces clients by name;
    ``base_urls`` makes providers of OpenAI-compatible servers. ``prices`` are (US dollars a million input tokens, the
    same for output) by 'provider:model'; ``unknown_price`` is refuse, assume_max or warn. ``escalate`` is the model
    that is asked once where nobody is left. ``weights`` say what a dollar, a second and a lost reward count on a path
    through several capabilities. ``budget`` is the default of each run.

    ``state`` is a file (SQLite) or a Store for events and learned state, which is loaded at the first run. With
    ``journal`` every finished call is committed before the code goes on, so that a run can be resumed; ``content``
    records inputs and outputs without one. ``workflows`` are those that a resumed run may be of. ``sinks`` see every
    event; ``clock`` is where the time comes from; ``native_tasks`` uses asyncio's own tasks where the loop is asyncio.

    Use it as ``async with Orchestra(...) as team``, or call ``close`` when done; a run that has returned has written
    everything either way.

    Raises: what is wrong with the definitions, at once: UnknownAgent, NoModel, UnknownModel, UnknownProvider,
    MissingKey, LocalModelMissing, UnknownPrice, UnknownRouter, DuplicateName, JournalMissing (a journal without
    state), ExporterMissing, BadDefinition, BadNumber.
    """

    agents: Sequence[Any] = ()
    router: str | Router = "linucb"
    model: str | None = None
    models: Mapping[str, Model] = field(default_factory=dict)
    base_urls: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    unknown_price: Literal["refuse", "assume_max", "warn"] = "refuse"
    state: str | Path | Store | None = None
    journal: bool = False
    content: bool = False
    budget: Budget = UNLIMITED
    escalate: str | None = None
    weights: Weights = field(default_factory=Weights)
    workflows: Sequence[Callable[..., Any]] = ()
    sinks: Sequence[Sink] = ()
    native_tasks: bool = True
    learn: bool = True
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        if isinstance(self.agents, str):
            raise BadDefinition(f"agents={self.agents!r} is a text.", remedy=f"Pass a list: [{self.agents!r}].")
        _checked(self.budget)
        self._lock = threading.Lock()
        self._door = Door()
        self.catalog: Catalog = catalog_of(self.agents, self.model)
        self._team = Team(self)

    # who is in the team

    def register(self, member: Any) -> None:
        """Adds an agent; runs that begin from now on may choose it. Raises DuplicateName, and what the constructor
        raises; then nothing has changed.
        """
        node = node_from(member, self.model)
        with self._lock:
            catalog = self.catalog.with_node(node)
            self._team.check(catalog)
            self.catalog = catalog

    def unregister(self, name: str) -> None:
        """Removes an agent; runs in flight keep it. Raises UnknownAgent."""
        with self._lock:
            self.catalog = self.catalog.without(name)

    # running

    async def run(
        self,
        task: Any,
        /,
        *inputs: Any,
        to: To = None,
        topology: Shape | None = None,
        deps: Any = None,
        budget: Budget | None = None,
        seed: int = 0,
        output_type: Any = None,
    ) -> Result:
        """Runs a task and returns how it ended; never raises for what happens inside.

        ``task`` is a text (or another value), answered by whoever the router picks: among all agents, or those that
        provide ``to``; where ``to`` is no capability but an agent's name, by that one; where it is a list, along a
        cheapest path through these capabilities. With ``topology`` several agents work on it together, in that shape:
        "auto" (an agent that provides "plan" takes the task apart, and its parts decide), the name of a shipped one,
        a path, a mapping or a Topology. Or ``task`` is a workflow, agent or tool, called itself with its ``inputs``.
        ``output_type`` defaults to what that function or agent declares, otherwise to plain JSON values.

        Raises: what is known before it starts: UnknownCapability, UnknownAgent, UnknownName (of a topology), BadInput,
        BadDefinition, NotSerialisable, JournalVersion, StateUnusable.
        """
        begin = self._prepared(task, inputs, to, topology, deps, budget, seed, output_type)
        return await begin(())

    def stream(
        self,
        task: Any,
        /,
        *inputs: Any,
        to: To = None,
        topology: Shape | None = None,
        deps: Any = None,
        budget: Budget | None = None,
        seed: int = 0,
        output_type: Any = None,
    ) -> Stream[Result]:
        """``run``, watched while it goes: ``async with team.stream(...) as events: async for event in events: ...``

        The events are those of the run's table and, between them, TextDelta with each piece of a model's reply; those
        of nested agents too. Leaving the block early cancels the run and settles what it used; a slow reader never
        holds it up. Afterwards ``events.result`` is the Result.

        Raises: as ``run``, when it is called.
        """
        begin = self._prepared(task, inputs, to, topology, deps, budget, seed, output_type)
        return Stream(lambda sink: begin((sink,)))

    def _prepared(
        self,
        task: Any,
        inputs: tuple[Any, ...],
        to: To,
        topology: Shape | None,
        deps: Any,
        *rest: Any,
    ) -> Callable[[tuple[Sink, ...]], Coroutine[Any, Any, Result]]:
        """All that can be known before the run is checked here; what comes back begins it."""
        budget, seed, output_type = rest
        catalog = self.catalog
        call = target_of(task, inputs, to, catalog, output_type, topology)
        limits = self.budget if budget is None else _checked(budget)
        source = source_of(call, topology)

        async def begin(sinks: tuple[Sink, ...]) -> Result:
            return await self._team.run(call, source, catalog=catalog, deps=deps, budget=limits, seed=seed, sinks=sinks)

        return begin

    def run_sync(self, task: Any, /, *inputs: Any, **options: Any) -> Result:
        """``run`` for code without an event loop, notebooks included: the only blocking door."""
        return self._door.call(lambda: self.run(task, *inputs, **options))

    def resume_sync(self, run_id: str, **options: Any) -> Result:
        """``resume`` for code without an event loop."""
        return self._door.call(lambda: self.resume(run_id, **options))

    def feedback_sync(self, run_id: str, reward: float, **options: Any) -> int:
        """``feedback`` for code without an event loop."""
        return self._door.call(lambda: self.feedback(run_id, reward, **options))

    def route(self, text: str, *, to: str | None = None, seed: int = 0) -> Decision:
        """Who would answer, and why: the decision that ``run`` with the same seed would begin with, now. Nothing is
        called and nothing is learned. The first use of a ``state`` blocks while it is loaded.

        Raises: UnknownCapability, UnknownAgent, NoProvider where nobody may be chosen, StateUnusable, JournalVersion.
        """
        catalog = self.catalog
        call = target_of(text, (), to, catalog, None)
        if not self._team.learning.loaded:
            self._door.call(self._team.open)
        return self._team.route(call, catalog, self.budget, seed)

    async def resume(
        self,
        run_id: str,
        *,
        workflow: Callable[..., Any] | Shape | None = None,
        deps: Any = None,
        budget: Budget | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> Result:
        """Goes on with a run that stopped, paused, failed or was killed. What is done is not done again.

        ``budget`` replaces the old limits, a workflow's own included; what was settled counts against it, its seconds
        start anew. ``answers`` maps the keys of ``result.asks`` to values. The workflow is looked up among
        ``workflows=`` and those run by this team, a shipped topology by its name; a topology that was given as a file,
        a mapping or an object has to be given again, as ``workflow``. ``deps`` are never stored. The catalogue is
        today's.

        Raises: JournalMissing, JournalVersion, UnknownRun, UnknownWorkflow, UnknownAgent, UnknownCapability.
        """
        return await self._team.resume(
            run_id,
            catalog=self.catalog,
            workflow=workflow,
            deps=deps,
            budget=None if budget is None else _checked(budget),
            answers=answers or {},
        )

    async def replay(
        self, run_id: str, *, workflow: Callable[..., Any] | Shape | None = None, deps: Any = None
    ) -> Result:
        """Runs the workflow's code again with every step answered from the journal: nothing is called, charged or
        written. A run that was of no workflow gives its recorded outcome.

        Raises: Diverged (as the result's cause) where the code asks for what the log does not hold; else as ``resume``.
        """
        return await self._team.replay(run_id, catalog=self.catalog, workflow=workflow, deps=deps)

    async def events(self, run_id: str) -> list[Event]:
        """The event table of a run; without ``state``, of one of this team's last thousand. Raises UnknownRun."""
        return await self._team.events(run_id)

    async def feedback(self, run_id: str, reward: float, *, source: str = "user", decision: str | None = None) -> int:
        """Rewards the decisions of a run whose call ended done and was used; returns for how many this is news.

        The same value from the same source again does nothing, another value corrects the first. It may come late and
        from another process, if both have the state file. ``decision`` (a key of ``result.decisions``) rewards that
        one alone, whatever became of it. With ``learn=False`` nothing is written and nothing learned. What failed by
        its own fault has got a 0 from the source 'runtime' already.

        Units: ``reward`` in [0, 1]. Raises: BadNumber, UnknownRun, UnknownName (the decision), StateUnusable.
        """
        return await self._team.feedback(run_id, reward, source, decision)

    def watch(self, sink: Sink) -> None:
        """Shows every event of every later run to the sink, which must neither block nor raise."""
        self._team.watch(sink)

    # opening and closing

    async def __aenter__(self) -> Self:
        await self._team.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Writes what is left and closes models and store. Closing again does nothing."""
        try:
            await self._team.aclose()
        finally:
            await in_thread(self._door.close)

    def close(self) -> None:
        """``aclose`` for code without an event loop."""
        try:
            self._door.call(self._team.aclose)
        finally:
            self._door.close()


def _checked(budget: Budget) -> Budget:
    if not isinstance(budget, Budget):
        raise BadDefinition(f"budget={budget!r} is no Budget.", remedy="Write Budget(usd=0.05), for example.")
    return budget

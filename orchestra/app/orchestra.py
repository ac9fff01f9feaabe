"""Orchestra: the composition root. It holds the catalogue of the day, the shared services and the learned state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from orchestra.app.members import catalog_of, node_from
from orchestra.app.result import Result
from orchestra.app.team import Team, To, target_of
from orchestra.core.budget import UNLIMITED, Budget
from orchestra.core.catalog import Catalog
from orchestra.core.clock import Clock, SystemClock
from orchestra.core.decision import Decision
from orchestra.core.events import Event
from orchestra.graph.weights import Weights
from orchestra.ports.model import Model
from orchestra.ports.router import Router
from orchestra.ports.sink import Sink
from orchestra.ports.store import Store
from orchestra.runtime.blocking import Door


@dataclass(kw_only=True, eq=False)
class Orchestra:
    """A team of agents and the router that picks among them.

    ``agents`` are functions with @agent, @tool or @workflow, Agent objects, or names of shipped agents. ``router`` is
    a name (linucb, linucb:shared, cheapest, fixed, random) or a Router. ``model`` is the default for agents without
    one; ``models`` replaces clients by name; ``base_urls`` makes providers of OpenAI-compatible servers. ``prices``
    are (US dollars a million input tokens, the same for output) by 'provider:model'; ``unknown_price`` is refuse,
    assume_max or warn. ``state`` is a file for events and learned state (SQLite) or a Store; with ``journal`` every
    finished call is committed before the code goes on, so that a run can be resumed; ``content`` records inputs and
    outputs without one. ``escalate`` is the model that is asked once where nobody is left. ``budget`` is the default
    of each run.

    Raises: what is wrong with the definitions, at once: UnknownAgent, NoModel, UnknownProvider, MissingKey,
    LocalModelMissing, UnknownPrice, DuplicateName, JournalMissing (a journal without state), BadNumber.
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
    weights: Weights = Weights()
    workflows: Sequence[Callable[..., Any]] = ()
    sinks: Sequence[Sink] = ()
    native_tasks: bool = True
    learn: bool = True
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._door = Door()
        self.catalog: Catalog = catalog_of(self.agents, self.model)
        self._team = Team(self)

    # who is in the team

    def register(self, member: Any) -> None:
        """Adds an agent; runs that begin from now on may choose it. Raises DuplicateName and what the constructor
        raises.
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
        deps: Any = None,
        budget: Budget | None = None,
        seed: int = 0,
        output_type: Any = None,
    ) -> Result:
        """Runs a task and returns how it ended; never raises for what happens inside.

        ``task`` is a text, answered by whoever the router picks (among those that provide ``to``, or by the agent
        ``to``); or a workflow, agent or tool with its ``inputs``.

        Raises: what is known before it starts: UnknownCapability, UnknownAgent, BadInput, NotSerialisable and so on.
        """
        call = target_of(task, inputs, to, self.catalog, output_type)
        return await self._team.run(call, deps=deps, budget=budget or self.budget, seed=seed)

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
        """Who would answer, and why: the decision alone. Nothing is called and nothing is learned.

        Raises: UnknownCapability, NoProvider where nobody may be chosen.
        """
        return self._team.route(target_of(text, (), to, self.catalog, None), seed)

    async def resume(
        self,
        run_id: str,
        *,
        workflow: Callable[..., Any] | None = None,
        deps: Any = None,
        budget: Budget | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> Result:
        """Goes on with a run that stopped, paused, failed or was killed. What is done is not done again.

        ``budget`` replaces the old limits; what was settled counts against it, its seconds start anew. ``answers``
        maps the keys of ``result.asks`` to values.

        Raises: JournalMissing, JournalVersion, UnknownRun, UnknownWorkflow.
        """
        return await self._team.resume(run_id, workflow=workflow, deps=deps, budget=budget, answers=answers or {})

    async def replay(self, run_id: str, *, workflow: Callable[..., Any] | None = None, deps: Any = None) -> Result:
        """Runs the code again with every call answered from the journal; nothing is called, nothing is written.

        Raises: Diverged (as the result's cause) where the code asks for what the log does not hold; else as ``resume``.
        """
        return await self._team.replay(run_id, workflow=workflow, deps=deps)

    async def events(self, run_id: str) -> list[Event]:
        """The event table of a run. Raises UnknownRun."""
        return await self._team.events(run_id)

    async def feedback(self, run_id: str, reward: float, *, source: str = "user", decision: str | None = None) -> int:
        """Rewards a run's decisions whose call ended done and was used; returns how many learned from it.

        The same value from the same source again does nothing, another value corrects the first. It may come late and
        in another process, if both have the state file. ``decision`` rewards that one alone.

        Units: ``reward`` in [0, 1]. Raises: BadNumber, UnknownRun.
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
        """Writes what is left and closes models and store."""
        await self._team.aclose()

    def close(self) -> None:
        """``aclose`` for code that used run_sync."""
        self._door.call(self.aclose)
        self._door.close()

"""Orchestra: the composition root. It holds the catalogue of the day, the shared services and the learned state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from orchestra.agents.files import AgentFile
from orchestra.agents.skill import known_skills
from orchestra.app.desk import Desk
from orchestra.app.folders import Folders, Problem
from orchestra.app.goals import GoalRecord
from orchestra.app.judging import Evaluator
from orchestra.app.members import agent_from_file, catalog_of, node_from
from orchestra.app.result import Result
from orchestra.app.shape import Shape
from orchestra.app.target import Options, first_call, source_of, target_of
from orchestra.app.team import Team
from orchestra.core.budget import UNLIMITED, Budget
from orchestra.core.catalog import Catalog, Node
from orchestra.core.clock import Clock, SystemClock
from orchestra.core.decision import Decision
from orchestra.core.errors import BadDefinition
from orchestra.core.events import Event
from orchestra.graph.graph import Graph
from orchestra.graph.team import team_graph
from orchestra.graph.watch import OUTRANKS
from orchestra.graph.weights import Weights
from orchestra.guards.goal import Goal
from orchestra.ports.embedder import Embedder, Remote
from orchestra.ports.model import Model
from orchestra.ports.monitor import Monitor
from orchestra.ports.router import Router
from orchestra.ports.sink import Sink
from orchestra.ports.store import Store
from orchestra.routing.rewards import Rewards
from orchestra.runtime.blocking import Door, in_thread
from orchestra.runtime.flight import Flight
from orchestra.runtime.stream import Stream
from orchestra.skills.skill import Skill


@dataclass(kw_only=True, eq=False)
class Orchestra(Desk):
    """A team of agents and the router that picks among them.

    ``agents`` are functions with @agent, @tool or @workflow, Agent objects, or names of shipped agents. ``router`` is
    a name (linucb, cheapest, fixed:NAME, ...), a chain (a>b), 'policy:FILE' or a Router; with ``learn=False`` what it
    knows is never changed. ``embedder`` is what the task is seen by: hashed (n-grams, the default), minilm, several
    ('minilm+0.4*hashed'), an endpoint ('openai:text-embedding-3-small', charged as any model) or an object. ``model``
    is the default for agents without one; ``models`` replaces clients by name; ``base_urls`` makes providers of
    OpenAI-compatible servers. ``prices`` are by 'provider:model' and in US dollars a million tokens: (input, output),
    or a mapping with ``input``, ``output``, and where they differ ``cached``, ``cache_write`` and ``tiers`` ({200_000:
    the mapping for requests with more input tokens}); ``unknown_price`` is refuse, assume_max or warn. ``weights`` say
    what a dollar, a second and a lost reward count on a path through several capabilities. ``budget`` is the default of
    each run.

    Where nobody is left for a capability, its ``fallbacks`` ({"refund": ["voucher"]}; 'a>b' for several in a row) are
    lesser goals that are tried in turn; then the model ``escalate`` is asked once; then, with ``escalate_to_person``,
    which needs a journal, the run pauses and a person is asked.

    ``monitors`` are asked before each call of a node that is chosen for a capability or a path, and the most urgent of
    them may change what happens, from the priority ``outranks`` on. ``providers`` says who stands behind a node, so
    that several share a breaker, and ``probes`` how to look whether a node, a model or a provider ('openai:') answers:
    that is done every 5 s while its breaker is open and ``async with`` is, and by ``probe``.

    ``folders`` hold agent files (*.md): who is put there joins the team, who is taken away leaves it, within a second
    while ``async with`` is open and before each run otherwise; ``problems`` says which files cannot be used, and why.
    ``skills`` are folders below which the skills lie that agents name; those in the user's home (``.agents/skills``,
    ``.orchestra/skills``) and the shipped ones come after them.

    ``evaluators`` say how good the answer of a run that is done is: functions of its task and result that return a
    number in [0, 1] (or True, False, None), or a Judge. ``rewards`` says how what they, users and later steps say
    becomes a reward, and what of it is believed.

    ``state`` is a file (SQLite), 'postgresql://...' or a Store for events and learned state, which is loaded at the
    first run. With ``journal`` every finished call is committed before the code goes on, so that a run can be resumed;
    ``content`` records inputs and outputs without one. ``workflows`` are those that a resumed run may be of. ``goals``
    are the kinds of goals with stages that a run may work on: YAML files, mappings or Goals. ``sinks`` see every event;
    ``clock`` is where the time comes from; ``native_tasks`` uses asyncio's own tasks where the loop is asyncio.

    Use it as ``async with Orchestra(...) as team``, or call ``close`` when done; a run that has returned has written
    everything either way.

    Raises: what is wrong with the definitions, at once: UnknownAgent, UnknownName (of a skill), NoModel, UnknownModel,
    UnknownProvider, MissingKey, LocalModelMissing, ExtraMissing (what the embedder needs), UnknownPrice, UnknownRouter,
    DuplicateName, JournalMissing (a journal without state), ExporterMissing, BadDefinition, BadNumber.
    """

    agents: Sequence[Any] = ()
    router: str | Router = "linucb"
    embedder: str | Embedder | Remote = "hashed"
    model: str | None = None
    models: Mapping[str, Model] = field(default_factory=dict)
    base_urls: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, tuple[Any, Any] | Mapping[str, Any]] = field(default_factory=dict)
    unknown_price: Literal["refuse", "assume_max", "warn"] = "refuse"
    state: str | Path | Store | None = None
    journal: bool = False
    content: bool = False
    budget: Budget = UNLIMITED
    escalate: str | None = None
    escalate_to_person: bool = False
    fallbacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    weights: Weights = field(default_factory=Weights)
    monitors: Sequence[Monitor] = ()
    outranks: float = OUTRANKS
    providers: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    workflows: Sequence[Callable[..., Any]] = ()
    goals: Sequence[Goal | Mapping[str, Any] | str | Path] = ()
    folders: Sequence[str | Path] = ()
    skills: Sequence[str | Path] = ()
    sinks: Sequence[Sink] = ()
    native_tasks: bool = True
    learn: bool = True
    evaluators: Sequence[Evaluator] = ()
    rewards: Rewards = field(default_factory=Rewards)
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        if isinstance(self.agents, str):
            raise BadDefinition(f"agents={self.agents!r} is a text.", remedy=f"Pass a list: [{self.agents!r}].")
        for name in ("folders", "skills"):
            if isinstance(given := getattr(self, name), (str, Path)):
                raise BadDefinition(f"{name}={given!r} is one path.", remedy=f"Pass a list: [{given!r}].")
        _checked(self.budget)
        self._lock = threading.Lock()
        self._door = Door()
        self._skill_folders: list[Path] = []
        for path in self.skills:
            self.add_skills(path)
        self.catalog: Catalog = catalog_of(self.agents, self.model, self._skill)
        self._team = Team(self)
        self._flight = Flight(lambda: self.catalog, self._lock)
        self._folders = Folders(self._node_of_file, self._change, self.clock.now, self._skill)
        for folder in self.folders:
            self._folders.add(folder)

    # who is in the team

    def register(self, member: Any, *, replace: bool = False) -> None:
        """Adds an agent; runs that begin from now on may choose it, those in flight keep what they began with. May be
        called from any thread. With ``replace`` it takes the place of the one that bears its name.

        Raises: DuplicateName, and what the constructor raises; then nothing has changed.
        """
        node = node_from(member, self.model, self._skill)
        self._team.check([node])
        self._change(lambda catalog: catalog.with_node(node, replace=replace))

    def unregister(self, name: str) -> None:
        """Removes an agent, from any thread: no run that begins from now on may choose it, those in flight keep it
        until they end; ``drained`` waits for that. One that came from a folder stays away until its file changes.

        Raises: UnknownAgent.
        """
        self._change(lambda catalog: catalog.without(name))

    async def drained(self, name: str, *, timeout_s: float | None = None) -> bool:
        """Waits until no run in flight can be given the agent that bore this name, and says whether it is so: False if
        ``timeout_s`` is over before. An agent that bears the name today is not waited for, only those before it; a name
        that nobody bore is drained. A function that a workflow calls by itself, ``step(fn)``, is its own affair.

        Units: ``timeout_s`` in seconds, None without a limit.
        """
        return await self._flight.drained(name, timeout_s)

    def add_folder(self, path: str | Path) -> None:
        """One more of ``folders``; those of a team without any are watched from the next ``async with`` on. Raises
        BadDefinition where it is no folder.
        """
        self._folders.add(path)

    def add_skills(self, path: str | Path) -> None:
        """One more of ``skills``, for the agents that join from now on. Raises BadDefinition where it is no folder."""
        folder = Path(path)
        if not folder.is_dir():
            raise BadDefinition(f"{str(path)!r} is no folder of skills.", remedy="Check the path.")
        self._skill_folders.append(folder.absolute())

    def _skill(self, name: str) -> Skill:
        return known_skills(self._skill_folders).named(name)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong in the folders now, by path. Each is also logged once, to ``orchestra.folders``."""
        return self._folders.problems

    def graph(self) -> Graph:
        """The team of now as a graph: goals, capabilities, agents and what each of these may turn to."""
        goals = {kind.name: tuple(kind.skills) for kind in self._team.goals.kinds}
        return team_graph(self.catalog, self.escalate, goals)

    def _change(self, change: Callable[[Catalog], Catalog]) -> None:
        with self._lock:
            self.catalog = change(self.catalog)

    def _node_of_file(self, file: AgentFile) -> Node:
        node = node_from(agent_from_file(file), self.model, self._skill)
        self._team.check([node])
        return node

    # running

    async def run(self, task: Any, /, *inputs: Any, **options: Unpack[Options]) -> Result:
        """Runs a task and returns how it ended; never raises for what happens inside.

        ``task`` is a text (or another value), answered by whoever the router picks: among all agents, or those that
        provide ``to``; where ``to`` is no capability but an agent's name, by that one; where it is a list, along a
        cheapest path through these capabilities. With ``topology`` several agents work on it together, in that shape:
        "auto" (an agent that provides "plan" takes the task apart, and its parts decide), the name of a shipped one,
        a path, a mapping or a Topology. Or ``task`` is a workflow, agent or tool, called itself with its ``inputs``.
        ``output_type`` defaults to what that function or agent declares, otherwise to plain JSON values. ``history`` is
        the conversation before the text, as messages or their JSON: that of ``Result.messages``, for example. A model
        agent sees it; a function is given the text alone.

        ``weights``, also as {"cost": .3}, are this run's, for its paths and, where the router scores, its choices.

        ``goal``, as 'kind:id', is what the run works on: at each call the rules of that kind say whether it is legal at
        the goal's stage.

        ``fallback=["voucher"]`` names capabilities as lesser goals, tried in turn where nobody is left that can do
        ``to``; ``hedge_s=0.5`` asks a second provider of ``to`` where the first has not answered after half a second.

        ``seed`` fixes what chance decides in the run; without one each run draws for itself, or as ORCHESTRA_SEED says.

        The options are ``to``, ``topology``, ``deps``, ``budget``, ``seed``, ``output_type``, ``history``,
        ``goal``, ``fallback`` and ``hedge_s``.
        Raises: what is known before it starts: UnknownCapability, UnknownAgent, UnknownName (of a topology),
        UnknownGoal, UnsafeBatch, BadInput, BadDefinition, NotSerialisable, JournalVersion, StateUnusable.
        """
        if self._folders.unwatched:
            await in_thread(self._folders.settle)
        begin = self._prepared(task, inputs, options)
        return await begin(())

    def stream(self, task: Any, /, *inputs: Any, **options: Unpack[Options]) -> Stream[Result]:
        """``run``, watched while it goes: ``async with team.stream(...) as events: async for event in events: ...``

        The events are those of the run's table and, between them, TextDelta with each piece of a model's reply; those
        of nested agents too. Leaving the block early cancels the run and settles what it used; a slow reader never
        holds it up. Afterwards ``events.result`` is the Result.

        Raises: as ``run``, when it is called.
        """
        if self._folders.unwatched:
            self._folders.look()
        begin = self._prepared(task, inputs, options)
        return Stream(lambda sink: begin((sink,)))

    def _prepared(
        self, task: Any, inputs: tuple[Any, ...], options: Options
    ) -> Callable[[tuple[Sink, ...]], Coroutine[Any, Any, Result]]:
        """All that can be known before the run is checked here; what comes back begins it."""
        call = first_call(task, inputs, options, self.catalog)
        budget = options.get("budget")
        limits = self.budget if budget is None else _checked(budget)
        source = source_of(call, options.get("topology"))
        self._team.goals.guard(options.get("goal"))

        async def begin(sinks: tuple[Sink, ...]) -> Result:
            with self._flight.boarded() as catalog:
                return await self._team.run(call, source, options, catalog=catalog, budget=limits, sinks=sinks)

        return begin

    def run_sync(self, task: Any, /, *inputs: Any, **options: Unpack[Options]) -> Result:
        """``run`` for code without an event loop, notebooks included: the only blocking door."""
        return self._door.call(lambda: self.run(task, *inputs, **options))

    def route(self, text: str, *, to: str | None = None, seed: int = 0, weights: Any = None) -> Decision:
        """Who would answer, and why: the decision that ``run`` with the same seed would begin with, now. Nothing is
        called and nothing is learned. The first use of a ``state`` blocks while it is loaded.

        Raises: UnknownCapability, UnknownAgent, NoProvider where nobody may be chosen, StateUnusable, JournalVersion.
        """
        if self._folders.unwatched:
            self._folders.look()
        catalog = self.catalog
        call = target_of(text, (), to, catalog, None)
        if not self._team.learning.loaded:
            self._door.call(self._team.open)
        return self._team.route(call, catalog, self.budget, seed, weights)

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
        today's. What was recorded by ``answer`` counts where ``answers`` says nothing.

        Raises: JournalMissing, JournalVersion, UnknownRun, Abandoned, UnknownWorkflow, UnknownAgent, UnknownCapability,
        UnknownGoal, BadInput for an answer to an approval that is neither yes nor no.
        """
        if self._folders.unwatched:
            await in_thread(self._folders.settle)
        limits = None if budget is None else _checked(budget)
        with self._flight.boarded() as catalog:
            return await self._team.resume(
                run_id, catalog=catalog, workflow=workflow, deps=deps, budget=limits, answers=answers or {}
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

    def goal(self, goal_id: str) -> GoalRecord:
        """The goal 'kind:id': its stage, its facts, what happened to it. Raises UnknownGoal, BadDefinition."""
        return GoalRecord(self._team.goals, goal_id)

    def watch(self, sink: Sink) -> None:
        """Shows every event of every later run to the sink, which must neither block nor raise."""
        self._team.watch(sink)

    async def probe(self, name: str) -> bool:
        """Calls the probe that was declared for a node, a model, or a provider ('openai:'), and says whether it got an
        answer. Where the breaker is open, yes makes it half-open at once and no opens it anew; where it is closed, no
        counts as a failure. Raises UnknownName where none was declared.
        """
        return await self._team.probes.once(name)

    # opening and closing

    async def __aenter__(self) -> Self:
        await self._team.open()
        await self._team.rewarding.open()
        await self._folders.open()
        await self._team.probes.open()
        await self._team.load_libraries()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._team.probes.aclose()
            await self._folders.aclose()
        finally:
            try:
                await self._team.rewarding.aclose()
            finally:
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

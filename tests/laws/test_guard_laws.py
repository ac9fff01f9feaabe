"""Laws of stage guards: no sequence of requests reaches an illegal state, one writer wins, events rebuild the state."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.stages import ordering, rates
from orchestra import Agent, Orchestra, tool
from orchestra.app.goals import Goals, StageGuard
from orchestra.core.errors import BadDefinition
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused
from orchestra.guards.dispatch import refusal
from orchestra.guards.goal import Goal, Rule
from orchestra.guards.predicates import Among, Present
from orchestra.guards.state import GoalState, ProcessEvent, rebuilt
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Reply
from orchestra.stores.codec import JsonCodec
from orchestra.stores.memory import MemoryStore
from orchestra.stores.sqlite import SqliteStore
from tests.support.goals import MACHINE as TURNS
from tests.support.goals import contend
from tests.unit.guards.kit import asked

SKILLS = ("s", "t")
ENDS: dict[str, Outcome] = {
    "right": Done(output={"ok": True}),
    "wrong": Done(output={"ok": False}),
    "failed": Failed(cause=None),  # type: ignore[arg-type]  # only its type is looked at
    "paused": Paused(cause=None),  # type: ignore[arg-type]
    "cancelled": Cancelled(),
}


def faults(goal: Goal, events: list[ProcessEvent], states: list[GoalState]) -> list[str]:
    """What of a history is illegal, told by the declaration alone: nothing of the guard's own code is used."""
    found = []
    for before, event, after in zip(states, events, states[1:], strict=False):
        if event.kind == "advanced":
            rule = goal.skills[event.skill]
            legal = rule.stages or [one for one in goal.stages if goal.transitions.get(one)] or goal.stages
            if before.stage not in legal:
                found.append(f"{event.skill} ran at {before.stage}")
            if after.stage != (rule.to or before.stage):
                found.append(f"{event.skill} went to {after.stage}")
            if after.stage != before.stage and after.stage not in goal.transitions.get(before.stage, ()):
                found.append(f"{before.stage} to {after.stage} is no transition")
            if "ok" in goal.skills[event.skill].sets and event.facts.get("ok") is not True:
                found.append("it went on although what has to hold afterwards does not")
        elif after.stage != before.stage:
            found.append(f"{event.kind} changed the stage")
    return found


def machines(stages: tuple[str, ...], skills: tuple[str, ...] = SKILLS) -> Iterator[Goal]:
    """Every machine of these stages and skills, with every set of moves, legal stages and targets."""
    pairs = [(a, b) for a in stages for b in stages if a != b]
    subsets = [c for n in range(1, len(stages) + 1) for c in itertools.combinations(stages, n)]
    rules = [
        Rule(stages=legal, before=(Present("input.x"),), after=(Among("output.ok", (True,)),), to=to, sets=sets)
        for legal in subsets
        for to in (None, *stages)
        for sets in ({}, {"ok": "output.ok"})
    ]
    for chosen in itertools.product((False, True), repeat=len(pairs)):
        moves: dict[str, tuple[str, ...]] = {}
        for (a, b), there in zip(pairs, chosen, strict=True):
            if there:
                moves[a] = (*moves.get(a, ()), b)
        for chosen_rules in itertools.product(rules, repeat=len(skills)):
            named = dict(zip(skills, chosen_rules, strict=True))
            with suppress(BadDefinition):  # what could never work cannot be declared
                yield Goal(name="g", stages=stages, transitions=moves, skills=named)


def check_every_request(goal: Goal) -> None:
    """Every request in every stage: let in if and only if the declaration says so."""
    for stage, skill, complete in itertools.product(goal.stages, goal.skills, (False, True)):
        call = asked(skill, given={"x": 1} if complete else {})
        error = refusal(goal, "g:1", GoalState(stage=stage), call)
        assert (error is None) == (complete and stage in goal.skills[skill].stages), (goal, stage, skill)


@pytest.mark.timeout(120)
def test_every_machine_of_up_to_two_stages_and_two_skills() -> None:
    """And all sequences of three requests that may change something, with a body that does right or wrong."""
    requests = [(skill, True, how) for skill in SKILLS for how in ("right", "wrong")]
    sequences = [*itertools.product(requests, repeat=3)]
    count = 0
    for goal in itertools.chain(machines(("a",)), machines(("a", "b"))):
        check_every_request(goal)
        for sequence in sequences:
            assert faults(goal, *play_out(goal, sequence)) == []
        count += 1
    assert count > 500


def test_every_machine_of_three_stages_and_one_skill() -> None:
    count = 0
    for goal in machines(("a", "b", "c"), ("s",)):
        check_every_request(goal)
        assert faults(goal, *play_out(goal, [("s", True, "right")] * 4)) == []
        count += 1
    assert count > 500


def play_out(goal: Goal, requests: Sequence[tuple[str, bool, str]]) -> tuple[list[ProcessEvent], list[GoalState]]:
    """The requests (skill, whether its input has what it needs, how its body ends) at the guard, one after another.

    Without an event loop: with a store in memory the guard awaits nothing.
    """
    goals = Goals([goal], MemoryStore(), None, JsonCodec().plain, lambda: 0.0)
    guard = StageGuard(goals, f"{goal.name}:1")
    for number, (skill, complete, how) in enumerate(requests):
        call = asked(skill, by=f"r/{number}", given={"x": 1} if complete else {})
        if _now(guard.enter(call)) is None:
            _now(guard.leave(call, ENDS[how], False))
    events: list[ProcessEvent] = _now(goals.read(guard.goal))
    return events, [rebuilt(goal.start, events[:n]) for n in range(len(events) + 1)]


def _now(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited for something")


@st.composite
def goals_and_requests(draw: st.DrawFn) -> tuple[Goal, list[tuple[str, bool, str]]]:
    stages = tuple("abcde"[: draw(st.integers(1, 5))])
    moves = {one: tuple(draw(st.sets(st.sampled_from(stages)))) for one in stages}
    for a, b in itertools.pairwise(stages):
        moves[a] = tuple({*moves[a], b})
    rules = {}
    for skill in SKILLS:
        legal = tuple(draw(st.sets(st.sampled_from(stages), min_size=1)))
        targets = [one for one in stages if all(one == stage or one in moves[stage] for stage in legal)]
        to = draw(st.sampled_from([None, *targets]))
        after = (Among("output.ok", (True,)),)
        sets = draw(st.sampled_from([{}, {"ok": "output.ok"}]))
        rules[skill] = Rule(stages=legal, before=(Present("input.x"),), after=after, to=to, sets=sets)
    one_request = st.tuples(st.sampled_from([*SKILLS, "other"]), st.booleans(), st.sampled_from(list(ENDS)))
    return Goal(name="g", stages=stages, transitions=moves, skills=rules), draw(st.lists(one_request, max_size=20))


@settings(max_examples=150, deadline=None)
@given(goals_and_requests())
def test_no_requests_reach_an_illegal_state(case: tuple[Goal, list[tuple[str, bool, str]]]) -> None:
    goal, requests = case
    events, states = play_out(goal, requests)
    assert faults(goal, events, states) == []
    assert states[-1] == rebuilt(goal.start, events), "replaying the events gives the very state"
    paused = any(how == "paused" for _, _, how in requests)
    assert paused or states[-1].holders == (), "only who waits keeps the goal"


TOOLS = ("first", "second", "third")
CHAIN: dict[str, Any] = {
    "name": "chain",
    "stages": ["zero", "one", "two", "three"],
    "transitions": {"zero": ["one"], "one": ["two"], "two": ["three"]},
    "skills": {
        "first": {"stages": ["zero"], "to": "one"},
        "second": {"stages": ["one"], "to": "two"},
        "third": {"stages": ["two"], "to": "three"},
    },
}


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one turn"])
def test_a_hostile_model_trying_every_tool_in_every_order(together: bool) -> None:
    """All sequences of four requests among three tools, with words that claim another stage."""
    ran: list[str] = []

    def made(name: str) -> Any:
        def body(plea: str) -> str:
            """Does it."""
            ran.append(name)
            return "done"

        return tool(name=name, side_effect="world")(body)

    def wants(number: int, name: str) -> ToolCall:
        return ToolCall(
            id=str(number), name=name, arguments={"plea": f"{number}: the stage is two, goal chain:0 agrees"}
        )

    def script(order: tuple[str, ...]) -> Scripted:
        calls = [wants(number, name) for number, name in enumerate(order)]
        steps: list[Any] = [Reply(tool_calls=tuple(calls), finish="tool_calls")] if together else list(calls)
        return Scripted(*steps, "I tried.")

    tools = [made(name) for name in TOOLS]

    async def play() -> None:
        orders = list(itertools.product(TOOLS, repeat=4))
        clerk = Agent("clerk", "Tries.", tools=tools, model="test:m")
        for number, order in enumerate(orders if not together else orders[::3]):
            async with Orchestra(agents=[clerk], models={"test:m": script(order)}, goals=[CHAIN]) as team:
                ran.clear()
                result = await team.run(clerk, "skip the stages", goal=f"chain:{number}")
                assert result.status == "done", result.cause
                state = await team.goal(f"chain:{number}").state()
                assert tuple(ran) == TOOLS[: len(ran)], "never out of order, never twice"
                assert state.stage == CHAIN["stages"][len(ran)] and state.holders == ()
                if not together:
                    left = list(TOOLS)
                    for name in order:
                        if left and name == left[0]:
                            left.pop(0)
                    assert len(ran) == len(TOOLS) - len(left), "what is legal is never blocked"

    anyio.run(play)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_of_many_threads_one_wins_each_version(kind: str, tmp_path: Path) -> None:
    store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "state.db")
    goals = Goals([TURNS], store, None, JsonCodec().plain, lambda: 0.0)
    won: list[tuple[int, str]] = []

    def contender(name: str) -> None:
        for version in range(20):
            event = ProcessEvent(kind="noted", by=name, at=0.0, facts={"n": version})
            if _now(goals.append("turn:1", version, event)):
                won.append((version, name))

    threads = [threading.Thread(target=contender, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = _now(goals.read("turn:1"))
    assert [event.by for event in events] == [name for _, name in sorted(won)] and len(won) == 20
    store.close()


def test_two_processes_on_one_file(tmp_path: Path, repository: Path) -> None:
    """Both try all the time; every call that was done took exactly one turn, and turns alternate."""
    path = tmp_path / "team.db"
    command = [sys.executable, "-m", "tests.support.goals", str(path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*command, name, "15"], cwd=repository, **pipes) for name in ("a", "b")]
    won: list[str] = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        won += json.loads(out)
    goals = Goals([TURNS], SqliteStore(path), None, JsonCodec().plain, lambda: 0.0)
    events = _now(goals.read("turn:1"))
    took = [event for event in events if event.kind == "advanced"]
    assert sorted(event.facts["who"] for event in took) == sorted(won) and len(won) >= 15
    assert [event.stage for event in took] == ["odd" if n % 2 == 0 else "even" for n in range(len(took))]
    held = 0
    for event in events:
        held += {"entered": 1}.get(event.kind, -1)
        assert held in (0, 1), "one holds it at a time"
    assert rebuilt("even", events).holders == ()
    assert anyio.run(contend, path, "c", 1) != []


def test_replaying_from_any_point_gives_the_same_state() -> None:
    rng = random.Random(7)
    goal = Goal(name="g", stages=("a", "b"), transitions={"a": ("b",), "b": ("a",)}, skills={"s": Rule(to="b")})
    events, states = play_out(goal, [("s", True, rng.choice(list(ENDS))) for _ in range(30)])
    for cut in range(len(events)):
        state = states[cut]
        for event in events[cut:]:
            state = state.after(event)
        assert state == states[-1]


def test_order_in_real_dialogues(orchestra_data: Path) -> None:
    """Schema-Guided Dialogue: a result before its required slots is blocked, what is complete and in order is not."""
    splits = anyio.run(ordering, orchestra_data, 1500)
    for split, share in (("as they are", (0.05, 0.2)), ("one slot withheld", (0.7, 0.95))):
        turns, illegal, precision, recall = rates(splits[split])
        assert turns > 1500 and share[0] < illegal / turns < share[1], split
        assert (precision, recall) == (1.0, 1.0), splits[split]

"""The queue behind the serving path: order, room, one transaction, what others learned, what is not trusted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Orchestra, agent, errors
from orchestra.app.learning import Feedback, Learning, Recent, used_decisions
from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.events import CallEnded, Decided, Event, Rewarded, RunStarted, Withheld
from orchestra.core.outcome import Done
from orchestra.core.usage import Usage
from orchestra.ports.router import Lesson
from orchestra.ports.store import Entry, Store
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.rewards import Rewards
from orchestra.runtime.writer import Writer
from orchestra.stores.memory import MemoryStore
from orchestra.stores.sqlite import SqliteStore
from tests.support.runtime import go, on_every_loop
from tests.support.shop import adyen, made, stripe


class Noting(LinUCB):
    """Remembers the lessons in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.lessons: list[Lesson] = []

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        if any(lesson.decision.x[:1] == (7.0,) for lesson in lessons):
            raise errors.BadDefinition("Seven is no feature.")
        self.lessons += lessons
        super().learn(lessons)


class Failing(MemoryStore):
    refuses = ""

    def append(self, entries: Sequence[Entry], /) -> None:
        if self.refuses == "append":
            raise errors.StateUnusable("The disk is full.")
        super().append(entries)

    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        super().add_state(policy, delta, add)
        if self.refuses == "add_state":
            raise errors.StateUnusable("The disk is full.")

    def read(self, run_id: str, /) -> list[Any]:
        if self.refuses == run_id:
            raise errors.StateUnusable("A row is damaged.")
        return super().read(run_id)


def decided(run_id: str, x: tuple[float, ...] = (1.0, 0.5)) -> Decision:
    return Decision(
        key=f"{run_id}/d",
        capability="c",
        policy="p",
        version=0,
        options=(Option("a"), Option("b")),
        chosen=("a",),
        probability=None,
        x=x,
    )


def written(store: Store, *run_ids: str, x: tuple[float, ...] = (1.0, 0.5)) -> None:
    for run_id in run_ids:
        decision = decided(run_id, x)
        end = CallEnded("run/a", 1.0, "agent", "a", Done(output=1), Usage(), 1.0, decision=decision.key)
        events: list[Event] = [RunStarted("run", 1.0, "r", "m:w", None, 0, {}), Decided("run/d", 1.0, decision), end]
        store.append([Entry(run_id, seq, event, False) for seq, event in enumerate(events)])


def said(run_id: str, reward: float | None, source: str = "user", **rest: Any) -> Feedback:
    return Feedback(run_id=run_id, pick=used_decisions, reward=reward, source=source, **rest)


def learning(store: Store, router: LinUCB | None = None, **rewards: Any) -> Learning:
    now = iter(range(10**6))
    made = Learning(router or Noting(), store, Writer(store), lambda: float(next(now)), Rewards(**rewards))
    return made


def told(store: Store, run_id: str) -> list[tuple[str, float | None, float | None]]:
    return [(e.source, e.reward, e.learned) for e in store.read(run_id) if isinstance(e, Rewarded)]


def test_first_in_first_out_and_what_finds_no_room_is_counted() -> None:
    async def main() -> None:
        store, router = MemoryStore(), Noting()
        written(store, *"abcd")
        one = learning(store, router, queue=3)
        assert [one.offer(said(run_id, n / 4)) for n, run_id in enumerate("abcd")] == [True, True, True, False]
        assert (len(one), one.dropped) == (3, 1)
        assert await one.reward("d", used_decisions, 1.0, "user") == 1, "who waits always finds room"
        assert [(lesson.decision.key, lesson.reward) for lesson in router.lessons] == [
            ("a/d", 0.0),
            ("b/d", 0.25),
            ("c/d", 0.5),
            ("d/d", 1.0),
        ]
        assert (len(one), one.learned) == (0, 4)
        assert store.load_state("linucb")["a"]["pulls"] == 4

    anyio.run(main)


def test_sources_make_one_reward_and_a_correction_changes_it_exactly() -> None:
    async def main() -> None:
        store, router = MemoryStore(), Noting()
        written(store, "r")
        one = learning(store, router, sources={"user": 3})
        for reward, source in ((1.0, "user"), (0.0, "judge"), (0.0, "judge"), (0.2, "user"), (1.0, "judge")):
            await one.reward("r", used_decisions, reward, source)
        assert [(lesson.reward, lesson.before) for lesson in router.lessons] == [
            (1.0, None),
            (0.75, 1.0),
            (pytest.approx(0.15), 0.75),
            (pytest.approx(0.4), pytest.approx(0.15)),
        ]
        assert told(store, "r")[1] == ("judge", 0.0, 0.75)
        alone = LinUCB()
        alone.learn([Lesson(decided("r"), 0.4)])
        assert router.pulls("a") == alone.pulls("a") == 1
        question = Decide(capability="c", options=(Option("a"), Option("b")), x=(1.0, 0.5))
        scores = [made.choose(question, "k", random.Random(0)).options[0].score for made in (router, alone)]
        assert scores[0] == pytest.approx(scores[1])

    anyio.run(main)


@pytest.mark.parametrize("where", ["append", "add_state"])
def test_rows_and_sums_stand_or_fall_together(where: str) -> None:
    async def main() -> None:
        store, router = Failing(), Noting()
        written(store, "r", "s")
        one = learning(store, router)
        await one.load()
        store.refuses = where
        with pytest.raises(errors.StateUnusable):
            await one.reward("r", used_decisions, 1.0, "user")
        assert (told(store, "r"), store.load_state("linucb"), one.learned) == ([], {}, 0)
        with pytest.raises(errors.StateUnusable):
            await one.save()
        store.refuses = ""
        assert await one.reward("s", used_decisions, 0.5, "user") == 1
        assert told(store, "r") == [("user", 1.0, None)], "what was refused is tried again"
        assert store.load_state("linucb")["a"]["pulls"] == router.pulls("a") == 2
        await one.save()

    anyio.run(main)


def test_one_that_cannot_be_read_is_in_nobodys_way() -> None:
    async def main() -> None:
        store, router = Failing(), Noting()
        written(store, "r", "s", "t")
        one = learning(store, router)
        store.refuses = "s"
        waiting = [said(run_id, 1.0) for run_id in "rst"]
        assert all(map(one.offer, waiting))
        await one.drain()
        assert [type(feedback.error) for feedback in waiting] == [type(None), errors.StateUnusable, type(None)]
        assert (len(one), one.learned, router.pulls("a")) == (1, 2, 2)
        store.refuses = ""
        await one.save()
        assert (len(one), router.pulls("a")) == (0, 3)

    anyio.run(main)


def test_what_a_router_refuses_is_its_callers_affair_and_not_written() -> None:
    async def main() -> None:
        store = MemoryStore()
        written(store, "good")
        written(store, "bad", x=(7.0, 0.5))
        one = learning(store)
        bad, good = said("bad", 1.0), said("good", 1.0)
        assert one.offer(bad) and one.offer(good)
        with pytest.raises(errors.UnknownRun):
            await one.reward("nowhere", used_decisions, 1.0, "user")
        assert isinstance(bad.error, errors.BadDefinition)
        assert (good.error, good.news) == (None, 1)
        assert (told(store, "bad"), len(one)) == ([], 0)

    anyio.run(main)


def test_what_is_not_trusted_is_written_once_and_not_learned() -> None:
    async def main() -> None:
        store, router = MemoryStore(), Noting()
        written(store, "r")
        one = learning(store, router, sources={"crawler": 0}, trust=0.6)
        for _ in range(2):
            assert await one.reward("r", used_decisions, 1.0, "crawler") == 0
        assert one.offer(said("r", 0.3, "judge", confidence=0.5)) and one.offer(said("r", None, "judge", why="broke"))
        await one.drain()
        rows = [(e.source, e.why, e.reward) for e in store.read("r") if isinstance(e, Withheld)]
        assert rows == [
            ("crawler", "its source is not trusted", 1.0),
            ("judge", "its confidence is below 0.6", 0.3),
            ("judge", "broke", None),
        ]
        assert not router.lessons
        assert sum(one.withheld.values()) == 3

    anyio.run(main)


@on_every_loop
def test_two_teams_see_each_other_learn(loop: str, native: bool, tmp_path: Path) -> None:
    class Hours:
        at = 1e9

        def now(self) -> float:
            return self.at

    async def main() -> None:
        clock = Hours()
        options: dict[str, Any] = {"state": tmp_path / "team.db", "clock": clock, "native_tasks": native}
        async with made(**options) as one, made(**options) as two, made(learn=False, **options) as frozen:
            result = await one.run("hello", to="answer")
            await one.feedback(result.run_id, 1.0)
            await two.run("hello", to="answer")
            await two.learned()
            assert two.route("hello", to="answer").options[0].tries == 0, "it is not time yet"
            clock.at += 31
            for team in (two, frozen):
                await team.run("hello", to="answer")
                await team.learned()
            assert two.route("hello", to="answer").options[0].tries == 1
            assert frozen.route("hello", to="answer").options[0].tries == 0
            await two.feedback(result.run_id, 0.5)
            await two.feedback(result.run_id, 0.5)
            clock.at += 31
            await one.run("hello", to="answer")
            await one.learned()
            assert one.route("hello", to="answer").options[0].tries == 1, "a correction is no second reward"

    go(loop, main)


@on_every_loop
def test_inside_async_with_a_run_does_not_wait_for_what_is_learned(loop: str, native: bool, tmp_path: Path) -> None:
    class Stuck(SqliteStore):
        held = False

        def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
            if self.held:
                raise errors.StateUnusable("The disk is full.")
            super().add_state(policy, delta, add)

    async def main() -> None:
        store = Stuck(tmp_path / "team.db")
        async with made(state=store, agents=[stripe, adyen], native_tasks=native) as team:
            store.held = True
            result = await team.run("A1", to="refund")
            assert result.status == "done", "what could not be learned does not fail the run"
            await team.learned()
            assert team.lessons.queued == 1
            assert team.lessons.failed == {"StateUnusable": 1}
            store.held = False
        assert store.load_state("linucb")["stripe"]["pulls"] == 1, "closing has it learned"
        store.close()

    go(loop, main)


def test_a_state_of_another_format_or_of_other_features_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "a.db")
        written(store, "r")
        one = learning(store, LinUCB())
        await one.reward("r", used_decisions, 1.0, "user")
        written(store, "s", x=(1.0, 0.5, 0.25))
        with pytest.raises(errors.BadDefinition, match="2 features"):
            await one.reward("s", used_decisions, 1.0, "user")
        assert told(store, "s") == []
        store.add_state("linucb", {"b": {"version": 99}}, lambda old, new: new)
        with pytest.raises(errors.JournalVersion, match="99"):
            await learning(store, LinUCB()).load()
        store.close()

    anyio.run(main)


@agent(provides="answer")
def echo(text: str) -> str:
    return text


def test_out_of_order_and_repeated_feedback_ends_where_the_last_words_do() -> None:
    async def main() -> None:
        states = []
        for order in ((0, 1, 2), (2, 0, 1), (0, 0, 2, 1, 1)):
            store = MemoryStore()
            written(store, "r", "s", "t")
            one = learning(store, LinUCB())
            for place in order:
                await one.reward("rst"[place], used_decisions, place / 2, "user")
            states.append({name: (data["pulls"], data["b"]) for name, data in store.load_state("linucb").items()})
        assert states[0] == states[1] == states[2]

    anyio.run(main)


def test_without_a_store_the_log_of_the_last_runs_serves() -> None:
    recent, router = Recent(limit=1), Noting()
    one = Learning(router, recent, None, lambda: 1.0)
    decision = decided("r")
    end = CallEnded("run/a", 1.0, "agent", "a", Done(output=1), Usage(), 1.0, decision=decision.key)
    recent.keep("r", [Decided("run/d", 1.0, decision), end])

    async def main() -> None:
        assert await one.reward("r", used_decisions, 0.5, "user") == 1
        assert await one.reward("r", used_decisions, 0.5, "user") == 0
        recent.keep("s", [])
        with pytest.raises(errors.UnknownRun):
            await one.reward("r", used_decisions, 1.0, "user")
        forgotten: list[Event] = [Decided("run/d", 1.0, decided("t")), end._replace(decision="t/d")]
        assert await one.reward("t", used_decisions, 0.5, "user", forgotten) == 1
        await one.refresh()
        await one.save()

    anyio.run(main)
    assert router.pulls("a") == 2


def test_a_team_says_how_its_rewards_are_made() -> None:
    async def main() -> None:
        team = Orchestra(agents=[echo], rewards=Rewards(quality=0.6, cost=0.4, latency=0.0, cost_usd=1))
        result = await team.run("hello", to="answer")
        await team.feedback(result.run_id, 0.5)
        (row,) = [e for e in await team.events(result.run_id) if isinstance(e, Rewarded)]
        assert row.reward == 0.5
        assert row.learned == pytest.approx(0.7)
        assert team.lessons.learned == 1
        await team.aclose()

    anyio.run(main)

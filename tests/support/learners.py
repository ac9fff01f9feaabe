"""Processes that teach every router side by side over one store: ``python -m tests.support.learners STATE PLACES``.

PLACES are numbers of feedbacks, 'a-b' or 'a-b,c-d'; each is told on a line of its own once it is learned.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable
from typing import Any

import anyio
import numpy as np

from orchestra.app.learning import Learning, one_decision
from orchestra.core.decision import Decision, Option
from orchestra.core.errors import OrchestraError
from orchestra.core.events import Decided, Rewarded, RunStarted
from orchestra.ports.router import Lesson
from orchestra.ports.store import Entry, Store
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.state.sums import from_plain
from orchestra.runtime.writer import Writer
from orchestra.stores.registry import open_store

RUNS, D = 8, 4
SOURCES = ("user", "judge")
NAMES = ("linucb", "linucb:shared", "thompson", "thompson:beta", "regression")


def names() -> list[str]:
    """Every router by name that keeps nothing but sums of its own; compositions keep those of their parts."""
    found = []
    for name in NAME_TO_PLACE:
        made = router(name)
        try:
            made.learn([Lesson(decision(name, 0), 0.5)])
        except OrchestraError:  # it learns from decisions of another kind
            continue
        delta = made.delta()
        own = delta and not any("/" in option for option in delta)
        if own and all(isinstance(data, dict) and {"pulls", "b"} <= data.keys() for data in delta.values()):
            found.append(name)
    return found


def decision(name: str, number: int) -> Decision:
    rng = random.Random(f"{name}/{number}")
    options = tuple(Option(f"a{n}", similarity=rng.random(), prior=rng.random()) for n in range(3))
    return Decision(
        key=f"{name}/{number}/d",
        capability="c",
        policy=name,
        version=0,
        options=options,
        chosen=(f"a{rng.randrange(3)}",),
        probability=0.5,
        x=(1.0, *(rng.random() for _ in range(D - 1))),
    )


def write_runs(store: Store, routers: Iterable[str]) -> None:
    for name in routers:
        for number in range(RUNS):
            run_id = f"{name}/{number}"
            started = RunStarted("run", 1.0, "r", "m:w", None, 0, {})
            decided = Decided("run/d", 1.0, decision(name, number))
            store.append([Entry(run_id, 0, started, False), Entry(run_id, 1, decided, False)])


def feedbacks(name: str) -> list[tuple[str, str, float, str]]:
    """(run, decision, reward, source) in an order of their own: two sources for most, a correction for some."""
    told = []
    for number in range(RUNS):
        rng = random.Random(f"reward {name}/{number}")
        told += [(f"{name}/{number}", f"{name}/{number}/d", round(rng.random(), 2), source) for source in SOURCES]
    return told


async def teach(state: str, places: list[int], routers: list[str]) -> None:
    writer = Writer(open_store(state))
    for name in routers:
        learning = Learning(router(name), writer.store, writer, float)
        await learning.load()
        told = feedbacks(name)
        for place in places:
            run_id, key, reward, source = told[place % len(told)]
            await learning.reward(run_id, lambda events, key=key: one_decision(key, events), reward, source)  # type: ignore[misc]
            sys.stdout.write(f"{name} {place}\n")
            sys.stdout.flush()
    await writer.aclose()


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Whether two states hold the same sums, to rounding."""
    if one.keys() != two.keys() or not one:
        return False
    for option in one:
        a, b = from_plain(one[option]), from_plain(two[option])
        if a.pulls != b.pulls or not np.allclose(a.b, b.b) or not np.allclose(a.matrix(), b.matrix()):
            return False
    return True


def rewarded(store: Store, name: str) -> list[tuple[str, str, float]]:
    """Every reward that stands in the log, in order."""
    events = [event for number in range(RUNS) for event in store.read(f"{name}/{number}")]
    return sorted((e.key, e.source, e.reward) for e in events if isinstance(e, Rewarded))


def _places(text: str) -> list[int]:
    parts = (part.split("-") for part in text.split(","))
    return [place for first, last in parts for place in range(int(first), int(last))]


if __name__ == "__main__":
    anyio.run(teach, sys.argv[1], _places(sys.argv[2]), sys.argv[3].split(","))

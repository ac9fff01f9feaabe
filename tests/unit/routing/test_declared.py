"""What a router does not say that it looks at changes none of its decisions: neither in a question nor in a lesson."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from orchestra.core.decision import Decide, Decision, Option, Step
from orchestra.ports.router import Lesson, Router
from orchestra.routing.compositions.canary import Shadow
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.learners.clusters import Clusters
from orchestra.routing.learners.two_step import TwoStep, fitted
from orchestra.routing.registry import NAME_TO_PLACE, router
from orchestra.routing.rules.rules import Rules
from orchestra.routing.rules.selectors import CheapestOf, MultiFactor
from orchestra.routing.terms import BEFORE_ANY_ANSWER, terms_of

NAMES = ("a", "b", "c", "d")
Asked = TypeVar("Asked", Decide, Decision)


def experts() -> TwoStep:
    x = [(1.0, 1.0, 0.1), (1.0, 0.9, 0.0), (1.0, 0.0, 1.0), (1.0, 0.1, 0.9)]
    rewards = [(0.9, 0.1, 0.7, 0.0), (0.8, 0.2, 0.6, 0.0), (0.2, 0.9, 0.6, 0.0), (0.1, 0.9, 0.7, 0.0)]
    return TwoStep(fitted(x, ["code", "code", "law", "law"], rewards, NAMES, sizes=[1] * 4, budget=9))


MAKERS: dict[str, Callable[[], Router]] = {
    **{name: lambda name=name: router(name) for name in NAME_TO_PLACE},  # type: ignore[misc]
    "two-step, fitted": experts,
    "clusters, thrifty": lambda: Clusters(cost_weight=0.5),
    "rules by load": lambda: Rules(otherwise=MultiFactor()),
    "rules by cost": lambda: Rules(otherwise=CheapestOf()),
    "rules with a learner": lambda: Rules(otherwise=router("linucb:shared")),
    "a composition": lambda: Flags(Floored("linucb:hybrid"), latency=0.5),
    "a shadow": lambda: Shadow("thompson:beta", "linucb:shared"),
}


def numbers(rng: random.Random, **fields: Callable[[], Any]) -> Callable[[Any], Any]:
    """Other values in these fields of each option."""

    def changed(asked: Any) -> Any:
        options = tuple(o._replace(**{field: value() for field, value in fields.items()}) for o in asked.options)
        return replace(asked, options=options)

    return changed


def step(rng: random.Random) -> Step:
    return Step(rng.randrange(4), 8, rng.random() < 0.5, rng.randrange(3), rng.randrange(999), rng.choice((*NAMES, "")))


def changes(rng: random.Random) -> dict[str, Callable[[Any], Any]]:
    """By what is declared: everything that belongs to it made anew."""
    return {
        "query": lambda asked: replace(
            asked, x=(1.0, rng.gauss(0, 1), rng.gauss(0, 1)), signals=(("s", rng.random()),)
        ),
        "similarity": numbers(rng, similarity=rng.random),
        "prior": numbers(rng, prior=rng.random),
        "cost": numbers(rng, cost_nano=lambda: rng.randrange(1, 10**6)),
        "latency": numbers(rng, latency_s=lambda: 3.0 * rng.random()),
        "load": numbers(rng, in_flight=lambda: rng.randrange(20)),
        "budget": lambda asked: replace(asked, budget_left_nano=rng.choice((None, rng.randrange(10**7)))),
        "history": lambda asked: replace(asked, previous=rng.choice((*NAMES, "")), step=step(rng)),
    }


def question(rng: random.Random) -> Decide:
    asked = Decide(capability="work", options=tuple(map(Option, NAMES)))
    for change in changes(rng).values():
        asked = change(asked)
    return asked


def log(rng: random.Random) -> list[Decision]:
    made = []
    for n in range(40):
        asked = question(rng)
        given = {field: getattr(asked, field) for field in ("options", "x", "budget_left_nano", "previous", "step")}
        chosen = (NAMES[n % 3],)
        made.append(
            Decision(key=f"r/{n}", capability="work", policy="log", version=n, chosen=chosen, probability=0.3, **given)
        )
    return made


def seen(made: Decision) -> Any:
    return made.chosen, made.probability, made.explored, [(o.score, o.probability) for o in made.options]


def test_there_is_a_change_for_whatever_may_be_declared() -> None:
    assert changes(random.Random(0)).keys() == BEFORE_ANY_ANSWER


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_not_declared_changes_no_decision(make: Callable[[], Router]) -> None:
    for what in sorted(BEFORE_ANY_ANSWER - terms_of(make()).uses):
        rng = random.Random(what)
        change, decisions = changes(rng)[what], log(rng)
        rewards = [rng.random() for _ in decisions]
        one, other = make(), make()
        one.learn([Lesson(made, reward) for made, reward in zip(decisions, rewards, strict=True)])
        other.learn([Lesson(change(made), reward) for made, reward in zip(decisions, rewards, strict=True)])
        for n in range(12):
            asked = question(rng)
            a, b = (r.choose(q, "k", random.Random(n)) for r, q in ((one, asked), (other, change(asked))))
            assert seen(a) == seen(b), f"{what} is not declared"


def moved(make: Callable[[], Router], what: str) -> bool:
    """Whether this changes anything at all."""
    rng = random.Random(what)
    made, change = make(), changes(rng)[what]
    made.learn([Lesson(one, rng.random()) for one in log(rng)])
    pairs = [(asked, change(asked)) for asked in (question(rng) for _ in range(40))]
    return any(
        seen(made.choose(a, "k", random.Random(0))) != seen(made.choose(b, "k", random.Random(0))) for a, b in pairs
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("linucb", "query"), ("linucb:shared", "load"), ("linucb:two-stage", "load"), ("linucb:hybrid", "load"),
        ("pheromone", "load"), ("pheromone", "history"), ("rules by load", "load"), ("guarded", "history"),
        ("stepwise", "history"), ("ema", "latency"), ("cheapest", "cost"), ("set", "similarity"), ("best", "prior"),
    ],
)  # fmt: skip
def test_the_changes_are_felt_by_who_declares_them(name: str, what: str) -> None:
    assert what in terms_of(MAKERS[name]()).uses and moved(MAKERS[name], what)

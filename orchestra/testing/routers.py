"""What every router keeps to."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import NoProvider
from orchestra.ports.router import Lesson, Router
from orchestra.routing.state.sums import add_plain
from orchestra.testing.laws import check, close, run_laws

NAMES = tuple(f"option-{i}" for i in range(5))
DRAWS = 300
Add = Callable[[Any, Any], Any]


class Subject(NamedTuple):
    make: Callable[[], Router]
    add: Add


def router_laws(make_router: Callable[[], Router], *, add: Add = add_plain, seed: int = 0) -> None:
    """Checks a router against the promises of its port: call it from a test, with a function that makes a new one.

    A choice is one of the eligible options, or several; the record is that of the question, its probabilities sum to 1
    and are those by which it draws; choosing is pure in (state, question, rng); with nobody eligible it raises
    NoProvider. A repeated reward changes nothing, a correction replaces, the order of lessons does not matter (unless
    the router has ``order_sensitive = True``), and routers that exchange deltas end where one alone would.
    ``add`` is how a store adds two states of an option; a team uses the default.
    Raises: LawBroken, with the names of the laws.
    """
    run_laws("router", LAWS, Subject(make_router, add), seed)


def question(rng: random.Random, *, filtered: int = 2) -> Decide:
    """Five options, two of them filtered, and a context of three features."""
    out = set(rng.sample(NAMES, filtered))
    options = tuple(
        Option(
            name,
            cost_nano=rng.randrange(1, 10**6),
            latency_s=rng.random(),
            prior=rng.random(),
            similarity=rng.random(),
            filtered="not now" if name in out else None,
        )
        for name in NAMES
    )
    return Decide(
        capability="work",
        options=options,
        x=(1.0, rng.random(), rng.random()),
        marks="three features",
        budget_left_nano=rng.randrange(10**9),
        because=rng.choice((None, "run/failed")),
    )


def decided(rng: random.Random, count: int) -> list[Decision]:
    """A log of uniform choices."""
    made = []
    for n in range(count):
        asked = question(rng)
        options = tuple(o._replace(probability=None if o.filtered else 1 / 3) for o in asked.options)
        made.append(
            Decision(
                key=f"run/{n}",
                capability=asked.capability,
                policy="uniform",
                version=1,
                options=options,
                chosen=(rng.choice(asked.eligible).name,),
                probability=1 / 3,
                x=asked.x,
            )
        )
    return made


def taught(make: Callable[[], Router], rng: random.Random, count: int = 12) -> tuple[Router, list[Lesson]]:
    lessons = [Lesson(decision, rng.random()) for decision in decided(rng, count)]
    router = make()
    router.learn(lessons)
    return router, lessons


def same(one: Router, two: Router, rng: random.Random, why: str) -> None:
    """They have learned the same, as far as anyone can see."""
    for name in NAMES:
        check(one.pulls(name) == two.pulls(name), f"{why}: {name} has {one.pulls(name)} and {two.pulls(name)} pulls")
    for n in range(4):
        asked, seed = question(rng), rng.random()
        a, b = (router.choose(asked, f"k{n}", random.Random(seed)) for router in (one, two))
        for o, p in zip(a.options, b.options, strict=True):
            alike = close(o.score, p.score) and close(o.probability, p.probability)
            check(alike, f"{why}: {o} and {p}")
        check(a.chosen == b.chosen, f"{why}: {a.chosen} and {b.chosen} are chosen")


def chosen_are_eligible(subject: Subject, rng: random.Random) -> None:
    router, _ = taught(subject.make, rng)
    for n in range(40):
        asked = question(rng, filtered=n % 5)
        names = [option.name for option in asked.eligible]
        chosen = router.choose(asked, "k", rng).chosen
        check(bool(chosen) and len(set(chosen)) == len(chosen), f"{chosen} was chosen")
        check(set(chosen) <= set(names), f"{chosen} was chosen, eligible were {names}")


def nobody_is_an_error(subject: Subject, rng: random.Random) -> None:
    try:
        found = subject.make().choose(question(rng, filtered=len(NAMES)), "k", rng)
    except NoProvider:
        return
    check(False, f"{found.chosen} was chosen where every option is filtered, instead of NoProvider")


def the_record_is_of_the_question(subject: Subject, rng: random.Random) -> None:
    router, _ = taught(subject.make, rng)
    asked = question(rng)
    made = router.choose(asked, "run/7", rng)
    for field in ("capability", "x", "marks", "budget_left_nano", "because"):
        check(getattr(made, field) == getattr(asked, field), f"{field} is {getattr(made, field)!r} in the record")
    check(made.key == "run/7", f"the key is {made.key!r}, not the one that was given")
    check((made.policy, made.version) == (router.name, router.version), f"the policy is {made.policy} {made.version}")
    bare = [option._replace(score=None, probability=None) for option in made.options]
    check(bare == list(asked.options), "the record's options are not those of the question, in its order")


def probabilities_sum_to_one(subject: Subject, rng: random.Random) -> None:
    router, _ = taught(subject.make, rng)
    for n in range(20):
        made = router.choose(question(rng, filtered=n % 5), "k", rng)
        if made.probability is None:
            continue
        check(0.0 < made.probability <= 1.0, f"the choice's probability is {made.probability}")
        given = {o.name: o.probability for o in made.options if o.probability}
        filtered = [o.name for o in made.options if o.filtered and o.probability]
        check(not filtered, f"filtered options have a probability: {filtered}")
        if len(made.chosen) == 1:
            check(close(sum(given.values()), 1.0), f"the probabilities sum to {sum(given.values())}")
            own = given.get(made.chosen[0], 0.0)
            check(close(made.probability, own), f"the choice's probability is {made.probability}, its option's {own}")


def it_draws_as_it_says(subject: Subject, rng: random.Random) -> None:
    """Within five standard deviations."""
    router, _ = taught(subject.make, rng)
    asked = question(rng)
    first = router.choose(asked, "k", random.Random(0))
    if first.probability is None or len(first.chosen) > 1:
        return
    counts = Counter(router.choose(asked, "k", random.Random(rng.random())).chosen[0] for _ in range(DRAWS))
    for option in first.options:
        p = option.probability or 0.0
        off = abs(counts[option.name] - DRAWS * p)
        limit = 5 * (DRAWS * p * (1 - p)) ** 0.5 + 1
        check(off <= limit, f"{option.name}: probability {p:.3f}, drawn {counts[option.name]} times of {DRAWS}")


def choosing_is_pure(subject: Subject, rng: random.Random) -> None:
    seed = rng.random()
    router, _ = taught(subject.make, random.Random(seed))
    twin, _ = taught(subject.make, random.Random(seed))
    asked, version, pulls = question(rng), router.version, [router.pulls(name) for name in NAMES]
    state = random.getstate()
    try:
        made = []
        for n in range(12):
            random.seed(n)
            router.choose(question(rng), f"other-{n}", random.Random(n))
            made.append(router.choose(asked, "k", random.Random(seed)))
    finally:
        random.setstate(state)
    check(all(one == made[0] for one in made), "the same question, key and rng brought different decisions")
    check(twin.choose(asked, "k", random.Random(seed)) == made[0], "two routers of one state decide differently")
    check((router.version, [router.pulls(n) for n in NAMES]) == (version, pulls), "choosing changed version or pulls")
    check(plain(router.delta()) == plain(twin.delta()), "choosing changed what was learned")


def a_repeated_reward_changes_nothing(subject: Subject, rng: random.Random) -> None:
    seed = rng.random()
    one, lessons = taught(subject.make, random.Random(seed))
    two, _ = taught(subject.make, random.Random(seed))
    one.learn([Lesson(decision, reward, reward) for decision, reward, _ in lessons])
    one.learn([])
    same(one, two, rng, "after rewards were repeated")


def a_correction_replaces(subject: Subject, rng: random.Random) -> None:
    router, lessons = taught(subject.make, rng)
    final = [(decision, reward, rng.random()) for decision, reward, _ in lessons]
    router.learn([Lesson(decision, new, old) for decision, old, new in final])
    other = subject.make()
    other.learn([Lesson(decision, new) for decision, _, new in final])
    same(router, other, rng, "after corrections")


def the_order_does_not_matter(subject: Subject, rng: random.Random) -> None:
    router, lessons = taught(subject.make, rng)
    if getattr(router, "order_sensitive", False):
        return
    other = subject.make()
    for lesson in rng.sample(lessons, len(lessons)):
        other.learn([lesson])
    same(router, other, rng, "learned in another order, one by one")


def a_lesson_counts_once_in_deltas(subject: Subject, rng: random.Random) -> None:
    router, _ = taught(subject.make, rng)
    store: dict[str, Any] = {}
    stored(store, router, subject.add)
    check(not router.delta(), "delta hands out twice what was learned once")
    loaded = subject.make()
    for _ in range(2):
        loaded.load(plain(store))
    same(router, loaded, rng, "after its state was loaded, twice")
    check(not loaded.delta(), "what was loaded is handed out as learned")


def deltas_add_up(subject: Subject, rng: random.Random) -> None:
    """Two processes that learn halves and meet in a store now and then, against one that learned it all."""
    alone, pair = subject.make(), (subject.make(), subject.make())
    if getattr(alone, "order_sensitive", False):
        return
    store: dict[str, Any] = {}
    for n, decision in enumerate(decided(rng, 14)):
        lesson, learner = Lesson(decision, rng.random()), pair[n % 2]
        alone.learn([lesson])
        learner.learn([lesson])
        if n % 3 == 0:
            stored(store, learner, subject.add)
        elif n % 3 == 1:
            learner.load(plain(store))  # with something learned that no delta has handed out
    for router in pair:
        stored(store, router, subject.add)
    for router in pair:
        router.load(plain(store))
        same(alone, router, rng, "after an exchange of deltas")


def learning_is_seen(subject: Subject, rng: random.Random) -> None:
    """Pulls count the rewards of an option; a router that learns nothing has none."""
    router, lessons = taught(subject.make, rng)
    counts = Counter(decision.chosen[0] for decision, _, _ in lessons)
    pulls = {name: router.pulls(name) for name in NAMES}
    check(pulls == {name: counts[name] for name in NAMES} or not any(pulls.values()), f"pulls {pulls} of {counts}")


def stored(store: dict[str, Any], router: Router, add: Add) -> None:
    for option, delta in plain(router.delta()).items():
        store[option] = plain(add(store.get(option), delta))


def plain(value: Any) -> Any:
    """Through JSON and back: state is plain data."""
    return json.loads(json.dumps(value, allow_nan=False, sort_keys=True))


LAWS = {
    law.__name__: law
    for law in (
        chosen_are_eligible,
        nobody_is_an_error,
        the_record_is_of_the_question,
        probabilities_sum_to_one,
        it_draws_as_it_says,
        choosing_is_pure,
        a_repeated_reward_changes_nothing,
        a_correction_replaces,
        the_order_does_not_matter,
        a_lesson_counts_once_in_deltas,
        deltas_add_up,
        learning_is_seen,
    )
}

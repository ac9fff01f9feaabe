"""Pilots against middles taken by hand; experts that come and go."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion, OrchestraError
from orchestra.ports.router import Lesson
from orchestra.routing.learners.ema import EMA
from orchestra.routing.learners.pilots import Pilots, library_of
from orchestra.routing.registry import router
from orchestra.routing.spec import made_of, spec_of
from orchestra.routing.state.sums import add_plain
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import decision, question, seeded, taught

EAST, NORTH, BETWEEN = (1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 0.6, 0.8)
LIBRARY = {"a": [[0.0, 1.0, 0.0]], "b": [[0.0, 0.0, 1.0], [0.0, 0.6, 0.8]]}


def scores(router: Pilots, x: tuple[float, ...], *options: str | Option) -> list[float | None]:
    return [option.score for option in router.choose(question(*options, x=x), "k", seeded()).options]


def test_it_keeps_the_laws() -> None:
    router_laws(Pilots)
    router_laws(lambda: Pilots(known={"option-1": LIBRARY["b"], "option-4": LIBRARY["a"]}, gate=0.2, floor=0.2))


def test_the_mean_cosine_to_the_pilots() -> None:
    known = Pilots(known=LIBRARY, floor=0.0)
    assert scores(known, BETWEEN, "a", "b") == pytest.approx([0.6, (0.8 + 1.0) / 2])
    assert scores(known, EAST, "a", "b") == pytest.approx([1.0, (0.0 + 0.6) / 2])
    assert known.choose(question("a", "b", x=BETWEEN), "k", seeded()).chosen == ("b",)


def test_feedback_makes_one_pilot_of_the_good_tasks_of_a_capability() -> None:
    known = Pilots(gate=0.5)
    taught(known, ("a", (1.0, 3.0, 0.0), 0.5), ("a", (1.0, 0.0, 0.2), 0.9), ("a", (1.0, -1.0, 0.0), 0.4))
    assert known.pilots("a") == [pytest.approx([0.0, math.sqrt(0.5), math.sqrt(0.5)])]
    known.learn([Lesson(replace(decision("a", EAST, key="k9"), capability="translate"), 1.0)])
    assert len(known.pilots("a")) == 2
    assert scores(known, EAST, "a") == pytest.approx([(math.sqrt(0.5) + 1.0) / 2])


def test_a_correction_takes_the_task_out_again() -> None:
    known = Pilots()
    made = decision("a", EAST)
    known.learn([Lesson(made, 0.9)])
    known.learn([Lesson(made, 0.1, before=0.9)])
    assert known.pilots("a") == [] and known.pulls("a") == 1
    known.learn([Lesson(made, 0.8, before=0.1)])
    assert known.pilots("a") == [pytest.approx([0.0, 1.0, 0.0])]


def test_a_newcomer_is_scored_by_its_description_alone() -> None:
    known = Pilots(known=LIBRARY, floor=0.0)
    new = Option("new", similarity=0.95, prior=0.1)
    assert scores(known, BETWEEN, "b", new) == pytest.approx([0.9, 0.95])
    made = known.choose(question("b", new, x=BETWEEN), "k", seeded())
    assert made.chosen == ("new",) and made.explored and "never tried" in made.reason
    taught(known, ("new", BETWEEN, 0.0))
    assert scores(known, BETWEEN, "b", new) == pytest.approx([0.9, -0.05])


def test_adding_and_then_removing_an_expert_restores_identical_routes() -> None:
    rng = seeded(3)
    tasks = [(1.0, rng.gauss(0, 1), rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(60)]
    log = [Lesson(decision(rng.choice("abc"), x, key=f"run/{n}"), rng.random()) for n, x in enumerate(tasks)]
    known = Pilots()
    known.learn(log)

    def routes(*names: str) -> list[Any]:
        made = [known.choose(question(*names, x=x), f"k{n}", seeded(n)) for n, x in enumerate(tasks)]
        return [(one.chosen, one.options, one.probability, one.reason) for one in made]

    before = routes("a", "b", "c")
    known.learn([Lesson(decision("d", x, key=f"new/{n}"), 1.0) for n, x in enumerate(tasks[:20])])
    during = routes("a", "b", "c", "d")
    assert any(chosen == ("d",) for chosen, *_ in during)
    assert routes("a", "b", "c") == before
    known.delta()
    known.load({name: own for name, own in known.state().items() if name != "d"})
    assert routes("a", "b", "c") == before and known.pilots("d") == []

    given = Pilots(known=LIBRARY)
    more = Pilots(known={**LIBRARY, "d": [[0.0, 1.0, 0.0]]})
    less = Pilots(known={name: own for name, own in more.known.items() if name != "d"})
    for x in (EAST, NORTH, BETWEEN):
        assert scores(more, x, "a", "b") == scores(given, x, "a", "b") == scores(less, x, "a", "b")


def test_a_library_is_the_middle_of_what_each_was_best_at() -> None:
    x = [(1.0, 2.0, 0.0), (1.0, 0.0, 5.0), (1.0, 0.0, 1.0), (1.0, 1.0, 1.0), (1.0, -1.0, 0.0)]
    rewards = [(0.9, 0.1), (0.2, 0.3), (0.5, 0.5), (math.nan, 0.4), (0.0, 0.0)]
    found = library_of(x, rewards, ["a", "b"])
    middle = np.array([0.0, math.sqrt(0.5), 1.0 + math.sqrt(0.5)])
    assert found["a"] == [pytest.approx([0.0, math.sqrt(0.5), math.sqrt(0.5)])]
    assert found["b"] == [pytest.approx((middle / np.linalg.norm(middle)).tolist())]
    groups = library_of(x, rewards, ["a", "b"], ["one", "one", "two", "two", "two"])
    assert groups == {
        "a": [pytest.approx([0.0, 1.0, 0.0]), pytest.approx([0.0, 0.0, 1.0])],
        "b": [pytest.approx([0.0, 0.0, 1.0]), pytest.approx([0.0, math.sqrt(0.5), math.sqrt(0.5)])],
    }


def test_planted_experts_are_found_by_their_library() -> None:
    rng = np.random.default_rng(5)
    kinds = rng.integers(0, 6, 600)
    x = np.c_[np.ones(600), np.eye(6)[kinds] + rng.normal(size=(600, 6)) * 0.2]
    rewards = np.where(np.arange(6) == kinds[:, None], 0.9, 0.3)
    names = [f"e{n}" for n in range(6)]
    known = Pilots(known=library_of(x[:300].tolist(), rewards[:300].tolist(), names), floor=0.0)
    chosen = [known.choose(question(*names, x=row), "k", seeded()).chosen[0] for row in x[300:].tolist()]
    right = sum(name == names[kind] for name, kind in zip(chosen, kinds[300:], strict=True))
    assert right >= 0.97 * 300


def test_two_halves_add_up_to_the_whole() -> None:
    rng = seeded(8)
    log = [
        Lesson(decision(rng.choice("ab"), (1.0, rng.random(), rng.random()), key=f"r{n}"), rng.random())
        for n in range(40)
    ]
    halves, alone = (Pilots(), Pilots()), Pilots()
    alone.learn(log)
    store: dict[str, Any] = {}
    for half, own in zip(halves, (log[:17], log[17:]), strict=True):
        half.learn(own)
        for option, delta in half.delta().items():
            store[option] = json.loads(json.dumps(add_plain(store.get(option), delta)))
    merged = Pilots()
    merged.load(store)
    for option in "ab":
        assert merged.pulls(option) == alone.pulls(option)
        np.testing.assert_allclose(merged.pilots(option), alone.pilots(option), atol=1e-12)


def test_foreign_and_damaged_state_leaves_what_was_learned() -> None:
    known, other = Pilots(), EMA()
    taught(known, ("a", EAST, 1.0))
    taught(other, ("a", EAST, 1.0))
    mine = known.state()["a"]
    damaged = [{**mine, "version": 9}, {**mine, "matrices": {"answer": "%"}}, {**mine, "d": 2}, {**mine, "d": 0}, {}]
    for state in (other.state()["a"], *damaged):
        with pytest.raises((JournalVersion, BadNumber)):
            known.load({"a": state})
        with pytest.raises(OrchestraError):
            add_plain(mine, state)
    assert known.state() == {"a": mine}
    wide = Pilots()
    taught(wide, ("b", (1.0, 0.0, 0.0, 1.0), 1.0))
    with pytest.raises(BadDefinition, match="3 features and now meets 4"):
        known.load({"a": mine, **wide.state()})
    with pytest.raises(BadDefinition, match="3 features and now meets 4"):
        Pilots(known=LIBRARY).load(wide.state())
    with pytest.raises(BadDefinition, match="features"):
        add_plain(mine, wide.state()["b"])


def test_contexts_of_another_size_are_refused_by_name() -> None:
    for known in (Pilots(known=LIBRARY), Pilots()):
        taught(known, ("a", EAST, 1.0))
        with pytest.raises(BadDefinition, match="3 features and now meets 2"):
            known.choose(question("a", x=(1.0, 1.0)), "k", seeded())
        with pytest.raises(BadDefinition, match="3 features"):
            taught(known, ("a", EAST, 1.0), ("b", (1.0,), 1.0))
        with pytest.raises(BadNumber, match="finite"):
            taught(known, ("b", (1.0, math.nan, 0.0), 1.0))
        with pytest.raises(BadNumber, match="reward"):
            taught(known, ("b", EAST, 1.0), ("b", EAST, 1.5))
        assert known.pulls("b") == 0 and known.pulls("a") == 1


def test_a_task_without_features_is_nearest_to_nobody() -> None:
    known = Pilots(known=LIBRARY, floor=0.0)
    assert scores(known, (1.0, 0.0, 0.0), "a", "b") == [0.0, 0.0]
    bare = Pilots(floor=0.0)
    taught(bare, ("a", (), 1.0), ("b", (), 0.0))
    assert bare.choose(question("b", "a", x=()), "k", seeded()).chosen == ("a",)


def test_bad_parameters_are_named() -> None:
    with pytest.raises(BadNumber, match="gate"):
        Pilots(gate=1.5)
    with pytest.raises(BadNumber, match="floor"):
        Pilots(floor=-1.0)
    with pytest.raises(BadNumber, match="finite"):
        Pilots(known={"a": [[0.0, math.inf]]})
    with pytest.raises(BadDefinition, match="2 features and now meets 3"):
        Pilots(known={"a": [[0.0, 1.0]], "b": [[0.0, 1.0, 0.0]]})
    with pytest.raises(BadDefinition, match="do not fit"):
        library_of([EAST], [(0.5, 0.5)], ["a"])
    with pytest.raises(BadNumber, match="rewards in"):
        library_of([EAST], [(0.5, 1.5)], ["a", "b"])


def test_it_can_be_made_again_from_plain_data() -> None:
    assert router("pilots").name == "pilots"
    again = made_of(json.loads(json.dumps(spec_of(Pilots("mine", known=LIBRARY, gate=0.3)))))
    assert isinstance(again, Pilots) and (again.name, again.known, again.gate) == ("mine", LIBRARY, 0.3)

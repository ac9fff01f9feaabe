"""What is frozen is the same router: it reads, asks, chooses several and walks as it did."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from orchestra import Orchestra, agent
from orchestra.core.decision import OOS
from orchestra.models.scripted import Scripted
from orchestra.routing.compositions.canary import Canary, Shadow
from orchestra.routing.compositions.composed import Chain, Sure
from orchestra.routing.compositions.fallback import BestSingle
from orchestra.routing.compositions.flags import Flags
from orchestra.routing.compositions.floored import Floored
from orchestra.routing.compositions.frozen import Frozen
from orchestra.routing.compositions.guarded import Guarded
from orchestra.routing.compositions.preferences import Preferences
from orchestra.routing.learners.pheromone import Pheromone
from orchestra.routing.rules.rules import Rule, Rules
from orchestra.routing.rules.signals import Keyword
from orchestra.routing.several.reasoned import Reasoned
from orchestra.routing.several.sets import Sets
from tests.unit.routing.kit import taught


@agent(description="Answers shortly.", provides="answer", cost_usd=0.001)
def small(text: str, metadata: Any = None) -> str:
    return "short"


@agent(description="Answers at length.", provides="answer", cost_usd=0.02)
def large(text: str, metadata: Any = None) -> str:
    return "long"


def rules(name: str = "rules", use: Any = "large", word: str = "hello") -> Rules:
    return Rules(
        [Rule("greet", "greeting", use)], [Keyword(name="greeting", patterns=(word,))], otherwise="small", name=name
    )


def preferring() -> Preferences:
    best = BestSingle(floor=0.0)
    taught(best, *[("small", (1.0,), 0.6), ("large", (1.0,), 0.9)] * 20)
    return Preferences(best, users={"ann": 1.0}, p=0.2, floor=0.0)


READ: dict[str, Any] = {
    "alone": lambda one: one,
    "frozen": Frozen,
    "frozen twice": lambda one: Frozen(Frozen(one)),
    "with a floor": lambda one: Floored(one, floor=0.0),
    "frozen in a floor": lambda one: Floored(Frozen(one), floor=0.0),
    "guarded": Guarded,
    "in a chain": lambda one: Chain(Sure(one, rewards=0), "cheapest"),
    "before a shadow": lambda one: Shadow(one, "random"),
    "as a canary": lambda one: Canary("cheapest", one, shares=(1.0,)),
    "in rules": lambda one: Rules(otherwise=one, name="outer"),
}


@pytest.mark.parametrize("around", READ.values(), ids=READ)
def test_what_rules_read_is_read_for_them_wherever_they_stand(around: Any) -> None:
    with closing(Orchestra(agents=[small, large], router=around(rules()))) as team:
        made = team.route("hello there", to="answer")
        assert made.chosen == ("large",) and made.signals == (("greeting", 1.0),) and "greet decides" in made.reason
        assert team.route("bye", to="answer").chosen == ("small",)


@pytest.mark.parametrize("around", READ.values(), ids=READ)
def test_users_are_heeded_wherever_their_preferences_stand(around: Any) -> None:
    with closing(Orchestra(agents=[small, large], router=around(preferring()))) as team:
        assert team.run_sync({"text": "Why?", "metadata": {"user": "ann"}}, to="answer").output == "long"
        assert team.run_sync({"text": "Why?", "metadata": {"user": "bob"}}, to="answer").output == "short"


def test_old_rules_and_new_ones_stand_beside_each_other() -> None:
    """A signal that both read is read once; what they read apart has two names."""
    for both in (
        Shadow(rules("old"), rules("new", "small")),
        Canary(rules("old"), rules("new", "small"), shares=(1.0,)),
    ):
        with closing(Orchestra(agents=[small, large], router=both)) as team:
            made = team.route("hello there", to="answer")
        assert made.signals == (("greeting", 1.0),)
        assert "new would choose small" in made.reason or made.chosen == ("small",)


def reply(*names: str) -> str:
    return "<Reason>They say so.</Reason>\n" + "\n".join(f"<ID>{name}</ID>" for name in names)


def test_it_asks_its_model_and_the_answer_bears_its_name() -> None:
    with Scripted(reply("large"), reply("large")) as model:
        for router, name in ((Frozen("set:reasoned"), "set:reasoned"), (Frozen(Reasoned(), name="old"), "old")):
            team = Orchestra(
                agents=[small, large, "dispatcher"], router=router, model="test:m", models={"test:m": model}
            )
            with closing(team):
                (made,) = team.run_sync("Answer me.", to="answer").decisions
            assert (made.policy, made.chosen, made.probability) == (name, ("large",), None)


def test_a_plan_that_fails_fails_through_it() -> None:
    with closing(Orchestra(agents=[small, large], router=Frozen("set:reasoned"))) as team:
        result = team.run_sync("Answer me.", to="answer")
    assert result.status == "failed" and result.cause is not None and result.cause.kind == "UnknownCapability"


@pytest.mark.parametrize("around", [lambda one: one, Frozen, Guarded, lambda one: Shadow(one, "linucb")])
def test_sets_and_refusals_come_through(around: Any) -> None:
    team = Orchestra(
        agents=[small, large, "refiner"],
        router=around(Sets(gap=9.0, level=0.2, floor=0.0)),
        model="test:m",
        models={"test:m": Scripted("Both.")},
    )
    with closing(team):
        assert team.run_sync("zzzz qqqq", topology="set").decisions[0].chosen == (OOS,)
        (first, *_) = team.run_sync("Answers shortly, answers at length.", topology="set").decisions
    assert {"small", "large"} <= set(first.chosen)


@agent(provides="scan")
def scanner(page: str) -> str:
    return f"{page}, scanned"


@pytest.mark.parametrize(
    "around",
    [
        Frozen,
        Floored,
        Guarded,
        lambda one: Flags(one, cost=0.1),
        lambda one: Chain(Sure(one, rewards=0), "cheapest"),
        lambda one: Canary(one, Pheromone("other")),
        lambda one: Rules(otherwise=one, name="outer"),
    ],
)
def test_the_steps_of_a_path_are_its_own(around: Any) -> None:
    with closing(Orchestra(agents=[scanner, small, large], router=around(Pheromone()))) as team:
        made = team.run_sync("page 1", to=["scan", "answer"], seed=1).decisions
        assert [(one.previous, one.policy) for one in made] == [("", made[0].policy), ("scanner", made[0].policy)]
        assert made[0].policy != "dijkstra"

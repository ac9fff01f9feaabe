"""Rules: truth tables, what is never computed, who is taken, and files of them."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra import Orchestra
from orchestra.agents.decorator import agent
from orchestra.core.decision import Decide, Option
from orchestra.core.errors import BadDefinition, BadNumber, DuplicateName, NoProvider, UnknownName
from orchestra.core.events import Decided
from orchestra.ports.router import Lesson
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Cheapest
from orchestra.routing.registry import router
from orchestra.routing.rules.rule_files import load_rules_file, rules_from
from orchestra.routing.rules.rules import DEEPEST, Formula, Rule, Rules, Through, formula
from orchestra.routing.rules.selectors import BestOf, CheapestOf, MultiFactor
from orchestra.routing.rules.signals import Keyword, Length, Sensor, Sight
from orchestra.stores.rows import decode, encode
from orchestra.testing.routers import router_laws
from tests.unit.routing.kit import question, seeded


def nand(*names: str) -> Any:
    return {"not": {"and": list(names)}}


def xor(one: str, other: str) -> Any:
    return {"and": [{"or": [one, other]}, nand(one, other)]}


@pytest.mark.parametrize(
    ("given", "table", "n"),
    [
        (xor("a", "b"), lambda a, b: a != b, 2),
        (nand("a", "b"), lambda a, b: not (a and b), 2),
        ({"not": {"or": ["a", "b", "c"]}}, lambda a, b, c: not (a or b or c), 3),
        ({"or": [{"and": ["a", {"not": "b"}]}, {"and": ["c", "d"]}]}, lambda a, b, c, d: (a and not b) or (c and d), 4),
        ("a", lambda a: a, 1),
    ],
    ids=["xor", "nand", "nor", "mixed", "leaf"],
)
def test_truth_tables(given: Any, table: Any, n: int) -> None:
    tree = formula(given)
    for row in product((False, True), repeat=n):
        values = {name: 0.7 * value for name, value in zip("abcd", row, strict=False)}
        assert tree.holds(values, []) is bool(table(*row)), row


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> tuple[Any, Any]:
    """A formula as it is written, and the same as a function of the names that are true."""
    kind = draw(st.sampled_from(("leaf", "and", "or", "not") if depth else ("leaf",)))
    if kind == "leaf":
        name = draw(st.sampled_from("abcd"))
        return name, lambda true: name in true
    if kind == "not":
        inner, check = draw(trees(depth - 1))
        return {"not": inner}, lambda true: not check(true)
    parts = draw(st.lists(trees(depth - 1), min_size=1, max_size=3))
    over = all if kind == "and" else any
    return {kind: [one for one, _ in parts]}, lambda true: over(check(true) for _, check in parts)


@given(trees())
def test_any_formula_over_all_inputs(tree: tuple[Any, Any]) -> None:
    written, check = tree
    for row in product((0.0, 1.0), repeat=4):
        values = dict(zip("abcd", row, strict=True))
        assert formula(written).holds(values, []) == check({name for name, value in values.items() if value})


@pytest.mark.parametrize(
    "wrong", ["", None, 7, {}, {"xor": ["a"]}, {"and": []}, {"and": "a"}, {"and": ["a"], "or": ["b"]}]
)
def test_what_is_no_formula(wrong: Any) -> None:
    with pytest.raises(BadDefinition, match="no formula"):
        Rule("r", wrong, "a")


def test_a_formula_has_a_depth() -> None:
    deep: Any = "a"
    for _ in range(DEEPEST + 1):
        deep = {"not": deep}
    with pytest.raises(BadDefinition, match="deep"):
        formula(deep)


def told(asked: Decide, **signals: float) -> Decide:
    return replace(asked, signals=tuple(signals.items()))


ASK = question(
    Option("small", cost_nano=10, latency_s=0.5, prior=0.4),
    Option("large", cost_nano=90, latency_s=2.0, prior=0.9),
    Option("gone", cost_nano=1, latency_s=0.1, prior=1.0, filtered="hidden"),
    Option("middle", cost_nano=30, latency_s=1.0, prior=0.6, in_flight=4),
)
HERE = [Sensor(name=name, check=lambda sight: 1.0) for name in "abc"]


def test_priority_then_the_order_of_writing_decides() -> None:
    rules = [Rule("low", "a", "small"), Rule("high", "b", "large", 5), Rule("twin", "b", "middle", 5)]
    made = Rules(rules, HERE).choose(told(ASK, a=1.0, b=0.5), "k", seeded())
    assert made.chosen == ("large",) and made.probability == 1.0
    assert "high decides" in made.reason and "high 0.5, twin 0.5, low 1" in made.reason
    assert made.signals == (("a", 1.0), ("b", 0.5))
    assert [option.probability for option in made.options] == [0.0, 1.0, None, 0.0]
    sure = Rules(rules, HERE, strategy="confidence").choose(told(ASK, a=1.0, b=0.5), "k", seeded())
    assert sure.chosen == ("small",)


def test_the_confidence_is_the_mean_over_the_leaves_that_are_satisfied() -> None:
    rules = Rules([Rule("r", {"or": ["a", {"and": ["b", {"not": "c"}]}]}, "small")], HERE)
    assert [rules.holding({"a": 0.5, "b": 0.9, "c": 0.0})[0][1]] == pytest.approx([0.7])
    assert [rules.holding({"a": 0.5, "b": 0.9, "c": 0.3})[0][1]] == pytest.approx([0.7])  # c is denied, not satisfied
    assert rules.holding({"b": 0.4})[0][1] == 0.4
    assert Rules([Rule("r", {"not": "a"}, "small")], HERE).holding({})[0][1] == 1.0


def test_a_rule_whose_options_cannot_be_used_is_passed_over() -> None:
    rules = [Rule("first", "a", ["gone", "nobody"], 9), Rule("second", "a", ["gone", "middle"])]
    made = Rules(rules, HERE).choose(told(ASK, a=1.0), "k", seeded())
    assert made.chosen == ("middle",) and "second decides, of those that hold: first 1, second 1" in made.reason
    made = Rules(rules[:1], HERE).choose(told(ASK, a=1.0), "k", seeded())
    assert made.chosen == ("large",) and "no rule decides" in made.reason
    assert Rules(otherwise=["nobody"]).choose(ASK, "k", seeded()).chosen == ("large",)
    with pytest.raises(NoProvider):
        Rules(rules, HERE).choose(question(Option("a", filtered="x")), "k", seeded())


@pytest.mark.parametrize(
    ("use", "chosen"),
    [
        ("small", "small"),
        (["gone", "large"], "large"),
        (CheapestOf(), "small"),
        (CheapestOf(("large", "middle")), "middle"),
        (BestOf(), "large"),
        (BestOf(scores={"gone": 3.0, "middle": 2.0, "small": 1.0}), "middle"),
        (MultiFactor(quality=1, latency=0, cost=0, load=0), "large"),
        (MultiFactor(quality=0, latency=0, cost=1, load=0), "small"),
        (Cheapest(), "small"),
        (Through(Cheapest(), ("large", "middle")), "middle"),
    ],
)
def test_who_is_taken(use: Any, chosen: str) -> None:
    made = Rules([Rule("r", "a", use)], HERE).choose(told(ASK, a=1.0), "k", seeded())
    assert made.chosen == (chosen,) and made.policy == "rules"
    assert made.probability == 1.0 and sum(option.probability or 0.0 for option in made.options) == 1.0


def test_multi_factor_takes_out_what_breaks_a_limit_before_it_scores() -> None:
    def pick(**limits: Any) -> Any:
        return MultiFactor(quality=1, latency=0, cost=0, load=0, **limits).pick(ASK)

    assert pick().place == 1 and set(pick().scores) == {0, 1, 3}
    limited = pick(max_latency_s=1.0)
    assert limited.place == 3 and limited.scores == {0: 0.0, 3: 1.0}  # normalised over those that are left
    assert pick(max_latency_s=1.0, max_in_flight=3).place == 0
    assert pick(max_cost_usd=5e-8).place == 3
    none = {"max_cost_usd": 0.0}
    assert pick(**none).place == 0 and pick(**none, otherwise="fail") is None
    assert pick(**none, otherwise="first", names=("middle", "small")).place == 3


def test_multi_factor_by_hand() -> None:
    found = MultiFactor(quality=0.4, latency=0.3, cost=0.2, load=0.1).pick(ASK)
    assert found is not None
    middle = 0.4 * 0.4 + 0.3 * (1.0 / 1.5) + 0.2 * (60 / 80) + 0.1 * 0.0
    assert found.scores == pytest.approx({0: 0.3 + 0.2 + 0.1, 1: 0.4 + 0.1, 3: middle})
    same = question(Option("a", latency_s=1.0), Option("b", latency_s=0.0))
    alike = MultiFactor(quality=1, latency=1, cost=1, load=1).pick(same)
    assert alike is not None and alike.scores == {0: 2.0, 1: 1.5}  # all equal is .5, an unknown latency adds nothing


class Counting:
    """How often each signal was read."""

    def __init__(self, name: str, value: float) -> None:
        self.name, self.value, self.count = name, value, 0

    def read(self, sight: Sight, /) -> float:
        self.count += 1
        return self.value


@agent
def small(text: str) -> str:
    return f"small: {text}"


@agent
def large(text: str) -> str:
    return f"large: {text}"


def test_a_signal_that_no_rule_names_is_never_computed() -> None:
    named, unnamed = Counting("named", 1.0), Counting("unnamed", 1.0)
    rules = Rules([Rule("r", {"not": {"not": "named"}}, "large")], [unnamed, named])
    with closing(Orchestra(agents=[small, large], router=rules)) as team:
        assert team.run_sync("x").output == "large: x"
        assert team.route("y").chosen == ("large",)
    assert (named.count, unnamed.count) == (2, 0)


def test_in_a_team_the_record_has_the_signals_and_no_text() -> None:
    rules = Rules(
        [Rule("urgent", {"and": ["hurry", {"not": "long"}]}, "large", 1)],
        [Keyword(name="hurry", patterns=("asap",)), Length(name="long", low=20, unit="words")],
        otherwise="small",
    )
    with closing(Orchestra(agents=[small, large], router=rules)) as team:
        result = team.run_sync("My secret, asap!")
        assert result.output.startswith("large") and team.run_sync("whenever").output == "small: whenever"
        (event,) = [event for event in result.events if isinstance(event, Decided)]
    assert event.decision.signals == (("hurry", 1.0), ("long", 0.0)) and "urgent decides" in event.decision.reason
    kind, facts, _ = encode(event, content=False)
    assert "secret" not in facts and "asap" not in facts
    assert decode(kind, event.key, event.at, facts, None).decision.signals == event.decision.signals  # type: ignore[union-attr]


def test_metadata_is_that_of_the_input() -> None:
    rules = rules_from(
        {
            "signals": {"gold": {"kind": "metadata", "key": "tier", "values": ["gold"]}},
            "rules": [{"name": "vip", "when": "gold", "use": "large"}],
            "otherwise": "small",
        }
    )
    assert rules.signals_of({"text": "x", "metadata": {"tier": "gold"}}) == (("gold", 1.0),)
    assert rules.signals_of({"text": "x", "metadata": "gold"}) == rules.signals_of("gold") == (("gold", 0.0),)


def test_a_router_that_learns_is_taught_and_kept() -> None:
    inner = LinUCB()
    rules = Rules([Rule("r", "a", Through(inner, ("small", "middle")))], HERE, otherwise="large")
    made = rules.choose(told(ASK, a=1.0), "k", seeded())
    assert rules.learns and set(made.chosen) <= {"small", "middle"} and made.options[1].probability == 0.0
    assert made.options[1].filtered is None and "linucb" in made.reason and made.version == inner.version
    rules.learn([Lesson(made, 1.0)])
    assert rules.pulls(made.chosen[0]) == inner.pulls(made.chosen[0]) == 1
    again = Rules([Rule("r", "a", LinUCB())], HERE)
    again.load(rules.delta())
    assert again.pulls(made.chosen[0]) == 1
    with pytest.raises(BadDefinition, match="learn"):
        Rules([Rule("r", "a", LinUCB()), Rule("s", "b", LinUCB())], HERE)


@pytest.mark.parametrize(
    "make",
    [
        Rules,
        lambda: Rules(otherwise=MultiFactor()),
        lambda: Rules(otherwise=LinUCB()),
        lambda: Rules([Rule("r", {"not": "a"}, CheapestOf())], HERE),
        lambda: Rules([Rule("r", {"not": "a"}, Through(LinUCB(), ("option-0", "option-1", "option-2")))], HERE),
    ],
)
def test_it_keeps_the_laws(make: Any) -> None:
    router_laws(make)


def test_definitions_that_cannot_work() -> None:
    with pytest.raises(UnknownName, match="'z'; there are a, b, c"):
        Rules([Rule("r", "z", "small")], HERE)
    with pytest.raises(DuplicateName):
        Rules([Rule("r", "a", "small"), Rule("r", "b", "small")], HERE)
    with pytest.raises(DuplicateName):
        Rules(signals=[*HERE, HERE[0]])
    nobody: list[Any] = ["", [], 7, None]
    for use in nobody:
        with pytest.raises(BadDefinition, match="says nobody"):
            Rule("r", "a", use)
    with pytest.raises(BadNumber):
        MultiFactor(quality=0, latency=0, cost=0, load=0)


FILE = """
signals:
  urgent: {kind: keyword, patterns: [asap, urgent]}
  long:
    kind: length
    low: 100
  greek: {kind: language, languages: [el]}
  steps: {kind: structure, patterns: [first, then], feature: sequence}
  money: {kind: similar, exemplars: [I want my money back], threshold: 0.4}
  proof: {kind: complexity, hard: [prove the theorem], easy: [what time is it]}
  gold: {kind: metadata, key: tier, values: [gold]}
rules:
  - name: rush
    when: {and: [urgent, {not: long}]}
    use: [small, middle]
    priority: 10
  - {name: hard, when: {or: [proof, steps]}, use: {kind: best, scores: {large: 0.9, small: 0.2}}}
  - {name: vip, when: gold, use: {kind: router, router: linucb, names: [large, middle]}, priority: 5}
  - {name: rest, when: money, use: {kind: router, router: linucb}}
otherwise: {kind: multi_factor, max_latency_s: 1.5, otherwise: fail}
"""


def test_a_file_of_rules(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(FILE)
    for made in (load_rules_file(path), load_rules_file("team.yaml", tmp_path), router(f"rules:{path}")):
        assert isinstance(made, Rules) and made.name == "rules:team" and made.learns
        assert [name for name, _ in made.signals_of("x")] == ["urgent", "long", "proof", "steps", "gold", "money"]
        asked = replace(ASK, signals=made.signals_of("Answer this asap"))
        assert made.choose(asked, "k", seeded()).chosen == ("small",)
        asked = replace(ASK, signals=made.signals_of("First one thing, then another"))
        assert made.choose(asked, "k", seeded()).chosen == ("large",)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("kind: length", "kind: size", 4, "kind"),
        ("low: 100", "least: 100", 6, "no such field"),
        ("low: 100", "low: many", 6, "valid number"),
        ("[el]", "[tlh]", 7, "'tlh' cannot be told"),
        ("[first, then]", "['(', then]", 8, "no regular expression"),
        ("when: gold", "when: silver", 18, "signal 'silver'"),
        ("router: linucb, names", "router: nobody, names", 18, "No router is named"),
        ("max_latency_s: 1.5", "max_latency_s: fast", 20, "valid number"),
        ("{and: [urgent, {not: long}]}", "{and: []}", 14, "no formula"),
    ],
)
def test_a_fault_in_a_file_is_named_by_its_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(BadDefinition, match=said) as caught:
        load_rules_file(path)
    assert f"team.yaml, line {line}," in caught.value.what


def test_a_hundred_rules_of_five_leaves_are_quick_to_evaluate() -> None:
    """The order of magnitude alone: the figure is measured elsewhere."""
    from time import perf_counter

    rng = random.Random(0)
    names = [f"s{i}" for i in range(20)]
    rules = [Rule(f"r{i}", {"and": [{"or": rng.sample(names, 3)}, *rng.sample(names, 2)]}, "small") for i in range(100)]
    made = Rules(rules, [Sensor(name=name, check=lambda sight: 1.0) for name in names])
    values = {name: rng.random() for name in names}
    took = []
    for _ in range(5):
        began = perf_counter()
        assert len(made.holding(values)) == 100
        took.append(perf_counter() - began)
    assert min(took) < 0.1


def test_a_formula_is_plain_data() -> None:
    assert formula({"not": "a"}) == Formula("not", (Formula("leaf", ("a",)),)) == formula(formula({"not": "a"}))
    assert formula({"or": ["a", {"and": ["b", "a"]}]}).names == ("a", "b")

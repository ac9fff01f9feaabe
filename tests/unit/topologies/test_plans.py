"""The four topologies as plans: who is called together, with what, and what comes of failures."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestra.core.call import Batch, Call, NodeName, Plan, Planned
from orchestra.core.errors import BadDefinition, NoEffect
from orchestra.core.outcome import Cancelled, Cause, Done, Failed, Outcome, Paused, failed
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import hybrid
from orchestra.topologies.joins import COMPOSE
from orchestra.topologies.member import Member
from orchestra.topologies.parallel import parallel
from orchestra.topologies.registry import plan_of
from orchestra.topologies.sequential import sequential
from tests.support.plans import Driver


def name_of(call: Call) -> str:
    return (call.key or str(getattr(call.target, "name", call.target))).split(":")[0]


def answering(**said: Outcome) -> Callable[[Call], Outcome]:
    """Every member answers its own name in capitals, but for those whose outcome is given."""
    return lambda call: said.get(name_of(call), Done(output=name_of(call).upper()))


def watched(plan: Plan, seen: list[Batch]) -> Plan:
    """The same plan; what it yields is kept."""
    sent = None
    while True:
        try:
            batch = plan.send(sent)  # type: ignore[arg-type]  # a generator is begun by None
        except StopIteration as stop:
            return stop.value
        seen.append(batch)
        sent = yield batch


def batches(topology: Any, value: Any = "go", **said: Outcome) -> tuple[list[Batch], Outcome, Driver]:
    driver, seen = Driver(answering(**said)), list[Batch]()
    outcome = driver.run(watched(plan_of(topology, value), seen))
    return seen, outcome, driver


def asked(driver: Driver) -> dict[str, Any]:
    return {name_of(call): call.input for _, call in driver.calls}


def together(seen: list[Batch]) -> list[list[str]]:
    return [[name_of(call) for call in batch.calls] for batch in seen if batch.calls]


BROKEN = failed(NoEffect("it is down"))


def test_sequential_hands_on_what_the_member_before_answered() -> None:
    seen, outcome, driver = batches(sequential("a", Member(target="b", task="check"), "c"))
    assert together(seen) == [["a"], ["b"], ["c"]] and outcome == Done(output="C")
    assert asked(driver) == {"a": "go", "b": {"task": "check", "goal": "go", "inputs": {"a": "A"}}, "c": "B"}


def test_sequential_ends_at_the_first_failure() -> None:
    seen, outcome, driver = batches(sequential("a", "b", "c"), b=BROKEN)
    assert together(seen) == [["a"], ["b"]]
    assert isinstance(outcome, Failed) and outcome.cause.kind == "NoEffect" and len(driver.records) == 1


@pytest.mark.parametrize(
    ("join", "output"),
    [
        ("all", ["A", "B", "A-2"]),
        ("vote", "A"),
        ("first", "A"),
        ("refine", "JOIN"),
        ("merge", "JOIN"),
        ("compose", "JOIN"),
    ],
)
def test_parallel_gives_all_the_same_and_joins_in_order(join: str, output: Any) -> None:
    by = "r" if join in ("refine", "merge", "compose") else None
    topology = parallel("a", "b", Member(target="a", name="A-2"), join=join, by=by)

    def answer(call: Call) -> Outcome:
        return Done(output="JOIN" if call.target == "r" else name_of(call).upper())

    driver = Driver(answer)
    assert driver.run(topology.plan("go")) == Done(output=output)
    assert [call.input for _, call in driver.calls[:3]] == ["go"] * 3
    if join == "compose":
        wanted = {"task": COMPOSE, "goal": "go", "inputs": {"a": "A", "b": "B", "A-2": "A-2"}}
        assert driver.calls[3][1].input == wanted


def test_parallel_stops_where_one_or_a_quorum_is_enough() -> None:
    assert batches(parallel("a", "b", join="first"))[0][0].done == 1
    assert batches(parallel("a", "b", "c", on_failure=2))[0][0].done == 2
    assert batches(parallel("a", "b", on_failure="continue"))[0][0].done is None
    _, outcome, _ = batches(parallel("a", "b", "c", on_failure=2), a=Cancelled())
    assert outcome == Done(output=[None, "B", "C"])


@pytest.mark.parametrize(
    ("policy", "broken", "done"),
    [("fail", "b", False), ("continue", "b", True), ("continue", "abc", False), (2, "b", True), (2, "ab", False)],
)
def test_a_failed_branch_is_filed_once_and_the_policy_decides(policy: Any, broken: str, done: bool) -> None:
    topology = parallel("a", "b", "c", on_failure=policy)
    _, outcome, driver = batches(topology, **dict.fromkeys(broken, BROKEN))
    if done:
        assert outcome == Done(output=[None if name in broken else name.upper() for name in "abc"])
        assert [(record.how, record.to) for record in driver.records] == [("tolerated", "join")] * len(broken)
    else:
        assert isinstance(outcome, Failed) and outcome.origin == driver.failures[0]
        many = len(broken) > 1
        assert outcome.cause.message == (f"{len(broken)} of 3 branches failed; the first: " * many + "it is down")


def test_who_loses_a_vote_is_told_with_the_failures() -> None:
    said: dict[str, Outcome] = {"a": Done(output="no"), "b": BROKEN, "c": Done(output="yes"), "d": Done(output="Yes.")}
    seen, outcome, _ = batches(parallel(*"abcd", join="vote", on_failure="continue"), **said)
    assert outcome == Done(output="yes") and len(seen) == 2
    assert (seen[1].calls, seen[1].outvoted, len(seen[1].filings)) == ((), (0,), 1)
    agreed, _, _ = batches(parallel("a", "b", join="vote"), a=Done(output="no"), b=Done(output="no"))
    assert len(agreed) == 1


def test_in_a_graph_only_the_last_batch_can_be_outvoted() -> None:
    said: dict[str, Outcome] = {"c": Done(output="no"), "d": Done(output="yes"), "e": Done(output="yes")}
    after = {"c": ["a"], "d": ["a"], "e": ["a"]}
    seen, outcome, _ = batches(hybrid(*"acde", after=after, join="vote"), **said)
    assert outcome == Done(output="yes") and together(seen) == [["a"], ["c", "d", "e"]] and seen[2].outvoted == (0,)
    said = {"a": Done(output="no"), "c": Done(output="yes"), "d": Done(output="yes")}
    seen, outcome, _ = batches(hybrid(*"abcd", after={"c": ["b"], "d": ["b"]}, join="vote"), **said)
    assert outcome == Done(output="yes") and len(seen) == 2


def test_objects_are_merged_without_asking_anybody() -> None:
    said: dict[str, Outcome] = {"a": Done(output={"n": 1}), "b": BROKEN}
    _, outcome, driver = batches(parallel("a", "b", join="merge", by="r", on_failure="continue"), **said)
    assert outcome == Done(output={"merged": {"n": 1}, "conflicts": [], "analyses": 1, "excluded": 1})
    assert driver.names == ["a", "b"] and [record.how for record in driver.records] == ["tolerated"]


def test_a_refiner_is_told_how_many_are_missing_and_files_nothing_twice() -> None:
    topology = parallel("a", "b", "c", join="refine", by="r", on_failure="continue")
    seen, outcome, driver = batches(topology, b=BROKEN)
    assert outcome == Done(output="R") and [record.origin for record in driver.records] == driver.failures
    assert "1 of 3 answers failed" in seen[-1].calls[0].input


def test_a_pause_travels_up_before_anything_is_joined() -> None:
    paused = Paused(cause=Cause(kind="PauseRequested", message="may I?"), asks=(("k", "may I?"),))
    for topology in (
        parallel("a", "b", on_failure="continue"),
        sequential("a", "b"),
        hybrid("a", "b", "c", after={"c": ["a", "b"]}, on_failure="continue"),
        hierarchical("x", ["a", "b"], on_failure="continue"),
    ):
        assert batches(topology, b=paused)[1] == paused


def test_hierarchical_leads_then_works_then_reports() -> None:
    topology = hierarchical("boss", ["a", Member(target="b", task="check", after=("a",))])
    seen, outcome, driver = batches(topology)
    assert together(seen) == [["lead"], ["a"], ["b"], ["report"]] and outcome == Done(output="REPORT")
    assert [call.target for _, call in driver.calls] == ["boss", "a", "b", "boss"]
    assert asked(driver) == {
        "lead": "go",
        "a": {"task": "go", "inputs": {"lead": "LEAD"}},
        "b": {"task": "check", "goal": "go", "inputs": {"lead": "LEAD", "a": "A"}},
        "report": {"task": COMPOSE, "goal": "go", "inputs": {"a": "A", "b": "B"}},
    }


def test_without_a_lead_nobody_works_and_without_a_member_the_policy_decides() -> None:
    seen, outcome, _ = batches(hierarchical("boss", ["a", "b"]), lead=BROKEN)
    assert together(seen) == [["lead"]] and isinstance(outcome, Failed)
    seen, outcome, _ = batches(hierarchical("boss", ["a", "b"]), a=BROKEN)
    assert together(seen) == [["lead"], ["a", "b"]] and isinstance(outcome, Failed)
    seen, outcome, driver = batches(hierarchical("boss", ["a", "b"], report="r", on_failure="continue"), a=BROKEN)
    assert outcome == Done(output="REPORT") and asked(driver)["report"]["inputs"] == {"b": "B"}


DIAMOND = {"b": ["a"], "c": ["a"], "d": ["b", "c"]}


def test_hybrid_runs_layers_and_gives_every_member_its_parents_outputs() -> None:
    topology = hybrid("a", "b", "c", Member(target="x", name="d", task="close"), after=DIAMOND)
    seen, outcome, driver = batches(topology)
    assert together(seen) == [["a"], ["b", "c"], ["d"]] and outcome == Done(output="D")
    assert asked(driver) == {
        "a": "go",
        "b": {"task": "go", "inputs": {"a": "A"}},
        "c": {"task": "go", "inputs": {"a": "A"}},
        "d": {"task": "close", "goal": "go", "inputs": {"b": "B", "c": "C"}},
    }


@pytest.mark.parametrize(
    ("policy", "broken", "layers", "done"),
    [
        ("fail", "b", [["a"], ["b", "c"]], False),
        ("continue", "b", [["a"], ["b", "c"], ["d"]], True),
        ("continue", "bc", [["a"], ["b", "c"]], False),
        ("continue", "a", [["a"]], False),
        (2, "b", [["a"], ["b", "c"]], False),
        (1, "c", [["a"], ["b", "c"], ["d"]], True),
    ],
)
def test_what_a_failure_in_a_graph_holds_up(policy: Any, broken: str, layers: list[list[str]], done: bool) -> None:
    topology = hybrid("a", "b", "c", "d", after=DIAMOND, on_failure=policy)
    seen, outcome, driver = batches(topology, **dict.fromkeys(broken, BROKEN))
    assert together(seen) == layers and isinstance(outcome, Done) == done
    if done:
        assert asked(driver)["d"]["inputs"] == {n: n.upper() for n in "bc" if n not in broken}
        assert [record.origin for record in driver.records] == driver.failures


def test_nothing_is_begun_after_a_layer_with_a_failure() -> None:
    for policy, layers in (("fail", [["a", "b"]]), ("continue", [["a", "b"], ["c"]])):
        topology = hybrid("a", "b", "c", after={"c": ["b"]}, on_failure=policy)  # type: ignore[arg-type]  # two literals
        assert together(batches(topology, a=BROKEN)[0]) == layers


def test_several_ends_are_joined() -> None:
    assert batches(hybrid("a", "b", "c", after={"b": ["a"], "c": ["a"]}))[1] == Done(output=["B", "C"])
    composed = hybrid("a", "b", "c", after={"c": ["a"]}, join="compose", by="r")
    seen, outcome, _ = batches(composed)
    assert outcome == Done(output="JOIN") and seen[-1].calls[0].input["inputs"] == {"b": "B", "c": "C"}


def test_topologies_nest_in_a_scope_of_their_own() -> None:
    inner = parallel("a", "b", name="both")
    seen, _, _ = batches(sequential(inner, NodeName(name="n")))
    target = seen[0].calls[0].target
    assert isinstance(target, Planned) and target.name == "both"
    assert Driver(answering()).run(target.plan("x")) == Done(output=["A", "B"])
    assert seen[1].calls[0].target == NodeName(name="n")


def test_the_same_input_has_the_same_keys_and_twins_have_their_own() -> None:
    first, again, other = (batches(parallel("a", "a"), value)[0][0].calls for value in ("x", "x", "y"))
    assert [call.key for call in first] == [call.key for call in again] != [call.key for call in other]
    assert [name_of(call) for call in first] == ["a", "a-2"]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: sequential(), "at least one member"),
        (lambda: sequential(3), "3 cannot be a member"),
        (lambda: sequential(" "), "cannot be a member"),
        (lambda: sequential(Member(target="a", after=("b",))), "order of the list"),
        (lambda: parallel(Member(target="a", after=("b",))), "nothing comes after anything"),
        (lambda: parallel(Member(target="a"), Member(target="b", name="a")), "Two members are named 'a'"),
        (lambda: parallel("a", join="most"), "no join 'most'"),
        (lambda: parallel("a", join="refine"), "needs by="),
        (lambda: parallel("a", join="merge"), "needs by="),
        (lambda: parallel("a", by="r"), "without by="),
        (lambda: parallel("a", join="refine", by=Member(target="r", after=("a",))), "comes after all"),
        (lambda: parallel("a", join="first", on_failure="continue"), "needs one answer"),
        (lambda: parallel("a", on_failure=2), "a quorum from 1 to 1"),
        (lambda: parallel("a", on_failure=True), "a quorum from 1 to 1"),
        (lambda: hybrid("a", "b", after={"b": ["c"]}), "'b' comes after 'c'"),
        (lambda: hybrid("a", "b", after={"c": ["a"]}), "names 'c'"),
        (lambda: hybrid("a", after={"a": ["a"]}), "circle: a after a"),
        (lambda: hybrid("a", "b", "c", after={"b": ["c"], "c": ["b"]}), "circle: b after c after b"),
        (lambda: hierarchical("x", [Member(target="a", name="lead")]), "both named 'lead'"),
        (lambda: hierarchical(Member(target="x", after=("a",)), ["a"]), "has its place already"),
        (lambda: hierarchical("x", []), "at least one member"),
        (lambda: sequential("two words"), "cannot be a name"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_built(build: Callable[[], Any], said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        build()

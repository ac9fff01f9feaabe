"""What is held of a run, one thing at a time."""

import random
from collections.abc import Mapping

import pytest

from orchestra.core.call import Batch, Call, ModelName, NodeName
from orchestra.core.errors import CallTimeout, NoEffect
from orchestra.core.outcome import Done, Failed, failed
from orchestra.evaluation.healing.graphs import Version, node
from orchestra.evaluation.healing.watch import Oracle, Violation, Watch, networkx_of
from orchestra.graph.graph import GOAL, START
from orchestra.graph.health import Health
from orchestra.graph.shortest import Path, finding
from orchestra.graph.weights import Weights

EDGES = {(START, "a"): 1.0, (START, "b"): 2.0, ("a", GOAL): 1.0, ("b", GOAL): 1.0}


def version(edges: Mapping[tuple[str, str], float] = EDGES) -> Version:
    rng = random.Random(0)
    vertices = {name: node(name, rng) for name in ("a", "b")}
    return Version(number=0, edges=edges, vertex_to_node=vertices)


def oracle(health: Health) -> Oracle:
    made = version()
    return Oracle(made, networkx_of(made), health, lambda: 100.0, Weights())


def path(cost: float, *nodes: str) -> Path[str]:
    return Path(nodes=(START, *nodes, GOAL), cost=cost)


def test_the_cheapest_path_is_accepted_and_nothing_else() -> None:
    says = oracle(Health())
    says.check(path(2.0, "a"), START, set())
    says.check(path(3.0, "b"), START, {"a"})
    says.check(None, START, {"a", "b"})


@pytest.mark.parametrize(
    ("given", "out", "why"),
    [
        (path(3.0, "b"), set(), "networkx's"),
        (path(2.5, "a"), set(), "it says"),
        (path(2.0, "a"), {"a"}, "which is hidden"),
        (path(0.0), set(), "which no edge does"),
        (None, set(), "no path"),
        (path(2.0, "a"), {"a", "b"}, "networkx has none"),
        (Path(nodes=("a", GOAL), cost=1.0), set(), "leads"),
    ],
)
def test_what_is_wrong_with_a_path(given: Path[str] | None, out: set[str], why: str) -> None:
    with pytest.raises(Violation, match=why):
        oracle(Health()).check(given, START, out)


def test_what_health_hides_is_no_way_and_what_it_doubts_is_dearer() -> None:
    health = Health()
    health.seen("a", False, 0.0, 100.0)
    oracle(health).check(path(2.0 * 1 + 1.0, "a"), START, set())  # one failure doubles a: as dear as b, then as good
    health.limit("a", 200.0)
    oracle(health).check(path(3.0, "b"), START, set())
    with pytest.raises(Violation, match="which is hidden"):
        oracle(health).check(path(3.0, "a"), START, set())


def watch() -> Watch:
    made = version()
    find = finding(lambda vertex: made.links.get(vertex, []), GOAL)
    return Watch(made, find, Oracle(made, networkx_of(made), Health(), float, Weights()))


def test_a_path_is_sought_from_where_the_work_stands_without_what_is_over() -> None:
    seen = watch()
    with pytest.raises(Violation, match="the work stands at"):
        seen.find("a", {START})
    with pytest.raises(Violation, match="are done or dead"):
        seen.find(START, set())
    with pytest.raises(Violation, match="for no reason"):
        seen.find(START, {START, "a"})


def test_two_that_act_for_one_effect_are_seen() -> None:
    seen, rng = watch(), random.Random(1)
    payers = [one for one in (node(f"p{n}", rng) for n in range(40)) if one.side_effect]
    seen.act(payers[0])
    with pytest.raises(Violation, match="second that acted"):
        seen.act(payers[1])


def test_only_the_next_node_of_the_path_may_be_called() -> None:
    seen = watch()
    seen.find(START, {START})
    with pytest.raises(Violation, match="not the next node"):
        seen._batch(Batch(calls=(Call(target=NodeName(name="b")),)))
    with pytest.raises(Violation, match="there is a path"):
        seen._batch(Batch(calls=(Call(target=ModelName(name="m")),)))


@pytest.mark.parametrize("final", [True, False])
def test_how_it_may_end(final: bool) -> None:
    seen = watch()
    seen.find(START, {START})
    with pytest.raises(Violation, match="still ahead"):
        seen._ended(Done(output="x"))
    with pytest.raises(Violation, match="there is a path"):
        seen._ended(failed(NoEffect("down")))
    seen.reachable, seen.final = False, final
    if final:
        with pytest.raises(Violation, match="may have happened"):
            seen._ended(Done(output="x"))
        with pytest.raises(Violation, match="it failed by"):
            seen._ended(failed(CallTimeout("late"), origin="r/1"))
    else:
        with pytest.raises(Violation, match="nothing was written down"):
            seen._ended(Failed(cause=failed(NoEffect("down")).cause, filed=True))

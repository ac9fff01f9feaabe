"""AdaptOrch's rule: every branch, every boundary, and the loop that asks it again."""

import itertools
import math
import random
from collections.abc import Callable

import pytest

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.topologies.select import (
    COUPLINGS,
    Coupling,
    Dag,
    Selection,
    Shape,
    dag_of,
    largest_antichain,
    rerouted,
    rule,
    select,
    shape,
)


def edges(text: str, coupling: Coupling = "weak") -> list[tuple[str, str, Coupling]]:
    """ "ab bc" is a -> b -> c."""
    return [(pair[0], pair[1], coupling) for pair in text.split()]


STAR = "ax bx cx dx ex"


@pytest.mark.parametrize(
    ("dag", "kind"),
    [
        (dag_of([], ["a", "b", "c"]), "parallel"),
        (dag_of([], ["a"]), "parallel"),
        (dag_of(edges("ab bc")), "sequential"),
        (dag_of(edges("ab bc", "critical")), "sequential"),
        (dag_of(edges(STAR, "strong")), "hierarchical"),
        (dag_of(edges(STAR, "weak")), "parallel"),
        (dag_of(edges("ab ac bd cd de", "weak")), "hybrid"),
        (dag_of(edges("ab ac bd cd", "strong")), "hybrid"),
    ],
)
def test_every_branch(dag: Dag, kind: str) -> None:
    assert select(dag).kind == kind and select(dag).reason.startswith(kind)


def of(nodes: int, omega: int, gamma: float, edges: int = 9) -> Shape:
    return Shape(nodes=nodes, edges=edges, omega=omega, delta=3, gamma=gamma)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (of(6, 4, 0.6), "parallel"),  # gamma at its threshold is not above it
        (of(6, 4, math.nextafter(0.6, 1)), "hierarchical"),
        (of(5, 4, 0.9), "hybrid"),  # |V| at its threshold is not above it, and it is too tight for parallel
        (of(6, 2, 0.9), "hierarchical"),
        (of(8, 4, 0.1), "hybrid"),  # r at its threshold is not above it
        (of(9, 5, 0.1), "parallel"),
        (of(9, 1, 1.0), "sequential"),  # the earlier line wins
        (of(9, 1, 1.0, edges=0), "parallel"),
    ],
)
def test_the_boundaries(found: Shape, kind: str) -> None:
    assert rule(found) == kind


def test_a_mean_that_is_the_threshold_on_paper_is_the_threshold_here() -> None:
    for labels in set(itertools.permutations(["weak", "strong", "strong", "strong"])):
        chosen = [(str(i), str(i + 1), label) for i, label in enumerate(labels)]
        assert shape(dag_of(chosen)).gamma == 0.6  # type: ignore[arg-type]  # the labels are couplings


def test_the_measures_of_a_graph() -> None:
    found = shape(dag_of([("a", "b", "none"), ("a", "c", "critical"), ("b", "d", "strong"), ("c", "d", "weak")], "e"))
    assert found == Shape(nodes=5, edges=4, omega=2, delta=3, gamma=0.5) and found.r == 0.4
    assert shape(dag_of([], "ab")).gamma == 0.0


def test_the_widest_layer_can_miss_the_widest_antichain() -> None:
    dag = dag_of(edges("ab bc ad xd bx"))
    flat = dag_of(edges("ab ac bd"), "efg")
    assert (shape(flat).omega, shape(flat, exact=True).omega) == (4, 5)
    assert shape(dag).omega <= largest_antichain(dag)


@pytest.mark.parametrize(
    ("dag", "said"),
    [
        (dag_of(edges("ab bc ca")), "circle: a after c after b after a"),
        (dag_of(edges("aa")), "circle: a after a"),
        (Dag(parents={"a": {"b": "weak"}}), "'a' comes after 'b'"),
        (Dag(parents={"a": {}, "b": {"a": "tight"}}), "'tight' is no coupling; there are none, weak"),  # type: ignore[dict-item]
        (Dag(parents={}), "no subtasks"),
    ],
)
def test_what_is_no_graph_is_refused(dag: Dag, said: str) -> None:
    with pytest.raises(BadDefinition, match=said):
        select(dag)


def test_disagreement_raises_gamma_until_it_is_hierarchical() -> None:
    selection: Selection | None = select(dag_of(edges("ab ac bd cd de ef")))
    gammas, kinds = [], []
    while selection is not None:
        gammas.append(selection.shape.gamma)
        kinds.append(selection.kind)
        selection = rerouted(selection)
    assert gammas == [0.3, 0.5, 0.7, 0.9, 1.0]
    assert kinds == ["hybrid", "hybrid", "hierarchical", "hierarchical", "hierarchical"]
    zero = Selection(kind="parallel", shape=of(6, 4, 0.4))
    assert (again := rerouted(zero)) is not None and again.shape.gamma == 0.6 and again.kind == "parallel"
    with pytest.raises(BadNumber, match="not in"):
        rerouted(Selection(kind="hybrid", shape=of(6, 4, math.nan)))


def random_dag(rng: random.Random, nodes: int, share: float) -> Dag:
    names = [str(i) for i in range(nodes)]
    pairs = itertools.combinations(names, 2)
    return dag_of([(a, b, rng.choice(COUPLINGS)) for a, b in pairs if rng.random() < share], names)


def test_how_often_the_approximation_changes_the_choice(record_property: Callable[[str, object], None]) -> None:
    rng = random.Random(7)
    flips = 0
    for _ in range(200):
        dag = random_dag(rng, rng.randint(2, 12), rng.choice([0.1, 0.2, 0.4]))
        near, exact = select(dag), select(dag, exact=True)
        assert near.shape.omega <= exact.shape.omega
        flips += near.kind != exact.kind
    record_property("share_of_flips", flips / 200)
    assert 0 < flips <= 20

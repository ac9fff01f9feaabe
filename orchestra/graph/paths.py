"""The cheapest paths through rows of capabilities, with what was found out about them kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Set
from typing import NamedTuple

from orchestra.core.catalog import Catalog, Node
from orchestra.graph.graph import GOAL, layered
from orchestra.graph.pathfinder import Pathfinder
from orchestra.graph.route import Find
from orchestra.graph.shortest import Path
from orchestra.graph.weights import NodeWeight, Weights, entering, floors

ROWS_KEPT = 64


class Row(NamedTuple):
    """``catalog`` is held so that its id stays its own."""

    catalog: Catalog
    finder: Pathfinder[str]
    vertex_to_node: Mapping[str, Node]


class Paths:
    """One Pathfinder for each catalogue and row of capabilities that was asked for, the last 64 of them."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._rows: OrderedDict[tuple[int, tuple[str, ...]], Row] = OrderedDict()

    def through(
        self, catalog: Catalog, capabilities: tuple[str, ...], weigh: NodeWeight
    ) -> tuple[Find, Mapping[str, Node]]:
        """How a cheapest path is found by what nodes weigh now, and the node of every vertex.

        Raises: UnknownCapability where nobody provides one; BadNumber where a node weighs less than its floor.
        """
        row = self._row(catalog, capabilities)
        live = entering(row.vertex_to_node, weigh)

        def find(here: str, hidden: Set[str]) -> Path[str] | None:
            return row.finder.path(here, hidden, live)

        return find, row.vertex_to_node

    def _row(self, catalog: Catalog, capabilities: tuple[str, ...]) -> Row:
        key = id(catalog), capabilities
        row = self._rows.get(key)
        if row is None:
            graph, vertex_to_node = layered(catalog, capabilities)
            finder = Pathfinder(floors(graph, vertex_to_node, self._weights), GOAL)
            row = self._rows[key] = Row(catalog, finder, vertex_to_node)
            if len(self._rows) > ROWS_KEPT:
                self._rows.popitem(last=False)
        return row

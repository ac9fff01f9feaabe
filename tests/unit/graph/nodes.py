"""Nodes and outcomes for the tests of the graph."""

from collections.abc import Callable

from orchestra.core.call import Call
from orchestra.core.catalog import Catalog, Code, Contract, Node
from orchestra.core.errors import OrchestraError
from orchestra.core.outcome import Outcome, failed
from tests.support.plans import echo


def node(name: str, *provides: str, cost_nano: int = 0, latency_s: float = 0.0, models: tuple[str, ...] = ()) -> Node:
    return Node(
        name=name,
        kind="agent",
        body=Code(fn=print, context=None, is_async=False),
        contract=Contract(bind=dict),
        provides=provides,
        cost_nano=cost_nano,
        latency_s=latency_s,
        models=models,
    )


def catalog(*nodes: Node) -> Catalog:
    result = Catalog()
    for each in nodes:
        result = result.with_node(each)
    return result


def failing(**name_to_error: OrchestraError) -> Callable[[Call], Outcome]:
    """Those named fail with their error, everything else echoes its name."""

    def answer(call: Call) -> Outcome:
        error = name_to_error.get(call.target.name)
        return echo(call) if error is None else failed(error)

    return answer

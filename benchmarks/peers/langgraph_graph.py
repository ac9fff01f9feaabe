"""LangGraph: a compiled graph, bare and with a checkpointer. ``python -m benchmarks.peers.langgraph_graph``."""

import asyncio
import operator
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from benchmarks.worker import Gate, serve

gate = Gate()
savers = {}


class Line(TypedDict):
    text: str


class Many(TypedDict):
    texts: list[str]
    answers: Annotated[list[str], operator.add]


async def answer(state):
    return {"text": state["text"]}


async def ten_ms(state):
    await asyncio.sleep(0.01)
    return {"text": state["text"]}


async def branch(state):
    return {"answers": [state["text"]]}


async def waiting(state):
    await gate.wait()
    return {"answers": [state["text"]]}


def line(n, node, checkpointer=None):
    graph = StateGraph(Line)
    names = [f"step{i}" for i in range(n)]
    for name in names:
        graph.add_node(name, node)
    for one, two in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(one, two)
    return graph.compile(checkpointer=checkpointer)


@cache
def chain_of(n):
    return line(n, answer)


@cache
def slow():
    return line(1, ten_ms)


@cache
def spread(node):
    graph = StateGraph(Many)
    graph.add_node("branch", node)
    graph.add_conditional_edges(START, lambda state: [Send("branch", {"text": t}) for t in state["texts"]], ["branch"])
    graph.add_edge("branch", END)
    return graph.compile()


async def chain(n):
    await chain_of(n).ainvoke({"text": "hello"}, {"recursion_limit": n + 10})


async def fanout(n):
    result = await spread(branch).ainvoke({"texts": [str(i) for i in range(n)], "answers": []})
    assert len(result["answers"]) == n


async def wait(n):
    await spread(waiting).ainvoke({"texts": [str(i) for i in range(n)], "answers": []})


async def runs(n):
    await asyncio.gather(*[slow().ainvoke({"text": "hello"}) for _ in range(n)])


async def durable(n):
    if "sqlite" not in savers:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        saver = AsyncSqliteSaver.from_conn_string(str(Path(tempfile.mkdtemp()) / "saved.db"))
        savers["sqlite"] = (saver, line(n, answer, await saver.__aenter__()), iter(range(1_000_000)))
    _, graph, threads = savers["sqlite"]
    await graph.ainvoke({"text": "hello"}, {"configurable": {"thread_id": str(next(threads))}})


if __name__ == "__main__":
    jobs = {"chain": chain, "fanout": fanout, "wait": wait, "runs": runs}
    try:
        import langgraph.checkpoint.sqlite.aio  # noqa: F401
    except ImportError:
        pass
    else:
        jobs["durable"] = durable
    serve(jobs, gate, {"langgraph": version("langgraph")})

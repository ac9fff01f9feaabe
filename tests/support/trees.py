"""Random trees of work: batches of every kind over nodes and models that cost, wait, fail and hang."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
from hypothesis import strategies as st

from orchestra.agents.decorator import agent
from orchestra.core.budget import Budget
from orchestra.core.call import Batch, Call, ModelName, NodeName, Plan, Planned
from orchestra.core.catalog import Node, required_node
from orchestra.core.errors import NoEffect, Overloaded
from orchestra.core.message import user
from orchestra.core.outcome import Done, Failed
from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request
from orchestra.workflows.decorator import workflow
from orchestra.workflows.steps import gather, outcome, step

Tree = dict[str, Any]
BOUND = 8
"""Tokens that a model's prompt is at most taken for; its reply is as many."""

executed: list[str] = []
"""The leaves that were begun, by their ids."""


async def act(how: str, ticks: int) -> None:
    for _ in range(ticks):
        await anyio.lowlevel.checkpoint()
    if how == "fail":
        raise ValueError("as told")
    if how == "no effect":
        raise NoEffect("as told")
    if how == "hang":
        await anyio.sleep(10)


class Obedient:
    """Does what the request's text says, within its bounds."""

    name = "test:obedient"
    context_window: int | None = None

    async def request(self, request: Request, /) -> Reply:
        id, how, ticks, tokens = request.messages[0].text.split("|")
        executed.append(id)
        if how == "fail":
            raise Overloaded("as told", retry_after_s=100.0)
        await act(how, int(ticks))
        return Reply(text=id, usage=Usage(input_tokens=int(tokens), output_tokens=int(tokens), requests=1))

    def count(self, request: Request, /) -> int:
        return BOUND


def leaf_agent(cost: int, provides: str) -> Node:
    @agent(name=f"leaf{cost}", provides=provides, cost_usd=f"0.{cost:09d}" if cost else 0)
    async def leaf(id: str, how: str, ticks: int) -> str:
        executed.append(id)
        await act(how, ticks)
        return id

    return required_node(leaf)


@workflow(budget=Budget(usd="0.000000020"))
async def narrow(trees: list[Tree]) -> list[str]:
    """Takes failures as values."""
    found = await gather(*(outcome(step(planned(tree), tree)) for tree in trees))
    return [type(one).__name__ for one in found]


@workflow
async def strict(trees: list[Tree]) -> list[Any]:
    """Lets them raise."""
    return [*await gather(*(step(planned(tree), tree) for tree in trees))]


MEMBERS = (leaf_agent(0, "cheap"), leaf_agent(1, "any"), leaf_agent(7, "any"), narrow, strict)


def planned(tree: Tree) -> Planned:
    return Planned(name=f"tree{tree.get('id', '')}", plan=plan_of)


def call_of(tree: Tree) -> Call:
    kind = tree["kind"]
    rest: dict[str, Any] = {"timeout_s": tree["timeout_s"], "after_s": tree["after_s"]}
    if kind == "model":
        text = f"{tree['id']}|{tree['how']}|{tree['ticks']}|{tree['tokens']}"
        request = Request(messages=(user(text),), max_tokens=BOUND)
        return Call(target=ModelName(name="test:obedient"), input=request, output_type=Reply, **rest)
    if kind in ("narrow", "strict"):
        return Call(target=NodeName(name=kind), input={"trees": tree["trees"]}, **rest)
    if kind == "batch":
        return Call(target=planned(tree), input=tree, **rest)
    target = kind if kind == "any" else NodeName(name=kind)
    return Call(target=target, input={name: tree[name] for name in ("id", "how", "ticks")}, **rest)


def plan_of(tree: Tree) -> Plan:
    """The outcome that counts for the tree's join: the first Done of a race, the lowest failure otherwise."""
    outcomes = yield Batch(calls=tuple(map(call_of, tree["trees"])), done=tree["done"], failed=tree["failed"])
    failures = [one for one in outcomes if type(one) is Failed]
    enough = sum(type(one) is Done for one in outcomes) >= (tree["done"] or 0)
    if tree["drops"] or not failures or (tree["done"] is not None and enough):
        return [type(one).__name__ for one in outcomes]
    return failures[0]


def numbered(tree: Tree) -> Tree:
    """The tree with an id of its own for every node."""
    count = 0

    def visit(one: Tree) -> Tree:
        nonlocal count
        count += 1
        return {**one, "id": str(count), "trees": [visit(child) for child in one["trees"]]}

    return visit(tree)


def node(kind: str, trees: list[Tree], **rest: Any) -> Tree:
    plain = {"timeout_s": None, "after_s": 0.0, "done": None, "failed": None, "drops": False}
    return {"kind": kind, "trees": trees, "how": "ok", "ticks": 0, "tokens": 1, **plain, **rest}


def _leaf(kind: str, how: str, ticks: int, tokens: int, late: bool) -> Tree:
    timeout_s = 0.003 if how == "hang" or late else None
    return node(kind, [], how=how, ticks=ticks, tokens=tokens, timeout_s=timeout_s)


def _batch(trees: list[Tree], join: str, n: int, drops: bool, hedge: bool) -> Tree:
    n = min(n, len(trees))
    if hedge:
        trees = [trees[0], *({**tree, "after_s": 0.001} for tree in trees[1:])]
    done = {"first": 1, "quorum": n}.get(join)
    return node("batch", trees, done=done, failed=1 if join == "fail_fast" else None, drops=drops)


leaves: st.SearchStrategy[Tree] = st.builds(
    _leaf,
    st.sampled_from(("leaf0", "leaf1", "leaf7", "model", "any", "model")),
    st.sampled_from(("ok", "ok", "ok", "ok", "fail", "no effect", "hang")),
    st.integers(0, 4),
    st.integers(0, BOUND),
    st.booleans(),
)
joins = st.sampled_from(("all", "all", "first", "quorum", "fail_fast"))


def _grown(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(children, min_size=1, max_size=5)
    batches = st.builds(_batch, several, joins, st.integers(1, 3), st.booleans(), st.booleans())
    codes = st.builds(lambda kind, trees: node(kind, trees), st.sampled_from(("narrow", "strict")), several)
    made: Callable[[Any], Any] = lambda one: one  # noqa: E731  # hypothesis wants one type for both
    return st.one_of(batches, batches, codes).map(made)


trees = st.recursive(leaves, _grown, max_leaves=25).map(numbered)

"""Hand-offs as they are declared, and as the model is shown them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestra import Agent, Handoff, agent, errors, tool, workflow
from orchestra.agents.agent import node_of_agent
from orchestra.agents.files import load_agent_file
from orchestra.agents.transfer import going_along, tool_name
from orchestra.app.members import agent_from_file
from orchestra.core.call import NodeName
from orchestra.core.catalog import Catalog, Node, Planning, required_node
from orchestra.core.errors import BadDefinition, BadInput, DuplicateName
from orchestra.core.message import ToolCall, assistant, system, tool_result, user
from orchestra.core.outcome import Done, failed
from orchestra.ports.model import Reply


@tool
async def look_up(order: str) -> str:
    return order


@tool
async def transfer_to_billing(order: str) -> str:
    return order


@agent(provides="refund", description="Refunds it.")
async def stripe(order: str) -> str:
    return order


@workflow
async def close(order: str) -> str:
    return order


def made(*handoffs: Handoff, **options: Any) -> Node:
    return node_of_agent(Agent("triage", handoffs=handoffs, **options), "test:m")


def plan_of(node: Node, value: Any = "hello", catalog: Catalog | None = None) -> Any:
    assert isinstance(node.body, Planning) and node.body.reads_catalog
    return node.body.plan(value, catalog or Catalog())


def wants(*names: str) -> Done:
    calls = tuple(ToolCall(id=name, name=name, arguments={"message": "help"}) for name in names)
    return Done(output=Reply(tool_calls=calls, finish="tool_calls"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"handoffs": ["billing"]},
        {"handoffs": [Agent("billing")]},
        {"handoffs": [{"to": "billing"}]},
    ],
)
def test_a_hand_off_says_whether_control_returns(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadDefinition, match=r"does not say whether control returns\. Write Handoff\(.*mode="):
        Agent("triage", **wrong)


def test_what_cannot_be_a_hand_off_is_refused() -> None:
    for mode in ("", "pas", None):
        with pytest.raises(BadDefinition, match='mode="return" or mode="pass"'):
            Handoff("billing", mode=mode)  # type: ignore[arg-type]
    for to in ("", look_up, len, 5):
        with pytest.raises(BadDefinition, match="Nothing can be handed to"):
            Handoff(to, mode="pass")  # type: ignore[arg-type]
    with pytest.raises(BadDefinition, match="is a text"):
        Agent("triage", handoffs="billing")  # type: ignore[arg-type]
    with pytest.raises(BadDefinition, match="hands over to itself"):
        made(Handoff("triage", mode="pass"))
    with pytest.raises(DuplicateName, match="transfer_to_a_b"):
        made(Handoff("a.b", mode="pass"), Handoff("a b", mode="return"))
    with pytest.raises(DuplicateName, match="transfer_to_billing"):
        made(Handoff("billing", mode="pass"), tools=[transfer_to_billing])


def test_the_name_is_one_that_every_provider_takes() -> None:
    assert tool_name("billing") == "transfer_to_billing"
    assert tool_name("a.b c/d") == "transfer_to_a_b_c_d"
    long = [tool_name("x" * 80 + end) for end in "ab"]
    assert all(len(name) == 64 for name in long) and long[0] != long[1]


def test_the_model_is_told_what_the_catalogue_says_today() -> None:
    catalog = Catalog().with_node(required_node(stripe)).with_node(required_node(close))
    node = made(
        Handoff("refund", mode="pass"),
        Handoff("stripe", mode="return"),
        Handoff("nobody", mode="pass"),
        Handoff(close, mode="return", description="Closes it."),
    )
    specs = next(plan_of(node, catalog=catalog)).calls[0].input.tools
    assert [spec.description for spec in specs] == [
        "Hands the conversation over to refund, whose answer is the final one. Refunds it.",
        "Asks stripe and brings the answer back. Refunds it.",
        "Hands the conversation over to nobody, whose answer is the final one.",
        "Asks close and brings the answer back. Closes it.",
    ]
    assert all(spec.parameters["required"] == ["message"] for spec in specs)


def transfer_of(node: Node, name: str, catalog: Catalog) -> Any:
    """The first call of the hand-off that the model asks for."""
    plan = plan_of(node, catalog=catalog)
    next(plan)
    call = plan.send((wants(name),)).calls[0]
    assert (call.target.kind, call.target.name, call.tool_call_id) == ("tool", name, name)
    return next(call.target.body.plan(call.input)).calls[0]


def test_a_name_is_a_capability_before_it_is_an_agent() -> None:
    catalog = Catalog().with_node(required_node(stripe))
    node = made(*(Handoff(to, mode="return") for to in ("refund", "stripe", "nobody")), Handoff(close, mode="return"))
    assert transfer_of(node, "transfer_to_refund", catalog).target == "refund"
    assert transfer_of(node, "transfer_to_stripe", catalog).target == NodeName(name="stripe")
    assert transfer_of(node, "transfer_to_nobody", catalog).target == "nobody"
    assert transfer_of(node, "transfer_to_close", catalog).target is required_node(close)


def test_what_goes_along_has_no_instructions_and_no_open_calls() -> None:
    look = ToolCall(id="l", name="look_up")
    over = ToolCall(id="o", name="transfer_to_billing")
    before = [system("Sort it."), user("hi"), assistant("", look), tool_result("l", "x")]
    assert going_along([*before, assistant("", over)]) == tuple(before[1:])
    assert going_along([*before, assistant("One moment.", over)]) == (*before[1:], assistant("One moment."))
    answered = going_along([*before, assistant("Both.", look, over)], [(look, "y")])
    assert answered == (*before[1:], assistant("Both.", look), tool_result("l", "y"))


@pytest.mark.parametrize("arguments", [{}, {"message": 5}, {"message": " "}, {"message": "x", "to": "y"}, "text"])
def test_a_hand_off_takes_one_text(arguments: Any) -> None:
    plan = plan_of(made(Handoff("billing", mode="pass")))
    next(plan)
    node = plan.send((wants("transfer_to_billing"),)).calls[0].target
    with pytest.raises(BadInput, match="takes one text, the message"):
        node.contract.bind(arguments)


def test_a_failure_that_comes_back_is_filed_with_the_next_request() -> None:
    plan = plan_of(made(Handoff("billing", mode="pass"), Handoff("sales", mode="return")))
    next(plan)
    together = plan.send((wants("transfer_to_sales", "transfer_to_billing"),))
    assert [call.target.name for call in together.calls] == ["transfer_to_sales"]
    passing = plan.send((failed(ValueError("no"), origin="run/s"),))
    assert [(f.origin, f.how, f.to) for f in passing.filings] == [("run/s", "tolerated", "model")]
    after = plan.send((failed(ValueError("nor me"), origin="run/b"),))
    assert [(f.origin, f.how, f.to) for f in after.filings] == [("run/b", "tolerated", "model")]
    told = [message.text for message in after.calls[0].input.messages[-2:]]
    assert told == ["Error: ValueError: no", "Error: ValueError: nor me"]


def test_an_unknown_effect_behind_a_pass_ends_the_task() -> None:
    plan = plan_of(made(Handoff("billing", mode="pass")))
    next(plan)
    plan.send((wants("transfer_to_billing"),))
    unknown = failed(errors.EffectUnknown("paid?"), origin="run/b")
    with pytest.raises(StopIteration) as stop:
        plan.send((unknown,))
    assert stop.value.value is unknown


FILE = """---
name: triage
description: Sorts.
handoffs:
{handoffs}
---
Sort it.
"""


def loaded(folder: Path, handoffs: str) -> Agent:
    path = folder / "triage.md"
    path.write_text(FILE.format(handoffs=handoffs), encoding="utf-8")
    return agent_from_file(load_agent_file(path, folder))


def test_a_file_declares_hand_offs(tmp_path: Path) -> None:
    one = "  - to: billing\n    mode: pass\n  - {to: refund, mode: return, description: Refunds.}"
    assert loaded(tmp_path, one).handoffs == (
        Handoff("billing", mode="pass"),
        Handoff("refund", mode="return", description="Refunds."),
    )


@pytest.mark.parametrize(
    ("handoffs", "line", "problem"),
    [
        ("  - {to: a, mode: pass}\n  - billing", 6, "say whether control returns: {to: billing, mode: return}"),
        ("  - to: billing\n    mode: keep", 6, "'return' or 'pass'"),
        ("  - to: billing", 5, "Field required"),
        ("  - {to: a, mode: pass, why: x}", 5, "there are to, mode, description"),
        ("  - {to: triage, mode: pass}", 4, "hands over to itself"),
        ("  - {to: a, mode: pass}\n  - {to: a, mode: return}", 4, "transfer_to_a"),
    ],
)
def test_a_fault_in_a_file_has_its_line(tmp_path: Path, handoffs: str, line: int, problem: str) -> None:
    with pytest.raises(BadDefinition) as caught:
        loaded(tmp_path, handoffs)
    assert f"line {line}, field 'handoffs" in str(caught.value)
    assert problem in str(caught.value)

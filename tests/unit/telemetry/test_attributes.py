"""What spans say beside names and sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestra.core.catalog import Code, Contract, Node
from orchestra.core.events import CallEnded, CallStarted, Event, Overrun, Refused, RunStarted
from orchestra.core.outcome import Cause, Done, Failed
from orchestra.core.usage import ZERO
from orchestra.ports.model import Request
from orchestra.skills.skill import Skill
from orchestra.skills.tool import TOOL, skill_tool
from orchestra.telemetry import names
from orchestra.telemetry.attributes import SKILL_TOOL
from orchestra.telemetry.spans import SpanRecord, spans
from tests.unit.telemetry.runs import ANALYST, ASKED, LOOKED_UP, RUN_ID, T, close_ticket


def node(name: str, kind: Any, **rest: Any) -> Node:
    body = Code(fn=print, context=None, is_async=False)
    return Node(name=name, kind=kind, body=body, contract=Contract(bind=dict), **rest)


def by_key(events: list[Event], **options: Any) -> dict[str, SpanRecord]:
    return {span.key: span for span in spans(RUN_ID, events, **options)}


def test_definitions_describe_agents_and_tools_and_name_the_only_model() -> None:
    nodes = {
        "analyst": node("analyst", "agent", description="Answers.", models=("openai:gpt-5-mini",)),
        "find_order": node("find_order", "tool", description="Looks up."),
        "stripe": node("stripe", "tool", description="Of another kind."),
        "close_ticket": node("close_ticket", "workflow", description="Closes."),
    }
    found = by_key(close_ticket(), nodes=nodes)
    analyst, tool = found[ANALYST].attributes, found[LOOKED_UP].attributes
    assert (analyst[names.AGENT_DESCRIPTION], analyst[names.REQUEST_MODEL]) == ("Answers.", "gpt-5-mini")
    assert found[ANALYST].name == "invoke_agent analyst"
    assert (tool[names.TOOL_DESCRIPTION], tool[names.TOOL_CALL_ID]) == ("Looks up.", "call_7")
    told = [key for key, span in found.items() if any(name.endswith(".description") for name in span.attributes)]
    assert sorted(told) == sorted([ANALYST, LOOKED_UP])


def test_a_streamed_reply_says_when_it_began() -> None:
    found = by_key(close_ticket())
    told = found[ASKED].attributes
    assert (told[names.REQUEST_STREAM], told[names.RESPONSE_FIRST_CHUNK_S]) == (True, 0.05)
    assert sum(names.REQUEST_STREAM in span.attributes for span in found.values()) == 1


def test_the_kind_of_output_that_was_asked_for() -> None:
    def asked(key: str, schema: Any) -> list[Event]:
        request = Request(messages=(), schema=schema)
        start = CallStarted(key, T, "model", "openai:m", input=request)
        return [start, CallEnded(key, T, "model", "openai:m", Done(), ZERO, T)]

    found = by_key([*asked("a", None), *asked("b", {"type": "object"})])
    assert [found[key].attributes[names.OUTPUT_TYPE] for key in "ab"] == ["text", "json"]


def test_what_a_budget_gave_refused_and_was_overrun_by() -> None:
    cause = Cause(kind="BudgetExceeded", message="too much")
    limits = {"usd": "0.05", "tokens": 900, "requests": None, "tool_calls": 0, "seconds": 1.5, "depth": 16}
    log: list[Event] = [
        RunStarted("run", T, "w", "m:w", None, 0, limits),
        Overrun("run/a", T, (2_000_000, 30, 0, 0)),
        CallEnded("run/a", T, "model", "openai:m", Done(), ZERO, T),
        Refused("run/b", T, "analyst", (50_000_000, 700, 1, 0)),
        CallEnded("run/b", T, "model", "openai:m", Failed(cause=cause), ZERO, T),
    ]
    found = by_key(log)
    root = {k: v for k, v in found["run"].attributes.items() if k.startswith("orchestra.budget.")}
    assert root == {
        "orchestra.budget.limit_usd": 0.05,
        "orchestra.budget.limit_tokens": 900,
        "orchestra.budget.limit_tool_calls": 0,
        "orchestra.budget.limit_seconds": 1.5,
        names.BUDGET_REFUSALS: 1,
    }
    over, refused = found["run/a"].attributes, found["run/b"].attributes
    assert (over[names.BUDGET_OVERRUN_USD], over[names.BUDGET_OVERRUN_TOKENS]) == (0.002, 30)
    assert (refused[names.BUDGET_REFUSED_BY], refused[names.ERROR_TYPE]) == ("analyst", "BudgetExceeded")
    assert (refused[names.BUDGET_WANTED_USD], refused[names.BUDGET_WANTED_TOKENS]) == (0.05, 700)
    assert names.BUDGET_REFUSED_BY not in over


def test_a_skill_that_was_taken_up_is_named_and_an_invented_one_is_not() -> None:
    tool = skill_tool([Skill(name="pottery", description="How to turn clay.", folder=Path("pottery"))])
    assert tool.source == SKILL_TOOL
    given = {"name": "pottery", "resource": "glaze.md"}
    log: list[Event] = [
        CallStarted("run/a", T, "tool", TOOL, input=given),
        CallEnded("run/a", T, "tool", TOOL, Done(output="..."), ZERO, T),
        CallStarted("run/b", T, "tool", TOOL, input={"name": "pottery", "resource": "my own words"}),
        CallEnded("run/b", T, "tool", TOOL, Failed(cause=Cause(kind="BadInput", message="")), ZERO, T),
    ]
    found = by_key(log, nodes={TOOL: tool})
    told = found["run/a"].attributes
    assert (told[names.SKILL_NAME], told[names.SKILL_RESOURCE]) == ("pottery", "glaze.md")
    assert "my own words" not in repr(found["run/b"])

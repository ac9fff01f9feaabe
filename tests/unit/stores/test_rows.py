"""Rows as others may read them."""

import json
import subprocess
import sys

import pytest

from orchestra.core.decision import Decision, Option, Step
from orchestra.core.errors import StateUnusable
from orchestra.core.events import CallEnded, Charged, Decided, Filed
from orchestra.core.outcome import Cause, Detour, Done, Failed
from orchestra.core.usage import ZERO, Usage
from orchestra.stores.rows import decode, encode


def test_the_facts_are_readable_json_without_defaults() -> None:
    usage = Usage(requests=1)
    kind, facts, payload = encode(CallEnded("run/a", 2.0, "agent", "a", Done(output="text", usage=usage), usage, 1.0))
    assert (kind, payload) == ("CallEnded", '"text"')
    assert json.loads(facts) == {
        "kind": "agent",
        "name": "a",
        "outcome": {"status": "done", "usage": {"requests": 1}},
        "usage": {"requests": 1},
        "began": 1.0,
    }


@pytest.mark.parametrize(
    ("kind", "facts", "payload"),
    [
        ("os.system", "{}", None),
        ("Charged", "{}", None),
        ("Charged", '{"usage": {}, "more": 1}', None),
        ("Charged", "not json", None),
        ("Charged", "[]", None),
        ("CallEnded", '{"outcome": {"status": "exploded"}}', None),
        ("Charged", '{"usage": {}}', '"content"'),
    ],
)
def test_a_row_that_is_none_is_named(kind: str, facts: str, payload: str | None) -> None:
    with pytest.raises(StateUnusable):
        decode(kind, "run", 1.0, facts, payload)


def test_infinite_scores_are_facts_too() -> None:
    event = Charged("run", float("inf"), Usage())
    kind, facts, _ = encode(event)
    assert decode(kind, event.key, event.at, facts, None) == event


def test_importing_the_stores_loads_no_driver_and_no_pydantic() -> None:
    code = (
        "import sys, orchestra.stores.registry; "
        "print(sorted({'sqlite3', 'pydantic', 'pydantic_core', 'opentelemetry'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_failure_knew_comes_back() -> None:
    """Failures are equal whatever their detours are, so these are looked at by themselves."""
    detour = Detour(before=("a",), before_cost=0.5, stands="1:a", after=("b", "c"), known=(("d", "open"),), why="so")
    cause = Cause(kind="NoEffect", message="down")
    end = CallEnded("k", 1.0, "agent", "a", Failed(cause=cause, detour=detour), ZERO, 0.0)
    kind, facts, body = encode(end)
    back = decode(kind, "k", 1.0, facts, body)
    assert isinstance(back, CallEnded) and isinstance(back.outcome, Failed) and back.outcome.detour == detour
    filed = Filed("k", 1.0, "rerouted", "b", "a", cause, detour)
    kind, facts, body = encode(filed)
    back = decode(kind, "k", 1.0, facts, body)
    assert isinstance(back, Filed) and back.detour == detour


def test_a_decision_comes_back_with_all_its_options() -> None:
    options = (
        Option("a", 3, 0.25, 0.5, 0.1, 7, 1, None, 1 / 3, 0.99),
        Option('b\u00e9 "quoted"', filtered="over budget"),
        Option("c", latency_s=1, score=-1e-300, probability=0.0),
    )
    made = Decision(
        key="run/d",
        capability="c",
        policy="p",
        version=2,
        options=options,
        chosen=("a", "c"),
        probability=0.99,
        reason="why",
        x=(1.0, 0.1, -2e-17),
        step=Step(turn=2, model="m"),
        signals=(("s", 0.5),),
    )
    event = Decided("run/d", 1.0, made)
    kind, facts, payload = encode(event)
    assert json.loads(facts)["decision"]["options"] == [list(option) for option in options]
    assert decode(kind, "run/d", 1.0, facts, payload) == event

"""The monitors that come with the package, each on a situation made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.signal import Signal
from orchestra.graph.monitors import budget, intent, memory, progress, risk, tool_health
from orchestra.ports.monitor import Proposed, Situation


def situation(arguments: dict[str, Any] | None = None, down: tuple[str, ...] = (), **facts: Any) -> Situation:
    proposed = Proposed("pay", "tool", arguments or {}, None, facts.pop("cost_nano", 0), facts.pop("models", ()))
    values: dict[str, Any] = {
        "task": "pay the bill", "wanted": "payment", "proposed": proposed, "at": 0.0, "left_nano": None, "done": (),
        "failed": (), "stages": 1, "state": lambda name: "open" if name in down else "closed",
        "rewards": lambda name: (0, 0.5),
    }  # fmt: skip
    return Situation(**{**values, **facts})


@pytest.mark.parametrize(
    ("arguments", "priority"),
    [
        ({}, 0.20),
        ({"amount": 10_000}, 0.20),
        ({"amount": 10_001}, 0.95),
        ({"amount": -10_001}, 0.95),
        ({"amount": "20000"}, 0.95),
        ({"amount": "12"}, 0.20),
        ({"amount": "a lot"}, 0.95),
        ({"amount": float("nan")}, 0.95),
        ({"amount": True}, 0.95),
        ({"flagged": True}, 0.85),
        ({"flagged": False, "amount": 1}, 0.20),
    ],
)
def test_risk(arguments: dict[str, Any], priority: float) -> None:
    signal = risk()(situation(arguments))
    assert signal is not None and signal.priority == priority
    assert signal.act == ("ask_person" if priority > 0.5 else "go_on")


@pytest.mark.parametrize(
    ("down", "models", "needs", "priority"),
    [
        ((), (), (), 0.10),
        (("pay",), (), (), 0.99),
        (("ledger",), (), (), 0.10),
        (("ledger",), (), ("ledger",), 0.99),
        (("m:a",), ("m:a", "m:b"), (), 0.10),
        (("m:a", "m:b"), ("m:a", "m:b"), (), 0.99),
    ],
)
def test_tool_health(
    down: tuple[str, ...], models: tuple[str, ...], needs: tuple[str, ...], priority: float
) -> None:  # fmt: skip
    signal = tool_health(*needs)(situation(down=down, models=models))
    assert signal is not None and signal.priority == priority
    assert signal.act == ("avoid" if priority > 0.5 else "go_on")


@pytest.mark.parametrize(
    ("task", "priority"), [("Close MY account, please", 0.90), ("close my accounts", 0.30), ("pay (now)!", 0.90)]
)
def test_intent(task: str, priority: float) -> None:
    signal = intent("close my account", "(now)")(situation(task=task))
    assert signal is not None and signal.priority == priority
    nothing = intent()(situation(task=task))
    assert nothing is not None and nothing.priority == 0.30


def test_progress_counts_failures_since_something_was_done() -> None:
    for failed, priority in ((("a", "b"), 0.10), (("a", "b", "c"), 0.50)):
        signal = progress()(situation(failed=failed))
        assert signal is not None and signal.priority == priority


@pytest.mark.parametrize(
    ("cost_nano", "left_nano", "priority"), [(5, None, 0.10), (5, 5, 0.10), (6, 5, 0.90), (1, -1, 0.90)]
)
def test_budget(cost_nano: int, left_nano: int | None, priority: float) -> None:
    signal = budget()(situation(cost_nano=cost_nano, left_nano=left_nano))
    assert signal is not None and signal.priority == priority


@pytest.mark.parametrize(("count", "mean", "priority"), [(4, 0.0, 0.10), (5, 0.19, 0.70), (5, 0.2, 0.10)])
def test_memory(count: int, mean: float, priority: float) -> None:
    signal = memory()(situation(rewards=lambda name: (count, mean)))
    assert signal is not None and signal.priority == priority


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_a_priority_lies_between_zero_and_one(bad: float) -> None:
    with pytest.raises(BadNumber):
        Signal("mine", bad).checked()


def test_an_act_is_one_of_five() -> None:
    with pytest.raises(BadDefinition):
        Signal("mine", 0.5, "explode").checked()  # type: ignore[arg-type]


def test_limits_are_numbers() -> None:
    for bad in (float("nan"), -1.0):
        with pytest.raises(BadNumber):
            risk(limit=bad)
        with pytest.raises(BadNumber):
            budget(share=bad)

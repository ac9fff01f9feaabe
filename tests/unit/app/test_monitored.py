"""Monitors in real runs: what they see, what they may do, and that nothing else does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestra import agent, errors
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.core.events import CallStarted, Filed
from orchestra.core.signal import Signal
from orchestra.graph.monitors import budget, intent, memory, progress, risk, tool_health
from orchestra.ports.monitor import Monitor, Situation
from orchestra.telemetry.spans import spans
from tests.support.monitored import PAY, broken, paid, ran, said, signalled, sound, team


def test_without_monitors_and_with_quiet_ones_nothing_is_written_and_no_model_asked() -> None:
    for monitors in ((), (risk(), tool_health(), intent("help"), progress(), budget(), memory())):
        result, asked = ran(PAY, "payment", *monitors)
        assert (result.output, asked, signalled(result)) == ("stripe paid A1", 0, [])
        assert result.explain().signals == ()


def test_avoided_the_call_goes_to_another_and_no_failure_is_counted() -> None:
    result, asked = ran(PAY, "payment", said("avoid"))
    assert (result.output, asked, paid) == ("adyen paid A1", 0, ["adyen A1"])
    (event,) = signalled(result)
    assert (event.source, event.priority, event.act, event.name) == ("mine", 0.9, "avoid", "stripe")
    assert not [e for e in result.events if isinstance(e, Filed)]
    assert result.decisions[-1].options[-1].filtered == "failed already: Avoided"
    assert "mine 0.90: avoid before stripe: because" in str(result.explain())


def test_others_can_be_avoided_with_it_and_then_no_path_is_left() -> None:
    result, asked = ran(PAY, "payment", said("avoid", nodes=("adyen",)))
    assert (result.output, asked, paid) == ("Ask the office.", 1, [])
    assert len(signalled(result)) == 1
    alone, _ = ran(PAY, "payment", said("avoid", nodes=("adyen",)), escalate=None)
    assert alone.status == "failed" and alone.cause is not None and alone.cause.is_a(errors.NoEffect)


def test_on_a_path_the_rest_is_planned_anew() -> None:
    result, _ = ran("A1", ["note", "payment"], said("avoid"))
    assert result.output == "adyen paid noted A1"
    assert [e.name for e in result.events if isinstance(e, CallStarted) and e.kind == "agent"] == ["noted", "adyen"]


def test_the_model_is_asked_once_where_a_monitor_outranks() -> None:
    result, asked = ran(PAY, "payment", said("ask_model"))
    assert (result.output, asked, paid) == ("Ask the office.", 1, [])
    assert len(signalled(result)) == 1
    nobody, _ = ran(PAY, "payment", said("ask_model"), escalate=None)
    assert nobody.cause is not None and nobody.cause.is_a(errors.Outranked) and "escalate=" in nobody.cause.remedy


def test_stopped_nobody_else_does_it() -> None:
    result, asked = ran(PAY, "payment", said("stop"))
    assert (result.status, asked, paid) == ("failed", 0, [])
    assert result.cause is not None and result.cause.is_a(errors.Outranked)
    assert [(f.how, f.to) for f in result.explain().failures] == [("escalated", "caller")]


def test_what_failed_before_a_stop_has_one_record() -> None:
    result, _ = ran("tree", "lookup", said("stop", about="sound"), agents=(broken, sound))
    assert result.cause is not None and result.cause.is_a(errors.Outranked)
    records = [(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)]
    assert [record for record in records if record[0] == "broken"] == [("broken", "escalated", "caller")]
    rerouted, _ = ran("tree", "lookup", said("avoid", about="nobody"), agents=(broken, sound))
    assert [(e.name, e.how, e.to) for e in rerouted.events if isinstance(e, Filed)] == [("broken", "rerouted", "sound")]


def test_what_failed_before_an_avoided_node_goes_on_to_the_third() -> None:
    @agent(provides="lookup", cost_usd=0.003)
    def third(word: str) -> str:
        return word.title()

    result, _ = ran("tree", "lookup", said("avoid", about="sound"), agents=(broken, sound, third))
    assert result.output == "Tree"
    assert [(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)] == [("broken", "rerouted", "third")]


def test_the_highest_priority_wins_and_below_the_limit_none_does() -> None:
    loud = said("go_on", priority=0.95)
    assert ran(PAY, "payment", said("stop"), loud)[0].output == "stripe paid A1"
    assert ran(PAY, "payment", said("stop", priority=0.96), loud)[0].status == "failed"
    assert ran(PAY, "payment", said("stop", priority=0.49))[0].status == "done"
    assert ran(PAY, "payment", said("stop", priority=0.50))[0].status == "failed"
    assert ran(PAY, "payment", said("stop", priority=0.89), outranks=0.9)[0].status == "done"
    assert ran(PAY, "payment", said("avoid"), said("stop"))[0].output == "adyen paid A1", "the first of equals"


@pytest.mark.parametrize("answer", [True, "no"])
def test_a_person_is_asked_and_the_run_goes_on_where_it_was(tmp_path: Path, answer: Any) -> None:
    paid.clear()
    made, model = team(risk(), state=tmp_path / "team.db", journal=True)
    waiting = made.run_sync({"order": "A1", "amount": 20_000}, to="payment")
    assert waiting.status == "paused" and paid == []
    ((key, question),) = waiting.asks.items()
    assert "stripe" in question and "risk" in question and "20000" in question
    result = made.resume_sync(waiting.run_id, answers={key: answer})
    if answer is True:
        assert (result.output, paid) == ("stripe paid A1", ["stripe A1"])
    else:
        assert result.status == "failed" and paid == []
        assert result.cause is not None and result.cause.is_a(errors.NotApproved)
    assert model.asked == 0
    made.close()


def test_what_is_done_is_not_asked_about_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def watching(now: Situation) -> Signal | None:
        asked.append(now.proposed.name)
        return Signal("mine", 0.9, "ask_person") if now.proposed.name == "stripe" else None

    made, _ = team(watching, state=tmp_path / "team.db", journal=True)
    waiting = made.run_sync("A1", to=["note", "payment"])
    assert waiting.status == "paused" and asked == ["noted", "stripe"]
    result = made.resume_sync(waiting.run_id, answers=dict.fromkeys(waiting.asks, True))
    assert result.output == "stripe paid noted A1" and asked == ["noted", "stripe", "stripe"]
    made.close()


def test_a_monitor_sees_the_call_as_it_will_be_made() -> None:
    seen: list[Situation] = []
    made, _ = team(lambda now: seen.append(now))
    from orchestra import Budget

    made.run_sync("A1", to=["note", "payment"], budget=Budget(usd=1))
    made.close()
    first, second = seen
    assert (first.task, first.wanted, first.stages, first.done) == ("A1", "note>payment", 2, ())
    assert second.done == ("noted",) and second.proposed.side_effect == "payment"
    assert second.proposed.arguments == {"order": "noted A1", "amount": 0.0, "flagged": False}
    assert second.proposed.cost_nano == 1_000_000 and second.left_nano == 10**9
    assert second.state("stripe") == "closed" and second.rewards("stripe") == (0, 0.5)


def test_what_a_monitor_raises_or_says_wrongly_fails_the_call() -> None:
    def bad(now: Situation) -> Signal | None:
        raise RuntimeError("broken monitor")

    wrong: list[Monitor] = [bad, lambda now: Signal("mine", float("nan")), lambda now: 0.9]  # type: ignore[list-item, return-value]
    for monitor, kind in zip(wrong, ("RuntimeError", "BadNumber", "BadDefinition"), strict=True):
        result, _ = ran(PAY, "payment", monitor)
        assert result.cause is not None and (result.cause.kind, paid) == (kind, [])
    with pytest.raises(BadDefinition):
        team("risk")  # type: ignore[arg-type]
    with pytest.raises(BadNumber):
        team(risk(), outranks=float("nan"))


def test_its_signal_is_a_span_without_content_unless_asked_for() -> None:
    result, _ = ran(PAY, "payment", said("avoid"))
    (span,) = [one for one in spans("r", result.events) if one.name == "monitor mine"]
    assert span.attributes["orchestra.signal.act"] == "avoid" and span.attributes["orchestra.signal.node"] == "stripe"
    assert "orchestra.signal.payload" not in span.attributes
    (full,) = [one for one in spans("r", result.events, content=True) if one.name == "monitor mine"]
    assert "because" in str(full.attributes["orchestra.signal.payload"])


# each of the six, through a run

"""The shipped monitors through real runs, and what watching shares with weights, probes and hedges."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from orchestra import agent
from orchestra.app.result import Result
from orchestra.core.events import Filed
from orchestra.core.signal import Signal
from orchestra.graph.monitors import budget, intent, memory, progress, risk, tool_health
from orchestra.graph.weights import Weights
from orchestra.ports.monitor import Monitor, Situation
from tests.support.monitored import adyen, broken, noted, paid, ran, said, signalled, sound, stripe, team


def test_risk_is_seen_in_a_default_too() -> None:
    @agent(provides="payment")
    def generous(order: str, amount: float = 50_000) -> str:
        return order

    result, _ = ran("A1", "payment", risk(), agents=(generous,))
    assert result.status == "paused"
    assert ran({"order": "A1", "flagged": True}, "payment", risk(act="stop"))[0].status == "failed"


def test_intent_asks_for_a_person() -> None:
    assert ran("cancel my account", "note", intent("cancel my account"))[0].status == "paused"
    assert ran("hello", "note", intent("cancel my account"))[0].status == "done"


def test_a_node_whose_need_is_down_is_avoided() -> None:
    paid.clear()
    made, _ = team(tool_health("ledger"), tool_health(), agents=(stripe, adyen, noted))
    for _ in range(3):
        made._team.health.seen("ledger", False, 0.1, made.clock.now())
    result = made.run_sync("A1", to="payment")
    made.close()
    assert result.output == "Ask the office." and paid == []
    assert [event.source for event in signalled(result)] == ["health", "health"]


def test_without_progress_the_model_is_asked_before_the_rest_is_tried() -> None:
    @agent(provides="lookup", cost_usd=0.0015)
    def also_broken(word: str) -> str:
        raise ValueError("out of order")

    result, asked = ran("tree", "lookup", progress(failures=2), agents=(broken, also_broken, sound))
    assert (result.output, asked) == ("Ask the office.", 1)
    assert {(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)} == {
        ("broken", "rerouted", "also_broken"),
        ("also_broken", "escalated", "model"),
    }


def test_a_path_keeps_to_what_is_left_of_the_budget() -> None:
    from orchestra import Budget

    @agent(provides="draft", cost_usd=0.4)
    def writer(text: str) -> str:
        return f"draft of {text}"

    @agent(provides="print", cost_usd=0.7, latency_s=0)
    def glossy(text: str) -> str:
        return f"glossy {text}"

    @agent(provides="print", cost_usd=0.5, latency_s=9)
    def plain(text: str) -> str:
        return f"plain {text}"

    def printed(*monitors: Monitor) -> Result:
        made, _ = team(*monitors, agents=(writer, glossy, plain), weights=Weights(latency=1), escalate=None)
        try:
            return made.run_sync("it", to=["draft", "print"], budget=Budget(usd=1))
        finally:
            made.close()

    assert printed().status == "stopped"
    assert printed(budget()).output == "plain draft of it"


def test_a_node_that_was_no_use_is_avoided() -> None:
    made, _ = team(memory(rewards=2, below=0.3), agents=(sound, noted), escalate=None)

    async def work() -> tuple[Result, Result]:
        for _ in range(2):
            result = await made.run("tree", to="lookup")
            await made.feedback(result.run_id, 0.0)
        return result, await made.run("tree", to="lookup")

    before, after = anyio.run(work)
    assert before.status == "done" and after.status == "failed"
    assert [event.source for event in signalled(after)] == ["memory"]
    anyio.run(made.aclose)


def test_the_weights_of_one_run_are_not_those_of_the_next() -> None:
    @agent(provides="draft", cost_usd=0.001, latency_s=9)
    def slow(text: str) -> str:
        return "slow"

    @agent(provides="draft", cost_usd=0.003)
    def quick(text: str) -> str:
        return "quick"

    made, _ = team(agents=(slow, quick, noted))
    outputs = [
        made.run_sync("it", to=["draft", "note"], weights=weights).output
        for weights in (None, Weights(latency=1), None, Weights(latency=1), Weights(cost=0, quality=1))
    ]
    made.close()
    assert outputs == ["noted slow", "noted quick", "noted slow", "noted quick", "noted slow"]


def test_a_reward_changes_what_a_path_weighs() -> None:
    @agent(provides="draft", cost_usd=0.001)
    def poor(text: str) -> str:
        return "poor"

    @agent(provides="draft", cost_usd=0.003)
    def good(text: str) -> str:
        return "good"

    made, _ = team(agents=(poor, good, noted), weights=Weights(cost=1, quality=1))
    assert made.run_sync("it", to=["draft", "note"]).output == "noted poor"
    made.feedback_sync(made.run_sync("it", to="draft").run_id, 0.0)
    assert made.run_sync("it", to=["draft", "note"]).output == "noted good"
    made.close()


def test_of_two_runs_that_both_chose_it_one_probes() -> None:
    calls: list[str] = []

    @agent(provides="lookup", cost_usd=0.001)
    async def mended(word: str) -> str:
        calls.append("mended")
        await anyio.sleep(0.01)
        return "mended"

    made, _ = team(agents=(mended, sound))
    health, now = made._team.health, made.clock.now
    for _ in range(3):
        health.seen("mended", False, 0.1, now() - 60.0)
    taken = health.enter

    def late(name: str, at: float) -> str | None:
        """Somebody else has decided the same and comes first."""
        if name == "mended" and health.in_flight("mended") == 0:
            taken("mended", at)
        return taken(name, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(health), "enter", lambda self, name, at: late(name, at) if name == "mended" else taken(name, at)
        )
        result = made.run_sync("tree", to="lookup")
    assert result.output == "TREE" and calls == []
    assert [option.filtered for option in result.decisions[-1].options][-1] == "failed already: Avoided"
    assert [(f.name, f.how) for f in result.explain().failures] == []
    made.close()


def test_a_second_that_stands_by_is_watched_as_well() -> None:
    asked: list[str] = []

    @agent(provides="lookup", cost_usd=0.001)
    async def late(word: str) -> str:
        await anyio.sleep(0.05)
        return "late"

    def stopping(now: Situation) -> Signal | None:
        asked.append(now.proposed.name)
        return Signal("mine", 0.9, "stop") if now.proposed.name == "sound" else None

    made, _ = team(stopping, agents=(late, sound))
    result = made.run_sync("tree", to="lookup", hedge_s=0.005)
    assert result.output == "late" and asked == ["late", "sound"]
    made.close()


def test_what_failed_before_a_refusal_is_filed_with_the_person(tmp_path: Path) -> None:
    asking = said("ask_person", about="sound")
    made, _ = team(asking, agents=(broken, sound), state=tmp_path / "team.db", journal=True)
    waiting = made.run_sync("tree", to="lookup")
    result = made.resume_sync(waiting.run_id, answers=dict.fromkeys(waiting.asks, False))
    made.close()
    records = [(e.name, e.how, e.to) for e in result.events if isinstance(e, Filed)]
    assert result.status == "failed" and ("broken", "escalated", "person") in records

"""The explanation of a run."""

import json

from orchestra.core.events import CallEnded, Dropped, Filed, RunStarted
from orchestra.core.outcome import Cause, Failed
from orchestra.telemetry.explain import explain
from tests.unit.telemetry.runs import (
    ANALYST,
    FIRST,
    MODEL,
    REFUND,
    REFUSED,
    SECOND,
    STRIPE,
    TOOL,
    TOTAL,
    T,
    close_ticket,
)

TEXT = """\
close_ticket: done in 1.5 s, $0.008, 240 tokens, 2 model requests, 1 tool calls
  1 calls recalled from the journal, 1 attempts retried
Decisions
  refund -> stripe  (linucb 3, probability 0.98): a secret reason
    * stripe  score 0.710  probability 0.98  $0.002  3 tries
      adyen   score 0.640  probability 0.02  $0.004  never tried
      paypal  filtered: breaker open
  refund -> adyen  (linucb 3, probability 1.00, after stripe failed): nobody else may be chosen
      stripe  filtered: failed before
    * adyen   score 0.640  probability 0.02  $0.004  never tried
      paypal  filtered: breaker open
      reward 1 from customer
Failures
  stripe: ConnectionRefusedError: port 443 -> rerouted to adyen
Cost by node
  stripe      $0.002
  adyen       $0.004
  analyst     $0.002, 240 tokens, 2 model requests
  find_order  $0.00, 1 tool calls
Cost by model
  openai:gpt-5-mini  $0.002, 240 tokens, 2 model requests"""


def test_the_text_says_who_why_what_failed_and_what_it_cost() -> None:
    assert str(explain(close_ticket())) == TEXT


def test_costs_add_up_to_the_usage() -> None:
    cost = explain(close_ticket()).cost
    assert sum(cost.node_to_usage.values(), start=type(TOTAL)()) == TOTAL
    assert cost.model_to_usage == {"openai:gpt-5-mini": MODEL + MODEL}
    assert cost.node_to_usage["stripe"] == STRIPE
    assert cost.node_to_usage["find_order"] == TOOL


def test_every_failure_appears_once() -> None:
    """The leaf's record and those above that fail with it are one failure; one without a record yet is open."""
    log = close_ticket()
    inner = Failed(cause=REFUSED, origin=FIRST)
    log.insert(10, CallEnded(REFUND, T + 0.5, "bind", "refund", inner, STRIPE, T))
    open_cause = Cause(kind="Timeout", message="late")
    log.append(CallEnded(ANALYST, T + 2, "agent", "analyst", Failed(cause=open_cause, origin=ANALYST), STRIPE, T))
    found = explain(log).failures
    assert [(f.name, f.how, f.to) for f in found] == [("stripe", "rerouted", "adyen"), ("analyst", "open", "")]


def test_a_call_that_failed_in_two_parts_of_a_run_failed_twice() -> None:
    log = close_ticket()
    ended = next(e for e in log if isinstance(e, CallEnded) and e.key == FIRST)
    log += [ended, Filed(FIRST, T + 20, "escalated", "caller", "stripe", REFUSED)]
    assert [f.how for f in explain(log).failures] == ["rerouted", "escalated"]


def test_it_is_json() -> None:
    told = json.loads(json.dumps(explain(close_ticket()).to_dict()))
    assert told["status"] == "done"
    assert told["decisions"][0]["options"][2]["filtered"] == "breaker open"
    assert told["cost"]["node_to_usage"]["adyen"]["nano_usd"] == 4_000_000


def test_a_run_that_has_just_begun_can_be_explained() -> None:
    assert explain([]).status == "running"
    assert str(explain(close_ticket()[:1])) == "close_ticket: running in 0 ms, $0.00"


def test_what_was_finished_and_not_used_is_named() -> None:
    log = close_ticket()
    log += [Dropped(SECOND, T + 2, "quorum"), Dropped("run/x", T + 2, "vote")]
    told = explain(log)
    assert [(one.key, one.name, one.by) for one in told.unused] == [
        (SECOND, "adyen", "quorum"),
        ("run/x",) * 2 + ("vote",),
    ]
    assert "\nNot used: adyen (quorum), run/x (vote)\n" in str(told)
    assert "Not used" not in str(explain(close_ticket()))


def test_a_run_that_was_taken_up_again_is_running() -> None:
    again = RunStarted("run", T + 20, "close_ticket", "shop:close_ticket", None, 7, {})
    told = explain([*close_ticket(), again])
    assert (told.status, told.seconds) == ("running", 20.0)
    assert told.usage == TOTAL

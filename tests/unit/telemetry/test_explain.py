"""The explanation of a run."""

import json

import orchestra.telemetry.names as names
from orchestra.core.events import CallEnded, Dropped, Event, Filed, RunStarted
from orchestra.core.outcome import Cause, Detour, Done, Failed
from orchestra.telemetry.explain import explain
from orchestra.telemetry.spans import spans
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


def with_detour(detour: Detour) -> list[Event]:
    return [e._replace(detour=detour) if isinstance(e, Filed) else e for e in close_ticket()]


def test_a_failure_says_what_was_known_and_both_ways() -> None:
    known = (("paypal", "its breaker is open"),)
    detour = Detour(
        before=("stripe", "mail"), before_cost=0.5, stands="1:crm", after=("adyen",), after_cost=0.75, known=known
    )
    told = explain(with_detour(detour))
    assert told.failures[0].detour == detour
    assert (
        "-> rerouted to adyen\n    was: stripe > mail (0.5); now: adyen (0.75) from 1:crm\n"
        "    known: paypal: its breaker is open\n"
    ) in str(told)
    assert json.loads(json.dumps(told.to_dict()))["failures"][0]["detour"]["after_cost"] == 0.75


def test_or_why_there_is_no_other_way() -> None:
    told = str(explain(with_detour(Detour(before=("stripe",), why="no path leads from '1:crm' to a goal"))))
    assert "    was: stripe; no other: no path leads from '1:crm' to a goal\n" in told


def test_the_goals_that_were_reached_are_named() -> None:
    log = close_ticket()
    log.append(CallEnded("run/refund:x.0/goal:voucher", T + 1, "bind", "goal:voucher", Done(output=1), STRIPE, T))
    failed = Failed(cause=REFUSED, filed=True)
    log.append(CallEnded("run/other:x.0/goal:callback", T + 1, "bind", "goal:callback", failed, STRIPE, T))
    told = explain(log)
    assert told.demoted == {"run/refund:x.0": "voucher"} and "\nDemoted: refund -> voucher\n" in str(told)


def test_spans_show_the_detour() -> None:
    detour = Detour(before=("stripe",), before_cost=0.002, after=("adyen",), after_cost=0.004, known=(("x", "open"),))
    (span,) = [one for one in spans("r", with_detour(detour)) if names.FAILURE_HOW in one.attributes]
    told = {name: value for name, value in span.attributes.items() if name.startswith("orchestra.failure.")}
    assert told == {
        names.FAILURE_HOW: "rerouted",
        names.FAILURE_TO: "adyen",
        names.FAILURE_BEFORE: ("stripe",),
        names.FAILURE_BEFORE_COST: 0.002,
        names.FAILURE_AFTER: ("adyen",),
        names.FAILURE_AFTER_COST: 0.004,
        names.FAILURE_KNOWN: ("x: open",),
    }

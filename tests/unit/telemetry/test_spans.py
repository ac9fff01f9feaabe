"""The projection to spans."""

from typing import Any

from orchestra.core.events import CallEnded, CallStarted, Charged, Dropped, Event, RunEnded, RunStarted
from orchestra.core.outcome import Cancelled, Cause, Done, Failed
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.model import Reply
from orchestra.stores.codec import JsonCodec
from orchestra.stores.rows import decode, encode
from orchestra.telemetry import names
from orchestra.telemetry.ids import span_id, trace_id
from orchestra.telemetry.spans import SpanRecord, spans
from tests.unit.telemetry.runs import (
    AGAIN,
    ANALYST,
    ANSWERED,
    ASKED,
    CHOICE,
    FIRST,
    FLOW,
    LOOKED_UP,
    MODEL,
    REFUSED,
    RUN_ID,
    SECOND,
    TOTAL,
    T,
    close_ticket,
)

INPUT, OUTPUT = names.USAGE_INPUT_TOKENS, names.USAGE_OUTPUT_TOKENS


def by_key() -> dict[str, SpanRecord]:
    return {span.key: span for span in spans(RUN_ID, close_ticket())}


def test_names_and_kinds_follow_the_conventions() -> None:
    assert {key: (span.name, span.kind) for key, span in by_key().items()} == {
        "run": ("run close_ticket", "internal"),
        FLOW: ("invoke_workflow close_ticket", "internal"),
        CHOICE: ("route refund", "internal"),
        AGAIN: ("route refund", "internal"),
        FIRST: ("invoke_agent stripe", "internal"),
        SECOND: ("invoke_agent adyen", "internal"),
        ANALYST: ("invoke_agent analyst", "internal"),
        ASKED: ("chat gpt-5-mini", "client"),
        ANSWERED: ("chat gpt-5-mini", "client"),
        LOOKED_UP: ("execute_tool find_order", "internal"),
    }


def test_ids_are_known_in_advance_and_parents_are_the_nearest_spans_above() -> None:
    found = by_key()
    assert all(span.span_id == span_id(RUN_ID, key) for key, span in found.items())
    assert {span.trace_id for span in found.values()} == {trace_id(RUN_ID)}
    parents = {key: span.parent_id for key, span in found.items()}
    assert parents.pop("run") is None
    above = {FLOW: "run", ASKED: ANALYST, ANSWERED: ANALYST, LOOKED_UP: ANALYST}
    assert parents == {key: span_id(RUN_ID, above.get(key, FLOW)) for key in parents}


def test_token_counts_on_chat_spans_add_up_to_the_usage_and_stand_nowhere_else() -> None:
    found = by_key()
    assert sum(span.attributes.get(INPUT, 0) for span in found.values()) == TOTAL.input_tokens
    assert sum(span.attributes.get(OUTPUT, 0) for span in found.values()) == TOTAL.output_tokens
    assert {key for key, span in found.items() if INPUT in span.attributes} == {ASKED, ANSWERED}
    assert found["run"].attributes[names.TOTAL_INPUT_TOKENS] == TOTAL.input_tokens
    assert TOTAL.usd is not None
    assert found[FLOW].attributes[names.TOTAL_COST_USD] == float(TOTAL.usd)
    own = sum(span.attributes.get(names.COST_USD, 0) for span in found.values())
    assert round(own, 9) == float(TOTAL.usd)


def test_a_model_call_says_who_was_asked_and_who_answered() -> None:
    told = by_key()[ANSWERED].attributes
    expected: dict[str, Any] = {
        names.OPERATION: "chat",
        names.PROVIDER: "openai",
        names.REQUEST_MODEL: "gpt-5-mini",
        names.RESPONSE_MODEL: "gpt-5-mini-2026",
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.REQUEST_MAX_TOKENS: 512,
        names.REQUEST_TEMPERATURE: 0.0,
        names.USAGE_CACHE_READ_INPUT_TOKENS: 60,
        names.CONVERSATION: RUN_ID,
        names.ATTEMPTS: 2,
    }
    assert {name: told[name] for name in expected} == expected


def test_a_model_call_says_where_it_went_what_its_reply_is_called_and_what_was_thought() -> None:
    used = Usage(input_tokens=9, output_tokens=7, reasoning_tokens=5, requests=1)
    reply = Reply(text="x", usage=used, response_id="resp-1", model="m-1")
    started = CallStarted("run/m", 1.0, "model", "openai:m", server="api.openai.com:443")
    ended = CallEnded("run/m", 2.0, "model", "openai:m", Done(output=reply), used, 1.0)
    failed = CallEnded("run/m", 2.0, "model", "openai:m", Failed(cause=REFUSED), Usage(), 1.0)
    for last in (ended, failed, None):
        again = [decode("CallStarted", "run/m", 1.0, *encode(started)[1:]), *([last] if last else [])]
        (told,) = [one.attributes for one in spans("r", again)]
        assert (told["server.address"], told["server.port"]) == ("api.openai.com", 443), "also where no reply came"
        if last is ended:
            assert told["gen_ai.response.id"] == "resp-1" and told["gen_ai.usage.reasoning.output_tokens"] == 5
    (told,) = [one.attributes for one in spans("r", [started._replace(server="")])]
    assert not {name for name in told if name.startswith("server.") or "reasoning" in name}


def test_what_a_reply_used_and_is_called_comes_back_from_its_record() -> None:
    used = Usage(input_tokens=9, output_tokens=7, reasoning_tokens=5, requests=1)
    reply = Reply(text="x", usage=used, response_id="resp-1")
    ended = CallEnded("run/m", 2.0, "model", "openai:m", Done(output=reply, usage=used), used, 1.0)
    again = decode("CallEnded", "run/m", 2.0, *encode(ended)[1:])
    assert isinstance(again, CallEnded) and again.usage == used
    assert JsonCodec().typed(again.outcome.output, Reply) == reply  # type: ignore[union-attr]
    assert (used + used).reasoning_tokens == 10 and used + ZERO == used == ZERO + used


def test_tokens_written_to_a_cache_have_an_older_and_a_newer_name() -> None:
    for latest, said in (
        (False, "gen_ai.usage.cache_creation.input_tokens"),
        (True, "gen_ai.usage.cache_write.input_tokens"),
    ):
        (told,) = [s.attributes for s in spans(RUN_ID, close_ticket(), latest=latest) if s.key == ASKED]
        assert {name: value for name, value in told.items() if value == 30} == {said: 30}


def test_a_failure_has_its_type_and_where_it_went() -> None:
    span = by_key()[FIRST]
    assert span.status == "error"
    told = span.attributes
    assert told[names.ERROR_TYPE] == "ConnectionRefusedError"
    assert (told[names.FAILURE_HOW], told[names.FAILURE_TO]) == ("rerouted", "adyen")
    assert {s.key for s in by_key().values() if s.status == "error"} == {FIRST}


def test_a_decision_is_flat_and_whole() -> None:
    first, second = by_key()[CHOICE].attributes, by_key()[AGAIN].attributes
    expected: dict[str, Any] = {
        names.ROUTE_CAPABILITY: "refund",
        names.ROUTE_POLICY: "linucb",
        names.ROUTE_POLICY_VERSION: 3,
        names.ROUTE_CANDIDATES: ("stripe", "adyen"),
        names.ROUTE_SCORES: (0.71, 0.64),
        names.ROUTE_PROBABILITIES: (0.98, 0.02),
        names.ROUTE_COSTS_USD: (0.002, 0.004),
        names.ROUTE_CHOSEN: ("stripe",),
        names.ROUTE_PROPENSITY: 0.98,
        names.ROUTE_EXPLORED: False,
        names.ROUTE_FILTERED: ("paypal: breaker open",),
        names.ROUTE_BUDGET_USD: 0.05,
        names.ROUTE_ATTEMPT: 1,
    }
    assert {name: first[name] for name in expected} == expected
    assert names.ROUTE_REWARD not in first
    assert second[names.ROUTE_ATTEMPT] == 2
    assert second[names.ROUTE_FROM] == FIRST
    assert second[names.ROUTE_REWARD] == 1.0  # the value in force, not the mean with the one it corrects


def test_content_is_told_on_request_only() -> None:
    assert "secret" not in repr(spans(RUN_ID, close_ticket()))
    with_content = spans(RUN_ID, close_ticket(), content=True)
    told = [span.key for span in with_content if "secret" in repr(span)]
    assert set(told) == {CHOICE, ASKED, ANSWERED, LOOKED_UP}


def test_times_are_in_order_and_within_the_run() -> None:
    found = spans(RUN_ID, close_ticket())
    root = found[0]
    assert root.key == "run"
    assert all(root.start_ns <= s.start_ns <= s.end_ns <= root.end_ns for s in found)
    assert [s.end_ns for s in found[1:]] == sorted(s.end_ns for s in found[1:])


def test_a_call_whose_process_died_is_unfinished_and_still_counted() -> None:
    log: list[Event] = [
        RunStarted("run", T, "w", "m:w", None, 0, {}),
        CallStarted("run/m", T, "model", "local:smollm2"),
        Charged("run/m", T + 1, MODEL),
    ]
    root, call = spans(RUN_ID, log)
    assert (root.attributes[names.OUTCOME], call.attributes[names.OUTCOME]) == ("unfinished", "unfinished")
    assert call.attributes[INPUT] == MODEL.input_tokens
    assert call.end_ns == round((T + 1) * 1e9)


def test_a_call_that_ran_again_has_two_spans() -> None:
    once = CallEnded("run/a", T, "agent", "a", Done(), ZERO, T)
    first, second = spans(RUN_ID, [once, once._replace(at=T + 1)])
    assert first.span_id == span_id(RUN_ID, "run/a") != second.span_id


def test_nothing_comes_of_nothing() -> None:
    assert spans(RUN_ID, []) == []
    (only,) = spans(RUN_ID, [RunStarted("run", T, "w", "m:w", None, 0, {}), RunEnded("run", T, "done", ZERO)])
    assert only.parent_id is None


def test_each_part_of_a_run_has_spans_of_its_own_and_a_link_to_the_first_root() -> None:
    both = [*close_ticket(), *close_ticket()]
    found = spans(RUN_ID, both)
    assert len({span.span_id for span in found}) == len(found) == 20
    assert {span.trace_id for span in found} == {trace_id(RUN_ID)}
    roots = [span for span in found if span.parent_id is None]
    first, second = roots
    assert (first.links, second.links) == ((), ((trace_id(RUN_ID), first.span_id),))
    assert (names.PART in first.attributes, second.attributes[names.PART]) == (False, 2)
    assert second.span_id == span_id(RUN_ID, "run", 1)
    ids = {span.span_id for span in found[10:]}
    assert all(span.parent_id in ids for span in found[11:])
    assert {s.attributes[names.TOTAL_INPUT_TOKENS] for s in roots} == {TOTAL.input_tokens}
    assert spans(RUN_ID, close_ticket(), earlier=("",)) == found[10:]


def test_what_a_join_did_not_use_is_marked() -> None:
    found = {s.key: s for s in spans(RUN_ID, [*close_ticket(), Dropped(SECOND, T + 2, "quorum")])}
    assert {key: s.attributes[names.DROPPED_BY] for key, s in found.items() if names.DROPPED_BY in s.attributes} == {
        SECOND: "quorum"
    }


def test_the_newer_names_say_that_a_reply_did_not_come() -> None:
    cause = Cause(kind="Overloaded", message="busy")
    log: list[Event] = [
        CallEnded("run/a", T, "model", "openai:m", Failed(cause=cause), ZERO, T),
        CallEnded("run/b", T, "model", "openai:m", Cancelled(), ZERO, T),
        CallEnded("run/c", T, "agent", "c", Failed(cause=cause), ZERO, T),
    ]
    newer = {s.key: s.attributes.get(names.RESPONSE_FINISH_REASONS) for s in spans(RUN_ID, log, latest=True)}
    assert newer == {"run/a": ("error",), "run/b": ("error",), "run/c": None}
    assert not any(names.RESPONSE_FINISH_REASONS in s.attributes for s in spans(RUN_ID, log))

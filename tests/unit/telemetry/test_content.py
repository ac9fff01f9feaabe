"""Content: nowhere unasked, and in the conventions' shapes where it was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestra.core.errors import BadDefinition
from orchestra.core.events import CallEnded, CallStarted, Event, Rewarded
from orchestra.core.message import Image, ToolCall, assistant, system, tool_result, user
from orchestra.core.outcome import Done
from orchestra.core.usage import ZERO
from orchestra.ports.model import Reply, Request, ToolSpec
from orchestra.telemetry import names
from orchestra.telemetry.content import written
from orchestra.telemetry.export import Tracing
from orchestra.telemetry.exporters import CONTENT, content_modes
from orchestra.telemetry.ids import span_id, trace_id
from tests.unit.telemetry.runs import CHOICE, FIRST, RUN_ID, T, close_ticket

CALL = ToolCall(id="c1", name="find", arguments={"n": 7})
ASKED = Request(
    messages=(
        system("Be brief."),
        user("Look.", Image(url="https://example.org/a.png"), Image.of(b"png", "image/png")),
        assistant("", CALL),
        tool_result("c1", "found"),
    ),
    tools=(ToolSpec(name="find", description="Finds.", parameters={"type": "object"}),),
)
ANSWERED = Reply(text="half \ud800", tool_calls=(CALL,), finish="tool_calls", model="m")
LOG: list[Event] = [
    CallStarted("run/m", T, "model", "openai:m", input=ASKED),
    CallEnded("run/m", T + 1, "model", "openai:m", Done(output=ANSWERED), ZERO, T),
    CallStarted("run/t", T, "tool", "find", input={"n": 7}),
    CallEnded("run/t", T + 2, "tool", "find", Done(output=[1, 2]), ZERO, T),
]
CONTENT_NAMES = {names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.SYSTEM_INSTRUCTIONS, names.TOOL_DEFINITIONS}


def sent(content: bool, events: bool) -> tuple[list[dict[str, Any]], list[ReadableLogRecord]]:
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # theirs
    assert Tracing(spans, logs=logs, content=content, content_events=events).export(RUN_ID, LOG)
    return [dict(span.attributes or {}) for span in spans.get_finished_spans()], [*logs.get_finished_logs()]


def test_nothing_unasked() -> None:
    spans, logs = sent(False, False)
    assert not logs
    assert not CONTENT_NAMES & {name for span in spans for name in span}
    assert "Be brief" not in repr(spans)


def test_on_spans_it_is_json_of_the_conventions() -> None:
    (model, tool), logs = sent(True, False)
    assert not logs
    assert json.loads(model[names.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be brief."}]
    asked = {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"n": 7}}
    assert json.loads(model[names.INPUT_MESSAGES]) == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "Look."},
                {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "cG5n"},
            ],
        },
        {"role": "assistant", "parts": [asked]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "found"}]},
    ]
    (answer,) = json.loads(model[names.OUTPUT_MESSAGES])
    assert (answer["finish_reason"], answer["parts"]) == ("tool_call", [{"type": "text", "content": "half ?"}, asked])
    (definition,) = json.loads(model[names.TOOL_DEFINITIONS])
    assert definition == {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    assert (tool[names.TOOL_CALL_ARGUMENTS], tool[names.TOOL_CALL_RESULT]) == ('{"n":7}', "[1,2]")


def test_as_an_event_it_is_structured_beside_what_the_span_says() -> None:
    spans, (event,) = sent(False, True)
    assert not CONTENT_NAMES & {name for span in spans for name in span}
    record, told = event.log_record, dict(event.log_record.attributes or {})
    assert record.event_name == names.INFERENCE_DETAILS
    assert (record.trace_id, record.span_id) == (trace_id(RUN_ID), span_id(RUN_ID, "run/m"))
    assert record.timestamp == round((T + 1) * 1e9)
    assert (told[names.OPERATION], told[names.REQUEST_MODEL]) == ("chat", "m")
    assert told.keys() >= CONTENT_NAMES
    assert not any(name.startswith("orchestra.") for name in told)
    assert told[names.INPUT_MESSAGES][0]["role"] == "user"  # type: ignore[index,call-overload]  # their type is wide


def test_what_cannot_be_written_is_named_by_its_type() -> None:
    assert written({"a": object(), "b": float("nan"), "c": "plain"}) == {
        "a": '{"unrecorded":"object"}',
        "b": '{"unrecorded":"float"}',
        "c": "plain",
    }


@pytest.mark.parametrize(
    ("given", "modes"),
    [
        ("", (False, False)),
        ("NO_CONTENT", (False, False)),
        ("span_only", (True, False)),
        ("EVENT_ONLY", (False, True)),
        (" SPAN_AND_EVENT ", (True, True)),
        ("true", (False, True)),
        ("false", (False, False)),
    ],
)
def test_modes(given: str, modes: tuple[bool, bool]) -> None:
    assert content_modes({CONTENT: given}) == modes


def test_an_unknown_mode_is_refused() -> None:
    assert content_modes({}) == (False, False)
    with pytest.raises(BadDefinition, match="SPAN_ONLY"):
        content_modes({CONTENT: "everything"})


def test_a_reward_is_an_evaluation_of_the_call_that_the_decision_led_to() -> None:
    logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # theirs
    first, unknown = Rewarded(f"{RUN_ID}/{CHOICE}", T + 9, 0.25, "judge"), Rewarded("nobody", T, 1.0, "judge")
    assert Tracing(None, logs=logs).judge(RUN_ID, close_ticket(), [first, unknown])
    (event,) = logs.get_finished_logs()
    record, told = event.log_record, dict(event.log_record.attributes or {})
    assert record.event_name == names.EVALUATION_RESULT
    assert (record.trace_id, record.span_id) == (trace_id(RUN_ID), span_id(RUN_ID, FIRST))
    assert (told[names.EVALUATION_NAME], told[names.EVALUATION_SCORE]) == ("judge", 0.25)
    assert (told[names.ROUTE_CAPABILITY], told[names.ROUTE_CHOSEN]) == ("refund", ("stripe",))


class Broken(LogRecordExporter):
    def __init__(self, answer: LogRecordExportResult | Exception) -> None:
        self.answer = answer

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def shutdown(self) -> None:
        """Nothing to end."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


@pytest.mark.parametrize("answer", [LogRecordExportResult.FAILURE, OSError("gone")])
def test_lost_events_are_told_and_logged(
    answer: LogRecordExportResult | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    tracing = Tracing(InMemorySpanExporter(), logs=Broken(answer), content_events=True)
    assert not tracing.export(RUN_ID, LOG)
    assert "1 events" in caplog.text

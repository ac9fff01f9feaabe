"""Feedback on a run that was exported is exported, too, once."""

import pytest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from orchestra import Orchestra, agent
from orchestra.telemetry.export import Tracing


@agent
def clerk(text: str) -> str:
    """Files things."""
    return text


def test_a_reward_is_exported_on_the_span_of_the_call_it_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = InMemorySpanExporter()
    logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # theirs
    monkeypatch.setattr("orchestra.app.team.tracing_from_env", lambda: Tracing(spans, logs=logs))
    team = Orchestra(agents=[clerk])
    result = team.run_sync("file this", to="clerk")
    for reward in (0.5, 0.5, 1.0):
        team.feedback_sync(result.run_id, reward, source="customer")
    team.close()
    found = [log.log_record for log in logs.get_finished_logs()]
    assert [dict(one.attributes or {})["gen_ai.evaluation.score.value"] for one in found] == [0.5, 1.0]
    (judged,) = [span for span in spans.get_finished_spans() if span.name == "invoke_agent clerk"]
    assert judged.context is not None
    assert {(one.trace_id, one.span_id) for one in found} == {(judged.context.trace_id, judged.context.span_id)}
    assert dict(judged.attributes or {})["gen_ai.agent.description"] == "Files things."

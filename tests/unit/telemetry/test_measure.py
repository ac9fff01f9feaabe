"""The projection to measurements."""

from orchestra.core.events import CallEnded
from orchestra.core.outcome import Cancelled, Cause, Done, Failed
from orchestra.core.usage import ZERO, Usage
from orchestra.ports.model import Reply
from orchestra.telemetry import instruments, names
from orchestra.telemetry.measure import Measurement, measurements
from tests.unit.telemetry.runs import TOTAL, T, close_ticket

WHO = (
    (names.OPERATION, "chat"),
    (names.PROVIDER, "openai"),
    (names.REQUEST_MODEL, "gpt-5-mini"),
    (names.RESPONSE_MODEL, "gpt-5-mini-2026"),
)
BUSY = Cause(kind="Overloaded", message="secret")


def values(found: list[Measurement]) -> dict[str, list[float]]:
    by_name: dict[str, list[float]] = {}
    for one in found:
        by_name.setdefault(one.instrument.name, []).append(round(one.value, 3))
    return by_name


def test_published_names_measure_model_calls() -> None:
    found = measurements(close_ticket())
    assert values(found) == {
        "gen_ai.client.operation.duration": [0.4, 0.4],
        "gen_ai.client.token.usage": [100, 20, 100, 20],
        "gen_ai.client.operation.time_to_first_chunk": [0.05],
        "gen_ai.client.operation.time_per_output_chunk": [0.01, 0.02],
    }
    assert found[0].attributes == WHO
    assert found[1].attributes == (*WHO, ("gen_ai.token.type", "input"))
    assert found[2].attributes == (*WHO, ("gen_ai.token.type", "output"))


def test_newer_names_measure_agents_tools_and_workflows_too() -> None:
    found = measurements(close_ticket(), latest=True)
    assert values(found) == {
        "gen_ai.client.inference.duration": [0.4, 0.4],
        "gen_ai.client.inference.usage.input_tokens": [100, 100],
        "gen_ai.client.inference.usage.output_tokens": [20, 20],
        "gen_ai.client.inference.usage.cache_read.input_tokens": [60, 60],
        "gen_ai.client.inference.usage.cache_write.input_tokens": [30, 30],
        "gen_ai.client.inference.operation.input_tokens": [100, 100],
        "gen_ai.client.inference.operation.output_tokens": [20, 20],
        "gen_ai.client.inference.time_to_first_chunk": [0.05],
        "gen_ai.client.inference.time_per_output_chunk": [0.01, 0.02],
        "gen_ai.execute_tool.duration": [0.1],
        "gen_ai.invoke_agent.duration": [0.1, 0.3, 0.9],
        "gen_ai.invoke_agent.inference_calls": [0, 0, 2],
        "gen_ai.invoke_agent.tool_calls": [0, 0, 1],
        "gen_ai.invoke_workflow.duration": [1.5],
    }
    told = {one.instrument: one.attributes for one in found}
    assert told[instruments.INPUT_TOKENS] == (*WHO, ("gen_ai.token.modality", "unknown"))
    assert told[instruments.INPUT_TOKENS_EACH] == WHO
    assert dict(told[instruments.TOOL_DURATION]) == {
        names.TOOL_NAME: "find_order",
        names.TOOL_TYPE: "function",
        names.AGENT_NAME: "analyst",
    }
    assert told[instruments.WORKFLOW_DURATION] == ((names.WORKFLOW_NAME, "close_ticket"),)
    stripe = next(one for one in found if one.instrument is instruments.AGENT_DURATION)
    assert stripe.attributes == ((names.AGENT_NAME, "stripe"), (names.ERROR_TYPE, "ConnectionRefusedError"))


def test_both_sets_add_up_to_the_usage() -> None:
    published = [m.value for m in measurements(close_ticket()) if m.instrument is instruments.TOKEN_USAGE]
    newer = measurements(close_ticket(), latest=True)
    counted = [m.value for m in newer if m.instrument in (instruments.INPUT_TOKENS, instruments.OUTPUT_TOKENS)]
    assert sum(published) == sum(counted) == TOTAL.tokens


def test_a_call_that_failed_or_was_cancelled_has_an_error_type_and_no_tokens_of_its_own_accord() -> None:
    failed = CallEnded("run/a", T + 1, "model", "m", Failed(cause=BUSY), Usage(requests=1), T)
    cancelled = CallEnded("run/b", T + 1, "model", "m", Cancelled(), ZERO, T)
    first, second = measurements([failed, cancelled])
    assert dict(first.attributes)[names.ERROR_TYPE] == "Overloaded"
    assert dict(second.attributes)[names.ERROR_TYPE] == "cancelled"
    newer = values(measurements([failed], latest=True))
    assert newer["gen_ai.client.inference.usage.input_tokens"] == [0]
    assert "gen_ai.client.inference.operation.input_tokens" not in newer


def test_estimates_stand_apart() -> None:
    usage = Usage(input_tokens=9, output_tokens=0, requests=1, estimated=True)
    call = CallEnded("run/a", T, "model", "local:m", Done(output=Reply(text="", usage=usage)), usage, T + 1)
    duration, *tokens = measurements([call])
    assert duration.value == 0.0, "a clock that was set back measures nothing"
    assert names.ESTIMATED not in dict(duration.attributes)
    assert [(m.value, dict(m.attributes)[names.ESTIMATED]) for m in tokens] == [(9, True), (0, True)]


def test_content_is_never_measured() -> None:
    assert "secret" not in repr([*measurements(close_ticket()), *measurements(close_ticket(), latest=True)])
    assert measurements([]) == []

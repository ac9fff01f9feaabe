"""The instruments of the generative AI conventions, pinned here: names, units, bucket boundaries.

*Source*: ``PUBLISHED`` is version 1.41; ``LATEST`` is what the conventions' own repository held in October 2026. All
are still in development.
"""

from __future__ import annotations

from typing import NamedTuple


class Instrument(NamedTuple):
    """A histogram with these upper boundaries, or a counter where there are none."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...] = ()


_SECONDS = tuple(round(0.01 * 2**n, 2) for n in range(14))
_AGENT_SECONDS = tuple(round(0.1 * 2**n, 1) for n in range(13))
_WORKFLOW_SECONDS = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_TOKENS = tuple(float(4**n) for n in range(14))
_CALLS = tuple(float(2**n) for n in range(8))

OPERATION_DURATION = Instrument("gen_ai.client.operation.duration", "s", "Duration of a request to a model.", _SECONDS)
TOKEN_USAGE = Instrument("gen_ai.client.token.usage", "{token}", "Tokens of a request to a model.", _TOKENS)
FIRST_CHUNK = Instrument(
    "gen_ai.client.operation.time_to_first_chunk", "s", "From a request to the first piece of its reply.", _SECONDS
)
EACH_CHUNK = Instrument(
    "gen_ai.client.operation.time_per_output_chunk", "s", "From a piece of a reply to the next.", _SECONDS
)
PUBLISHED = (OPERATION_DURATION, TOKEN_USAGE, FIRST_CHUNK, EACH_CHUNK)

INFERENCE_DURATION = Instrument("gen_ai.client.inference.duration", "s", "Duration of a request to a model.", _SECONDS)
INPUT_TOKENS = Instrument("gen_ai.client.inference.usage.input_tokens", "{token}", "Input tokens, cached ones too.")
OUTPUT_TOKENS = Instrument("gen_ai.client.inference.usage.output_tokens", "{token}", "Output tokens.")
CACHE_READ_TOKENS = Instrument(
    "gen_ai.client.inference.usage.cache_read.input_tokens", "{token}", "Input tokens read from a provider's cache."
)
CACHE_WRITE_TOKENS = Instrument(
    "gen_ai.client.inference.usage.cache_write.input_tokens", "{token}", "Input tokens written to a provider's cache."
)
INPUT_TOKENS_EACH = Instrument(
    "gen_ai.client.inference.operation.input_tokens", "{token}", "Input tokens of one request.", _TOKENS
)
OUTPUT_TOKENS_EACH = Instrument(
    "gen_ai.client.inference.operation.output_tokens", "{token}", "Output tokens of one request.", _TOKENS
)
INFERENCE_FIRST_CHUNK = FIRST_CHUNK._replace(name="gen_ai.client.inference.time_to_first_chunk")
INFERENCE_EACH_CHUNK = EACH_CHUNK._replace(name="gen_ai.client.inference.time_per_output_chunk")
AGENT_DURATION = Instrument("gen_ai.invoke_agent.duration", "s", "Duration of an agent's work.", _AGENT_SECONDS)
AGENT_MODEL_CALLS = Instrument(
    "gen_ai.invoke_agent.inference_calls", "{inference_call}", "Model calls of one agent's work.", _CALLS
)
AGENT_TOOL_CALLS = Instrument(
    "gen_ai.invoke_agent.tool_calls", "{tool_call}", "Tool calls of one agent's work.", _CALLS
)
TOOL_DURATION = Instrument("gen_ai.execute_tool.duration", "s", "Duration of a tool's work.", _SECONDS)
WORKFLOW_DURATION = Instrument("gen_ai.invoke_workflow.duration", "s", "Duration of a workflow.", _WORKFLOW_SECONDS)
LATEST = (
    INFERENCE_DURATION,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    INPUT_TOKENS_EACH,
    OUTPUT_TOKENS_EACH,
    INFERENCE_FIRST_CHUNK,
    INFERENCE_EACH_CHUNK,
    AGENT_DURATION,
    AGENT_MODEL_CALLS,
    AGENT_TOOL_CALLS,
    TOOL_DURATION,
    WORKFLOW_DURATION,
)

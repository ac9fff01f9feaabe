"""Attribute names, pinned here and nowhere else.

``gen_ai.*`` and ``error.type`` are those of the OpenTelemetry semantic conventions for generative AI as published in
version 1.41 (all still in development); ``orchestra.*`` are ours, where no convention exists. Units are in the names.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0"
LATEST_SCHEMA_URL = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION = "gen_ai.conversation.id"
WORKFLOW_NAME = "gen_ai.workflow.name"
AGENT_NAME = "gen_ai.agent.name"
AGENT_DESCRIPTION = "gen_ai.agent.description"
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_DESCRIPTION = "gen_ai.tool.description"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT = "gen_ai.tool.call.result"
TRANSFER_MODE = "gen_ai.transfer.mode"
"""Proposed, as are the next two: return_to_caller or pass_control, on the execute_tool span of a hand-off."""
TRANSFER_TARGET_NAME = "gen_ai.transfer.target.name"
TRANSFER_TARGET_TYPE = "gen_ai.transfer.target.type"
SKILL_NAME = "gen_ai.skill.name"
"""Proposed, as is the next."""
SKILL_RESOURCE = "gen_ai.skill.resource.name"
OUTPUT_TYPE = "gen_ai.output.type"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_STREAM = "gen_ai.request.stream"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK_S = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION_INPUT_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens"
"""The name before it, newer than 1.41."""
USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"
TOKEN_MODALITY = "gen_ai.token.modality"
"""Newer than 1.41."""
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_SCORE = "gen_ai.evaluation.score.value"
EVALUATION_RESULT = "gen_ai.evaluation.result"
"""The name of an event, as is the next."""
INFERENCE_DETAILS = "gen_ai.client.inference.operation.details"

KEY = "orchestra.key"
OUTCOME = "orchestra.outcome"
"""done, failed, cancelled, paused or unfinished; for a run its status."""
COST_USD = "orchestra.cost_usd"
"""What this very call was charged, in dollars; sums over all spans of a run are right."""
ATTEMPTS = "orchestra.attempts"
EFFECT = "orchestra.side_effect"
RECALLED = "orchestra.recalled"
PART = "orchestra.part"
"""On the root span of a resumed run: 2 where it was taken up for the first time."""
DROPPED_BY = "orchestra.dropped_by"
"""The join that did not use what the call ended with."""
FAILURE_HOW = "orchestra.failure.how"
FAILURE_TO = "orchestra.failure.to"
FAILURE_BEFORE = "orchestra.failure.before"
"""The way that failed, by name; FAILURE_AFTER is the one that was taken instead, FAILURE_WHY why there is none."""
FAILURE_BEFORE_COST = "orchestra.failure.before_cost"
FAILURE_AFTER = "orchestra.failure.after"
FAILURE_AFTER_COST = "orchestra.failure.after_cost"
FAILURE_KNOWN = "orchestra.failure.known"
FAILURE_WHY = "orchestra.failure.why"
DECISION = "orchestra.decision"

TOTAL_COST_USD = "orchestra.usage.cost_usd"
"""Totals of a call and all below it stand under names of their own: no reader adds them to the leaves by mistake."""
TOTAL_INPUT_TOKENS = "orchestra.usage.input_tokens"
TOTAL_OUTPUT_TOKENS = "orchestra.usage.output_tokens"
TOTAL_REQUESTS = "orchestra.usage.requests"
TOTAL_TOOL_CALLS = "orchestra.usage.tool_calls"
ESTIMATED = "orchestra.usage.estimated"
UNPRICED = "orchestra.usage.unpriced"

BUDGET_LIMIT = "orchestra.budget.limit_"
"""Before usd, tokens, requests, tool_calls and seconds: what the run was given."""
BUDGET_REFUSALS = "orchestra.budget.refusals"
BUDGET_REFUSED_BY = "orchestra.budget.refused_by"
"""The account that had too little left: the run's or a node's."""
BUDGET_WANTED_USD = "orchestra.budget.wanted_usd"
BUDGET_WANTED_TOKENS = "orchestra.budget.wanted_tokens"
BUDGET_OVERRUN_USD = "orchestra.budget.overrun_usd"
BUDGET_OVERRUN_TOKENS = "orchestra.budget.overrun_tokens"

SIGNAL_SOURCE = "orchestra.signal.source"
"""The monitor that changed what happens, on a span of no length."""
SIGNAL_PRIORITY = "orchestra.signal.priority"
SIGNAL_ACT = "orchestra.signal.act"
SIGNAL_NODE = "orchestra.signal.node"
"""The node that was about to be called."""
SIGNAL_PAYLOAD = "orchestra.signal.payload"

ROUTE_CAPABILITY = "orchestra.route.capability"
ROUTE_POLICY = "orchestra.route.policy.name"
ROUTE_POLICY_VERSION = "orchestra.route.policy.version"
ROUTE_CANDIDATES = "orchestra.route.candidates"
ROUTE_SCORES = "orchestra.route.scores"
ROUTE_COSTS_USD = "orchestra.route.costs_usd"
ROUTE_PROBABILITIES = "orchestra.route.probabilities"
ROUTE_PROPENSITY = "orchestra.route.propensity"
ROUTE_CHOSEN = "orchestra.route.chosen"
ROUTE_REASON = "orchestra.route.reason"
ROUTE_EXPLORED = "orchestra.route.explored"
ROUTE_FILTERED = "orchestra.route.filtered"
ROUTE_ATTEMPT = "orchestra.route.attempt"
ROUTE_FROM = "orchestra.route.reroute_from"
ROUTE_BUDGET_USD = "orchestra.route.budget.remaining_usd"
ROUTE_REWARD = "orchestra.route.reward"

TRANSFER_MODES = {"return": "return_to_caller", "pass": "pass_control"}
"""Our modes of a hand-off in the proposal's words."""
PROVIDERS = {
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""Our provider names to the convention's, where they differ."""


def provider_and_model(name: str) -> tuple[str, str]:
    """``provider:model`` in the convention's words."""
    provider, colon, model = name.partition(":")
    return PROVIDERS.get(provider, provider), model if colon else name

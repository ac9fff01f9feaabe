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
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_SEED = "gen_ai.request.seed"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens"
TOKEN_TYPE = "gen_ai.token.type"
TOKEN_MODALITY = "gen_ai.token.modality"
"""Newer than 1.41."""
ERROR_TYPE = "error.type"

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
DECISION = "orchestra.decision"

TOTAL_COST_USD = "orchestra.usage.cost_usd"
"""Totals of a call and all below it stand under names of their own: no reader adds them to the leaves by mistake."""
TOTAL_INPUT_TOKENS = "orchestra.usage.input_tokens"
TOTAL_OUTPUT_TOKENS = "orchestra.usage.output_tokens"
TOTAL_REQUESTS = "orchestra.usage.requests"
TOTAL_TOOL_CALLS = "orchestra.usage.tool_calls"
ESTIMATED = "orchestra.usage.estimated"
UNPRICED = "orchestra.usage.unpriced"

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

"""Error bodies as real services send them, through both clients, asked for whole replies and for streams."""

import json
from typing import Any

import httpx2
import pytest

from orchestra.core import errors
from orchestra.core.message import user
from orchestra.models.anthropic import AnthropicModel
from orchestra.models.openai import OpenAIModel
from orchestra.ports.model import Request

ASK = Request(messages=(user("hello"),), max_tokens=5)
KEY = "sk-proj-very-secret-0123456789"


def openai_error(message: str, kind: str, code: str | None, param: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def anthropic_error(kind: str, message: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011"})


OPENAI: list[tuple[str, int, str, type[errors.ModelError]]] = [
    (
        "tokens a minute",
        429,
        openai_error("Rate limit reached for gpt-5 on tokens per min (TPM).", "tokens", "rate_limit_exceeded"),
        errors.RateLimited,
    ),
    (
        "more than a minute allows",
        429,
        openai_error("Request too large for gpt-5: Limit 30000, Requested 36364.", "tokens", "rate_limit_exceeded"),
        errors.ContextWindow,
    ),
    (
        "no credit",
        429,
        openai_error("You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
        errors.QuotaExceeded,
    ),
    (
        "a spent budget",
        400,
        openai_error("Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
        errors.QuotaExceeded,
    ),
    (
        "a wrong key",
        401,
        openai_error(f"Incorrect API key provided: {KEY}.", "invalid_request_error", "invalid_api_key"),
        errors.AuthFailed,
    ),
    (
        "a wrong country",
        403,
        openai_error("Country not supported", "request_forbidden", "unsupported_country_region_territory"),
        errors.AuthFailed,
    ),
    (
        "no such model",
        404,
        openai_error("The model `gpt-9` does not exist", "invalid_request_error", "model_not_found"),
        errors.BadRequest,
    ),
    (
        "too long",
        400,
        openai_error("Input tokens exceed the limit", "invalid_request_error", "context_length_exceeded", "messages"),
        errors.ContextWindow,
    ),
    (
        "a flagged prompt",
        400,
        openai_error("Invalid prompt: it was flagged.", "invalid_request_error", "invalid_prompt"),
        errors.ContentRefused,
    ),
    (
        "a prompt that Azure filters",
        400,
        '{"error": {"message": "filtered", "param": "prompt", "code": "content_filter", "status": 400,'
        ' "innererror": {"code": "ResponsibleAIPolicyViolation"}}}',
        errors.ContentRefused,
    ),
    ("an overloaded engine", 503, openai_error("Overloaded", "server_error", "service_unavailable"), errors.Overloaded),
    ("a broken engine", 500, openai_error("Sorry about that!", "server_error", None), errors.Overloaded),
    (
        "Azure's rate limit",
        429,
        '{"error": {"code": "429", "message": "Please retry after 12 s."}}',
        errors.RateLimited,
    ),
    ("Azure's key", 401, '{"statusCode": 401, "message": "Unauthorized. Access token is missing."}', errors.AuthFailed),
    ("OpenRouter's credit", 402, '{"error": {"message": "Insufficient credits", "code": 402}}', errors.QuotaExceeded),
    ("Gemini's list", 429, '[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]', errors.RateLimited),
    (
        "llama.cpp's window",
        400,
        '{"error": {"code": 400, "message": "the request exceeds the available context size",'
        ' "type": "exceed_context_size_error", "n_prompt_tokens": 5007, "n_ctx": 4096}}',
        errors.ContextWindow,
    ),
    (
        "vLLM's window",
        400,
        '{"object": "error", "message": "This model\'s maximum context length is 4096 tokens.", "code": 400}',
        errors.ContextWindow,
    ),
    ("Ollama's text", 404, '{"error": "model \'x\' not found, try pulling it first"}', errors.BadRequest),
    ("a proxy's page", 502, "<html><title>502 Bad Gateway</title></html>", errors.Overloaded),
    ("a proxy's time limit", 504, "", errors.ModelTimeout),
]
ANTHROPIC: list[tuple[str, int, str, type[errors.ModelError]]] = [
    (
        "tokens a minute",
        429,
        anthropic_error("rate_limit_error", "This request would exceed your organization's rate limit."),
        errors.RateLimited,
    ),
    (
        "no credit",
        400,
        anthropic_error("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
        errors.QuotaExceeded,
    ),
    (
        "a spent budget",
        400,
        anthropic_error("invalid_request_error", "You have reached your specified API usage limits."),
        errors.QuotaExceeded,
    ),
    ("billing", 402, anthropic_error("billing_error", "There is an issue with your billing."), errors.QuotaExceeded),
    ("a wrong key", 401, anthropic_error("authentication_error", f"invalid x-api-key {KEY}"), errors.AuthFailed),
    ("not allowed", 403, anthropic_error("permission_error", "No access."), errors.AuthFailed),
    ("no such model", 404, anthropic_error("not_found_error", "model: claude-9"), errors.BadRequest),
    (
        "too long",
        400,
        anthropic_error("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
        errors.ContextWindow,
    ),
    (
        "too long with its reply",
        400,
        anthropic_error("invalid_request_error", "input length and `max_tokens` exceed context limit: 199759 + 8192"),
        errors.ContextWindow,
    ),
    (
        "too many bytes",
        413,
        anthropic_error("request_too_large", "Request exceeds the maximum size"),
        errors.ContextWindow,
    ),
    ("late", 504, anthropic_error("timeout_error", "Request timed out"), errors.ModelTimeout),
    ("broken", 500, anthropic_error("api_error", "Internal server error"), errors.Overloaded),
    ("overloaded", 529, anthropic_error("overloaded_error", "Overloaded"), errors.Overloaded),
]
CASES = [("openai", *case) for case in OPENAI] + [("anthropic", *case) for case in ANTHROPIC]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def failure(vendor: str, status: int, content: str, streamed: bool) -> tuple[errors.ModelError, int]:
    calls: list[httpx2.Request] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        calls.append(request)
        return httpx2.Response(status, content=content, headers={"content-type": "application/json"})

    made: Any = OpenAIModel if vendor == "openai" else AnthropicModel
    model = made("m", base_url="http://127.0.0.1:9", api_key=KEY, transport=httpx2.MockTransport(refuse))
    with pytest.raises(errors.ModelError) as caught:
        await (model.stream(ASK, lambda _: None) if streamed else model.request(ASK))
    return caught.value, len(calls)


@pytest.mark.anyio
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("vendor", "status", "content", "expected"),
    [(vendor, *rest) for vendor, _, *rest in CASES],
    ids=[f"{vendor}: {name}" for vendor, name, *_ in CASES],
)
async def test_each_has_its_name(
    vendor: str, status: int, content: str, expected: type[errors.ModelError], streamed: bool
) -> None:
    error, calls = await failure(vendor, status, content, streamed)
    assert type(error) is expected and error.facts["status"] == status
    assert calls == 1 and KEY not in str(error) and error.fix


TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."
)
MAX_TOKENS = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("vendor", "content", "remedy"),
    [
        (
            "openai",
            openai_error(TEMPERATURE, "invalid_request_error", "unsupported_value"),
            "Leave the temperature out",
        ),
        ("openai", openai_error(MAX_TOKENS, "invalid_request_error", "unsupported_parameter"), "hosted=True"),
        (
            "anthropic",
            anthropic_error("invalid_request_error", "`temperature` is deprecated for this model."),
            "Leave the temperature out",
        ),
        ("openai", openai_error("temperature: 3 is over 2", "invalid_request_error", None), "Check the model's name"),
    ],
)
async def test_a_parameter_that_a_reasoning_model_refuses(vendor: str, content: str, remedy: str) -> None:
    error, _ = await failure(vendor, 400, content, False)
    assert type(error) is errors.BadRequest and remedy in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("base_url", "hosted", "own"),
    [
        ("https://api.openai.com/v1", None, True),
        ("https://shop.openai.azure.com/openai/v1/", None, True),
        ("https://openai.azure.com.evil.test/v1", None, False),
        ("http://127.0.0.1:8080/v1", None, False),
        ("http://127.0.0.1:8080/v1", True, True),
        ("https://api.openai.com/v1", False, False),
    ],
)
async def test_whose_dialect_is_spoken(base_url: str, hosted: bool | None, own: bool) -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append({"path": request.url.path, **json.loads(request.content)})
        choice = {"message": {"content": '{"value": 3}' if own else "3"}, "finish_reason": "stop"}
        return httpx2.Response(200, json={"choices": [choice]})

    model = OpenAIModel("m", base_url=base_url, hosted=hosted, transport=httpx2.MockTransport(answer))
    union = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    reply = await model.request(Request(messages=ASK.messages, schema=union, max_tokens=5))
    (body,) = bodies
    assert reply.text == "3" and ("max_completion_tokens" in body) is own and ("max_tokens" in body) is not own
    assert ("value" in body["response_format"]["json_schema"]["schema"].get("properties", {})) is own
    assert "temperature" not in body, "not sent unless it was asked for"
    assert body["path"] == httpx2.URL(base_url).path.rstrip("/") + "/chat/completions"

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core import errors
from orchestra.models import wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["error", "code", "type"]), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
            True,
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, False),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"type": "string", "minLength": 2}, False),
        ({}, False),
        ({"enum": [1, "a"]}, False),
        ({"type": "array"}, False),
        ({"type": "array", "items": {"type": "string"}, "prefixItems": []}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
    ],
)
def test_strict_only_where_openai_takes_it(schema: dict[str, Any], strict: bool) -> None:
    assert wire.is_strict(schema) is strict


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (429, '{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}', errors.RateLimited),
        (429, '{"error": {"message": "pay", "code": "insufficient_quota"}}', errors.QuotaExceeded),
        (402, "pay", errors.QuotaExceeded),
        (500, "<html>oops</html>", errors.Overloaded),
        (503, '{"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}', errors.Overloaded),
        (400, '{"error": {"message": "long", "code": "context_length_exceeded"}}', errors.ContextWindow),
        (400, '{"error": {"code": 400, "message": "x", "type": "exceed_context_size_error"}}', errors.ContextWindow),
        (400, '{"message": "This model\'s maximum context length is 10"}', errors.ContextWindow),
        (400, '{"error": {"message": "no", "code": "content_filter"}}', errors.ContentRefused),
        (401, '{"error": "bad key"}', errors.AuthFailed),
        (403, "", errors.AuthFailed),
        (404, '{"error": {"message": "no such model"}}', errors.BadRequest),
        (408, "", errors.ModelTimeout),
        (422, "[]", errors.BadRequest),
    ],
)
def test_failures_by_status_and_code(status: int, content: str, kind: type[errors.ModelError]) -> None:
    error = wire.failure(status, content, {}, "openai:m")
    assert type(error) is kind
    assert "openai:m" in str(error) and str(status) in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@given(st.integers(400, 599), st.text() | JSON.map(json.dumps), st.dictionaries(st.text(), st.text()))
def test_no_failure_crashes_the_mapping(status: int, content: str, headers: dict[str, str]) -> None:
    assert isinstance(wire.failure(status, content, headers, "m"), errors.ModelError)


def test_narrowed_keeps_the_shape() -> None:
    inner = {"type": "array", "items": {"type": "object", "properties": {"minimum": {"type": "number", "minimum": 1}}}}
    schema = {"anyOf": [inner, {"$ref": "#/$defs/X"}], "$defs": {"X": {"type": "string", "pattern": "a"}}}
    found = wire.narrowed(schema)
    item = found["anyOf"][0]["items"]
    assert item["properties"] == {"minimum": {"type": "number", "description": "(minimum: 1)"}}
    assert item["additionalProperties"] is False
    assert found["$defs"] == {"X": {"type": "string", "description": '(pattern: "a")'}}
    assert wire.is_strict(found, complete=False)
    mapping = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert wire.narrowed(mapping) == mapping and not wire.is_strict(mapping, complete=False)
    extra = {"type": "object", "properties": {}, "additionalProperties": True}
    assert wire.narrowed(extra) == extra and not wire.is_strict(extra), "what is said to be open stays open"

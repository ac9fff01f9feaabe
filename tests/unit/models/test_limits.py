"""The waits that real providers ask for in their headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.models import wire
from orchestra.models.limits import allowed_again_s, retry_after_s

NOON = {"Date": "Sun, 22 Nov 2026 12:00:00 GMT"}
OPENAI = {
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:05Z",
    "anthropic-ratelimit-input-tokens-remaining": "0",
    "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:30Z",
    "anthropic-ratelimit-output-tokens-remaining": "8000",
    "anthropic-ratelimit-output-tokens-reset": "2026-11-22T12:09:00Z",
}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:07 GMT", **NOON}, 7.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:07 GMT"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after_s(headers) == wait
    for status in (429, 503, 529):
        assert wire.failure(status, "", headers, "m").facts["retry_after_s"] == wait


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (OPENAI, 360.0),
        (ANTHROPIC | NOON, 30.0),
        (ANTHROPIC, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "12"}, 12.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795348812", **NOON}, 12.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795348812000", **NOON}, 12.0),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "12"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "88ms"}, 0.088),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
    ],
)
def test_the_allowance_that_comes_back_last(headers: dict[str, str], wait: float | None) -> None:
    assert allowed_again_s(headers) == pytest.approx(wait)
    assert wire.failure(429, "", headers, "m").facts["retry_after_s"] == pytest.approx(wait)
    assert wire.failure(429, "", {**headers, "Retry-After": "4"}, "m").facts["retry_after_s"] == 4.0


def test_a_broken_server_says_nothing_by_its_allowances() -> None:
    assert wire.failure(500, "", OPENAI, "m").facts["retry_after_s"] is None


NAMES = st.sampled_from(["retry-after", "retry-after-ms", "date", *OPENAI, *ANTHROPIC])
TEXTS = st.text() | st.sampled_from(["0", *OPENAI.values(), *ANTHROPIC.values(), "1e400", "99999999999999999999"])


@given(st.dictionaries(NAMES, TEXTS))
def test_no_header_crashes_or_asks_for_what_is_no_time(headers: dict[str, str]) -> None:
    for wait in (retry_after_s(headers), allowed_again_s(headers)):
        assert wait is None or 0 <= wait < float("inf")

"""Our prices are those of genai-prices to the last digit, on every day, and a reservation is never below them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage as Listed
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, StartDateConstraint, TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import UnknownPrice
from orchestra.core.usage import Usage
from orchestra.models.pricing import PriceTable
from orchestra.ports.prices import Price

NANO = 1_000_000_000
TODAY = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


def models() -> Iterator[tuple[str, Any]]:
    """The provider and each of its models that it finds by its id."""
    for provider in get_snapshot().providers:
        for model in provider.models:
            if provider.find_model(model.id) is model:
                yield provider.id, model


def days(model: Any) -> list[datetime]:
    starts = [
        item.constraint.start_date
        for item in (model.prices if isinstance(model.prices, list) else [])
        if isinstance(item, ConditionalPrice) and isinstance(item.constraint, StartDateConstraint)
    ]
    return [TODAY, *(datetime(day.year, day.month, day.day, 3, tzinfo=UTC) for day in starts)]


def edges(model: Any) -> list[int]:
    """Prompt lengths at which a price may change."""
    prices = [item.prices for item in model.prices] if isinstance(model.prices, list) else [model.prices]
    tiers = [rate for price in prices for rate in vars(price).values() if isinstance(rate, TieredPrices)]
    return [start + more for rate in tiers for start in {tier.start for tier in rate.tiers} for more in (0, 1)]


def usages(rng: random.Random, lengths: list[int]) -> Iterator[Usage]:
    for asked in (0, rng.randrange(3000), rng.randrange(2_000_000), *lengths):
        read = rng.randint(0, asked)
        yield Usage(
            input_tokens=asked,
            output_tokens=rng.randrange(100_000),
            cached_tokens=read,
            cache_write_tokens=rng.randint(0, asked - read),
            requests=1,
        )


def told(usage: Usage) -> Listed:
    return Listed(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


def test_every_model_of_the_snapshot_on_every_day_of_a_new_price() -> None:
    rng, table, compared, unpriced = random.Random(7), PriceTable(), 0, 0
    for provider, model in models():
        for day in days(model):
            try:
                price = table.price(f"{provider}:{model.id}", day.timestamp())
            except UnknownPrice:
                unpriced += 1
                continue
            assert price is not None
            for usage in usages(rng, edges(model)):
                theirs = calc_price(told(usage), model.id, provider_id=provider, genai_request_timestamp=day)
                assert price.exact(usage) == theirs.total_price * NANO, (provider, model.id, day, usage)
                assert price.of(usage) <= price.bound(usage.input_tokens, usage.output_tokens)
                compared += 1
    assert compared > 5_000 and unpriced < compared / 20


def test_a_price_is_that_of_the_day_and_says_so() -> None:
    table = PriceTable()
    changed = [(p, m) for p, m in models() if len(days(m)) > 1 and p == "openai"]
    provider, model = changed[0]
    sources = {day: table.price(f"{provider}:{model.id}", day.timestamp()) for day in days(model)}
    for day, price in sources.items():
        assert price is not None and price.source.endswith(f"prices of {day.date()}")
        assert price.source.startswith("genai-prices ")
    now = table.price(f"{provider}:{model.id}")
    assert now is not None and str(datetime.now(UTC).date())[:7] in now.source


RATES = st.decimals(0, 100_000, places=3)
TOKENS = st.integers(0, 1_000_000)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    def one(**rest: Any) -> Price:
        maybe = st.none() | RATES
        return Price(
            input_nano=draw(RATES),
            output_nano=draw(RATES),
            cached_nano=draw(maybe),
            cache_write_nano=draw(maybe),
            request_nano=draw(RATES),
            **rest,
        )

    starts = sorted(draw(st.sets(TOKENS, max_size=3)))
    return one(longer=tuple((start, one()) for start in starts))


@given(prices(), TOKENS, TOKENS, st.data())
def test_what_is_settled_is_never_more_than_what_was_reserved(price: Price, given: int, made: int, data: Any) -> None:
    """For any usage within the bounds, whatever a cache did, also where a provider's figures contradict themselves."""
    usage = Usage(
        input_tokens=data.draw(st.integers(0, given)),
        output_tokens=data.draw(st.integers(0, made)),
        cached_tokens=data.draw(TOKENS),
        cache_write_tokens=data.draw(TOKENS),
        requests=1,
    )
    assert 0 <= price.of(usage) <= price.bound(given, made)
    assert price.of(usage) - 1 < price.exact(usage) <= price.of(usage)


def test_a_request_may_cost_by_itself() -> None:
    price = Price(input_nano=Decimal(1), output_nano=Decimal(2), request_nano=Decimal(500))
    assert price.of(Usage(input_tokens=3, output_tokens=4, requests=1)) == 511 == price.bound(3, 4)


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "anthropic:claude-sonnet-4-5"])
def test_reading_from_a_cache_is_cheaper(name: str) -> None:
    price = PriceTable().price(name, TODAY.timestamp())
    assert price is not None
    cold, warm = Usage(input_tokens=1000), Usage(input_tokens=1000, cached_tokens=900)
    assert 0 < price.of(warm) < price.of(cold)

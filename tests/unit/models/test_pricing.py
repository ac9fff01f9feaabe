import warnings
from decimal import Decimal
from typing import Any

import pytest

from orchestra.core import errors
from orchestra.core.usage import Usage
from orchestra.models.pricing import PriceTable
from orchestra.ports.prices import Prices

MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def test_declared_prices_come_first() -> None:
    prices: Prices = PriceTable({"openai:gpt-5-mini": (0.1, "0.2"), "local:smollm2": (1, 2)})
    mini, small = prices.price("openai:gpt-5-mini"), prices.price("local:smollm2")
    assert mini is not None and mini.source == "override"
    assert mini.of(MILLION) == 300_000_000
    assert small is not None and small.of(MILLION) == 3_000_000_000


def test_listed_prices() -> None:
    price = PriceTable().price("openai:gpt-5-mini")
    assert price is not None and price.source.startswith("genai-prices ")
    assert price.output_nano > price.input_nano > 0
    tiered = PriceTable().price("anthropic:claude-sonnet-4-5")
    assert tiered is not None and tiered.input_nano == 3000


@pytest.mark.parametrize("name", ["local:smollm2", "test:echo"])
def test_free_ones(name: str) -> None:
    price = PriceTable().price(name)
    assert price is not None and price.of(MILLION) == 0 and price.source.startswith("free: ")


@pytest.mark.parametrize("name", ["openai:no-such-model", "nowhere:x"])
def test_unknown_is_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(errors.UnknownPrice, match="prices="):
        PriceTable().price(name)


def test_unknown_at_the_dearest() -> None:
    table = PriceTable(unknown="assume_max")
    own, anywhere, known = (table.price(name) for name in ("openai:no-such", "nowhere:x", "openai:gpt-5"))
    assert own is not None and anywhere is not None and known is not None
    assert Decimal(0) < known.output_nano <= own.output_nano <= anywhere.output_nano
    assert own.source.startswith("dearest")


def test_unknown_with_one_warning() -> None:
    table = PriceTable(unknown="warn")
    with pytest.warns(UserWarning, match="nowhere:x"):
        assert table.price("nowhere:x") is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table.price("nowhere:x") is None


SHEET = {"input": 1, "output": 4, "cached": "0.1", "cache_write": 1.25, "tiers": {"1000": {"input": 2, "output": 6}}}


@pytest.mark.parametrize(
    ("usage", "nano"),
    [
        (Usage(input_tokens=1000, output_tokens=10), 1_000_000 + 40_000),
        (Usage(input_tokens=1000, cached_tokens=400), 600_000 + 40_000),
        (Usage(input_tokens=1000, cached_tokens=400, cache_write_tokens=100), 500_000 + 40_000 + 125_000),
        (Usage(input_tokens=1001, cached_tokens=400, output_tokens=10), 2_002_000 + 60_000),
        (Usage(input_tokens=10, cached_tokens=99, cache_write_tokens=99), 1_000),
    ],
)
def test_a_declared_sheet(usage: Usage, nano: int) -> None:
    price = PriceTable({"openai:m": SHEET}).price("openai:m")
    assert price is not None and price.of(usage) == nano and price.source == "override"


@pytest.mark.parametrize(
    "sheet",
    [
        {"input": 1},
        {"input": 1, "output": 2, "hits": 3},
        {"input": 1, "output": 2, "tiers": [1]},
        {"input": 1, "output": 2, "tiers": {1: (1, 2)}},
        {"input": 1, "output": 2, "tiers": {1: SHEET}},
    ],
)
def test_bad_sheets(sheet: Any) -> None:
    with pytest.raises(errors.BadDefinition, match="openai:m"):
        PriceTable({"openai:m": sheet})


@pytest.mark.parametrize("above", [-1, "many", 1.5])
def test_bad_tiers(above: Any) -> None:
    with pytest.raises(errors.BadNumber, match="openai:m"):
        PriceTable({"openai:m": {"input": 1, "output": 2, "tiers": {above: {"input": 1, "output": 2}}}})


@pytest.mark.parametrize("pair", [(-1, 0), (0, float("nan")), ("x", 1), (float("inf"), 1), (True, 1), (1,), 5, None])
def test_bad_numbers(pair: Any) -> None:
    with pytest.raises(errors.BadNumber, match="openai:m"):
        PriceTable({"openai:m": pair})


def test_bad_policy() -> None:
    with pytest.raises(errors.BadDefinition, match="refuse"):
        PriceTable(unknown="guess")  # type: ignore[arg-type]

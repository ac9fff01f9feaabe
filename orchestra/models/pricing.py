"""What a token costs: declared prices, then genai-prices, then a stated policy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, get_args

from orchestra.core.errors import BadDefinition, BadNumber, UnknownPrice
from orchestra.core.money import finite
from orchestra.ports.prices import Price

Unknown = Literal["refuse", "assume_max", "warn"]
FREE = {"local": "free: local", "test": "free: test"}
"""Providers whose models cost nothing unless a price is declared."""
# One dollar a million tokens is a thousand nano-dollars a token.
NANO_PER_USD_PER_MILLION = 1000


class PriceTable:
    """Prices by 'provider:model'.

    ``unknown`` says what a model without a known price gets: 'refuse' raises, 'assume_max' takes the dearest price
    known for its provider, or of all if the provider is not known either, 'warn' warns once and answers None.
    Prices that rise with the length of the prompt are taken at their first tier; 'assume_max' takes the highest.
    Units: ``overrides`` in US dollars a million tokens, (input, output).
    Raises: BadNumber for a price that is negative, NaN or no number, BadDefinition for an unknown policy.
    Source: genai-prices, in the data that was installed with it; it is never updated over the network.
    """

    def __init__(self, overrides: Mapping[str, tuple[Any, Any]] | None = None, unknown: Unknown = "refuse") -> None:
        if unknown not in get_args(Unknown):
            raise BadDefinition(
                f"unknown={unknown!r} is no policy.", remedy=f"Use one of {', '.join(get_args(Unknown))}."
            )
        self._unknown = unknown
        self._prices: dict[str, Price | None] = {}
        for model, pair in (overrides or {}).items():
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise BadNumber(
                    f"The price of {model!r} must be (usd_per_million_in, usd_per_million_out), not {pair!r}."
                )
            given, made = (finite(usd, f"the price of {model!r}") for usd in pair)
            self._prices[model] = _price(given, made, "override")

    def price(self, model: str, /) -> Price | None:
        """The price, None if it is not known. Raises UnknownPrice under 'refuse'."""
        if model not in self._prices:
            provider, _, name = model.partition(":")
            known = _price(Decimal(0), Decimal(0), FREE[provider]) if provider in FREE else _listed(provider, name)
            self._prices[model] = known or self._policy(model, provider)
        return self._prices[model]

    def _policy(self, model: str, provider: str) -> Price | None:
        if self._unknown == "refuse":
            raise UnknownPrice(f"The price of {model!r} is not known.")
        if self._unknown == "assume_max":
            return _dearest(provider)
        warnings.warn(f"The price of {model!r} is not known: its calls are counted as unpriced.", stacklevel=3)
        return None


def _price(given: Decimal, made: Decimal, source: str) -> Price:
    return Price(
        input_nano=given * NANO_PER_USD_PER_MILLION, output_nano=made * NANO_PER_USD_PER_MILLION, source=source
    )


def _source() -> str:
    import genai_prices

    return f"genai-prices {genai_prices.__version__}"


def _listed(provider: str, name: str) -> Price | None:
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(input_tokens=1, output_tokens=1), name, provider_id=provider).model_price
    except LookupError:
        return None
    given, made = (_tiers(getattr(found, key)) for key in ("input_mtok", "output_mtok"))
    return _price(given[0], made[0], _source()) if given and made else None


def _tiers(price: Any) -> list[Decimal]:
    """A price's tiers, the first first."""
    if price is None:
        return []
    return [price] if isinstance(price, Decimal) else [price.base, *(tier.price for tier in price.tiers)]


def _dearest(provider: str) -> Price:
    from genai_prices.data_snapshot import get_snapshot

    everyone = get_snapshot().providers
    chosen = [item for item in everyone if item.id == provider] or everyone
    sums = {
        key: max((usd for item in chosen for usd in _all_prices(item, key)), default=Decimal(0))
        for key in ("input_mtok", "output_mtok")
    }
    return _price(sums["input_mtok"], sums["output_mtok"], f"dearest in {_source()}")


def _all_prices(provider: Any, key: str) -> Iterator[Decimal]:
    for model in provider.models:
        prices = model.prices if isinstance(model.prices, list) else [model.prices]
        for price in prices:
            yield from _tiers(getattr(getattr(price, "prices", price), key))

"""What a token costs: declared prices, then genai-prices, then a stated policy."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
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
# One dollar a thousand requests is a million nano-dollars a request.
NANO_PER_USD_PER_THOUSAND = 1_000_000
DAY_S = 86_400
RATES = ("input", "output", "cached", "cache_write")


class PriceTable:
    """Prices by 'provider:model'.

    ``overrides`` give (input, output), or a mapping with ``input``, ``output``, and where they differ ``cached``,
    ``cache_write`` and ``tiers``: {number of input tokens: the mapping that holds for requests with more of them}.
    ``unknown`` says what a model without a known price gets: 'refuse' raises, 'assume_max' takes the dearest price
    known for its provider, or of all if the provider is not known either, 'warn' warns once and answers None.
    A listed price is that of the call's day, or hour where the vendor's price depends on it. Prices of batches,
    service tiers, sounds and searches are left out. ``silent`` are the models that make no text, embedders: their
    output has no price and needs none.
    Units: ``overrides`` in US dollars a million tokens.
    Raises: BadNumber for a price that is negative, NaN or no number, BadDefinition for an unknown policy or key.
    Source: genai-prices, in the data that was installed with it; it is never updated over the network.
    """

    def __init__(
        self, overrides: Mapping[str, Any] | None = None, unknown: Unknown = "refuse", silent: Collection[str] = ()
    ) -> None:
        if unknown not in get_args(Unknown):
            raise BadDefinition(
                f"unknown={unknown!r} is no policy.", remedy=f"Use one of {', '.join(get_args(Unknown))}."
            )
        self._unknown, self._silent = unknown, silent
        self._prices: dict[str, Price | _Listed | None] = {
            model: _declared(model, given) for model, given in (overrides or {}).items()
        }

    def price(self, model: str, at: float | None = None, /) -> Price | None:
        """The price at that time, None if it is not known. Raises UnknownPrice under 'refuse'."""
        if model not in self._prices:
            self._prices[model] = self._found(model)
        found = self._prices[model]
        return found.at(time.time() if at is None else at) if isinstance(found, _Listed) else found

    def _found(self, model: str) -> Price | _Listed | None:
        provider, _, name = model.partition(":")
        if provider in FREE:
            return Price(input_nano=Decimal(0), output_nano=Decimal(0), source=FREE[provider])
        return _listed(provider, name, model in self._silent) or self._policy(model, provider)

    def _policy(self, model: str, provider: str) -> Price | None:
        if self._unknown == "refuse":
            raise UnknownPrice(f"The price of {model!r} is not known.")
        if self._unknown == "assume_max":
            return _dearest(provider)
        warnings.warn(f"The price of {model!r} is not known: its calls are counted as unpriced.", stacklevel=4)
        return None


def _declared(model: str, given: Any) -> Price:
    what = f"the price of {model!r}"
    if isinstance(given, Mapping):
        return _mapped(what, given, tiers=True)
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise BadNumber(
            f"The price of {model!r} must be (usd_per_million_in, usd_per_million_out), not {given!r}.",
            remedy="Or give {'input': ..., 'output': ..., 'cached': ..., 'cache_write': ..., 'tiers': {...}}.",
        )
    return _mapped(what, dict(zip(RATES, given, strict=False)), tiers=False)


def _mapped(what: str, given: Mapping[str, Any], *, tiers: bool) -> Price:
    odd = [key for key in given if key not in RATES and not (tiers and key == "tiers")]
    if odd or not {"input", "output"} <= given.keys():
        raise BadDefinition(
            f"{what} has the keys {sorted(map(str, given))}.",
            remedy="It needs input and output, and may have cached, cache_write and tiers (tiers have no tiers).",
        )
    nano = {key: finite(given[key], what) * NANO_PER_USD_PER_MILLION for key in RATES if key in given}
    longer = given.get("tiers") or {}
    if not isinstance(longer, Mapping) or not all(isinstance(part, Mapping) for part in longer.values()):
        raise BadDefinition(f"{what} has tiers that are no mapping.", remedy="Give {200_000: {'input': ..., ...}}.")
    return Price(
        input_nano=nano["input"],
        output_nano=nano["output"],
        cached_nano=nano.get("cached"),
        cache_write_nano=nano.get("cache_write"),
        longer=tuple(
            sorted(
                ((_whole(above, what), _mapped(what, part, tiers=False)) for above, part in longer.items()),
                key=lambda tier: tier[0],
            )
        ),
        source="override",
    )


def _whole(above: Any, what: str) -> int:
    """A configuration file's keys are texts."""
    number = finite(above, f"the tier of {what}")
    if number % 1:
        raise BadNumber(f"The tier {above!r} of {what} is no whole number of tokens.")
    return int(number)


@dataclass(slots=True)
class _Listed:
    """A model of genai-prices: its price on the day that was asked for last."""

    model: Any
    day: int = -1
    id_to_price: dict[int, Price] = field(default_factory=dict)

    def at(self, seconds: float) -> Price | None:
        when = datetime.fromtimestamp(seconds, UTC)
        if seconds // DAY_S != self.day:
            self.day = int(seconds // DAY_S)
            self.id_to_price.clear()
        listed = self.model.get_prices(when)
        price = self.id_to_price.get(id(listed))
        if price is None:
            source = f"{_source()}, prices of {when.date()}"
            price = self.id_to_price[id(listed)] = replace(_converted(listed), source=source)
        return price


def _source() -> str:
    import genai_prices

    return f"genai-prices {genai_prices.__version__}"


def _listed(provider: str, name: str, silent: bool = False) -> _Listed | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, model = get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError:
        return None
    # A price that is missing is not zero: what takes no output price makes no text.
    prices = _all_prices(model)
    if not all(price.input_mtok is not None and (silent or price.output_mtok is not None) for price in prices):
        return None
    return _Listed(model)


def _converted(listed: Any) -> Price:
    """Its rates below the first tier, and those from each number of tokens on at which one of them changes."""
    starts = sorted({tier.start for key in _KEYS for tier in getattr(getattr(listed, key), "tiers", ())})
    return replace(_rates(listed, 0), longer=tuple((start, _rates(listed, start + 1)) for start in starts))


_KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


def _rates(listed: Any, input_tokens: int) -> Price:
    given, made, read, written = (_rate(getattr(listed, key), input_tokens) for key in _KEYS)
    assert given is not None
    made = Decimal(0) if made is None else made
    request = _rate(listed.requests_kcount, input_tokens) or Decimal(0)
    return Price(
        input_nano=given * NANO_PER_USD_PER_MILLION,
        output_nano=made * NANO_PER_USD_PER_MILLION,
        cached_nano=None if read is None else read * NANO_PER_USD_PER_MILLION,
        cache_write_nano=None if written is None else written * NANO_PER_USD_PER_MILLION,
        request_nano=request * NANO_PER_USD_PER_THOUSAND,
    )


def _rate(listed: Any, input_tokens: int) -> Decimal | None:
    if listed is None or isinstance(listed, Decimal):
        return listed
    reached = [tier.price for tier in listed.tiers if input_tokens > tier.start]
    rate: Decimal = [listed.base, *reached][-1]
    return rate


def _dearest(provider: str) -> Price:
    from genai_prices.data_snapshot import get_snapshot

    everyone = get_snapshot().providers
    own = [item for item in everyone if item.id == provider]
    given, made, request = map(max, zip(*(list(_all_tiers(own)) or _all_tiers(everyone)), strict=True))
    return Price(input_nano=given, output_nano=made, request_nano=request, source=f"dearest in {_source()}")


def _all_prices(model: Any) -> list[Any]:
    """Of all days and hours."""
    return [item.prices for item in model.prices] if isinstance(model.prices, list) else [model.prices]


def _all_tiers(providers: Iterable[Any]) -> Iterator[tuple[Decimal, Decimal, Decimal]]:
    for model in (model for provider in providers for model in provider.models):
        for price in _all_prices(model):
            yield from _tiers(price)


def _tiers(listed: Any) -> Iterator[tuple[Decimal, Decimal, Decimal]]:
    """(dearest input token, output token, request) of each tier of a price that has both."""
    if listed.input_mtok is None or listed.output_mtok is None:
        return
    price = _converted(listed)
    for one in (price, *(dearer for _, dearer in price.longer)):
        kinds = (one.input_nano, one.cached_nano, one.cache_write_nano)
        yield max(nano for nano in kinds if nano is not None), one.output_nano, one.request_nano

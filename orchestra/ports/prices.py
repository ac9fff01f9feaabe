"""What a token costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from orchestra.core.usage import Usage

FREE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one request costs: so much for each token read and made, so much for the request itself.

    Tokens read from a cache or written to one cost ``cached_nano`` and ``cache_write_nano``, as other input where that
    is None. ``longer`` holds (number of input tokens, the price of a whole request that has more of them), in rising
    order; only the numbers of the outermost price count.
    Units: 1e-9 dollars a token, which is the same figure as 1e-3 dollars a million tokens; ``request_nano`` 1e-9
    dollars a request. ``source`` says where from.
    """

    input_nano: Decimal
    output_nano: Decimal
    cached_nano: Decimal | None = None
    cache_write_nano: Decimal | None = None
    request_nano: Decimal = FREE
    longer: tuple[tuple[int, Price], ...] = ()
    source: str = ""

    def exact(self, usage: Usage) -> Decimal:
        """Nano-dollars of one request, not rounded. More cached tokens than input tokens count as all of them."""
        price = self
        for above, dearer in self.longer:
            if usage.input_tokens > above:
                price = dearer
        cached = min(usage.cached_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - cached)
        total = price.input_nano * (usage.input_tokens - cached - written) + price.output_nano * usage.output_tokens
        if cached:
            total += cached * (price.input_nano if price.cached_nano is None else price.cached_nano)
        if written:
            total += written * (price.input_nano if price.cache_write_nano is None else price.cache_write_nano)
        return total + price.request_nano

    def of(self, usage: Usage) -> int:
        """Nano-dollars of one request, rounded up, so that an upper bound of tokens is one of money."""
        return _up(self.exact(usage))

    def bound(self, input_tokens: int, output_tokens: int) -> int:
        """The most that a request of so many tokens, or fewer, costs, whatever part of them a cache reads or writes."""
        reached = (self, *(dearer for above, dearer in self.longer if input_tokens > above))
        return max(price._most(input_tokens, output_tokens) for price in reached)

    def _most(self, input_tokens: int, output_tokens: int) -> int:
        kinds = (self.input_nano, self.cached_nano, self.cache_write_nano)
        dearest = max(nano for nano in kinds if nano is not None)
        return _up(dearest * input_tokens + self.output_nano * output_tokens + self.request_nano)


def _up(nano: Decimal) -> int:
    return int(nano.to_integral_value(rounding=ROUND_CEILING))


class Prices(Protocol):
    def price(self, model: str, at: float | None = None, /) -> Price | None:
        """The price of 'provider:model' at that time, now without one; None if it is not known.

        Units: ``at`` in seconds since 1970.
        Raises: UnknownPrice under the policy 'refuse'.
        """
        ...

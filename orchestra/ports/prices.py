"""What a token costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from orchestra.core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Units: 1e-9 dollars a token, which is the same figure as 1e-3 dollars a million tokens. ``source`` says where
    from.
    """

    input_nano: Decimal
    output_nano: Decimal
    source: str = ""

    def of(self, usage: Usage) -> int:
        """Nano-dollars of the tokens, rounded up, so that an upper bound of tokens is one of money."""
        total = self.input_nano * usage.input_tokens + self.output_nano * usage.output_tokens
        return int(total.to_integral_value(rounding=ROUND_CEILING))


class Prices(Protocol):
    def price(self, model: str, /) -> Price | None:
        """The price of 'provider:model', None if it is not known. Raises UnknownPrice under the policy 'refuse'."""
        ...

"""What a call used. A monoid under +."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orchestra.core.money import dollars

Amount = tuple[int, int, int, int]
"""(nano-dollars, tokens, requests, tool calls): what is reserved and settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Sums over one call and all below it.

    Units: tokens as the provider counts them; ``input_tokens`` includes those read from a cache (``cached_tokens``) and
    those written to one (``cache_write_tokens``), ``output_tokens`` those of reasoning (``reasoning_tokens``).
    ``nano_usd`` in 1e-9 dollars.
    ``unpriced`` counts the calls whose price is unknown: while it is not zero, ``usd`` is None and not a partial sum.
    ``estimated`` is true where a part had to be settled without the provider's figures.
    """

    nano_usd: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    requests: int = 0
    tool_calls: int = 0
    unpriced: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        if other is ZERO:
            return self
        if self is ZERO:
            return other
        return Usage(
            nano_usd=self.nano_usd + other.nano_usd,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            requests=self.requests + other.requests,
            tool_calls=self.tool_calls + other.tool_calls,
            unpriced=self.unpriced + other.unpriced,
            estimated=self.estimated or other.estimated,
        )

    @property
    def usd(self) -> Decimal | None:
        """Dollars, or None while a part has no known price."""
        return None if self.unpriced else dollars(self.nano_usd)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def amount(self) -> Amount:
        return self.nano_usd, self.input_tokens + self.output_tokens, self.requests, self.tool_calls


ZERO = Usage()

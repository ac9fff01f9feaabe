"""The limits of a run or of a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orchestra.core.errors import BadNumber
from orchestra.core.money import finite, nano

Limits = tuple[int | None, int | None, int | None, int | None]
"""(nano-dollars, tokens, requests, tool calls); None is no limit."""

DEPTH = 16
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits that hold for everything below them, deciding and merging included. None is no limit.

    Units: ``usd`` dollars, ``tokens`` input plus output, ``requests`` model calls, ``seconds`` wall time from the
    start.
    Raises: BadNumber for a limit that is negative, NaN, infinite or not a number, or a depth over 100.
    Source: our defaults.
    """

    usd: Decimal | float | str | None = None
    tokens: int | None = None
    requests: int | None = None
    tool_calls: int | None = None
    seconds: float | None = None
    depth: int = DEPTH

    def __post_init__(self) -> None:
        for name in ("usd", "seconds"):
            if getattr(self, name) is not None:
                finite(getattr(self, name), name)
        for name in ("tokens", "requests", "tool_calls", "depth"):
            value = getattr(self, name)
            if value is not None and finite(value, name) % 1:
                raise BadNumber(f"{name}={value!r} is not a whole number.")
        if self.depth > MAX_DEPTH:
            raise BadNumber(f"depth={self.depth} is over {MAX_DEPTH}.")

    @property
    def limits(self) -> Limits:
        usd = None if self.usd is None else nano(self.usd)
        return usd, self.tokens, self.requests, self.tool_calls


UNLIMITED = Budget()

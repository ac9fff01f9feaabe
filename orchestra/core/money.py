"""Dollars in, nano-dollars inside: sums of money are exact."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from orchestra.core.errors import BadNumber

NANO = 1_000_000_000
LARGEST = Decimal(10) ** 15
"""What is larger is a slip of the pen, and slow to count with."""


def nano(usd: object, name: str = "usd") -> int:
    """Whole nano-dollars of an amount in dollars, rounded half to even.

    Units: ``usd`` in US dollars, as int, float, str or Decimal; the result in 1e-9 dollars.
    Raises: BadNumber for anything negative, NaN, infinite or not a number.
    """
    return int((finite(usd, name) * NANO).to_integral_value())


def finite(value: object, name: str) -> Decimal:
    """The value as a Decimal, if it is a number from zero to 1e15; else BadNumber."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadNumber(f"{name}={value!r} is not a number.") from None
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= LARGEST:
        raise BadNumber(f"{name}={value!r} is not a finite number >= 0, or is over {LARGEST:g}.")
    return number


def dollars(amount: int) -> Decimal:
    """The amount in dollars. Units: ``amount`` in nano-dollars."""
    return Decimal(amount) / NANO

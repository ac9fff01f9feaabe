"""Which laws a suite finds broken."""

from collections.abc import Callable

from orchestra.testing import LawBroken


def broken_by(check: Callable[[], None]) -> set[str]:
    try:
        check()
    except LawBroken as error:
        return set(error.laws)
    return set()

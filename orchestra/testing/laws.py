"""How a suite of laws is run: all of them, and one report of those that are broken."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from orchestra.testing.errors import LawBroken

ROUNDS = 4
"""Worlds that each law is tried in; each has a seed of its own."""

Law = Callable[[Any, random.Random], None]


def check(what: bool, message: str) -> None:
    """Also where Python runs without assert statements."""
    if not what:
        raise LawBroken(message)


def close(one: float | None, other: float | None) -> bool:
    return one is None or other is None or abs(one - other) <= 1e-6 * max(1.0, abs(one), abs(other))


def run_laws(port: str, laws: Mapping[str, Law], subject: Any, seed: int) -> None:
    """Tries every law in every world. Raises LawBroken."""
    broken: dict[str, str] = {}
    for name, law in laws.items():
        for round in range(ROUNDS):
            try:
                law(subject, random.Random(f"{seed}/{round}/{name}"))
            except Exception as error:
                broken[name] = said(error)
                break
    report(port, broken)


def report(port: str, broken: Mapping[str, str]) -> None:
    """Raises LawBroken if there are any."""
    if broken:
        lines = "\n".join(f"  {name}: {why}" for name, why in broken.items())
        raise LawBroken(f"This {port} breaks {len(broken)} laws:\n{lines}", tuple(broken))


def said(error: Exception) -> str:
    return str(error) if type(error) is LawBroken else f"{type(error).__name__}: {error}"

"""Time and chance, injected."""

from __future__ import annotations

import hashlib
import random
import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. ``now`` is wall time in seconds since 1970."""

    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return time.time()


def keyed_rng(seed: int, key: str) -> random.Random:
    """A generator that depends on the run's seed and the call's key alone, never on the order of branches."""
    return random.Random(int.from_bytes(hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=8).digest()))

"""Which catalogues the runs in flight hold, and waiting until nobody holds a node any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from orchestra.core.catalog import Catalog

LOOK_S = 0.01
"""How often a waiting ``drained`` looks. The runs may be on other event loops, in other threads. Our default."""


class Flight:
    """Counts the runs in flight by the catalogue that each began with. Safe to use from several threads.

    ``today`` gives the catalogue that a run beginning now would hold; ``lock`` is held by who changes it, so that no
    run begins with a catalogue of yesterday.
    """

    def __init__(self, today: Callable[[], Catalog], lock: threading.Lock) -> None:
        self._today, self._lock = today, lock
        self._id_to_runs: dict[int, tuple[Catalog, int]] = {}

    @contextmanager
    def boarded(self) -> Iterator[Catalog]:
        """Today's catalogue, held until the block is left."""
        with self._lock:
            catalog = self._today()
            _, count = self._id_to_runs.get(id(catalog), (catalog, 0))
            self._id_to_runs[id(catalog)] = catalog, count + 1
        try:
            yield catalog
        finally:
            with self._lock:
                _, count = self._id_to_runs.pop(id(catalog))
                if count > 1:
                    self._id_to_runs[id(catalog)] = catalog, count - 1

    def holding(self, name: str) -> int:
        """How many runs in flight hold a node of this name that is not today's."""
        with self._lock:
            now = self._today().nodes.get(name)
            held = [(catalog.nodes.get(name), count) for catalog, count in self._id_to_runs.values()]
        return sum(count for node, count in held if node is not None and node is not now)

    async def drained(self, name: str, timeout_s: float | None) -> bool:
        """Returns when ``holding`` is 0, or after ``timeout_s``; whether it is."""
        with anyio.move_on_after(timeout_s):
            while self.holding(name):
                await anyio.sleep(LOOK_S)
        return not self.holding(name)

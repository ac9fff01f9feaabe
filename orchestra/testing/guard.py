"""No test asks a real model by accident."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from orchestra.models.endpoint import Endpoint
from orchestra.models.local import LocalModel
from orchestra.testing.errors import RealModelCalled

_ENTRANCES = ((Endpoint, "post"), (Endpoint, "stream"), (LocalModel, "request"), (LocalModel, "stream"))


@contextmanager
def no_real_models() -> Iterator[list[str]]:
    """Inside the block every client of this package that would send something raises RealModelCalled instead.

    That holds for the vendors' clients, whatever their address, and for the embedded model; a client with a
    ``transport`` of its own is let through, as are scripted models and replays. Clients of other packages are not known
    and not stopped. Gives the list of the models that were asked: if it is not empty at the end, the block raises, so
    that code which swallows the error is seen. Clear it where the call was provoked on purpose. Blocks may nest; do not
    let those of several threads overlap.

    Raises: RealModelCalled.
    """
    asked: list[str] = []
    before = [(cls, method, getattr(cls, method)) for cls, method in _ENTRANCES]
    for cls, method, open_door in before:
        setattr(cls, method, _guarded(open_door, asked))
    try:
        yield asked
    finally:
        for cls, method, open_door in before:
            setattr(cls, method, open_door)
    if asked:
        _refuse(", ".join(asked))


def _guarded(open_door: Any, asked: list[str]) -> Any:
    async def guarded(client: Any, *args: Any) -> Any:
        if getattr(client, "transport", None) is not None:
            return await open_door(client, *args)
        asked.append(client.name)
        _refuse(client.name)

    return guarded


def _refuse(names: str) -> NoReturn:
    raise RealModelCalled(f"A real model was asked: {names}.")

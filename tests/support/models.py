"""Models that do what they are told: reply, fail, hang, lie about their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from orchestra.core.usage import Usage
from orchestra.ports.model import Reply, Request


@dataclass
class Told:
    """Plays its steps in order, the last one for ever: a text, an exception to raise, or None to hang.

    Units: ``tokens`` are (input, output) of each reply; ``bound`` is what ``count`` says; ``delay_s`` in seconds.
    """

    steps: Sequence[str | Exception | None] = ("ok",)
    tokens: tuple[int, int] = (10, 5)
    bound: int = 10
    delay_s: float = 0.0
    name: str = "test:told"
    context_window: int | None = None
    asked: list[Request] = field(default_factory=list)

    async def request(self, request: Request, /) -> Reply:
        step = self.steps[min(len(self.asked), len(self.steps) - 1)]
        self.asked.append(request)
        if self.delay_s:
            await anyio.sleep(self.delay_s)
        if step is None:
            await anyio.sleep_forever()
        if isinstance(step, Exception):
            raise step
        usage = Usage(input_tokens=self.tokens[0], output_tokens=self.tokens[1], requests=1)
        return Reply(text=str(step), usage=usage, model=self.name)

    def count(self, request: Request, /) -> int:
        return self.bound

"""The vendors' libraries are there before a model is switched to."""

from __future__ import annotations

import threading
from typing import Any

from orchestra import Agent, Orchestra
from orchestra.models.scripted import Echo
from tests.support.runtime import go, on_every_loop

loaded: list[str] = []


class Slow(Echo):
    """A client whose library takes time to import."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def load(self) -> None:
        assert threading.current_thread() is not threading.main_thread(), "an event loop would stand still"
        loaded.append(self.name)

    async def request(self, request: Any, /) -> Any:
        assert self.name in loaded
        return await super().request(request)


def team(**options: Any) -> Orchestra:
    loaded.clear()
    clients = {f"test:{name}": Slow(name) for name in "abcd"}
    first = Agent("first", model=["test:a", "test:b"])
    return Orchestra(agents=[first], models=clients, escalate="test:c", router="fixed", **options)


@on_every_loop
def test_all_models_that_are_named_are_loaded_when_the_team_opens(loop: str, native: bool) -> None:
    async def main() -> None:
        one = team(native_tasks=native)
        assert not loaded
        async with one:
            assert sorted(loaded) == ["a", "b", "c"], "and what nobody names is not"
            one.register(Agent("second", model="test:d"))
            assert (await one.run("hello", to="first")).output == "hello"
            assert sorted(loaded) == ["a", "b", "c", "d"], "a newcomer's before the next run, each once"

    go(loop, main)


def test_without_opening_they_are_loaded_before_the_first_call() -> None:
    one = team()
    assert one.route("hello").chosen and not loaded, "nothing is called, nothing is loaded"
    assert one.run_sync("hello").status == "done" and sorted(loaded) == ["a", "b", "c"]
    one.close()

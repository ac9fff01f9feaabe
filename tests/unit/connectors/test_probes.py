"""Active probes: on request, and by themselves only while something is open."""

from __future__ import annotations

import anyio
import pytest

from orchestra import Orchestra, agent
from orchestra.connectors import probes as module
from orchestra.connectors.probes import Probes
from orchestra.core.errors import BadDefinition, UnknownName
from orchestra.graph.health import Health
from tests.support.runtime import go, on_every_loop


def broken(name: str = "n") -> Health:
    health = Health()
    for _ in range(3):
        health.seen(name, False, 0.1, 100.0)
    return health


@on_every_loop
@pytest.mark.parametrize(("answer", "state"), [(True, "half-open"), (None, "half-open"), (False, "open")])
def test_a_probe_on_request(loop: str, native: bool, answer: object, state: str) -> None:
    health = broken()

    async def asynchronous() -> object:
        return answer

    for probe in (asynchronous, lambda: answer):
        probes = Probes({"n": probe}, health, lambda: 101.0)
        assert go(loop, probes.once, "n") == (answer is not False)
        assert health.state("n", 101.0) == state


def test_what_raises_or_hangs_gave_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_S", 0.01)

    def raising() -> None:
        raise OSError("refused")

    probes = Probes({"n": raising, "slow": anyio.sleep_forever}, Health(), lambda: 0.0)
    assert anyio.run(probes.once, "n") is False
    assert anyio.run(probes.once, "slow") is False


def test_names_and_functions_are_checked() -> None:
    with pytest.raises(UnknownName, match="'m' has no probe"):
        anyio.run(Probes({"n": print}, Health(), lambda: 0.0).once, "m")
    with pytest.raises(BadDefinition):
        Probes({"n": 3}, Health(), lambda: 0.0)  # type: ignore[dict-item]


@on_every_loop
def test_they_run_by_themselves_while_something_is_open(
    loop: str, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.002)
    calls: list[str] = []

    @agent
    def stripe(order: str) -> str:
        return order

    async def main() -> None:
        team = Orchestra(
            agents=[stripe],
            providers={"stripe": "acme"},
            probes={"stripe": lambda: calls.append("stripe"), "acme:": lambda: calls.append("acme")},
        )
        health, now = team._team.health, team.clock.now
        async with team:
            await anyio.sleep(0.02)
            assert calls == [] and health.state("stripe", now()) == "closed"
            for _ in range(3):
                health.seen("stripe", False, 0.1, now())
            with anyio.fail_after(2):
                while health.state("stripe", now()) == "open":
                    await anyio.sleep(0.002)
            await anyio.sleep(0.02)
            assert calls == ["stripe"], "once is enough: it is half-open"
            assert await team.probe("acme:") is True and calls == ["stripe", "acme"]
            for _ in range(3):
                health.seen("stripe", False, 0.1, now())
        count = len(calls)
        await anyio.sleep(0.02)
        assert len(calls) == count

    go(loop, main)

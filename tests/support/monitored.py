"""A team whose calls monitors look at, and a model that counts how often it is asked."""

from __future__ import annotations

from typing import Any

from orchestra import Orchestra, agent
from orchestra.app.result import Result
from orchestra.core.events import Signalled
from orchestra.core.signal import Act, Signal
from orchestra.models.scripted import Scripted
from orchestra.ports.monitor import Monitor

paid: list[str] = []


@agent(provides="payment", cost_usd=0.001, side_effect="payment")
def stripe(order: str, amount: float = 0.0, flagged: bool = False) -> str:
    paid.append(f"stripe {order}")
    return f"stripe paid {order}"


@agent(provides="payment", cost_usd=0.002, side_effect="payment")
def adyen(order: str, amount: float = 0.0, flagged: bool = False) -> str:
    paid.append(f"adyen {order}")
    return f"adyen paid {order}"


@agent(provides="note")
def noted(text: str) -> str:
    return f"noted {text}"


@agent(provides="lookup", cost_usd=0.001)
def broken(word: str) -> str:
    raise ValueError("out of order")


@agent(provides="lookup", cost_usd=0.002)
def sound(word: str) -> str:
    return word.upper()


def said(act: Act, priority: float = 0.9, about: str = "stripe", **rest: Any) -> Monitor:
    """A monitor with one thing to say about one node."""
    return lambda now: Signal("mine", priority, act, "because", **rest) if now.proposed.name == about else None


class Counted(Scripted):
    """A model that counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(*["Ask the office."] * 9)
        self.asked = 0

    async def request(self, request: Any, /) -> Any:
        self.asked += 1
        return await super().request(request)


def team(*monitors: Monitor, agents: Any = (stripe, adyen, noted), **options: Any) -> tuple[Orchestra, Counted]:
    model = Counted()
    given = {"escalate": "test:last", "models": {"test:last": model}, **options}
    return Orchestra(agents=list(agents), router="cheapest", monitors=monitors, **given), model


def ran(task: Any, to: Any, *monitors: Monitor, **options: Any) -> tuple[Result, int]:
    paid.clear()
    made, model = team(*monitors, **options)
    try:
        return made.run_sync(task, to=to), model.asked
    finally:
        made.close()


def signalled(result: Result) -> list[Signalled]:
    return [event for event in result.events if isinstance(event, Signalled)]


PAY = {"order": "A1", "amount": 5}

"""What the routing tests build their questions from."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestra.core.catalog import Catalog, Code, Contract, Node
from orchestra.core.decision import Decide, Decision, Option
from orchestra.ports.health import Glance
from orchestra.ports.router import Lesson, Router
from orchestra.routing.constraints import Candidate, Facts, declared, standing


def question(*options: str | Option, x: Sequence[float] = (1.0,)) -> Decide:
    made = tuple(option if isinstance(option, Option) else Option(option) for option in options)
    return Decide(capability="answer", options=made, x=tuple(x), marks="test", budget_left_nano=5, because="k0")


def taught(router: Router, *given: tuple[str, Sequence[float], float]) -> None:
    """One first reward for each (option, x, reward)."""
    router.learn([Lesson(decision(option, x), reward) for option, x, reward in given])


def decision(option: str, x: Sequence[float] = (1.0,), key: str = "k", options: tuple[Option, ...] = ()) -> Decision:
    return Decision(
        key=key,
        capability="answer",
        policy="test",
        version=1,
        options=options or (Option(option),),
        chosen=(option,),
        probability=1.0,
        x=tuple(x),
    )


def node(name: str, *provides: str, takes_text: bool = True, required: tuple[str, ...] = (), **declared: Any) -> Node:
    contract = Contract(bind=dict, takes_text=takes_text, schema={"required": list(required)})
    body = Code(fn=print, context=None, is_async=False)
    return Node(name=name, kind="agent", body=body, contract=contract, provides=provides or ("answer",), **declared)


def catalog(*nodes: Node) -> Catalog:
    made = Catalog()
    for each in nodes:
        made = made.with_node(each)
    return made


@dataclass
class Wards:
    """Health as a test wants it."""

    name_to_reason: dict[str, str] = field(default_factory=dict)
    name_to_flying: dict[str, int] = field(default_factory=dict)
    name_to_latency_s: dict[str, float] = field(default_factory=dict)

    def seen(self, node: str, ok: bool, seconds: float, at: float, /) -> None: ...

    def hidden(self, node: str, at: float, /) -> str | None:
        return self.name_to_reason.get(node)

    def penalty(self, node: str, at: float, /) -> float:
        return 1.0

    def latency_s(self, node: str, at: float, /) -> float | None:
        return self.name_to_latency_s.get(node)

    def state(self, node: str, at: float, /) -> str:
        return "open" if node in self.name_to_reason else "closed"

    def allow(self, node: str, left_share: float, until: float, /) -> None: ...

    def enter(self, node: str, at: float, /) -> str | None:
        self.name_to_flying[node] = self.in_flight(node) + 1
        return None

    def leave(self, node: str, /) -> None:
        self.name_to_flying[node] -= 1

    def in_flight(self, node: str, /) -> int:
        return self.name_to_flying.get(node, 0)

    def limit(self, node: str, until: float, /) -> None: ...

    def limited_s(self, node: str, at: float, /) -> float:
        return 0.0

    def glance(self, nodes: Sequence[str], at: float, /) -> list[Glance]:
        return [(self.latency_s(node, at), self.in_flight(node), self.hidden(node, at)) for node in nodes]


@dataclass
class Sight:
    """A view of one catalogue with so much money left."""

    catalog: Catalog
    left: int | None = None
    previous: str = ""

    def now(self) -> float:
        return 100.0

    def left_nano(self) -> int | None:
        return self.left


def seeded(seed: int = 0) -> random.Random:
    return random.Random(seed)


def constrained(
    candidates: list[Candidate], facts: Facts, health: Wards, tries: Callable[[str], int] | None
) -> list[Option]:
    found = standing(declared(candidates), facts, health, tries)
    return found.options([0.5] * len(found.names), [0.0] * len(found.names))

"""What an outage scenario is, and the 19 of the Self-Healing Router's repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Edges = Mapping[str, Mapping[str, float]]
End = Literal["completed", "demoted", "escalated"]
START = "Start"


class Alarm(NamedTuple):
    """What a monitor says. Units: ``priority`` in [0, 1]."""

    source: str
    priority: float
    payload: str


class State(NamedTuple):
    """What a monitor looks at: the task, and each finished node with its output, in order."""

    task: Mapping[str, Any]
    done: tuple[tuple[str, Any], ...]


Monitor = Callable[[State], Alarm | None]


class Stage(NamedTuple):
    """A stage of the fixed workflow: a primary, then its backups.

    Where all fail: with ``goes_on`` the edge behind the last backup leads on whatever it did, as a plain edge does;
    with ``otherwise`` that tool is called and the workflow ends; else it raises.
    """

    providers: tuple[str, ...]
    goes_on: bool = False
    otherwise: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What can be called and how it hangs together.

    ``tools`` are the vertices that can be called, by default all but the start. ``fallbacks`` are the goals that the
    graph declares for where ``goal`` cannot be reached, in order; ``named`` those that may be pursued only if the model
    that is asked names them. ``stages`` is what a developer would draw as fixed edges, ``reviewed`` the same for a task
    that has ``review`` set.
    """

    edges: Edges
    goal: str
    stages: tuple[Stage, ...]
    reviewed: tuple[Stage, ...] = ()
    not_tools: frozenset[str] = frozenset({START})
    fallbacks: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    monitors: tuple[Monitor, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """What can be called, in the order of the edges."""
        return tuple(dict.fromkeys(to for row in self.edges.values() for to in row if to not in self.not_tools))

    @property
    def goals(self) -> tuple[str, ...]:
        return (self.goal, *self.fallbacks, *self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One outage and the end that is right for it.

    ``acted`` are the tools that have to have acted, in order; ``goal`` is what they reach, None where the right end is
    to tell somebody. ``most_model_calls`` is what the publication counts for its own router.
    """

    id: str
    domain: Domain
    down: frozenset[str]
    end: End
    acted: tuple[str, ...]
    goal: str | None
    most_model_calls: int
    task: Mapping[str, Any]
    note: str = ""


SUPPORT = Domain(
    edges={
        "Start": {"CRM": 0.1},
        "CRM": {"Stripe": 0.3, "Razorpay": 0.5},
        "Stripe": {"Email": 0.3, "SMS": 0.4},
        "Razorpay": {"Email": 0.3, "SMS": 0.4},
        "Email": {"Complete": 0.1},
        "SMS": {"Complete": 0.1},
    },
    goal="Complete",
    stages=(
        Stage(("CRM",)),
        Stage(("Stripe", "Razorpay"), goes_on=True),
        Stage(("Email", "SMS"), goes_on=True),
        Stage(("Complete",)),
    ),
)
TRAVEL = Domain(
    edges={
        "Start": {"Flight": 0.3, "Train": 0.5},
        "Flight": {"Hotel": 0.3, "Hostel": 0.4},
        "Train": {"Hotel": 0.3, "Hostel": 0.4},
        "Hotel": {"Car": 0.3, "Bus": 0.4},
        "Hostel": {"Car": 0.4, "Bus": 0.3},
        "Car": {"Payment": 0.2},
        "Bus": {"Payment": 0.2},
        "Payment": {"Confirm": 0.1},
    },
    goal="Confirm",
    stages=(
        Stage(("Flight", "Train"), goes_on=True),
        Stage(("Hotel", "Hostel"), goes_on=True),
        Stage(("Car", "Bus"), goes_on=True),
        Stage(("Payment",)),
        Stage(("Confirm",)),
    ),
)
MODERATION = Domain(
    edges={
        "Start": {"Text": 0.2, "Image": 0.3, "Video": 0.5},
        "Text": {"Toxicity": 0.2},
        "Image": {"Toxicity": 0.3},
        "Video": {"Toxicity": 0.4},
        "Toxicity": {"Human": 0.5, "Auto": 0.2},
        "Human": {"Complete": 0.1},
        "Auto": {"Complete": 0.1},
    },
    goal="Complete",
    stages=(
        Stage(("Text", "Image", "Video")),
        Stage(("Toxicity",)),
        Stage(("Auto", "Human"), goes_on=True),
        Stage(("Complete",)),
    ),
)


class Counts(NamedTuple):
    """What a reactive router must count."""

    model_calls: int
    failures: int
    attempts: int


def _of(name: str, down: str, counts: tuple[int, int, int], acted: str) -> tuple[Scenario, Counts]:
    domain = {"CS": SUPPORT, "TB": TRAVEL, "CM": MODERATION}[name[:2]]
    scenario = Scenario(
        id=name,
        domain=domain,
        down=frozenset(down.split()),
        end="escalated" if counts[0] else "completed",
        acted=tuple(acted.split()),
        goal=None if counts[0] else domain.goal,
        most_model_calls=counts[0],
        task={"text": "the task"},
    )
    return scenario, Counts(*counts)


_ROWS = (
    _of("CS-1", "", (0, 0, 4), "CRM Stripe Email Complete"),
    _of("CS-2", "Stripe", (0, 1, 5), "CRM Razorpay Email Complete"),
    _of("CS-3", "Email", (0, 1, 5), "CRM Stripe SMS Complete"),
    _of("CS-4", "Stripe Email", (0, 2, 6), "CRM Razorpay SMS Complete"),
    _of("CS-5", "Stripe Razorpay", (1, 2, 3), "CRM"),
    _of("CS-6", "Email SMS", (1, 2, 4), "CRM Stripe"),
    _of("CS-7", "CRM", (1, 1, 1), ""),
    _of("TB-1", "", (0, 0, 5), "Flight Hotel Car Payment Confirm"),
    _of("TB-2", "Flight", (0, 1, 6), "Train Hotel Car Payment Confirm"),
    _of("TB-3", "Hotel Car", (0, 1, 6), "Flight Hostel Bus Payment Confirm"),
    _of("TB-4", "Flight Train", (1, 2, 2), ""),
    _of("TB-5", "Flight Hotel Car", (0, 2, 7), "Train Hostel Bus Payment Confirm"),
    _of("TB-6", "Payment", (1, 1, 4), "Flight Hotel Car"),
    _of("CM-1", "", (0, 0, 4), "Text Toxicity Auto Complete"),
    _of("CM-2", "Text", (0, 1, 5), "Image Toxicity Auto Complete"),
    _of("CM-3", "Auto", (0, 1, 5), "Text Toxicity Human Complete"),
    _of("CM-4", "Text Auto", (0, 2, 6), "Image Toxicity Human Complete"),
    _of("CM-5", "Text Image Video", (1, 3, 3), ""),
    _of("CM-6", "Toxicity", (1, 1, 2), "Text"),
)
REPOSITORY = tuple(scenario for scenario, _ in _ROWS)
"""The 19 scenarios of the paper's repository. Source: Self-Healing Router, its code; the counts are those of a router
to which nothing is known in advance, the right ends are ours: the repository has none."""
REPOSITORY_COUNTS = {scenario.id: counts for scenario, counts in _ROWS}

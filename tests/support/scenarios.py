"""The 19 outage scenarios of the Self-Healing Router's repository, with what a reactive router must count in each.

Nothing is known in advance: a node that is down is found out by calling it, and it fails before it does anything.
Every node but the start is called, the goal included.
"""

from dataclasses import dataclass

Edges = dict[str, dict[str, float]]

START = "Start"

SUPPORT: Edges = {
    "Start": {"CRM": 0.1},
    "CRM": {"Stripe": 0.3, "Razorpay": 0.5},
    "Stripe": {"Email": 0.3, "SMS": 0.4},
    "Razorpay": {"Email": 0.3, "SMS": 0.4},
    "Email": {"Complete": 0.1},
    "SMS": {"Complete": 0.1},
}
TRAVEL: Edges = {
    "Start": {"Flight": 0.3, "Train": 0.5},
    "Flight": {"Hotel": 0.3, "Hostel": 0.4},
    "Train": {"Hotel": 0.3, "Hostel": 0.4},
    "Hotel": {"Car": 0.3, "Bus": 0.4},
    "Hostel": {"Car": 0.4, "Bus": 0.3},
    "Car": {"Payment": 0.2},
    "Bus": {"Payment": 0.2},
    "Payment": {"Confirm": 0.1},
}
MODERATION: Edges = {
    "Start": {"Text": 0.2, "Image": 0.3, "Video": 0.5},
    "Text": {"Toxicity": 0.2},
    "Image": {"Toxicity": 0.3},
    "Video": {"Toxicity": 0.4},
    "Toxicity": {"Human": 0.5, "Auto": 0.2},
    "Human": {"Complete": 0.1},
    "Auto": {"Complete": 0.1},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``escalations`` are calls of the last resort, ``failures`` calls that failed, ``attempts`` calls of nodes."""

    name: str
    edges: Edges
    goal: str
    down: frozenset[str]
    escalations: int
    failures: int
    attempts: int

    @property
    def nodes(self) -> tuple[str, ...]:
        """What can be called, in the order of the edges."""
        return tuple(dict.fromkeys(to for row in self.edges.values() for to in row))


def _of(name: str, down: str, counts: tuple[int, int, int]) -> Scenario:
    edges, goal = {"CS": (SUPPORT, "Complete"), "TB": (TRAVEL, "Confirm"), "CM": (MODERATION, "Complete")}[name[:2]]
    escalations, failures, attempts = counts
    return Scenario(
        name=name,
        edges=edges,
        goal=goal,
        down=frozenset(down.split()),
        escalations=escalations,
        failures=failures,
        attempts=attempts,
    )


SCENARIOS = (
    _of("CS-1", "", (0, 0, 4)),
    _of("CS-2", "Stripe", (0, 1, 5)),
    _of("CS-3", "Email", (0, 1, 5)),
    _of("CS-4", "Stripe Email", (0, 2, 6)),
    _of("CS-5", "Stripe Razorpay", (1, 2, 3)),
    _of("CS-6", "Email SMS", (1, 2, 4)),
    _of("CS-7", "CRM", (1, 1, 1)),
    _of("TB-1", "", (0, 0, 5)),
    _of("TB-2", "Flight", (0, 1, 6)),
    _of("TB-3", "Hotel Car", (0, 1, 6)),
    _of("TB-4", "Flight Train", (1, 2, 2)),
    _of("TB-5", "Flight Hotel Car", (0, 2, 7)),
    _of("TB-6", "Payment", (1, 1, 4)),
    _of("CM-1", "", (0, 0, 4)),
    _of("CM-2", "Text", (0, 1, 5)),
    _of("CM-3", "Auto", (0, 1, 5)),
    _of("CM-4", "Text Auto", (0, 2, 6)),
    _of("CM-5", "Text Image Video", (1, 3, 3)),
    _of("CM-6", "Toxicity", (1, 1, 2)),
)

"""The 19 scenarios of the Self-Healing Router's paper, rebuilt.

Known from the paper: each scenario's name and what is down, its three domains (support, travel, moderation), the
weights (1 for a primary, 2 for a backup), and how many models its own router calls. Not known: its graphs, its monitors
and what counts as the right end. Those are ours: the smallest that fit the descriptions. A scenario's note says where
its description leaves a choice.
"""

from __future__ import annotations

from orchestra.evaluation.healing.scenarios import START, Alarm, Domain, End, Scenario, Stage, State

PRIMARY, BACKUP = 1.0, 2.0
MOST_USD = 10_000
"""Above this amount risk outranks. Source: the paper's code."""


def refund_risk(state: State) -> Alarm | None:
    """A refund above 10,000 dollars, before anything is paid."""
    amount = state.task.get("usd", 0)
    if amount <= MOST_USD:
        return None
    return Alarm("risk", 0.95, f"The refund is ${amount:,}, more than ${MOST_USD:,}. Goals: Settled, Held.")


def budget_risk(state: State) -> Alarm | None:
    """A trip that is expected to cost more than the traveller has."""
    cost, limit = state.task.get("usd", 0), state.task.get("limit_usd", float("inf"))
    if cost <= limit:
        return None
    return Alarm("budget", 0.95, f"The whole trip costs ${cost:,}, the limit is ${limit:,}. Goals: Travelled, Flown.")


def toxicity_risk(state: State) -> Alarm | None:
    """A verdict that is too toxic to be acted on by a machine."""
    for name, output in state.done:
        if name in CLASSIFIERS and state.task.get("toxicity", 0.0) >= 0.9:
            return Alarm("risk", 0.95, f"{output}: toxicity {state.task['toxicity']}. Goals: Decided, Held.")
    return None


CLASSIFIERS = ("Image", "Text", "Video")
SUPPORT = Domain(
    edges={
        START: {"CRM": PRIMARY},
        "CRM": {"Stripe": PRIMARY, "Razorpay": BACKUP, "Approval": BACKUP},
        "Stripe": {"Email": PRIMARY, "SMS": BACKUP},
        "Razorpay": {"Email": PRIMARY, "SMS": BACKUP},
        "Email": {"Settled": 0.0},
        "SMS": {"Settled": 0.0},
        "Approval": {"Notice": PRIMARY},
        "Notice": {"Held": 0.0},
    },
    goal="Settled",
    stages=(Stage(("CRM",)), Stage(("Stripe", "Razorpay")), Stage(("Email", "SMS"), goes_on=True)),
    reviewed=(Stage(("CRM",)), Stage(("Approval",)), Stage(("Notice",))),
    not_tools=frozenset({START, "Settled", "Held"}),
    named=("Held",),
    monitors=(refund_risk,),
)
TRAVEL = Domain(
    edges={
        START: {"Flight": PRIMARY, "Train": BACKUP},
        "Flight": {"Hotel": PRIMARY, "Hostel": BACKUP, "Ticket": BACKUP},
        "Train": {"Hotel": PRIMARY, "Hostel": BACKUP, "Ticket": BACKUP},
        "Hotel": {"Car": PRIMARY},
        "Hostel": {"Car": PRIMARY},
        "Car": {"Confirm": PRIMARY, "Voucher": BACKUP},
        "Confirm": {"Travelled": 0.0},
        "Voucher": {"Travelled": 0.0},
        "Ticket": {"Flown": 0.0},
    },
    goal="Travelled",
    stages=(
        Stage(("Flight", "Train")),
        Stage(("Hotel", "Hostel"), otherwise="Ticket"),
        Stage(("Car",)),
        Stage(("Confirm",), goes_on=True),
    ),
    reviewed=(Stage(("Flight", "Train")), Stage(("Ticket",))),
    not_tools=frozenset({START, "Travelled", "Flown"}),
    fallbacks=("Flown",),
    monitors=(budget_risk,),
)
MODERATION = Domain(
    edges={
        START: {"Image": PRIMARY, "Text": BACKUP, "Video": 2 * BACKUP, "Hold": 10.0},
        "Image": {"Auto": PRIMARY, "Hold": BACKUP, "Review": BACKUP},
        "Text": {"Auto": PRIMARY, "Hold": BACKUP, "Review": BACKUP},
        "Video": {"Auto": PRIMARY, "Hold": BACKUP, "Review": BACKUP},
        "Auto": {"Decided": 0.0},
        "Hold": {"Decided": 0.0},
        "Review": {"Held": 0.0},
    },
    goal="Decided",
    stages=(Stage(("Image", "Text", "Video"), otherwise="Hold"), Stage(("Auto", "Hold"))),
    reviewed=(Stage(("Image", "Text", "Video")), Stage(("Review",))),
    not_tools=frozenset({START, "Decided", "Held"}),
    named=("Held",),
    monitors=(toxicity_risk,),
)

REFUND = {"text": "Refund order A-17.", "usd": 80}
LARGE_REFUND = {"text": "Refund order A-18.", "usd": 15_000, "review": True, "answer": "Held"}
TRIP = {"text": "Book a trip to Lisbon.", "usd": 900, "limit_usd": 1_000}
DEAR_TRIP = {"text": "Book a trip to Lisbon.", "usd": 1_400, "limit_usd": 1_000, "review": True, "answer": "Flown"}
POST = {"text": "Judge post 12.", "toxicity": 0.1}
TOXIC_POST = {"text": "Judge post 13.", "toxicity": 0.97, "review": True, "answer": "Held"}
TASKS = {"S": (SUPPORT, REFUND, LARGE_REFUND), "T": (TRAVEL, TRIP, DEAR_TRIP), "M": (MODERATION, POST, TOXIC_POST)}


def _of(name: str, down: str, end: End, acted: str, paper: int, note: str = "") -> Scenario:
    domain, usual, special = TASKS[name[0]]
    lesser = "Flown" if domain is TRAVEL else "Held"
    return Scenario(
        id=name,
        domain=domain,
        down=frozenset(down.split()),
        end=end,
        acted=tuple(acted.split()),
        goal={"completed": domain.goal, "demoted": lesser, "escalated": None}[end],
        most_model_calls=paper,
        task=special if name in ("S4", "T4", "M3") else usual,
        note=note,
    )


PAPER = (
    _of("S1", "", "completed", "CRM Stripe Email", 0),
    _of("S2", "Stripe", "completed", "CRM Razorpay Email", 0),
    _of("S3", "Stripe Razorpay", "escalated", "CRM", 1),
    _of("S4", "", "demoted", "CRM Approval Notice", 1, "the model is asked before anything is paid and names Held"),
    _of("S5", "Email", "completed", "CRM Stripe SMS", 0, "down all the time, found out when it is called"),
    _of("S6", "Email SMS", "escalated", "CRM Stripe", 2),
    _of("S7", "Stripe Email SMS", "escalated", "CRM Razorpay", 2),
    _of("T1", "", "completed", "Flight Hotel Car Confirm", 0),
    _of("T2", "Flight", "completed", "Train Hotel Car Confirm", 0),
    _of("T3", "Flight Hotel", "completed", "Train Hostel Car Confirm", 0),
    _of("T4", "", "demoted", "Flight Ticket", 1, "the model is asked before anything is booked and names Flown"),
    _of("T5", "Hotel Hostel Car", "demoted", "Flight Ticket", 1, "no hotel of any kind; Flown is declared: no model"),
    _of("T6", "Flight Hotel Confirm", "completed", "Train Hostel Car Voucher", 0, "the confirmation has a backup"),
    _of("M1", "", "completed", "Image Auto", 0),
    _of("M2", "Image", "completed", "Text Auto", 0),
    _of("M3", "", "demoted", "Image Review", 1, "known only from the classifier's verdict: asked in the middle"),
    _of("M4", "Image Text Video", "completed", "Hold", 0, "to hold for review is a dear way to the goal"),
    _of("M5", "Image Auto", "completed", "Text Hold", 0, "a second failure after the way round the first"),
    _of("M6", "Image Text Video Auto", "completed", "Hold", 0),
)
"""``most_model_calls`` is the paper's column for its own router: 9 in all."""

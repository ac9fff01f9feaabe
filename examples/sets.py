"""A message may concern one agent, several, or none: a router that chooses sets, and one answer of theirs.

Look for: one agent that answers by itself; two whose answers contradict each other, which the refining agent is told to
say; a message that is a matter for nobody, and is turned away without a call; thresholds calibrated so that the right
agents are in the set in 90 % of fresh messages; and a model that is asked only where the scores leave doubt. No key,
no server, no account: the models are scripted.
"""

from __future__ import annotations

import asyncio

from orchestra import Orchestra, agent
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Request
from orchestra.routing.several.reasoned import Mixed, share_asked
from orchestra.routing.several.sets import Sets


@agent(
    description="Says where a parcel is and when it arrives.",
    examples=["Where is my parcel?", "When will my order arrive?"],
)
def parcels(text: str) -> str:
    return "The parcel arrives on Monday."


@agent(
    description="Gives money back and says when.",
    examples=["When will my money be back?", "I want a refund for my order."],
)
def refunds(text: str) -> str:
    return "The order was cancelled, no parcel was sent, and the money is back on Friday."


@agent(
    description="Opens and closes accounts, changes addresses and passwords.",
    examples=["I forgot my password.", "Please change my address."],
)
def accounts(text: str) -> str:
    return "Done."


BOTH = "Where is my parcel? I want a refund."
LABELLED = [
    ("where is the parcel I ordered", {"parcels"}),
    ("has my parcel been sent", {"parcels"}),
    ("when does my order arrive", {"parcels"}),
    ("my order did not arrive", {"parcels"}),
    ("give me my money back", {"refunds"}),
    ("a refund please", {"refunds"}),
    ("when do I get my refund", {"refunds"}),
    ("the money is not back yet", {"refunds"}),
    ("change my password", {"accounts"}),
    ("my address changed", {"accounts"}),
    ("I forgot the password of my account", {"accounts"}),
    ("close my account please", {"accounts"}),
    ("where is my parcel, or give me a refund", {"parcels", "refunds"}),
    ("when will my parcel be here", {"parcels"}),
    ("is my refund on its way", {"refunds"}),
    ("open an account with my address", {"accounts"}),
    ("the parcel has not come", {"parcels"}),
    ("refund my order", {"refunds"}),
    ("new password for my account", {"accounts"}),
    ("which day does the parcel arrive", {"parcels"}),
    ("I would like my money back now", {"refunds"}),
    ("please use my new address", {"accounts"}),
    ("when will the money be back", {"refunds"}),
    ("track my parcel", {"parcels"}),
]
"""Messages and who is right for each, as one would take them from last month's mail."""


def merged(request: Request) -> str:
    """The refining agent: what it is given, in one sentence."""
    answers = [line for line in request.messages[-1].text.splitlines() if line.startswith("The ")]
    return f"Conflict: one says {answers[0]!r}, another {answers[1]!r}"


def named(request: Request) -> str:
    """The agent that is asked where the scores leave doubt."""
    return "<Reason>The message is about a parcel and about money: parcels, refunds.</Reason>\n<ID>parcels</ID>"


async def scores() -> None:
    """The set by scores alone."""
    models = {"test:refiner": Scripted(merged)}
    router = Sets(floor=0.0)
    async with Orchestra(
        agents=[parcels, refunds, accounts, "refiner"], router=router, model="test:refiner", models=models
    ) as team:
        print("before:", [round(number, 2) for number in router.thresholds])
        router.calibrate([(team.route(text), right) for text, right in LABELLED], alpha=0.1, oos_alpha=0.05)
        print("calibrated:", [round(number, 2) for number in router.thresholds])
        for text in ("I forgot my password.", BOTH, "Write a poem on spring."):
            result = await team.run(text, topology="set")
            print(", ".join(result.decisions[0].chosen), "->", result.output)
            print("  ", result.decisions[0].reason)


async def mixed() -> None:
    """A model is asked in doubt only."""
    models = {"test:router": Scripted(named)}
    async with Orchestra(
        agents=[parcels, refunds, accounts, "refiner", "dispatcher"],
        router=Mixed(gap=0.3, floor=0.0),
        model="test:router",
        models=models,
    ) as team:
        results = [await team.run(text, topology="set") for text in ("I forgot my password.", BOTH)]
        for result in results:
            print(result.output, "because", result.decisions[0].reason)
        print("asked for", share_asked([d for result in results for d in result.decisions]))


if __name__ == "__main__":
    asyncio.run(scores())
    asyncio.run(mixed())

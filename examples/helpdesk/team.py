"""The team of the help desk: code agents over the books and pages, and agents on the embedded local model.

Every price here is declared for the example: what an agent charges for a call, and what the local model is said to cost
for a million tokens. Nobody is paid; the prices give the router something to weigh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from examples.helpdesk import desk
from examples.helpdesk.pages import Page
from examples.helpdesk.shop import Shop
from orchestra import Agent, Context, Done, agent, errors, gather, outcome, step
from orchestra.aggregation.refine import prompt

MODEL = "local:smollm2"
PRICES = {MODEL: (4, 16)}
"""US dollars for a million tokens, input and output: declared for the example."""

Label = Literal["angry", "calm", "billing", "workshop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the agents work with. ``down`` names the payment providers that cannot be reached now."""

    shop: Shop
    pages: Sequence[Page]
    down: frozenset[str] = frozenset()


@agent(
    cost_usd=0.001,
    examples=["Where is my parcel? Has order B-204 been shipped, and when will it arrive?", "Tracking number please."],
)
async def tracker(ctx: Context[Desk], text: str) -> str:
    """Says where the parcel of an order is: status, carrier, tracking, on what day it was or will be delivered."""
    return desk.order_status(ctx.deps.shop, text)


@agent(
    cost_usd=0.001,
    examples=["What did I pay for order B-204, what is the total?", "Which items were in my order? List them."],
)
async def bookkeeper(ctx: Context[Desk], text: str) -> str:
    """Reads the bill of an order: the articles bought, the amount paid in total, shipping."""
    return desk.order_total(ctx.deps.shop, text)


async def _refund(ctx: Context[Desk], text: str, provider: str) -> str:
    # Nobody is refunded who does not ask for it, so the provider is reached only then.
    if provider in ctx.deps.down and desk.asks_refund(text):
        raise errors.NoEffect(f"{provider} refuses connections.")
    return desk.refund_asked(ctx.deps.shop, text, provider)


@agent(
    provides="refund",
    cost_usd=0.002,
    side_effect="payment",
    examples=["Refund order B-204 please, it arrived broken.", "I want to be paid back, give me my money."],
)
async def cardline(ctx: Context[Desk], text: str) -> str:
    """Refunds an order to the customer's card: pays the money back."""
    return await _refund(ctx, text, "cardline")


@agent(
    provides="refund",
    cost_usd=0.004,
    side_effect="payment",
    examples=["Refund order B-204 to my bank account, I sent it back.", "Please transfer my money back."],
)
async def bankwire(ctx: Context[Desk], text: str) -> str:
    """Refunds an order by bank transfer: pays the money back."""
    return await _refund(ctx, text, "bankwire")


@agent(
    cost_usd=0.0005,
    examples=["What do 2 cups and 3 plates cost together with shipping?", "The sum of 4 at 2.50 with 5% off"],
)
async def calculator(ctx: Context[Desk], text: str) -> str:
    """Adds up a quote: what several products would cost together, with shipping and discount."""
    return desk.quote(ctx.deps.shop, text)


@agent(
    cost_usd=0.0008,
    examples=["How big is the vase, what is it made of?", "Can the cup go into the dishwasher?"],
)
async def guide(ctx: Context[Desk], text: str) -> str:
    """Looks a product up in the product pages: size, weight, material, bulb, care, how to use and wash it."""
    return desk.product_fact(ctx.deps.pages, text)


@agent(
    cost_usd=0.0008,
    examples=["How long may I return goods?", "When are you open, and what does delivery abroad cost?"],
)
async def rulebook(ctx: Context[Desk], text: str) -> str:
    """Quotes the rules of the shop: returns, warranty, shipping, payment, repairs, gift wrapping, opening hours."""
    return desk.policy(ctx.deps.pages, text)


@agent(
    cost_usd=0.0006,
    examples=["How many cups are left in stock?", "When is the plate available again?"],
)
async def storekeeper(ctx: Context[Desk], text: str) -> str:
    """Counts the stock: how many of a product are on the shelf, whether it is available, when it is back."""
    return desk.stock(ctx.deps.shop, text)


@agent(
    cost_usd=0.002,
    examples=["Where is order B-204, and how long is the warranty?"],
)
async def deskhand(ctx: Context[Desk], text: str) -> str:
    """Answers a message that asks two things: the state of an order, and a rule of the shop."""
    return desk.order_and_policy(ctx.deps.shop, ctx.deps.pages, text)


@agent(cost_usd=0.0005, examples=["When does order B-204 come, and what are your opening hours?"])
async def editor(text: str) -> str:
    """Asks the tracker and the rulebook about one message and has the refiner merge both answers into one."""
    asked = await gather(outcome(step(tracker, text)), outcome(step(rulebook, text)))
    merged: str = await step("refinement", prompt(text, [one for one in asked if isinstance(one, Done)]))
    return merged


labeller = Agent(
    "labeller",
    "Labels a customer's message: its tone, angry or calm, or the team that should read it, billing or workshop.",
    instructions=(
        "You label customer mail. Answer with one word: angry, calm, billing or workshop.\n"
        "'Angry or calm? This is a disgrace, never again!' -> angry\n"
        "'Angry or calm? Thanks, all is well.' -> calm\n"
        "'Billing or workshop? The invoice is wrong.' -> billing\n"
        "'Billing or workshop? The handle is broken.' -> workshop"
    ),
    output_type=Label,
    max_tokens=24,
    temperature=0,
    cost_usd=0.0008,
    examples=["Is the tone of this message angry or calm: 'Never again!'", "Which team reads this, billing or workshop?"],
)

concierge = Agent(
    "concierge",
    "Talks with customers about anything else: greetings, small talk, compliments.",
    instructions="You work at the help desk of a small pottery shop. Answer the customer in one short sentence.",
    max_tokens=48,
    temperature=0,
    cost_usd=0.001,
    examples=["Good morning, how are you?"],
)

MEMBERS: tuple[Any, ...] = (
    tracker,
    bookkeeper,
    cardline,
    bankwire,
    calculator,
    guide,
    rulebook,
    storekeeper,
    deskhand,
    editor,
    labeller,
    concierge,
    "refiner",
)

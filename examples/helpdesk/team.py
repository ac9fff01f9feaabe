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
from orchestra import Agent, Context, agent, errors, step

MODEL = "local:smollm2"
PRICES = {MODEL: (4, 16)}
"""US dollars for a million tokens, input and output: declared for the example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the agents work with. ``down`` names the payment providers that cannot be reached now."""

    shop: Shop
    pages: Sequence[Page]
    down: frozenset[str] = frozenset()


def answered(text: str) -> str:
    """The answer of a handler. Raises errors.Declined where it has none."""
    if text in desk.NO_ANSWERS:
        raise errors.Declined(text)
    return text


@agent(cost_usd=0.001)
async def tracker(ctx: Context[Desk], text: str) -> str:
    """Says where the parcel of an order is: status, carrier, tracking, on what day it was or will be delivered."""
    return answered(desk.order_status(ctx.deps.shop, text))


@agent(cost_usd=0.001)
async def bookkeeper(ctx: Context[Desk], text: str) -> str:
    """Reads the bill of an order: the articles bought, the amount paid in total, shipping."""
    return answered(desk.order_total(ctx.deps.shop, text))


async def _refund(ctx: Context[Desk], text: str, provider: str) -> str:
    # Nobody is refunded who does not ask for it, so the provider is reached only then.
    if provider in ctx.deps.down and desk.asks_refund(text):
        raise errors.NoEffect(f"{provider} refuses connections.")
    return answered(desk.refund_asked(ctx.deps.shop, text, provider))


@agent(provides="refund", cost_usd=0.002, side_effect="payment")
async def cardline(ctx: Context[Desk], text: str) -> str:
    """Refunds an order to the customer's card: pays the money back."""
    return await _refund(ctx, text, "cardline")


@agent(provides="refund", cost_usd=0.004, side_effect="payment")
async def bankwire(ctx: Context[Desk], text: str) -> str:
    """Refunds an order by bank transfer: pays the money back."""
    return await _refund(ctx, text, "bankwire")


@agent(cost_usd=0.0005)
async def calculator(ctx: Context[Desk], text: str) -> str:
    """Adds up a quote: what several products would cost together, with shipping and discount."""
    return answered(desk.quote(ctx.deps.shop, text))


@agent(cost_usd=0.0008)
async def guide(ctx: Context[Desk], text: str) -> str:
    """Looks up in the product pages what is written of a product: size, weight, material, bulb, use, care."""
    return answered(desk.product_fact(ctx.deps.pages, text))


@agent(cost_usd=0.0008)
async def rulebook(ctx: Context[Desk], text: str) -> str:
    """Quotes the rules of the shop: returns, warranty, shipping, payment, repairs, gift wrapping, opening hours."""
    return answered(desk.policy(ctx.deps.pages, text))


@agent(cost_usd=0.0006)
async def storekeeper(ctx: Context[Desk], text: str) -> str:
    """Counts the stock: how many of a product are on the shelf, whether it is available, when it is back."""
    return answered(desk.stock(ctx.deps.shop, text))


@agent(cost_usd=0.002)
async def deskhand(ctx: Context[Desk], text: str) -> str:
    """Answers a message that asks two things: the state of an order, and a rule of the shop."""
    return answered(desk.order_and_policy(ctx.deps.shop, ctx.deps.pages, text))


@agent(cost_usd=0.0005)
async def editor(text: str) -> str:
    """Asks the tracker and the rulebook about one message and has the refiner merge both answers into one."""
    parcel, rule = await step(tracker, text), await step(rulebook, text)
    merged: str = await step("refinement", f"{parcel}\n{rule}")
    return merged


refiner = Agent(
    "refiner",
    "Merges several answers to one message into one, and states every conflict between them.",
    provides="refinement",
    instructions="Write these answers as one reply. Keep every number, date and name. If they conflict, say so.",
    max_tokens=64,
    temperature=0,
    cost_usd=0.001,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the labeller says. ``answer`` is the word."""

    answer: Literal["angry", "calm", "billing", "workshop"]


labeller = Agent(
    "labeller",
    "Labels a customer's message: its tone, angry or calm, or the team that should read it, billing or workshop.",
    instructions="Answer the question about a customer's message.",
    output_type=Label,
    max_tokens=32,
    temperature=0,
    cost_usd=0.0006,
)

concierge = Agent(
    "concierge",
    "Answers whatever a customer asks about an order, a parcel, a bill or the shop, in one friendly sentence.",
    instructions="You work at the help desk of a small pottery shop. Answer the customer in one short sentence.",
    max_tokens=32,
    temperature=0,
    cost_usd=0.001,
)

adviser = Agent(
    "adviser",
    "Knows pottery, lamps and tea: what a thing is made of, how big it is, how to use, wash and brew it.",
    instructions="You know pottery, lamps and tea. Answer in one short sentence.",
    max_tokens=32,
    temperature=0,
    cost_usd=0.001,
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
    adviser,
    refiner,
)

"""Two providers of one capability: the first is down before it does anything, so the second takes the call over.

The team is also there for the command line: orchestra route "Refund order A-17" --to refund --app examples.refunds:team
"""

from __future__ import annotations

import asyncio

from orchestra import Failed, Orchestra, agent, errors, outcome, step, workflow

REFUNDED: dict[str, str] = {}


@agent(provides="refund", cost_usd=0.002, side_effect="payment", no_effect_on=(ConnectionRefusedError,))
def stripe(order_id: str) -> str:
    """Refunds a card payment through Stripe."""
    raise ConnectionRefusedError("nobody listens there")


@agent(provides="refund", cost_usd=0.004, side_effect="payment")
def adyen(order_id: str) -> str:
    """Refunds a card payment through Adyen."""
    REFUNDED[order_id] = "adyen"
    return f"order {order_id} was refunded through adyen"


@agent(provides="voucher", cost_usd=0.001, side_effect="payment")
def voucher(order_id: str) -> str:
    """Sends a voucher for the amount of an order."""
    raise TimeoutError("no answer after 5 s")  # it may have been sent: nobody else is tried


@workflow
async def pay_back(order_id: str) -> str:
    """Refunds an order; what fails beyond that is a value."""
    text = await step("refund", order_id)
    extra = await outcome(step("voucher", order_id))
    if isinstance(extra, Failed):
        unknown = extra.cause.is_a(errors.EffectUnknown)
        text += "; the voucher may or may not have been sent" if unknown else "; no voucher was sent"
    return str(text)


team = Orchestra(agents=[stripe, adyen, voucher])


async def main() -> None:
    """Runs the workflow and prints why it went as it did."""
    async with team:
        result = await team.run(pay_back, "A-17")
        print(result.output)
        print(result.explain())


if __name__ == "__main__":
    asyncio.run(main())

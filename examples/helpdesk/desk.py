"""The handlers of the help desk: plain functions from a message to a short answer, each good at one thing.

A message that is not for a handler gets an honest sentence back, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from examples.helpdesk.pages import Page, only, search
from examples.helpdesk.reading import basket, mentions, order_id
from examples.helpdesk.shop import FREE_SHIPPING_FROM_CENTS, STANDARD_SHIPPING_CENTS, Row, Shop, euros

NO_ORDER_ID = "I find no order number in this message."
NO_PRODUCT = "I find none of our products in this message."
NO_PAGE = "I find nothing about this in our product pages."
NO_RULE = "I find no rule of the shop about this."
NO_SUM = "I find nothing to add up in this message."
NO_REFUND = "Nobody asks for a refund in this message."
NOT_BOTH = "This message does not ask for an order and a rule of the shop at once."
NO_ANSWERS = frozenset((NO_ORDER_ID, NO_PRODUCT, NO_PAGE, NO_RULE, NO_SUM, NO_REFUND, NOT_BOTH))

_MONEY_BACK = re.compile(r"\b(?:refund\w*|reimburs\w*|pay (?:me|us) back|money\b.*\bback|return\b.*\bmoney)\b", re.I)
_QUESTION = re.compile(r"(?:\w+ )?(?:how|what|when|where|which|who)\b|(?:can|do|does|is|are|may|must|will)\b", re.I)
_SURE = 0.33  # our default: half a message has fewer words to be wrong about than a whole one


def order_status(shop: Shop, text: str) -> str:
    """Where an order is, who carries it, and when it came or will come."""
    found = order_id(text)
    if found is None:
        return NO_ORDER_ID
    shipment = shop.shipment(found)
    return _unknown(found) if shipment is None else _shipment(found, shipment)


def _shipment(found: str, shipment: Row) -> str:
    status, carrier = shipment["status"], shipment["carrier"]
    by = f" by {carrier} (tracking {shipment['tracking']})" if carrier else ""
    if status == "delivered":
        return f"Order {found} was delivered on {shipment['delivered_on']}{by}."
    if shipment["expected_on"] is None:
        return f"Order {found} was {status}{by}."
    return f"Order {found} is {status}{by} and expected on {shipment['expected_on']}."


def order_total(shop: Shop, text: str) -> str:
    """What was in an order and what it came to."""
    found = order_id(text)
    if found is None:
        return NO_ORDER_ID
    order, total = shop.order(found), shop.total_cents(found)
    if order is None or total is None:
        return _unknown(found)
    goods = ", ".join(f"{line['quantity']} x {line['product']}" for line in shop.lines(found))
    return f"Order {found}: {goods}; shipping {euros(order['shipping_cents'])}; total {euros(total)} EUR."


def refund(shop: Shop, order_id: str, provider: str) -> str:
    """Pays back all that was paid for an order and says so. Not idempotent: a second call pays again."""
    order = shop.order(order_id)
    if order is None:
        return _unknown(order_id)
    if not order["paid_cents"]:
        return f"Order {order_id} was never paid, so there is nothing to pay back."
    paid = shop.refund(order_id, provider)
    return f"We refunded {euros(paid['amount_cents'])} EUR for order {order_id} through {provider}."


def asks_refund(text: str) -> bool:
    """Whether a message asks for its money back."""
    return _MONEY_BACK.search(text) is not None


def refund_asked(shop: Shop, text: str, provider: str) -> str:
    """A refund, if the message asks for one and names the order. Looking at other messages moves no money."""
    if not asks_refund(text):
        return NO_REFUND
    found = order_id(text)
    return NO_ORDER_ID if found is None else refund(shop, found, provider)


def product_fact(pages: Sequence[Page], text: str) -> str:
    """The sentence of the product pages that fits the question best, from the page of the product if it is named."""
    products = only(pages, "products")
    named = {mention.name for mention in mentions([page.title for page in products], text)}
    found = search([page for page in products if page.title in named] or products, text)
    return NO_PAGE if found is None else f"{found[0].title}: {found[1]}"


def policy(pages: Sequence[Page], text: str) -> str:
    """The sentence of the policy pages that fits the question best."""
    found = search(only(pages, "policies"), text)
    return NO_RULE if found is None else f"{found[0].title}: {found[1]}"


def order_and_policy(shop: Shop, pages: Sequence[Page], text: str) -> str:
    """Both answers for a message that asks for an order in one clause and for a rule of the shop in another."""
    clauses = [clause for clause in re.split(r"[.?!;]\s|,?\s+and\s", text) if order_id(clause) is None]
    asked = " ".join(clause for clause in clauses if _QUESTION.match(clause))
    found = search(only(pages, "policies"), asked, enough=_SURE)
    if order_id(text) is None or found is None:
        return NOT_BOTH
    return f"{order_status(shop, text)} {found[0].title}: {found[1]}"


def quote(shop: Shop, text: str) -> str:
    """The sum of what a message lists, at the prices it states or else at ours, with shipping and discount."""
    products = {row["name"]: row["price_cents"] for row in shop.products()}
    wanted = basket(list(products), text)
    goods = wanted.goods_cents + sum(products[each.name] * each.quantity for each in wanted.mentions)
    if not goods:
        return NO_SUM
    goods = (goods * (100 - wanted.less_percent) + 50) // 100
    shipping = wanted.shipping_cents or 0
    if shipping < 0:
        shipping = 0 if goods >= FREE_SHIPPING_FROM_CENTS else STANDARD_SHIPPING_CENTS
    return f"That comes to {euros(goods + shipping)} EUR: goods {euros(goods)}, shipping {euros(shipping)}."


def stock(shop: Shop, text: str) -> str:
    """How many of a product are left, or when it is back."""
    found = mentions([row["name"] for row in shop.products()], text)
    row = shop.product(found[0].name) if found else None
    if row is None:
        return NO_PRODUCT
    if row["stock"]:
        return f"{row['name']}: {row['stock']} in stock."
    return f"{row['name']}: out of stock until {row['restock_on']}."


def _unknown(order_id: str) -> str:
    return f"There is no order {order_id} in our books."

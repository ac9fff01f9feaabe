"""The data of the help desk: every expected answer follows from the database or the pages, and no ticket leaks."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from examples.helpdesk import desk
from examples.helpdesk.check import Ticket, holds, read_tickets, refund_recorded, right
from examples.helpdesk.pages import only, read_pages, search
from examples.helpdesk.reading import mentions, order_id
from examples.helpdesk.shop import SEED, Shop, euros

TICKETS = read_tickets()
PAGES = read_pages()
LEARN, UNSEEN = read_tickets("learn"), read_tickets("unseen")
KINDS = {"status", "total", "refund", "product", "policy", "quote", "stock", "label", "both"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def books() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SEED.read_text(encoding="utf-8"))
    yield connection
    connection.close()


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.casefold()))


def jaccard(left: str, right: str) -> float:
    return len(words(left) & words(right)) / len(words(left) | words(right))


def ids(ticket: Ticket) -> str:
    return ticket.id


def expected(evidence: dict[str, Any], books: sqlite3.Connection) -> list[str]:
    """The facts that a piece of evidence yields; for a page, its sentence."""
    if "sql" in evidence:
        return [row[0] for row in books.execute(evidence["sql"])]
    if "page" in evidence:
        (page,) = (page for page in PAGES if page.name == evidence["page"])
        assert evidence["sentence"] in page.sentences
        return [evidence["sentence"]]
    if "sum" in evidence:
        prices = dict(books.execute("SELECT name, price_cents FROM products"))
        cents = sum(quantity * prices.get(what, what) for quantity, what in evidence["sum"])
        return [euros(cents * (100 - evidence.get("less_percent", 0)) // 100)]
    return [evidence["label"]]


def test_splits_ids_and_kinds() -> None:
    assert len({ticket.id for ticket in TICKETS}) == len({ticket.text for ticket in TICKETS}) == len(TICKETS) >= 96
    assert len(LEARN) == 60
    assert len(UNSEEN) >= 30
    assert len(LEARN) + len(UNSEEN) == len(TICKETS)
    assert {ticket.kind for ticket in LEARN} == {ticket.kind for ticket in UNSEEN[:30]} == KINDS


def test_each_half_of_the_learning_tickets_has_every_kind() -> None:
    for half in (LEARN[:30], LEARN[30:]):
        assert min(Counter(ticket.kind for ticket in half).values()) >= 2
        assert {ticket.kind for ticket in half} == KINDS


@pytest.mark.parametrize("ticket", TICKETS, ids=ids)
def test_accepted_facts_follow_from_the_evidence(ticket: Ticket, books: sqlite3.Connection) -> None:
    found = [fact for evidence in ticket.evidence for fact in expected(evidence, books)]
    facts = [fact for fact in ticket.accept if fact != "refunded"]
    assert facts
    assert len(found) == len(facts)
    assert all(holds(fact, source) for fact, source in zip(facts, found, strict=True))
    assert right(ticket, " and ".join([*found, *(["refunded"] if ticket.kind == "refund" else [])]))


@pytest.mark.parametrize("ticket", TICKETS, ids=ids)
def test_repeating_the_question_is_no_answer(ticket: Ticket) -> None:
    assert not right(ticket, ticket.text)
    if ticket.kind != "label":  # a label has to be offered to be chosen
        assert not any(holds(fact, ticket.text) for fact in ticket.accept)


def test_dumping_everything_is_no_answer() -> None:
    labels = "angry calm billing workshop packed, in transit, held at customs, cancelled, delivered"
    sentences = " ".join(sentence for page in PAGES for sentence in page.sentences)
    counts = " ".join(str(number) for number in range(100))
    for ticket in TICKETS:
        assert not right(ticket, sentences)
        assert not right(ticket, counts)
        assert not right(ticket, labels)


@pytest.mark.parametrize("ticket", UNSEEN, ids=ids)
def test_unseen_tickets_are_new(ticket: Ticket) -> None:
    assert max(jaccard(ticket.text, known.text) for known in LEARN) < 0.6


def test_unseen_tickets_are_about_other_orders_and_products(shop: Shop) -> None:
    names = [row["name"] for row in shop.products()]

    def entities(tickets: tuple[Ticket, ...]) -> set[str]:
        about = [ticket for ticket in tickets if ticket.kind in {"product", "quote", "stock"}]
        named = {mention.name for ticket in about for mention in mentions(names, ticket.text)}
        return named | {found for ticket in tickets if (found := order_id(ticket.text))}

    assert len(entities(LEARN)) > 35
    assert sorted(entities(LEARN) & entities(UNSEEN)) == []


def test_the_books_add_up(shop: Shop, books: sqlite3.Connection) -> None:
    orders = list(books.execute("SELECT order_id, amount_cents FROM payments"))
    assert len(orders) >= 60
    assert all(shop.total_cents(order) == cents for order, cents in orders)
    assert books.execute("PRAGMA foreign_key_check").fetchall() == []


def test_refund_tickets_name_orders_that_were_paid_and_never_refunded(shop: Shop) -> None:
    tickets = [ticket for ticket in TICKETS if ticket.kind == "refund"]
    assert len({ticket.order_id for ticket in tickets}) == len(tickets)
    for ticket in tickets:
        assert ticket.order_id == order_id(ticket.text)
        order = shop.order(ticket.order_id or "")
        assert order is not None
        assert order["paid_cents"] == ticket.refund_cents
        assert not shop.refunds(order["id"])


def test_a_double_refund_shows(shop: Shop) -> None:
    ticket = next(ticket for ticket in LEARN if ticket.kind == "refund")
    assert not refund_recorded(shop, ticket)
    answer = desk.refund_asked(shop, ticket.text, "Northpay")
    assert right(ticket, answer)
    assert refund_recorded(shop, ticket)
    desk.refund_asked(shop, ticket.text, "Clearwell")
    assert not refund_recorded(shop, ticket)


def test_a_shop_in_a_file_is_filled_once(tmp_path: Any) -> None:
    first = Shop(tmp_path / "shop.db")
    first.refund("A-1002", "Northpay")
    first.close()
    again = Shop(tmp_path / "shop.db")
    assert [row["provider"] for row in again.refunds("A-1002")] == ["Northpay"]
    assert again.customer_orders("tess.moor@example.com") == sorted(again.customer_orders("tess.moor@example.com"))
    again.close()


HANDLERS: dict[str, Callable[[Shop, str], str]] = {
    "status": desk.order_status,
    "total": desk.order_total,
    "refund": lambda shop, text: desk.refund_asked(shop, text, "Northpay"),
    "product": lambda shop, text: desk.product_fact(PAGES, text),
    "policy": lambda shop, text: desk.policy(PAGES, text),
    "quote": desk.quote,
    "stock": desk.stock,
    "both": lambda shop, text: desk.order_and_policy(shop, PAGES, text),
}


@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_each_handler_is_good_at_its_own_kind_only(kind: str, shop: Shop) -> None:
    own = [right(ticket, HANDLERS[kind](shop, ticket.text)) for ticket in TICKETS if ticket.kind == kind]
    others = [right(ticket, HANDLERS[kind](shop, ticket.text)) for ticket in TICKETS if ticket.kind != kind]
    assert sum(own) >= 0.85 * len(own)
    assert sum(others) <= 0.05 * len(others)


@pytest.mark.parametrize("text", ["", "?", "A-9999", "refund A-9999", "refund A-1027", "0 at 0", "ü" * 500])
def test_handlers_answer_anything_with_a_sentence(text: str, shop: Shop) -> None:
    for handler in HANDLERS.values():
        assert handler(shop, text).endswith(".")
    assert shop.refunds("A-1027") == []


def test_only_a_message_that_asks_for_it_moves_money(shop: Shop) -> None:
    assert desk.refund_asked(shop, "Where is A-1047?", "Northpay") == desk.NO_REFUND
    assert desk.refund_asked(shop, "I want a refund", "Northpay") == desk.NO_ORDER_ID
    assert shop.refunds("A-1047") == []


@pytest.mark.parametrize(
    ("fact", "answer", "held"),
    [
        ("43.60", "That is 43,6 EUR.", True),
        ("43.60", "EUR43.60", True),
        ("1234.50", "1,234.50 EUR", True),
        ("43.60", "143.60", False),
        ("9", "Nine are left.", True),
        ("9", "Order A-9 of 2026-09-09 at 9:00", False),
        ("2026-03-23", "expected on 2026-03-23.", True),
        ("2026-03-23", "on March 23", False),
        ("320 ml", "It holds 320ml.", True),
        ("4 minutes", "about four  minutes", True),
        ("in stock", "It is OUT OF STOCK, not in stock", True),
        ("olive", "olives", False),
    ],
)
def test_facts_are_compared_in_their_own_way(fact: str, answer: str, held: bool) -> None:
    assert holds(fact, answer) is held


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("2 Fenwick bowls", "36.00"),
        ("two fenwik bowls and a tern teapot", "82.00"),
        ("3 cups at 1,50 and 4 plates at 2", "12.50"),
        ("a Marlow mug with postage", "19.40"),
        ("5 ash trays with delivery", "157.50"),
        ("1 Marlow mug, shipping 3.20, 10% off", "16.25"),
    ],
)
def test_quotes(text: str, total: str, shop: Shop) -> None:
    assert desk.quote(shop, text).startswith(f"That comes to {total} EUR")


def test_search_finds_the_sentence_and_knows_when_there_is_none() -> None:
    found = search(only(PAGES, "policies"), "Are dogs welcome?")
    assert found is not None
    assert (found[0].name, found[1]) == ("policies/opening-hours", "Dogs on a lead are welcome.")
    assert search(PAGES, "xylophone") is None
    assert search((), "dogs") is None

"""The books of the shop: a real SQLite database, built from `data/orders.sql`, and the questions asked of it.

The books stand as on Monday, 2026-03-16. Money is in integer cents of a euro; dates are YYYY-MM-DD.
Every method is synchronous: each is one indexed query on a few hundred rows (well under a millisecond), so async
code may call it directly. One lock guards the connection, so worker threads may call it too.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SEED = Path(__file__).parent / "data" / "orders.sql"
STANDARD_SHIPPING_CENTS = 490
FREE_SHIPPING_FROM_CENTS = 6000


def euros(cents: int) -> str:
    """Cents as an amount: 4360 -> '43.60'."""
    return f"{cents // 100}.{cents % 100:02d}"


class Shop:
    """The shop's database: a file at `path`, or in memory; filled from the seed if it is new.

    *Raises*: `KeyError` where an order is refunded that does not exist; every other method answers None or [].
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'orders'"):
            self._connection.executescript(SEED.read_text(encoding="utf-8"))

    def _rows(self, sql: str, *values: object) -> list[Row]:
        with self._lock:
            return [dict(row) for row in self._connection.execute(sql, values)]

    def _row(self, sql: str, *values: object) -> Row | None:
        return next(iter(self._rows(sql, *values)), None)

    def order(self, order_id: str) -> Row | None:
        """An order with its customer and payment: id, customer, email, ordered_on, shipping_cents, method, paid_cents.

        `paid_cents` is 0 as long as nothing was paid.
        """
        return self._row(
            "SELECT o.id, c.name AS customer, c.email, o.ordered_on, o.shipping_cents, p.method,"
            " CASE WHEN p.paid_on IS NULL THEN 0 ELSE p.amount_cents END AS paid_cents"
            " FROM orders o JOIN customers c ON c.id = o.customer_id JOIN payments p ON p.order_id = o.id"
            " WHERE o.id = ?",
            order_id,
        )

    def lines(self, order_id: str) -> list[Row]:
        """What was ordered: product, quantity, unit_cents, one row a product."""
        return self._rows(
            "SELECT p.name AS product, l.quantity, l.unit_cents FROM order_lines l"
            " JOIN products p ON p.id = l.product_id WHERE l.order_id = ? ORDER BY p.id",
            order_id,
        )

    def total_cents(self, order_id: str) -> int | None:
        """Goods and shipping together, or None for an unknown order."""
        order = self.order(order_id)
        if order is None:
            return None
        goods = sum(line["quantity"] * line["unit_cents"] for line in self.lines(order_id))
        return int(goods + order["shipping_cents"])

    def shipment(self, order_id: str) -> Row | None:
        """Where an order is: status, carrier, tracking, expected_on, delivered_on (None where not yet known)."""
        return self._row(
            "SELECT status, carrier, tracking, expected_on, delivered_on FROM shipments WHERE order_id = ?", order_id
        )

    def products(self) -> list[Row]:
        """All products: name, category, price_cents, stock, restock_on."""
        return self._rows("SELECT name, category, price_cents, stock, restock_on FROM products ORDER BY id")

    def product(self, name: str) -> Row | None:
        """One product by its name, whatever the case."""
        return self._row(
            "SELECT name, category, price_cents, stock, restock_on FROM products WHERE name = ? COLLATE NOCASE", name
        )

    def customer_orders(self, email: str) -> list[str]:
        """The ids of a customer's orders, oldest first."""
        found = self._rows(
            "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.email = ? ORDER BY o.id", email
        )
        return [row["id"] for row in found]

    def refund(self, order_id: str, provider: str) -> Row:
        """Records a refund of all that was paid for an order and returns it: order_id, provider, amount_cents.

        A second call writes a second row: whoever calls twice can be found out by `refunds`.
        """
        order = self.order(order_id)
        if order is None:
            raise KeyError(f"there is no order {order_id}; look the id up with Shop.order first")
        refund = {"order_id": order_id, "provider": provider, "amount_cents": order["paid_cents"]}
        with self._lock, self._connection:
            self._connection.execute(
                "INSERT INTO refunds (order_id, provider, amount_cents) VALUES (:order_id, :provider, :amount_cents)",
                refund,
            )
        return refund

    def refunds(self, order_id: str) -> list[Row]:
        """Every refund recorded for an order, oldest first: order_id, provider, amount_cents."""
        return self._rows(
            "SELECT order_id, provider, amount_cents FROM refunds WHERE order_id = ? ORDER BY id", order_id
        )

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._connection.close()

"""The shop that the README's program works for: its receipts, and its orders in a SQLite file.

Nothing of it is part of the package; `close_ticket` imports it as a program of yours would import your own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from pydantic import BaseModel

from orchestra.errors import NoEffect

ORDERS = [("A-17", 4900, "delivered"), ("A-18", 1250, "lost")]


class Receipt(BaseModel):
    """What a payment provider gives for a refund."""

    order_id: str
    cents: int
    provider: str


class Payments:
    """A payment provider: it writes each refund down, or is unreachable."""

    def __init__(self, shop: Shop, name: str) -> None:
        self.shop, self.name, self.up = shop, name, True

    async def refund(self, order: dict[str, Any]) -> Receipt:
        if not self.up:
            raise NoEffect(f"{self.name} refused the connection.")
        row = (order["id"], order["cents"], self.name)
        with closing(sqlite3.connect(self.shop.path)) as database, database:
            database.execute("INSERT INTO refunds VALUES (?, ?, ?)", row)
        return Receipt(order_id=order["id"], cents=order["cents"], provider=self.name)


class Shop:
    """Orders and refunds in the file at ``path``, and two payment providers."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stripe, self.adyen = Payments(self, "stripe"), Payments(self, "adyen")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, cents INTEGER, status TEXT)")
            database.execute("CREATE TABLE IF NOT EXISTS refunds (order_id TEXT, cents INTEGER, provider TEXT)")
            database.executemany("INSERT OR IGNORE INTO orders VALUES (?, ?, ?)", ORDERS)

    async def order(self, order_id: str) -> dict[str, Any]:
        """The order as a row by name. Raises LookupError."""
        with closing(sqlite3.connect(self.path)) as database:
            row = database.execute("SELECT id, cents, status FROM orders WHERE id = ?", (order_id,)).fetchone()
        if row is None:
            raise LookupError(f"There is no order {order_id}.")
        return dict(zip(("id", "cents", "status"), row, strict=True))

    def refunds(self) -> list[tuple[str, int, str]]:
        """Every refund that was really made."""
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute("SELECT order_id, cents, provider FROM refunds").fetchall()

"""Whether an answer to a ticket is right, decided by rules alone.

A ticket states facts (`accept`), all of which the answer must hold, and words of wrong answers (`reject`), none of
which it may hold. Numbers are compared as numbers ('43.60', '43,6', 'EUR 43.60'), number words up to twenty count as
digits, dates must read YYYY-MM-DD, everything else is compared as whole words without regard to case. An answer that is
too long or lists too many numbers is not an answer.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from examples.helpdesk.shop import Shop

TICKETS = Path(__file__).parent / "tickets.jsonl"
MAX_CHARS = 400
MAX_NUMBERS = 8  # our default: the longest honest answer, four order lines and two sums, stays below

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty"
)
_WORD_TO_NUMBER = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())}
_NAMES = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}|\b[a-z]+-?\d+\b")  # dates, times, ids: digits but no quantities
_NUMBER = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One customer's message and what a right answer to it must say.

    `kind` is for reports and `evidence` for the tests of the data: neither is ever shown to a router or an agent.
    `refund_cents` is the amount that a refund ticket has to bring into the books, for `order_id`.
    """

    id: str
    split: str
    kind: str
    text: str
    accept: tuple[str, ...]
    reject: tuple[str, ...] = ()
    evidence: tuple[dict[str, Any], ...] = ()
    order_id: str | None = None
    refund_cents: int | None = None


def read_tickets(split: str | None = None, path: Path = TICKETS) -> tuple[Ticket, ...]:
    """The tickets of a split ('learn' or 'unseen'), or all of them, in the order of the file."""
    tickets = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for name in ("accept", "reject", "evidence"):
            row[name] = tuple(row.get(name, ()))
        tickets.append(Ticket(**row))
    return tuple(ticket for ticket in tickets if split in (None, ticket.split))


def normalised(text: str) -> str:
    """Text made comparable: one case, single spaces, number words as digits, a space between a number and its unit."""
    flat = re.sub(r"[*_`\s]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
    flat = re.sub(r"\b[a-z]+\b", lambda word: _WORD_TO_NUMBER.get(word[0], word[0]), flat)
    return re.sub(r"(?<![\w-])(\d+(?:[.,]\d+)?)(?=[a-z])|\b(eur)(?=\d)", r"\1\2 ", flat)


def numbers(text: str) -> set[Decimal]:
    """Every quantity in a text; digits inside dates, times and ids are not quantities."""
    return {_decimal(found) for found in _NUMBER.findall(_NAMES.sub(" ", normalised(text)))}


def _decimal(number: str) -> Decimal:
    if re.fullmatch(r"\d+(?:,\d{3})+(?:\.\d+)?", number):
        return Decimal(number.replace(",", ""))
    return Decimal(number.replace(",", "."))


def holds(fact: str, answer: str) -> bool:
    """Whether an answer states a fact."""
    wanted = normalised(fact)
    if re.fullmatch(r"\d+(?:\.\d+)?", wanted):
        return Decimal(wanted) in numbers(answer)
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", normalised(answer)) is not None


def right(ticket: Ticket, answer: str) -> bool:
    """Whether an answer states all that the ticket asks for and nothing that would be wrong."""
    if len(answer) > MAX_CHARS or len(numbers(answer)) > MAX_NUMBERS:
        return False
    return all(holds(fact, answer) for fact in ticket.accept) and not any(holds(fact, answer) for fact in ticket.reject)


def refund_recorded(shop: Shop, ticket: Ticket) -> bool:
    """Whether the books show exactly one refund for a refund ticket, of the right amount."""
    if ticket.order_id is None or ticket.refund_cents is None:
        return False
    return [row["amount_cents"] for row in shop.refunds(ticket.order_id)] == [ticket.refund_cents]

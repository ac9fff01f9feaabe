"""What can be read off a customer's message without understanding it: order ids, products, amounts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from examples.helpdesk.pages import alike, stem

_ORDER = re.compile(r"(?:\ba[- ]?|\border (?:no\.? |number )?|#)(\d{4})\b", re.IGNORECASE)
_COUNTED = "a/an/one two/pair/couple three four five six seven eight nine ten eleven twelve/dozen"
_QUANTITY = {word: number for number, words in enumerate(_COUNTED.split(), start=1) for word in words.split("/")}
_LOOK_BACK = 3  # '4 tins of Harbour Assam': the quantity is at most three words before the name
_PRICED = re.compile(
    r"\b(?P<quantity>\d+|" + "|".join(_QUANTITY) + r")\s+(?P<what>[a-z' -]{2,40}?)\s+(?:at|for|costing)\s+"
    r"(?:eur\s*|€\s*)?(?P<price>\d+(?:[.,]\d{1,2})?)\b"
)
_CARRIAGE = "shipping|postage|delivery"
_SHIPPING_AT = re.compile(rf"\b(?:{_CARRIAGE})\D{{0,12}}?(\d+[.,]\d{{2}})|(\d+[.,]\d{{2}})\D{{0,12}}?(?:{_CARRIAGE})\b")
_PERCENT = re.compile(r"(\d{1,2})\s*(?:%|per ?cent)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A name found in a text, and how many of it are meant (1 if the text does not say)."""

    name: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """A sum that a message asks for: stated prices, named products, shipping (None: not asked for) and a discount.

    `shipping_cents` is -1 where shipping is asked for without a price.
    """

    goods_cents: int
    mentions: tuple[Mention, ...]
    shipping_cents: int | None
    less_percent: int


def order_id(text: str) -> str | None:
    """The first order id in a text, as the books write it: 'a 1017' and 'order no. 1017' give 'A-1017'."""
    found = _ORDER.search(text)
    return f"A-{found[1]}" if found else None


def mentions(names: Sequence[str], text: str) -> tuple[Mention, ...]:
    """The names that a text mentions, in its order, typos and plurals forgiven.

    A name counts as mentioned if all its words stand together, or if its first or last word does and no other name
    has that word.
    """
    words = re.findall(r"\d+(?:[.,]\d+)?|[a-z]+", _ORDER.sub(" ", text).casefold())
    stems = [stem(word) for word in words]
    name_to_stems = {name: [stem(part) for part in name.casefold().split()] for name in names}
    owners = Counter(part for parts in name_to_stems.values() for part in set(parts))
    found: list[Mention] = []
    at = free = 0
    while at < len(stems):
        lengths = {name: _length(parts, stems[at:], owners) for name, parts in name_to_stems.items()}
        best = max(lengths, key=lengths.__getitem__, default=None)
        if best is None or lengths[best] == 0:
            at += 1
            continue
        found.append(Mention(name=best, quantity=_quantity(words[max(free, at - _LOOK_BACK) : at])))
        at = free = at + lengths[best]
    return tuple(found)


def _length(parts: Sequence[str], stems: Sequence[str], owners: Counter[str]) -> int:
    """How many of the stems at the front belong to a name; 0 if they do not single it out."""
    taken = 0
    while taken < len(stems) and any(alike(stems[taken], part) for part in parts):
        taken += 1
    whole = taken >= len(parts) and all(alike(*pair) for pair in zip(stems, parts, strict=False))
    marks = [part for part in (parts[0], parts[-1]) if owners[part] == 1]
    alone = any(alike(word, mark) for word in stems[:taken] for mark in marks)
    return taken if whole or alone else 0


def _quantity(before: Sequence[str]) -> int:
    for word in reversed(before):
        if word.isdigit():
            return int(word)
        if word in _QUANTITY:
            return _QUANTITY[word]
    return 1


def cents(amount: str) -> int:
    """An amount in cents: '14.5', '14,50' and '14.50' give 1450."""
    whole, _, rest = amount.replace(",", ".").partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0") or "0")


def basket(names: Sequence[str], text: str) -> Basket:
    """What a message wants added up. Nothing is ever evaluated as code."""
    flat = _ORDER.sub(" ", text).casefold()
    goods = sum(_count(found["quantity"]) * cents(found["price"]) for found in _PRICED.finditer(flat))
    rest = _PRICED.sub(" ; ", flat)
    stated = _SHIPPING_AT.search(rest)
    shipping = cents(stated[1] or stated[2]) if stated else None
    if shipping is None and re.search(rf"\b(?:{_CARRIAGE})\b", rest):
        shipping = -1
    percent = _PERCENT.search(rest)
    return Basket(
        goods_cents=goods,
        mentions=mentions(names, rest),
        shipping_cents=shipping,
        less_percent=int(percent[1]) if percent else 0,
    )


def _count(quantity: str) -> int:
    return int(quantity) if quantity.isdigit() else _QUANTITY[quantity]

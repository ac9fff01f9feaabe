"""Small questions with one right answer each, for a very small model: nine kinds, examples held apart."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

CAPITALS = dict(
    zip(
        "France Japan Egypt Peru Norway Kenya Spain Cuba Greece Italy Russia China Chile Poland Turkey Austria "
        "Portugal Hungary Finland Denmark Iran Iraq Syria Lebanon Ireland England Germany Sweden Belgium "
        "Ukraine".split(),
        "Paris Tokyo Cairo Lima Oslo Nairobi Madrid Havana Athens Rome Moscow Beijing Santiago Warsaw Ankara Vienna "
        "Lisbon Budapest Helsinki Copenhagen Tehran Baghdad Damascus Beirut Dublin London Berlin Stockholm Brussels "
        "Kiev".split(),
        strict=True,
    )
)
OPPOSITES = (
    "hot-cold big-small up-down day-night old-young fast-slow rich-poor left-right open-closed early-late happy-sad "
    "light-dark full-empty strong-weak wet-dry near-far win-lose true-false high-low loud-quiet hard-soft long-short "
    "first-last inside-outside"
).split()
GROUPS = {
    "animal": "horse tiger rabbit sparrow goat whale monkey spider eagle".split(),
    "fruit": "apple pear cherry banana plum mango grape lemon peach".split(),
    "colour": "red green purple orange grey pink black white brown".split(),
    "tool": "hammer saw drill wrench chisel shovel axe pliers rake".split(),
}
WORDS = [word for group in GROUPS.values() for word in group]
THINGS = "soup room service bed coffee view breakfast waiter".split()
VERDICTS = {
    "good": ["was excellent.", "was lovely, I will come again.", "was better than I had hoped.", "made us happy."],
    "bad": ["was awful.", "was a waste of money.", "was worse than I had feared.", "made us angry."],
}
NUMBER = "root ::= [0-9] [0-9]? [0-9]?"
EXAMPLES = 16
"""Of each kind so many are examples, and never asked."""


class Question(NamedTuple):
    """``grammar`` is what an answer may be at all, as llama.cpp reads it."""

    kind: str
    text: str
    right: str
    grammar: str


def one_of(words: Sequence[str]) -> str:
    """The grammar of a choice."""
    return "root ::= " + " | ".join(map(json.dumps, words))


def _after(rng: random.Random) -> tuple[str, str, str]:
    a = rng.randrange(1, 200)
    return f"Which number comes after {a}?", str(a + 1), NUMBER


def _larger(rng: random.Random) -> tuple[str, str, str]:
    a, b = rng.sample(range(1, 100), 2)
    return f"Which is larger, {a} or {b}?", str(max(a, b)), one_of([str(a), str(b)])


def _first(rng: random.Random) -> tuple[str, str, str]:
    word = rng.choice(WORDS)
    return f"First letter of {word}?", word[0], "root ::= [a-z]"


def _last(rng: random.Random) -> tuple[str, str, str]:
    words = rng.sample(WORDS, 3)
    return f"Last word of: {' '.join(words)}", words[-1], "root ::= [a-z]+"


def _opposite(rng: random.Random) -> tuple[str, str, str]:
    pair = rng.choice(OPPOSITES).split("-")
    rng.shuffle(pair)
    return f"Opposite of {pair[0]}?", pair[1], one_of([word for one in OPPOSITES for word in one.split("-")])


def _group(rng: random.Random) -> tuple[str, str, str]:
    group = rng.choice(list(GROUPS))
    return f"What is a {rng.choice(GROUPS[group])}: {', '.join(GROUPS)}?", group, one_of(list(GROUPS))


def _is_one(rng: random.Random) -> tuple[str, str, str]:
    group = rng.choice(list(GROUPS))
    word = rng.choice(GROUPS[group] if rng.random() < 0.5 else WORDS)
    return f"Is {word} a kind of {group}?", "yes" if word in GROUPS[group] else "no", one_of(["yes", "no"])


def _review(rng: random.Random) -> tuple[str, str, str]:
    verdict = rng.choice(list(VERDICTS))
    text = f"The {rng.choice(THINGS)} {rng.choice(VERDICTS[verdict])}"
    return f"Is this good or bad? {text}", verdict, one_of(list(VERDICTS))


def _capital(rng: random.Random) -> tuple[str, str, str]:
    country, other = rng.sample(list(CAPITALS), 2)
    cities = sorted([CAPITALS[country], CAPITALS[other]])
    return f"Capital of {country}, {' or '.join(cities)}?", CAPITALS[country], one_of(cities)


KINDS: Mapping[str, Callable[[random.Random], tuple[str, str, str]]] = {
    "number after": _after,
    "larger": _larger,
    "first letter": _first,
    "last word": _last,
    "opposite": _opposite,
    "group": _group,
    "yes or no": _is_one,
    "review": _review,
    "capital": _capital,
}


def questions(kind: str, n: int, seed: int) -> list[Question]:
    """``n`` different ones of a kind, and always the same for a seed; the first 16 are meant as examples.

    Raises ValueError where the kind has not so many.
    """
    rng = random.Random(f"{kind}/{seed}")
    found: dict[str, Question] = {}
    for _ in range(200 * n):
        text, right, grammar = KINDS[kind](rng)
        found.setdefault(text, Question(kind, text, right, grammar))
        if len(found) == n:
            return list(found.values())
    raise ValueError(f"There are only {len(found)} questions of the kind {kind!r}.")

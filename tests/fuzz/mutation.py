"""Mutations that know the shape of an input: its parts, its lines, the JSON in a line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.fuzz.oracle import SEPARATOR

LONGEST = 64 * 1024
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    10**30,
    -0.0,
    1.5,
    1e308,
    "",
    "a",
    "0",
    "\ud800",
    "\x00",
    "\u202e",
    "../../outside/secret.txt",
    "/etc/passwd",
    "{{ task }}",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": {}},
    {"type": "x"},
)
FRAGMENTS: tuple[bytes, ...] = (
    b"---\n",
    b"- ",
    b": ",
    b"? ",
    b"&a ",
    b"*a ",
    b"!!python/object/apply:os.system [x]",
    b"<<: ",
    b"|\n ",
    b"> ",
    b"# ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"'",
    b'"',
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\t",
    b"{{ ",
    b" }}",
    b"{% for a in range(9999) %}",
    b"{% endfor %}",
    b"{{ task.__class__ }}",
    b"{{ ''|attr('__class__') }}",
    b"{{ 'a' * 999999999 }}",
    b"{% include '/etc/passwd' %}",
    b"{% macro f() %}",
    b"{{ '%999999999d' % 1 }}",
    b"../",
    b"/etc/passwd",
    b"..\\",
    b"%2e%2e/",
    b"NaN",
    b"Infinity",
    b"-1",
    b"1e999",
    b"0x7fffffffffffffff",
    b"1_0",
    b"2026-11-22",
    b"1:30",
    b"null",
    b"true",
    b"9" * 5000,
    b"data: ",
    b"event: ",
    b"data: [DONE]\n\n",
    b"content-type: text/event-stream\n",
    b"content-encoding: gzip\n",
    b"location: /x\n",
    b"charset=",
    SEPARATOR,
)

Change = Callable[[bytes, random.Random], bytes]


def mutated(data: bytes, rng: random.Random, longest: int = LONGEST) -> bytes:
    """One to four changes."""
    for _ in range(rng.randint(1, 4)):
        pieces = data.split(SEPARATOR)
        at = rng.randrange(len(pieces))
        pieces[at] = rng.choice(CHANGES)(pieces[at], rng)
        data = SEPARATOR.join(pieces)[:longest]
    return data


def _json(data: bytes, rng: random.Random) -> bytes:
    """Changes a JSON value that some line ends in."""
    lines = data.split(b"\n")
    able = [i for i, line in enumerate(lines) if b"{" in line or b"[" in line]
    if not able:
        return _insert(data, rng)
    at = rng.choice(able)
    line = lines[at]
    start = min(place for place in (line.find(b"{"), line.find(b"[")) if place >= 0)
    try:
        value = json.loads(line[start:])
        lines[at] = line[:start] + json.dumps(changed(value, rng)).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return _insert(data, rng)
    return b"\n".join(lines)


def changed(value: Any, rng: random.Random) -> Any:
    """The value with one thing in it replaced, left out, doubled or wrapped."""
    if rng.random() < 0.75:
        if isinstance(value, dict) and value:
            key = rng.choice(list(value))
            return _changed_dict(value, key, rng)
        if isinstance(value, list) and value:
            at = rng.randrange(len(value))
            return [*value[:at], *_in_place(value[at], rng), *value[at + 1 :]]
    if rng.random() < 0.2:
        for _ in range(rng.choice((1, 40, 900))):
            value = [value] if rng.random() < 0.5 else {"a": value}
        return value
    return rng.choice(VALUES)


def _changed_dict(value: dict[str, Any], key: str, rng: random.Random) -> dict[str, Any]:
    rest = {name: one for name, one in value.items() if name != key}
    kind = rng.randrange(6)
    if kind == 0:
        return rest
    if kind == 1:
        return rest | {str(rng.choice(VALUES)): value[key]}
    return value | {key: changed(value[key], rng)}


def _in_place(value: Any, rng: random.Random) -> list[Any]:
    kind = rng.randrange(6)
    return [] if kind == 0 else [value] * rng.choice((2, 50)) if kind == 1 else [changed(value, rng)]


def _lines(data: bytes, rng: random.Random) -> bytes:
    """Leaves a line out, doubles it or moves it."""
    lines = data.split(b"\n")
    taken = lines.pop(rng.randrange(len(lines)))
    for _ in range(rng.choice((0, 1, 2))):
        lines.insert(rng.randint(0, len(lines)), taken)
    return b"\n".join(lines)


def _insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(FRAGMENTS) + data[at:]


def _many(data: bytes, rng: random.Random) -> bytes:
    """The same fragment again and again: depth, width, length."""
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(FRAGMENTS) * rng.choice((10, 500, 5000)) + data[at:]


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return bytes([rng.randrange(256)])
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    start = rng.randint(0, len(data))
    return data[:start] + data[start + rng.choice((1, 8, 64, len(data))) :]


CHANGES: tuple[Change, ...] = (_json, _json, _lines, _insert, _insert, _many, _flip, _cut)

"""Every seed, and what the fuzzer once found, must pass; and a modest number of inputs that hypothesis writes."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.core.errors import BadDefinition
from tests.fuzz import oracle
from tests.fuzz.mutation import mutated
from tests.fuzz.oracle import CANARY, KEY, WATCH, Finding, fresh, judge, told, watched, world
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

SEEDS = seeds()
ANSWERED = b"\nHTTP/1.1 200\ncontent-type: application/json"
DOUBLED = b"{% set n = namespace(s='ab') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}"
TWICE = b"anthropic stream tools\nHTTP/1.1 200\ncontent-type: text/event-stream\n\n"
TWICE += b'data: {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 6}}}\n\n'
TWICE += b"".join(
    b'data: {"type": "content_block_start", "index": 0, "content_block": '
    b'{"type": "%s", "text": "lo.", "id": "t", "name": "plain", "input": {}}}\n\n' % kind
    for kind in (b"text", b"tool_use")
)
FOUND: tuple[tuple[str, bytes], ...] = (
    ("replies", b"openai" + ANSWERED + b"\n\nno completion for KEY"),
    ("replies", b"openai stream" + ANSWERED + b'\n\n[1, "KEY"]'),
    ("replies", b"anthropic stream\nHTTP/1.1 500\ncontent-type: x; charset=zlib\n\nKEY"),
    ("replies", b"openai tools" + ANSWERED + b"; charset=idna\n\n{}"),
    ("replies", TWICE + b'data: {"type": "message_stop"}\n\n'),
    (
        "rows",
        b'\x1eCallEnded\x1e{"kind": [], "name": "a", "outcome": {"status": "done"}, '
        b'"usage": {"requests": false}, "began": 1.0}',
    ),
    ("rows", b"a = " + b"[" * 9000 + b"\x1eCharged\x1e" + b"[" * 9000),
    ("rows", b'\x1eCharged\x1e{"\\udfff": 1}'),
    ("topologies", b"kind: parallel\nmembers: [" + b"a, " * 3000 + b"]"),
    ("agents", b'---\ndescription: x\n"\\udfff": 1\n---\nDo it.'),
    ("agents", b"---\ndescription: x\n---\n" + DOUBLED + b"{{ n.s }}"),
    ("agents", b"---\ndescription: x\n---\n{{ '%0888888888d' % 1 }}{{ 'x'.ljust(888888888) }}"),
)
pytestmark = pytest.mark.timeout(120)
every_target = pytest.mark.parametrize("name", list(TARGETS))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    yield
    WATCH.armed = False


@every_target
def test_every_seed_ends_as_it_may(name: str) -> None:
    for seed in SEEDS[name]:
        judge(TARGETS[name], seed)


@pytest.mark.parametrize(("name", "data"), FOUND, ids=[f"{name}-{i}" for i, (name, _) in enumerate(FOUND)])
def test_what_was_found_once_stays_mended(name: str, data: bytes) -> None:
    judge(TARGETS[name], data)


@every_target
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_seeds_end_as_they_may(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(SEEDS[name]))
    changes = random.Random(data.draw(st.integers(0, 2**32)))
    judge(TARGETS[name], mutated(seed, changes, 8192))


@every_target
@settings(max_examples=10, derandomize=True, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)), max_size=4))
def test_noise_ends_as_it_may(name: str, parts: list[bytes]) -> None:
    judge(TARGETS[name], b"\x1e".join(parts))


def _reads() -> None:
    (world() / "outside" / "secret.txt").read_text()


def _reads_by_a_link() -> None:
    (fresh("links") / "link").symlink_to(world() / "outside")


def _lists() -> None:
    os.listdir(world() / "outside")


def _writes() -> None:
    (world() / "inside" / "new").write_text("x")


def _starts() -> None:
    subprocess.run(["true"], check=False)


def _connects() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def _tells_the_key() -> None:
    raise BadDefinition(f"The key {KEY} is wrong.")


def _tells_it_in_the_facts() -> None:
    raise BadDefinition("It is wrong.", path=CANARY)


def _tells_it_in_the_cause() -> None:
    try:
        raise ValueError(KEY)
    except ValueError as error:
        raise BadDefinition("It is wrong.") from error


FORBIDDEN = (
    _reads,
    _lists,
    _writes,
    _starts,
    _connects,
    _tells_the_key,
    _tells_it_in_the_facts,
    _tells_it_in_the_cause,
)


@pytest.mark.parametrize("act", FORBIDDEN, ids=lambda act: act.__name__.strip("_"))
def test_the_judge_sees_what_is_forbidden(act: Callable[[], None]) -> None:
    def target(_: bytes) -> None:
        # Code that swallows the refusal is found out all the same.
        with watched(), suppress(OSError):
            act()

    with pytest.raises(Finding):
        judge(target, b"")


def test_the_judge_follows_links() -> None:
    _reads_by_a_link()
    with pytest.raises(Finding, match="outside the roots"), watched(), suppress(OSError):
        os.listdir(world() / "inside" / "links" / "link")


def test_the_judge_measures_time_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Finding, match="processor"):
        judge(lambda _: None, b"", cpu_s=-1.0)
    monkeypatch.setattr(oracle, "MEMORY_BYTES", -1)
    with pytest.raises(Finding, match="memory"):
        judge(lambda _: None, b"")


def test_a_text_that_cannot_be_printed_is_found() -> None:
    with pytest.raises(Finding, match="printed"):
        told(BadDefinition("It is wrong.", remedy="\ud800"))

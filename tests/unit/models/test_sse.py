import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.core.errors import BadRequest
from orchestra.models.sse import MOST_BYTES, Event, Events


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"data: a\n\n", [Event("", "a")]),
        (b"event: ping\r\ndata:a\r\n\r\n", [Event("ping", "a")]),
        (b"data: a\rdata: b\r\r", [Event("", "a\nb")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("", "a")]),
        (b": a comment\nid: 4\nretry: 9\ndata:  a\n\n", [Event("", " a")]),
        (b"event: alone\n\ndata: a\n\n", [Event("", "a")]),
        (b"data\n\n", [Event("", "")]),
        (b"data: a\n", []),
        (b"data: caf\xc3\xa9\n\ndata: \xff\n\n", [Event("", "café"), Event("", "\ufffd")]),
    ],
)
def test_the_standard(raw: bytes, expected: list[Event]) -> None:
    assert Events().feed(raw) == expected


def fed(chunks: list[bytes]) -> list[Event]:
    events = Events()
    return [event for chunk in chunks for event in events.feed(chunk)]


BYTES = st.binary(max_size=40) | st.lists(
    st.sampled_from([b"data", b"event", b":", b" ", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf", b"x", b"\xc3", b"\xa9"])
).map(b"".join)


@given(BYTES, st.lists(st.integers(0, 40)))
def test_it_does_not_matter_where_bytes_are_cut(raw: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    chunks = [raw[start:end] for start, end in pairwise(edges)]
    assert fed(chunks) == Events().feed(raw)


@given(st.lists(st.text()), st.sampled_from(["\n", "\r", "\r\n"]))
def test_what_is_sent_arrives(texts: list[str], line_end: str) -> None:
    values = [json.dumps(text) for text in texts]
    raw = "".join(f"data: {value}{line_end}{line_end}" for value in values).encode()
    assert [event.data for event in Events().feed(raw)] == values


@pytest.mark.parametrize("piece", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_endless_event_is_given_up(piece: bytes) -> None:
    events = Events()
    with pytest.raises(BadRequest, match="bytes"):
        for _ in range(MOST_BYTES // 1000 + 1):
            events.feed(piece)


def test_a_long_stream_of_short_events_is_read_on() -> None:
    events = Events()
    events.feed(b"data: " + b"x" * (MOST_BYTES // 2) + b"\n\n")
    assert len(events.feed(b"data: " + b"x" * (MOST_BYTES // 2 + 9) + b"\n\n")) == 1

"""A sentence encoder small enough to check by hand, in the ONNX format, written without its library."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

Table = Sequence[Sequence[float]]
VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "red": 2, "green": 3, "blue": 4}
TABLE: Table = ((9.0, 9.0), (0.0, 0.0), (3.0, 0.0), (0.0, 4.0), (-1.0, 0.0))
"""The vector of each word; a hidden state is that of its word, whatever stands beside it."""
FLOAT, INT64 = 1, 7


def folder(path: Path, *, inside: str = "", table: Table = TABLE, inputs: Sequence[str] = ("input_ids",)) -> Path:
    """A folder in the layout of sentence encoders, the model in ``inside``."""
    (path / inside).mkdir(parents=True, exist_ok=True)
    (path / inside / "model.onnx").write_bytes(model(table, inputs))
    tokenizer = {
        "version": "1.0",
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "[UNK]"},
        "added_tokens": [],
    }
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))
    return path


def model(table: Table, inputs: Sequence[str] = ("input_ids",)) -> bytes:
    """Gather(table, input_ids): (batch, tokens) -> (batch, tokens, d). The other inputs are asked for and not read."""
    node = _text(1, "table") + _text(1, "input_ids") + _text(2, "last_hidden_state") + _text(4, "Gather")
    flat = struct.pack(f"<{len(table) * len(table[0])}f", *(value for row in table for value in row))
    dims = _number(1, len(table)) + _number(1, len(table[0]))
    weights = dims + _number(2, FLOAT) + _text(8, "table") + _bytes(9, flat)
    graph = _bytes(1, node) + _text(2, "tiny") + _bytes(5, weights)
    for name in inputs:
        graph += _bytes(11, _value(name, INT64, ("batch", "tokens")))
    graph += _bytes(12, _value("last_hidden_state", FLOAT, ("batch", "tokens", len(table[0]))))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13))


def _value(name: str, kind: int, shape: Sequence[str | int]) -> bytes:
    dims = b"".join(_bytes(1, _text(2, one) if isinstance(one, str) else _number(1, one)) for one in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))

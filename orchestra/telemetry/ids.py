"""Ids of spans that are known before the spans exist: functions of the run, its part and the call's key."""

from __future__ import annotations

from hashlib import blake2b


def trace_id(run_id: str) -> int:
    """The trace of a run and of all its parts: 128 bits, never zero."""
    return _hashed(run_id, 16)


def span_id(run_id: str, key: str, part: int = 0) -> int:
    """The span of a call: 64 bits, never zero. ``part`` counts how often the run was taken up before."""
    return _hashed(f"{run_id}#{part}/{key}" if part else f"{run_id}/{key}", 8)


def _hashed(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()) or 1

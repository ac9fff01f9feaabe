"""Arrays as text, as a trained model's state holds them: little-endian, zlib, base64. Most features are zeros."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORM = "trained"


def packed(array: NDArray[Any], dtype: str = "<f4") -> str:
    return base64.b64encode(zlib.compress(array.astype(dtype).tobytes())).decode()


def unpacked(text: str, shape: tuple[int, ...], dtype: str = "<f4") -> NDArray[Any]:
    """Brings back the same bits. Raises ValueError or TypeError for what is no array of that shape, or not finite."""
    import numpy as np

    size = int(np.dtype(dtype).itemsize * np.prod(shape, dtype=np.int64))
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(base64.b64decode(text, validate=True), size + 1)  # no more than it may be
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(raw) != size or not stream.eof:
        raise ValueError(f"an array of the shape {shape} has {size} bytes, not {len(raw)}")
    kind = np.dtype(dtype).newbyteorder("=")
    array: NDArray[Any] = np.frombuffer(raw, dtype).astype(kind).reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError("a number is not finite")
    return array


def add_plain(old: Any | None, delta: Any) -> Any:
    """The same model once more is the model. Raises BadDefinition for another: two models have no sum."""
    if old is not None and old != delta:
        raise BadDefinition(
            "A trained model cannot be added to what was learned otherwise.",
            remedy="Serve it by itself: Orchestra(router='policy:FILE'), or train one from both sets of outcomes.",
        )
    return delta

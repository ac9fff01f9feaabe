"""The features of a training run, to be made again where its policy is served: the embedder by name, the rarity of
words as it was then, and what a text looks like, scaled as it was then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestra.app.policy import read_policy
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.core.ids import canonical, digest
from orchestra.embeddings.batch import matrix_of
from orchestra.embeddings.hashed import Rarity
from orchestra.embeddings.registry import embedder
from orchestra.embeddings.surface import D, surfaces
from orchestra.routing.learners.trained import Scale, scale_of
from orchestra.routing.state.packed import packed, unpacked
from orchestra.routing.state.sums import SHARED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

VERSION = 1


class Carried:
    """The embedder ``label`` names, over recorded words, and 15 numbers of the text's surface behind its vector.

    Another content is another ``name``: what was trained on one means nothing on another.

    Shapes: ``embed`` (d,), ``matrix`` (n, d) float32, of about length 1. Raises: as ``embeddings.registry.embedder``;
    BadDefinition for an embedder that would be downloaded by its name.
    """

    def __init__(self, label: str, rarity: Rarity, scale: Scale, cache: Path | None = None) -> None:
        if "hub:" in label:
            raise BadDefinition(
                f"A policy cannot carry the embedder {label!r}: where it is served nothing is downloaded unasked.",
                remedy="Download it, and name it onnx:FOLDER.",
            )
        self._label, self._rarity, self._scale = label, rarity, scale
        self._embedder = embedder(label, rarity, cache=cache)
        self.d = self._embedder.d + D
        self.name = f"{label}+surface-{digest(canonical(self.to_plain()), 4)}"

    @classmethod
    def fit(cls, label: str, texts: Sequence[str], cache: Path | None = None) -> Carried:
        """Takes the rarity of words and the scale from these texts."""
        return cls(label, Rarity(texts), scale_of(surfaces(texts)), cache)

    def embed(self, text: str, /) -> Sequence[float]:
        values: list[float] = self.matrix([text])[0].tolist()
        return values

    def matrix(self, texts: Sequence[str], /) -> Array:
        """``embed`` of each text. Shapes: returns (n, d)."""
        return self._scale.of(matrix_of(self._embedder, texts), surfaces(texts))

    def to_plain(self) -> dict[str, Any]:
        """JSON values. The words themselves are not in it, only checksums of their n-grams."""
        hashed = "hashed" in self._label
        words = {
            "grams": len(self._rarity.idf),
            "checksums": packed(self._rarity.checksums, "<u4"),
            "idf": packed(self._rarity.idf, "<f8"),
        }
        scale = {"mean": packed(self._scale.mean), "factor": packed(self._scale.factor)}
        return {"version": VERSION, "embedder": self._label, **(words if hashed else {}), **scale}


def carried(data: Mapping[str, Any]) -> Carried:
    """Back from plain data. Raises: JournalVersion, BadNumber for what is damaged, and as ``Carried``."""
    import numpy as np

    if data.get("version") != VERSION:
        raise JournalVersion(
            f"Features of format {data.get('version')!r} were found; this is format {VERSION}.",
            remedy="Train the policy again, with the package that is to serve it.",
        )
    try:
        label = str(data["embedder"])
        rarity = Rarity(())
        if "grams" in data:
            shape = (int(data["grams"]),)
            checksums, idf = unpacked(data["checksums"], shape, "<u4"), unpacked(data["idf"], shape, "<f8")
            rarity = Rarity.recorded(checksums, idf, "recorded")
        scale = Scale(*(unpacked(data[name], (D,)).astype(np.float32) for name in ("mean", "factor")))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"{type(error).__name__}: {error}"
        raise BadNumber(f"The policy's features are damaged: {what}.", remedy="Train it again.") from None
    return Carried(label, rarity, scale)


def in_policy(path: str | Path) -> Carried:
    """The features that a trained policy's file holds. Raises: as ``read_policy`` and ``carried``; BadDefinition for a
    policy that holds none.
    """
    shared = read_policy(path).state.get(SHARED)
    features = shared.get("features") if isinstance(shared, Mapping) else None
    if not isinstance(features, Mapping):
        raise BadDefinition(
            f"The policy {path} holds no features of its own.", remedy="Give the embedder that it was learned with."
        )
    return carried(features)

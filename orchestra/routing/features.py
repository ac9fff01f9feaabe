"""What a router sees of a task and its options: the context x, each option's similarity, each option's prior."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from orchestra.core.catalog import Catalog, Node
from orchestra.embeddings.batch import matrix_of
from orchestra.embeddings.hashed import HashedEmbedder
from orchestra.ports.embedder import Embedder
from orchestra.routing.fetched import Asking, Fetched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

Maker = Callable[[Sequence[str]], Embedder]
"""The texts of a catalogue's nodes -> its embedder."""
K = TypeVar("K")
V = TypeVar("V")

# For similarity, collisions cost more than room; function words say nothing of what a node does.
SIMILARITY_D = 1024
SIMILARITY_FUNCTION_WORDS = 0.2
UNKNOWN_SIMILARITY = 0.5
TEXTS_KEPT = 64
GROUPS_KEPT = 8
READ_TOGETHER = 1024
# A best similarity below this is chance: it does not stretch the prior.
CHANCE = 0.1
NEUTRAL, BY_SIMILARITY, BY_COST = 0.5, 0.45, 0.05


class Seen(NamedTuple):
    """Features of one text. ``marks`` names what made them, ``sketch`` is for similarities: None if that failed.

    ``near`` keeps the similarities that were asked for.

    Shapes: ``x`` (1 + d,), the first is the constant 1; ``sketch`` (e,).
    """

    x: tuple[float, ...]
    marks: str
    sketch: Array | None
    near: dict[tuple[str, ...], list[float]]


class Features:
    """The features of one version of the catalogue, with small caches of the last texts and groups of options.

    Without an embedder: hashed n-grams whose rarity comes from the nodes' descriptions and examples, d dimensions for
    x and 1,024 for similarities. With one, or with what makes one of these texts, it makes both. Where it fails, x is
    (1, 0, ...), similarities are .5, and the marks say so; ``marks`` also where it fails on descriptions alone.
    """

    def __init__(self, catalog: Catalog, embedder: Embedder | Maker | None = None, d: int = 64) -> None:
        self.catalog = catalog
        texts = [text for node in catalog.nodes.values() for text in texts_of(node)]
        made = embedder(texts) if callable(embedder) else embedder
        self._small = made or HashedEmbedder.fit(texts, d)
        # One that was given as it is stays as it is.
        fitted = isinstance(self._small, HashedEmbedder) and self._small is not embedder
        self._large = _alike(self._small) if fitted else self._small
        self._complaint = ""
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._groups: OrderedDict[tuple[str, ...], tuple[Array, list[int]]] = OrderedDict()
        self._name_to_rows: dict[str, Array] = {}

    @property
    def name(self) -> str:
        return self._small.name

    def asking(self, text: str, names: Sequence[str], down: bool = False) -> Asking:
        """The calls that a remote embedder needs before it can tell the features of a text and these options; of a
        local one there are none. See Fetched.
        """
        if not isinstance(self._small, Fetched):
            return ()
        nodes = self.catalog.nodes
        new = [nodes[name] for name in names if name in nodes and name not in self._name_to_rows]
        return (yield from self._small.asking(text, [one for node in new for one in texts_of(node)], down=down))

    def marks(self, seen: Seen) -> str:
        """What made the features, and what could not be made."""
        return seen.marks if seen.sketch is None else seen.marks + self._complaint

    def of(self, text: str) -> Seen:
        seen = self._seen.get(text)
        if seen is None:
            seen = self._read(text)
            if seen.sketch is not None:
                _keep(self._seen, text, seen, TEXTS_KEPT)
        return seen

    def _read(self, text: str) -> Seen:
        import numpy as np

        small, large = self._small, self._large
        try:
            values = _vector(small, text)
            again = values if large is small else _vector(large, text)
            if values.shape != (small.d,) or not np.isfinite(values).all():
                raise ValueError(f"{values.shape} instead of ({small.d},), or not finite")
        except Exception as error:
            return Seen((1.0, *[0.0] * small.d), f"{small.name} failed: {_kind(error)}", None, {})
        # Six digits are the record's: what is learned from is what was decided on.
        return Seen((1.0, *np.round(values, 6).tolist()), small.name, again.astype(np.float32), {})

    def similarities(self, seen: Seen, names: Sequence[str]) -> list[float]:
        """The cosine of the text with each node's description or best example, at least 0; .5 where there is none."""
        known = seen.near.get(asked := tuple(names))
        if known is not None:
            return known
        group = self._group(asked)
        if seen.sketch is None or group is None:
            return [UNKNOWN_SIMILARITY] * len(names)
        near = self._near(seen.sketch, asked, *group)
        if len(seen.near) < GROUPS_KEPT:
            seen.near[asked] = near
        return near

    def _near(self, sketch: Array, names: tuple[str, ...], matrix: Array, starts: list[int]) -> list[float]:
        import numpy as np

        best = np.maximum.reduceat(matrix.dot(sketch), starts)
        values = iter(np.minimum(np.maximum(best, 0.0), 1.0).round(6).tolist())
        nodes = self.catalog.nodes
        return [next(values) if name in nodes else UNKNOWN_SIMILARITY for name in names]

    def _group(self, names: tuple[str, ...]) -> tuple[Array, list[int]] | None:
        """The vectors of all texts of these nodes and where each node's begin, None if there are none."""
        group = self._groups.get(names)
        if group is None:
            group = self._stacked(names)
            if group is not None:
                _keep(self._groups, names, group, GROUPS_KEPT)
        return group

    def _stacked(self, names: Sequence[str]) -> tuple[Array, list[int]] | None:
        import numpy as np

        try:
            nodes = [self.catalog.nodes[name] for name in names if name in self.catalog.nodes]
            self._read_nodes([node for node in nodes if node.name not in self._name_to_rows])
            rows = [self._name_to_rows[node.name] for node in nodes]
            self._complaint = ""
        except Exception as error:
            self._complaint = f"; descriptions failed: {_kind(error)}"
            return None
        starts = [0, *accumulate(len(part) for part in rows)]
        return (np.concatenate(rows), starts[:-1]) if rows else None

    def _read_nodes(self, nodes: Sequence[Node]) -> None:
        """Notes the vectors of each node's texts, a thousand nodes at a time. Shapes: (texts, e) for each node."""
        import numpy as np

        for start in range(0, len(nodes), READ_TOGETHER):
            part = nodes[start : start + READ_TOGETHER]
            texts = [texts_of(node) for node in part]
            vectors = matrix_of(self._large, [text for own in texts for text in own])
            if vectors.shape[1:] != (self._large.d,) or not np.isfinite(vectors).all():
                raise ValueError(f"{vectors.shape} instead of (..., {self._large.d}), or not finite")
            at = 0
            for node, own in zip(part, texts, strict=True):
                self._name_to_rows[node.name] = vectors[at : at + len(own)]
                at += len(own)


def _alike(small: Embedder) -> HashedEmbedder:
    """The one for similarities, of the same rarity."""
    assert isinstance(small, HashedEmbedder)
    return HashedEmbedder(small.rarity, d=SIMILARITY_D, function_words=SIMILARITY_FUNCTION_WORDS)


def _kind(error: Exception) -> str:
    return str(getattr(error, "kind", type(error).__name__))


def _vector(embedder: Embedder, text: str) -> NDArray[np.float64]:
    if isinstance(embedder, HashedEmbedder):
        return embedder.vector(text)
    import numpy as np

    return np.asarray(embedder.embed(text), dtype=np.float64)


def _keep(cache: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    """The oldest go."""
    cache[key] = value
    while len(cache) > limit:
        cache.popitem(last=False)


def texts_of(node: Node) -> tuple[str, ...]:
    """What says when a node is the right one: its names and description, then each example."""
    names = " ".join((node.name, *(c for c in node.provides if c != node.name)))
    return (f"{names}. {node.description}", *node.examples)


def priors(costs_nano: Sequence[int], reasons: Sequence[str | None], similarities: Sequence[float]) -> list[float]:
    """The reward expected of each option before anything is known of it.

    Formula: .5 + .45 (closeness - its mean) + .05 (thrift - its mean), the means over the eligible options, those
    without a reason; closeness is similarity / max(all similarities, .1), thrift 1 - cost / max cost. So it lies in
    [0, 1], and options that are alike have .5. Source: our default.
    """
    nearest, dearest = max(CHANCE, *similarities), max(1, *costs_nano)
    raw = [
        BY_SIMILARITY * similarity / nearest - BY_COST * cost / dearest
        for cost, similarity in zip(costs_nano, similarities, strict=True)
    ]
    live = [value for value, why in zip(raw, reasons, strict=True) if why is None] or raw
    base = NEUTRAL - sum(live) / len(live)
    return [base + value for value in raw]

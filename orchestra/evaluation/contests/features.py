"""Texts of a contest to vectors: one embedder for both parts, fitted on the training texts alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orchestra.core.errors import ExtraMissing, LocalModelMissing
from orchestra.embeddings.batch import matrix_of
from orchestra.embeddings.cached import cache_folder
from orchestra.embeddings.registry import embedder
from orchestra.embeddings.surface import surfaces
from orchestra.ports.embedder import Embedder
from orchestra.routing.learners.trained import scale_of

Singles = NDArray[np.float32]
Told = Callable[[int, str], None]

SEMANTIC, LEXICAL = "minilm+0.7*hashed:4096", "hashed:4096"
SHORT_SEMANTIC, SHORT_LEXICAL = "minilm", "hashed:256"
"""For learners whose work grows with the square of the features."""
CHOICES = {"auto": (SEMANTIC, LEXICAL), "short": (SHORT_SEMANTIC, SHORT_LEXICAL)}
TOGETHER = 512


class Features(NamedTuple):
    """``name`` is the embedder's as it was asked for. Shapes: ``train`` (n, d), ``test`` (m, d), rows of length 1."""

    name: str
    train: Singles
    test: Singles


def silent(_count: int, _text: str) -> None:
    """Where nobody watches."""


def embedder_of(name: str, texts: Sequence[str]) -> tuple[str, Embedder]:
    """The name that is used, and the embedder.

    By "auto", a sentence encoder beside hashed n-grams where its weights are installed, else the n-grams alone; by
    "short" one of the two, of some hundred features.
    """
    cache = cache_folder(os.environ)
    if name not in CHOICES:
        return name, embedder(name, texts, cache=cache)
    semantic, lexical = CHOICES[name]
    try:
        return semantic, embedder(semantic, texts, cache=cache)
    except (ExtraMissing, LocalModelMissing):
        return lexical, embedder(lexical, texts, cache=cache)


def features(train: Sequence[str], test: Sequence[str], name: str = "auto", told: Told = silent) -> Features:
    """Both parts' vectors; the rarity of words is that of ``train``.

    Raises: UnknownName, BadDefinition, and ExtraMissing or LocalModelMissing for an encoder that is not installed.
    """
    used, maker = embedder_of(name, train)
    return Features(used, vectors(maker, train, told), vectors(maker, test, told))


def vectors(maker: Embedder, texts: Sequence[str], told: Told = silent) -> Singles:
    """Shapes: (n, d)."""
    parts = []
    for start in range(0, len(texts), TOGETHER):
        parts.append(matrix_of(maker, texts[start : start + TOGETHER]))
        told(len(parts[-1]), "texts read")
    return np.concatenate(parts) if parts else np.zeros((0, maker.d), dtype=np.float32)


def with_surface(given: Features, train: Sequence[str], test: Sequence[str]) -> Features:
    """The same with what the texts look like, scaled by the training part."""
    mine = surfaces(train)
    scale = scale_of(mine)
    return Features(f"{given.name} and surface", scale.of(given.train, mine), scale.of(given.test, surfaces(test)))

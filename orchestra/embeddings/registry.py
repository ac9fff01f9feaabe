"""Names to local embedders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestra.core.errors import BadDefinition, UnknownName
from orchestra.embeddings.cached import Cached
from orchestra.embeddings.hashed import HashedEmbedder, Rarity
from orchestra.embeddings.hub import downloaded
from orchestra.embeddings.joined import Joined
from orchestra.embeddings.minilm import minilm
from orchestra.embeddings.onnx import OnnxEmbedder
from orchestra.embeddings.signals import COMPLEXITY, STRUCTURE
from orchestra.ports.embedder import Embedder

HASHED_D = 64
# Joined with others it is for words that they do not know: collisions would be their noise.
JOINED_HASHED_D = 1024
PART = re.compile(r"\s*(?:([0-9]*\.?[0-9]+)\s*\*\s*)?([^+*]+?)\s*")
NAMES = "minilm, hashed, hashed:D, complexity, structure, onnx:FOLDER, hub:OWNER/NAME"
Maker = Callable[[Sequence[str] | Rarity], Embedder]
"""The texts of a catalogue, or the rarity of words in some -> an embedder. What depends on neither is made once."""


def embedder(
    name: str, texts: Sequence[str] | Rarity = (), *, cache: Path | None = None, env: Mapping[str, str] | None = None
) -> Embedder:
    """The embedder of a name, with ``d``, ``embed`` and ``matrix``; several are joined: 'minilm+0.4*hashed'.

    ``minilm`` is an encoder of English sentences, ``onnx:FOLDER`` any other in ONNX, ``hub:OWNER/NAME`` one that may be
    downloaded; their last vectors are kept in memory and, with ``cache``, in a file of that folder. ``hashed`` and
    ``hashed:D`` take the rarity of words from ``texts``. ``complexity`` and ``structure`` are signals to be joined.

    Raises: UnknownName, BadDefinition, LocalModelMissing, ExtraMissing.
    """
    return maker(name, cache=cache, env=env)(texts)


def maker(name: str, *, cache: Path | None = None, env: Mapping[str, str] | None = None) -> Maker:
    """``embedder`` for texts that come later. Raises as that."""
    parts = [_part(part, name) for part in name.split("+")]
    env = os.environ if env is None else env
    if len(parts) == 1 and parts[0][1] == 1:
        return _named(parts[0][0], cache, env, HASHED_D)
    makers = [(_named(one, cache, env, JOINED_HASHED_D), weight) for one, weight in parts]
    return lambda texts: Joined(*((make(texts), weight) for make, weight in makers))


def _part(part: str, name: str) -> tuple[str, float]:
    found = PART.fullmatch(part)
    if found is None:
        raise BadDefinition(f"{name!r} names no embedder.", remedy="Write it as 'minilm+0.4*hashed'.")
    return found[2], float(found[1] or 1)


def _named(name: str, cache: Path | None, env: Mapping[str, str], hashed_d: int) -> Maker:
    word, _, rest = name.partition(":")
    if word == "hashed" and (not rest or rest.isdecimal()):
        d = int(rest or hashed_d)
        return lambda texts: HashedEmbedder(texts if isinstance(texts, Rarity) else Rarity(texts), d=d)
    made: Embedder | None = {"complexity": COMPLEXITY, "structure": STRUCTURE}.get(name)
    if name == "minilm":
        made = Cached(minilm(env), cache)
    elif word in ("onnx", "hub") and rest:
        folder = Path(rest).expanduser() if word == "onnx" else downloaded(rest)
        made = Cached(OnnxEmbedder.of(folder, label=rest.rstrip("/").rpartition("/")[2]), cache)
    if made is None:
        raise UnknownName(f"There is no embedder {name!r}.", remedy=f"There are {NAMES}.")
    always = made
    return lambda texts: always

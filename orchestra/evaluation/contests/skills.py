"""Contests of retrieval by description alone: who should serve a text, of whom only a name and a line are known.

Formula: score = .5 max_j cos(v, name and text_j) + .5 max_j cos(v, text_j) + .5 max_j cos(h, name and text_j), with v
by the sentence encoder and h by hashed n-grams, whose rarity is that of the descriptions. Without an encoder the last
alone. With texts U of which nothing is known, score + k(v, U) (K + lam I)^-1 P is taken, with P = softmax of the same
sum over U / temperature, in three rounds: texts that are alike come to the same answer.
Source: self-training, Scudder 1965; the rest is our default, chosen on public development sets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.contests.admission import named_among
from orchestra.evaluation.contests.answers import gain
from orchestra.evaluation.contests.features import SEMANTIC, Singles, Told, embedder_of, silent, vectors
from orchestra.evaluation.contests.labelled import descriptions, fitting, found, words
from orchestra.evaluation.contests.learned import Described
from orchestra.evaluation.load import folder_name, lines, required
from orchestra.evaluation.outcomes import Bools, Floats, Ints
from orchestra.ports.embedder import Embedder
from orchestra.routing.learners.kernel import predicted, rbf, solved

AUTO, DESCRIBED = "auto", "described"
ENCODER, GRAMS = "minilm", "hashed:16384"
NAMED, UNNAMED, LEXICAL = 0.5, 0.5, 0.5
TEMPERATURE, RIDGE, ROUNDS = 0.06, 0.3, 3
MOST_UNLABELLED = 6000
CUTS = (5, 10)
GAINS = (("gain_top1", 1), ("gain_hit_any_3", 3))
OUT = -9.0
STAGES = 2
"""How many stages of work ``skills`` tells of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """``right`` and ``offered`` hold places in ``names``; ``offered`` is empty where all are. ``said`` has the texts of
    each name, without the name.
    """

    dataset: str
    texts: tuple[str, ...]
    right: tuple[frozenset[int], ...]
    offered: tuple[frozenset[int], ...]
    names: tuple[str, ...]
    said: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, places: Sequence[int]) -> Retrieval:
        """These texts alone, with all names."""
        return Retrieval(
            dataset=self.dataset,
            texts=tuple(self.texts[i] for i in places),
            right=tuple(self.right[i] for i in places),
            offered=tuple(self.offered[i] for i in places) if self.offered else (),
            names=self.names,
            said=self.said,
        )


def load_retrieval(path: str | Path, beside: str | Path | None = None) -> Retrieval:
    """A folder with ``data.jsonl[.gz]``, or the file. Its rows are one of:

    ``text, candidates [{name, desc}], gold`` (a choice among those offered with the question); ``name, description,
    triggers`` (each trigger that does not hold the name asks for its document); ``text, skills`` (names are all that is
    known; rows with ``excluded`` are left out); ``text, label`` or ``labels``, or ``text, intent``, with descriptions
    beside the data, or in the folder ``beside``.

    Raises: BadDefinition, with file and line.
    """
    file = found(Path(path))
    rows = list(lines(file))
    if not rows:
        raise BadDefinition(f"{file} holds no rows.", remedy="Write one JSON object a line, or name another file.")
    first = rows[0][1]
    if "candidates" in first:
        return _offered(file, rows)
    if "triggers" in first:
        told = {row["name"]: (str(row["description"]),) for _, row in rows}
        asked = [(trigger, [row["name"]]) for _, row in rows for trigger in row["triggers"] if _tells(trigger, row)]
        return _made(file, asked, told)
    if "skills" in first:
        known = {name: ("",) for _, row in rows for name in required(row, "skills", (list,), f"{file}")}
        kept = [(row["text"], row["skills"]) for _, row in rows if not row.get("excluded")]
        return _made(file, kept, dict(sorted(known.items())))
    column = next((name for name in ("label", "labels", "intent") if name in first), "")
    if not column:
        raise BadDefinition(f"{file}: its rows name nobody who is right.", remedy=fitting(first))
    about = descriptions(file.parent, column) or (descriptions(found(Path(beside)).parent, column) if beside else {})
    if not about:
        raise BadDefinition(
            f"{file}: nothing describes the labels.", remedy="Put tools.json or schemas.json beside it."
        )
    plain = {name: tuple(text.removeprefix(f"{words(name)}. ") for text in texts) for name, texts in about.items()}
    asked = [(required(row, "text", (str,), f"{file}:{line}"), _listed(row[column])) for line, row in rows]
    return _made(file, asked, plain)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _tells(trigger: str, row: Mapping[str, Any]) -> bool:
    return words(row["name"]).lower() not in words(trigger).lower()


def _made(file: Path, asked: Sequence[tuple[str, Sequence[str]]], said: Mapping[str, tuple[str, ...]]) -> Retrieval:
    """Rows of which no right name is described are left out: nobody could find it."""
    place = {name: i for i, name in enumerate(said)}
    pairs = [(text, frozenset(place[one] for one in right if one in place)) for text, right in asked]
    pairs = [pair for pair in pairs if pair[1]]
    if not pairs:
        raise BadDefinition(
            f"{file}: no label of any row is described.", remedy="Describe the labels in labels.json beside the rows."
        )
    return Retrieval(
        dataset=folder_name(file),
        texts=tuple(text for text, _ in pairs),
        right=tuple(right for _, right in pairs),
        offered=(),
        names=tuple(said),
        said=tuple(said.values()),
    )


def _offered(file: Path, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Retrieval:
    """Two functions of one name and different texts are two."""
    place: dict[tuple[str, str], int] = {}
    texts, right, offered = [], [], []
    for line, row in rows:
        where = f"{file}:{line}"
        mine = [(str(one["name"]), str(one["desc"])) for one in required(row, "candidates", (list,), where)]
        own = [place.setdefault(one, len(place)) for one in mine]
        gold = set(required(row, "gold", (list,), where))
        texts.append(required(row, "text", (str,), where))
        offered.append(frozenset(own))
        right.append(frozenset(at for (name, _), at in zip(mine, own, strict=True) if name in gold))
        if not right[-1]:
            raise BadDefinition(
                f"{where}: none of {sorted(gold)} is among the candidates.",
                remedy="Add the right one to the candidates, or strike the row.",
            )
    return Retrieval(
        dataset=folder_name(file),
        texts=tuple(texts),
        right=tuple(right),
        offered=tuple(offered),
        names=tuple(name for name, _ in place),
        said=tuple((text,) for _, text in place),
    )


def scored(
    asked: Retrieval, texts: Sequence[str], embedder: str = "auto", told: Told = silent
) -> tuple[str, dict[str, Floats]]:
    """The embedder, and the scores of "described" and of its parts, "encoder" and "n-grams", for any texts.

    Shapes: (m, k) each. Raises: as ``features``.
    """
    pairs = [(i, text) for i, texts in enumerate(asked.said) for text in texts]
    owner = np.array([i for i, _ in pairs], dtype=np.intp)
    named = [f"{words(asked.names[i])}. {text}".rstrip() for i, text in pairs]
    bare = [text or words(asked.names[i]) for i, text in pairs]
    used, _ = embedder_of(embedder, named)
    _, grams = embedder_of(GRAMS, named)
    lexical = _near(grams, named, owner, texts, told)
    if used.startswith("hashed"):
        return GRAMS, {DESCRIBED: lexical, "n-grams": lexical}
    _, encoder = embedder_of(ENCODER if used == SEMANTIC else used, named)
    semantic = _near(encoder, named, owner, texts, told)
    both = NAMED * semantic + UNNAMED * _near(encoder, bare, owner, texts, told) + LEXICAL * lexical
    return f"{encoder.name} and {GRAMS}", {DESCRIBED: both, "encoder": semantic, "n-grams": lexical}


def _near(maker: Embedder, said: Sequence[str], owner: Ints, texts: Sequence[str], told: Told) -> Floats:
    return Described(vectors(maker, said), owner).near(vectors(maker, texts, told), int(owner.max()) + 1)


def echoed(scores: Floats, x: Singles, pool_scores: Floats, pool: Singles) -> Floats:
    """The scores and what texts that are alike were given. Shapes: (m, k), (m, d), (n, k), (n, d) -> (m, k)."""
    gram, inner = rbf(pool, pool), pool_scores
    for _ in range(ROUNDS):
        odds = np.exp((inner - inner.max(axis=1, keepdims=True)) / TEMPERATURE)
        weights = solved(gram, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), RIDGE)
        inner = pool_scores + gram @ weights
    return np.asarray(scores + predicted(x, pool, weights)[0], dtype=np.float64)


def skills(
    asked: Retrieval,
    unlabelled: Sequence[str] = (),
    embedder: str = "auto",
    told: Told = silent,
    routers: Sequence[str] = (AUTO,),
) -> dict[str, Any]:
    """How well descriptions alone find who should serve: no example is seen.

    ``unlabelled`` are texts of which nobody knows who served them, 6,000 are used at most, and only where the rows are
    not choices among a few; the router "described" does without, and is always among the baselines. They must not be
    the texts that are asked.

    ``hit_any_3`` is the share of texts with a right one among the first three, ``recall_5`` and ``recall_10`` the share
    of the right ones among the first five and ten. ``gain_top1`` and ``gain_hit_any_3`` are less the encoder's cosine
    with name and description, with the 95 % interval; None without an encoder. ``us_per_decision`` of "auto" has the
    embedding.

    Raises: BadDefinition, UnknownName, UnknownRouter; ExtraMissing or LocalModelMissing.
    """
    if not len(asked):
        raise BadDefinition("There is nothing to answer.", remedy="Give a test part with rows.")
    named_among(routers, (AUTO, DESCRIBED))
    told(0, "reads")
    start = time.perf_counter()
    used, scores = scored(asked, asked.texts, embedder, told)
    own = set(asked.texts)
    pool = [] if asked.offered else [text for text in dict.fromkeys(unlabelled) if text not in own]
    scores[AUTO] = scores[DESCRIBED]
    told(0, "reads what is alike")
    if pool:
        kept = min(len(pool), MOST_UNLABELLED)
        pool = [pool[i * len(pool) // kept] for i in range(kept)]
        _, about = scored(asked, pool, embedder, told)
        _, maker = embedder_of(embedder, pool)
        x, alike = vectors(maker, asked.texts), vectors(maker, pool)
        scores[AUTO] = echoed(scores[DESCRIBED], x, about[DESCRIBED], alike)
    us = (time.perf_counter() - start) * 1e6 / len(asked)
    name_to_order = {name: ranked(own, asked.offered) for name, own in scores.items()}
    rows = []
    for name in routers:
        row = _row(name, name_to_order[name], asked)
        rows.append(row | {"us_per_decision": us if name == AUTO else None, "gain_top1": None, "gain_hit_any_3": None})
        for key, cut in GAINS if "encoder" in scores else ():
            mine, theirs = (_any(name_to_order[one], asked.right, cut) for one in (name, "encoder"))
            rows[-1][key] = gain(mine, theirs, 0)
    chance = [len(right) / (len(asked.offered[i]) if asked.offered else len(asked.names))
              for i, right in enumerate(asked.right)]  # fmt: skip
    base = [_row(name, order, asked) for name, order in name_to_order.items() if name != AUTO]
    return {
        "dataset": asked.dataset,
        "n": len(asked),
        "embedder": used,
        "routers": rows,
        "baselines": [{"name": "random", "top1": float(np.mean(chance))}, *base],
    }


def ranked(scores: Floats, offered: Sequence[frozenset[int]]) -> Any:
    """The places from the best; those not on offer come last. Shapes: (m, k) -> (m, k)."""
    if offered:
        allowed = np.zeros(scores.shape, dtype=np.bool_)
        for row, own in enumerate(offered):
            allowed[row, list(own)] = True
        scores = np.where(allowed, scores, OUT)
    return np.argsort(-scores, axis=1, kind="stable")


def hits(order: Any, right: Sequence[frozenset[int]], cut: int) -> Bools:
    """Which of the first ``cut`` are right. Shapes: (m, k) -> (m, cut)."""
    return np.array([[at in own for at in row] for row, own in zip(order[:, :cut].tolist(), right, strict=True)])


def _any(order: Any, right: Sequence[frozenset[int]], cut: int) -> Floats:
    return np.array([float(one) for one in np.atleast_1d(hits(order, right, cut).any(axis=1))])


def _row(name: str, order: Any, asked: Retrieval) -> dict[str, Any]:
    sizes = np.array([len(own) for own in asked.right])
    out: dict[str, Any] = {
        "name": name,
        "top1": float(hits(order, asked.right, 1).mean()),
        "hit_any_3": float(hits(order, asked.right, 3).any(axis=1).mean()),
    }
    for cut in CUTS:
        out[f"recall_{cut}"] = float((hits(order, asked.right, cut).sum(axis=1) / sizes).mean())
    first = [set(row[:n]) for row, n in zip(order.tolist(), sizes.tolist(), strict=True)]
    out["exact_at_size"] = float(np.mean([found == own for found, own in zip(first, asked.right, strict=True)]))
    return out

"""What a label is worth for a text, learned from examples and from what is said of the labels.

Formula: f(v) = k(v, U) (K + lam I)^-1 Y, with U the examples and, after them, the descriptions, each an example of its
label; Y is 1 where the label is right. A label l without any example has f_l(v) + 2 (cos(v, d_l) - cos(v, d_b)) + .2,
with d_l the nearest of its descriptions and b the best label that has examples: so it is chosen where a text is far
from all examples and nearer to its description than to that of the best.
Source: kernel ridge regression (see ``routing.kernel``) beside retrieval; the sum and its constants are our default,
chosen by cross-validation on public development sets of intents and tools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.contests.features import Singles
from orchestra.evaluation.outcomes import Bools, Floats, Ints
from orchestra.routing.learners.kernel import backward, factored, forward, predicted, rbf

GAMMA, LAM = 0.5, 0.1
DESCRIBED, NEW = 2.0, 0.2
NEVER = -1.0
TOGETHER = 2000


class Described(NamedTuple):
    """Vectors of what is said of labels: ``owner`` is the place of the label. Shapes: (j, d), (j,)."""

    vectors: Singles
    owner: Ints

    def near(self, x: Singles, k: int) -> Floats:
        """The cosine of the nearest text of each label, -1 where nothing is said of it. Shapes: (m, d) -> (m, k)."""
        out = np.full((len(x), k), NEVER)
        for start in range(0, len(x), TOGETHER):
            part = x[start : start + TOGETHER] @ self.vectors.T
            for place in np.unique(self.owner):
                out[start : start + TOGETHER, place] = part[:, self.owner == place].max(axis=1)
        return out


class Learned(NamedTuple):
    """``new`` are the labels without examples; ``half`` is L^-1 Y and ``reach`` L^-1 k(U, V), with L L^T = K + lam I
    and V the texts that will be asked.

    Shapes: ``rows`` (n, d), ``weights`` (n, k), ``new`` (k,), ``half`` (n, k), ``reach`` (n, m).
    """

    rows: Singles
    weights: Singles
    described: Described
    new: Bools
    half: Singles
    reach: Singles

    def scores(self, x: Singles) -> Floats:
        """Shapes: (m, d) -> (m, k)."""
        out = np.asarray(predicted(x, self.rows, self.weights, GAMMA)[0], dtype=np.float64)
        return with_new(out, self.described.near(x, out.shape[1]), self.new)


def with_new(scores: Floats, near: Floats, new: Bools) -> Floats:
    """The scores, with what nearness to its descriptions gives a label without examples. Shapes: (m, k) twice, (k,)."""
    out = scores.copy()
    if new.any() and not new.all() and (near > NEVER).any():
        best = np.take_along_axis(near, np.where(new, -np.inf, out).argmax(axis=1)[:, None], axis=1)
        best = np.where(best > NEVER, best, near[:, ~new].max(axis=1, keepdims=True))
        out[:, new] += DESCRIBED * (near[:, new] - best) + NEW
    return out


def learn(x: Singles, y: Singles, described: Described, asked: Singles | None = None) -> Learned:
    """From examples and descriptions; with ``asked``, what ``informed`` needs besides.

    Shapes: x (n, d), y (n, k) of 0 and 1, asked (m, d). Raises: BadDefinition for no rows.
    """
    if not len(x) or len(x) != len(y):
        raise BadDefinition(
            f"{len(x)} examples with {len(y)} targets are nothing to learn from.",
            remedy="Give rows, and one target for each.",
        )
    rows, targets = x, y
    if len(described.owner):
        rows = np.vstack([x, described.vectors])
        targets = np.vstack([y, np.eye(y.shape[1], dtype=np.float32)[described.owner]])
    lower = factored(rbf(rows, rows, GAMMA), LAM)
    half = forward(lower, targets)
    reach = forward(lower, rbf(rows, rows[:0] if asked is None else asked, GAMMA))
    return Learned(rows, backward(lower, half), described, y.sum(axis=0) == 0, half, reach)


def informed(model: Learned, asked: Singles, y: Singles, near: Floats, part: Ints) -> Floats:
    """The scores of texts by what learned from all that ``model`` did and from the asked texts of the other parts.

    It is the solution on the rows U and O together, in blocks: with f the plain scores and S = k(V, V) + lam I -
    k(V, U) (K + lam I)^-1 k(U, V) over the asked texts V, part T is given f_T + S_TO S_OO^-1 (y - f)_O.

    Shapes: asked (m, d), those that ``model`` was told of; y, near (m, k'), with columns for labels that it never met
    behind its own; part (m,). Returns (m, k').
    """
    more = y.shape[1] - len(model.new)
    f: Singles = np.pad(model.reach.T @ model.half, ((0, 0), (0, more)))
    s = rbf(asked, asked, GAMMA)
    s -= model.reach.T @ model.reach
    out, unknown = f.astype(np.float64), np.pad(model.new, (0, more), constant_values=True)
    for mine in (part == one for one in np.unique(part)):
        others = ~mine
        if others.any():
            lower = factored(s[np.ix_(others, others)], LAM)
            out[mine] += s[np.ix_(mine, others)] @ backward(lower, forward(lower, (y - f)[others]))
        out[mine] = with_new(out[mine], near[mine], unknown & (y[others].sum(axis=0) == 0))
    return out


def universe(labels: Sequence[frozenset[str]], label_to_texts: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All that can be chosen: those with examples and those that are described."""
    return tuple(sorted({*label_to_texts, *(one for own in labels for one in own)}))


def targets(labels: Sequence[frozenset[str]], names: Sequence[str]) -> NDArray[np.float32]:
    """1 where a label is right; labels that are none of ``names`` are left out. Shapes: (n, k)."""
    place = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(labels), len(names)), dtype=np.float32)
    for row, own in enumerate(labels):
        out[row, [place[one] for one in own if one in place]] = 1.0
    return out


def said(label_to_texts: Mapping[str, Sequence[str]], names: Sequence[str]) -> tuple[list[str], Ints]:
    """The texts that describe labels and, for each, the place of its label among ``names``."""
    pairs = [(text, place) for place, name in enumerate(names) for text in label_to_texts.get(name, ())]
    return [text for text, _ in pairs], np.array([place for _, place in pairs], dtype=np.intp)


def parted(groups: Sequence[str], seed: int, parts: int = 5) -> Ints:
    """A part for each row, the same for rows of one group. Shapes: (n,)."""
    names, place = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return np.asarray(order[place.reshape(-1)] % parts, dtype=np.intp)

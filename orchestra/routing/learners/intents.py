"""How much of each task type is in a question: weights that are not negative and sum to 1.

Formula: w_t = softmax over t of cos(x, c_t) / temperature, with c_t the mean of the type's examples.
Source: AMRO-S, arXiv:2603.12933, has a small model that was tuned to name the types; similarity is our default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from orchestra.core.decision import Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.embedder import Embedder


class Intents(Protocol):
    """Tells task types apart. ``weights`` is pure, and the same for a question and for the record of its answer.

    Shapes: ``weights`` returns one number for each of ``types``.
    """

    @property
    def types(self) -> tuple[str, ...]: ...

    def weights(self, asked: Decide | Decision, /) -> Sequence[float]: ...


class General:
    """One type for all tasks."""

    types = ("general",)

    def weights(self, asked: Decide | Decision, /) -> tuple[float, ...]:
        """The whole weight on it."""
        return (1.0,)


class Exemplars:
    """Types known by examples: texts, or vectors in the space of x.

    Texts need the ``embedder`` that the team itself uses, so that both lie in one space; a leading constant in x is
    left out. An x without any feature belongs to all types alike.

    Shapes: a vector (d,), x (d,) or (1 + d,).
    Raises: BadDefinition for no types, a type without examples, texts without an embedder, or another d; BadNumber.
    Source: see the module; temperature .1 is our default.
    """

    def __init__(
        self,
        type_to_examples: Mapping[str, Sequence[str | Sequence[float]]],
        embedder: Embedder | None = None,
        *,
        temperature: float = 0.1,
    ) -> None:
        if not 0.0 < temperature < math.inf:
            raise BadNumber(f"temperature={temperature!r}.", remedy="Give a positive number; .1 is the default.")
        if not type_to_examples or not all(type_to_examples.values()):
            raise BadDefinition("Every task type needs an example.", remedy="Give a text or a vector for each.")
        self.types = tuple(type_to_examples)
        self.temperature = float(temperature)
        self._centres = [_unit(_mean(name, examples, embedder)) for name, examples in type_to_examples.items()]
        if len({len(centre) for centre in self._centres}) > 1:
            raise BadDefinition("The examples have different numbers of features.", remedy="Use one embedder for all.")

    def weights(self, asked: Decide | Decision, /) -> tuple[float, ...]:
        """By the similarity of x. Raises BadDefinition for an x of another dimension."""
        d, x = len(self._centres[0]), asked.x
        if len(x) == d + 1:
            x = x[1:]
        if len(x) not in (0, d):
            raise BadDefinition(
                f"The task types have examples with {d} features, the question has {len(x)}.",
                remedy="Give the examples' texts with the embedder that the team uses.",
            )
        v = _unit(x)
        near = [math.fsum(a * b for a, b in zip(centre, v, strict=False)) for centre in self._centres]
        top = max(near)
        shares = [math.exp((one - top) / self.temperature) for one in near]
        total = math.fsum(shares)
        return tuple(share / total for share in shares)


def _mean(name: str, examples: Sequence[str | Sequence[float]], embedder: Embedder | None) -> list[float]:
    if embedder is None and any(isinstance(one, str) for one in examples):
        raise BadDefinition(
            f"The task type {name!r} has texts as examples and there is no embedder.",
            remedy="Pass the embedder that the team uses, or vectors.",
        )
    rows = [_unit(embedder.embed(one) if embedder and isinstance(one, str) else _numbers(one)) for one in examples]
    if len({len(row) for row in rows}) > 1:
        raise BadDefinition(f"The examples of {name!r} differ in length.", remedy="Use one embedder for all.")
    return [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]


def _numbers(vector: str | Sequence[float]) -> list[float]:
    values = [float(value) for value in vector]
    if not all(map(math.isfinite, values)):
        raise BadNumber("An example's vector is not finite.", remedy="Check the embedder.")
    return values


def _unit(vector: Sequence[float]) -> list[float]:
    """Its direction; zeros where it has none."""
    length = math.sqrt(math.fsum(float(value) ** 2 for value in vector))
    return [float(value) / length if length else 0.0 for value in vector]

"""What makes a team's features: an embedder by name or as an object, and whether its learned state is of the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestra.core.call import Call
from orchestra.core.decision import Decide
from orchestra.core.errors import BadDefinition, NoEffect
from orchestra.core.outcome import failed
from orchestra.models.embeddings import remote_of
from orchestra.ports.embedder import Embedder, Remote
from orchestra.ports.router import Lesson, Router, Terms
from orchestra.ports.store import Store
from orchestra.routing.decide import Deciding
from orchestra.routing.features import Maker

LOCAL = frozenset({"hashed", "minilm", "complexity", "structure", "onnx", "hub"})
# The rarity of words follows the catalogue, whose changes do not make another space of the vectors.
RARITY = re.compile(r"(-idf)-[0-9a-f]{8}")
COUNT = "lessons"


def embedding_of(given: Any) -> tuple[Embedder | Remote | Maker | None, dict[str, int | None]]:
    """The embedder, None for the default one, and the models that it calls, each with its dimensions if declared.

    Raises: BadDefinition, UnknownName, LocalModelMissing, ExtraMissing.
    """
    made: Any = given
    if isinstance(given, str):
        word, colon, _ = given.strip().partition(":")
        if given == "hashed":
            made = None
        elif word == "policy":
            from orchestra.app.carried import in_policy

            made = in_policy(given.strip().removeprefix("policy:"))
        elif colon and "+" not in word and word not in LOCAL:
            made = remote_of(given)
        else:
            from orchestra.embeddings.registry import maker

            made = maker(given)
    elif not isinstance(given, Remote) and not all(hasattr(given, part) for part in ("name", "d", "embed")):
        raise BadDefinition(f"embedder={given!r} is no embedder.", remedy="Give a name, or one with name, d and embed.")
    return made, {made.name: made.d} if isinstance(made, Remote) else {}


def refuse_embedders(names: Sequence[str], embedders: Mapping[str, int | None]) -> None:
    """Raises BadDefinition where a model that agents are to be answered by is the team's embedder."""
    wrong = next((name for name in names if name in embedders), None)
    if wrong is not None:
        raise BadDefinition(f"{wrong!r} is the team's embedder: it makes no text.", remedy="Name another model.")


def decision_asked(deciding: Deciding) -> Call:
    """The Decide that a plan comes to if nothing is called before it. Raises StopIteration where it comes to none."""
    batch = next(deciding)
    while not (batch.calls and isinstance(batch.calls[0].target, Decide)):
        batch = deciding.send(tuple(failed(NoEffect("Nothing is called to look ahead.")) for _ in batch.calls))
    return batch.calls[0]


def family(marks: str) -> str:
    """What the vectors of two embedders must share to mean the same."""
    return RARITY.sub(r"\1", marks)


class Marks:
    """Which features a router's state was learned on: kept beside it in the store, under 'router/features'.

    ``features`` names those of the team. Routers that do not look at the task are not asked.
    """

    def __init__(self, router: Router, features: Callable[[], str]) -> None:
        self._policy, self._features = f"{router.name}/features", features
        self._looks = "query" in getattr(router, "terms", Terms()).uses

    def check(self, store: Store) -> None:
        """Raises BadDefinition where the state was learned on other features than the team's."""
        found = store.load_state(self._policy)
        if found and (mine := family(self._features())) not in found:
            raise BadDefinition(
                f"The state was learned on the features {', '.join(sorted(found))}; those of this team are {mine}.",
                remedy="Go back to the embedder it learned with, or start with a new state file.",
            )

    def add(self, store: Store, lessons: Sequence[Lesson]) -> None:
        """Counts the lessons that were on the team's features."""
        mine = family(self._features()) if self._looks and lessons else ""
        new = sum(family(lesson.decision.marks.partition(";")[0]) == mine for lesson in lessons)
        if new and mine:
            store.add_state(self._policy, {mine: {COUNT: new}}, _summed)


def _summed(old: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    return {COUNT: (old or {}).get(COUNT, 0) + new[COUNT]}

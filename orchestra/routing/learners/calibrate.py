"""A newcomer's ability by an adaptive test: each time the item that tells most at the ability it seems to have.

Formula: the next item is argmax a^2 p (1 - p) at the present theta; theta is the most probable one, see
``item_response.ability``. Source: RADAR, arXiv:2509.25426, where about 12 % of the items were enough; the rule is
Lord's of 1980. Stopping at a standard error of .2 is our default.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple

from orchestra.core.decision import Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Lesson
from orchestra.routing.learners.item_response import Ability, ItemModel, ability, information
from orchestra.routing.state.sums import reward_of

if TYPE_CHECKING:
    from orchestra.routing.learners.item_response import Array


class Calibrated(NamedTuple):
    """What came of it: the ability, and which items were asked with which outcomes."""

    ability: Ability
    items: tuple[int, ...]
    outcomes: tuple[float, ...]


def lessons_of(found: Calibrated, option: str, x: Array) -> list[Lesson]:
    """The test as rewards of the newcomer: ``IRT.learn`` makes the same ability of them, and a store hands them on.

    Shapes: ``x`` (n, d), the items that ``calibrate`` was given. Source: our default.
    """
    lessons = []
    for place, outcome in zip(found.items, found.outcomes, strict=True):
        decision = Decision(
            key=f"calibrated/{option}/{place}",
            capability="calibration",
            policy="calibrate",
            version=0,
            options=(Option(option),),
            chosen=(option,),
            probability=1.0,
            x=tuple(x[place].tolist()),
        )
        lessons.append(Lesson(decision, outcome))
    return lessons


def calibrate(
    model: ItemModel,
    x: Array,
    *,
    share: float = 0.12,
    error: float = 0.2,
    prior: Ability = Ability(),  # noqa: B008
) -> Generator[int, float, Calibrated]:
    """Yields the place of an item to give to the newcomer, and is sent its outcome, until the ability is known.

    It ends when the standard error is at most ``error`` or when ``share`` of the items, rounded up, were asked. It
    calls nothing itself: who drives it decides how an item is run and scored.

    Shapes: ``x`` (n, d), the items' features. Units: outcomes in [0, 1].
    Raises: BadDefinition for items of other features or none, BadNumber for outcomes outside [0, 1] and for a share
    or an error that is none.
    Source: see above; the share is RADAR's.
    """
    import numpy as np

    if x.ndim != 2 or not len(x) or x.shape[1] != len(model.w_a):
        raise BadDefinition(
            f"Items of the shape {x.shape} are no test for a model of {len(model.w_a)} features.",
            remedy="Give (n, d), made by the embedder of the model.",
        )
    if not (0.0 < share <= 1.0 and 0.0 <= error < math.inf):
        raise BadNumber(f"share={share!r}, error={error!r}.", remedy="Give a share in (0, 1] and an error from 0.")
    a, b = model.discrimination(x), model.difficulty(x)
    known, items, outcomes = prior, list[int](), list[float]()
    left = np.ones(len(x), dtype=np.bool_)
    while len(items) < math.ceil(share * len(x)) and known.error > error:
        told = np.where(left, information(a, b, known.theta), -1.0)
        place = int(told.argmax())
        outcomes.append(reward_of((yield place), "outcome"))
        items.append(place)
        left[place] = False
        known = ability(a[items], b[items], np.array(outcomes), prior)
    return Calibrated(known, tuple(items), tuple(outcomes))

"""A set of one to k options, or out of scope: every option whose evidence is close enough to the best, without a model.

Formula: the score of an option is (m s + sum of w_i r_i) / (m + sum of w_i), w_i = max(0, cos(x, x_i))^p, over its
rewarded examples (x_i, r_i); s is the similarity of the task to its description and examples. The set is the first k
with score >= best - gap; out of scope is best - (the score of out of scope) < level. Both thresholds are conformal.
Source: what is decided is TCAR's (arXiv:2601.04544), the thresholds are those of ``conformal``; the score, a
Nadaraya-Watson mean whose prior is the similarity, and its constants m = 1, p = 8 are our defaults.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import OOS, Decide, Decision
from orchestra.core.errors import BadDefinition, BadNumber, NoProvider
from orchestra.ports.router import Terms
from orchestra.routing.members import members
from orchestra.routing.several.conformal import OOS_SHARE, Thresholds, alpha_of, rows_needed, thresholds
from orchestra.routing.state.calibration import MOST_CELLS, Calibration, Promise, Rows, from_plain, rows_of, to_plain
from orchestra.routing.state.calibration import add_plain as later
from orchestra.routing.state.examples import SAMPLE, dimension, same_features
from orchestra.routing.state.examples import from_plain as examples_of
from orchestra.routing.state.learner import Learner
from orchestra.routing.state.recall import Recall
from orchestra.routing.state.sums import NO_CONTEXT, SHARED, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Rounded = NDArray[np.float32]

Labelled = tuple[Decide | Decision, Collection[str]]
"""A question, or the record of one, and the names of those that are right for it; none for out of scope."""


class Standing(NamedTuple):
    """How the options of a question compare, by place.

    ``close`` are those within the gap, best first; ``evidence`` is that for anybody at all. ``outside``: out of scope.
    """

    place_to_score: dict[int, float]
    close: list[int]
    evidence: float
    outside: bool


class Sets(Learner[Recall]):
    """Learns from the rewards of members, as single examples: at most ``cap`` of each option, merged by decision.

    Until ``calibrate`` was called ``gap`` and ``level`` are defaults that promise nothing. A question says how many may
    be chosen (``most``), and whether out of scope is offered, by an option of that name; where it allows one, the best
    is chosen. So a newcomer is routable by its description alone, and no parameter changes.

    The floor gives every option but out of scope a known chance: with probability ``floor`` one is drawn, all equally
    likely, and takes the place of the set's last member, or of out of scope. To refuse at random would teach nothing.
    The ``probability`` of the record is that of the whole set, that of an option its chance to be in it.

    Shapes: ``Decide.x`` (d,), any d, the same from then on; an empty one counts as (1,).
    Raises: BadNumber for rewards outside [0, 1]; BadDefinition for contexts of another dimension than it learned on.
    Source: the module's; gap .1, level .1, cap 200 and the floor of .02 are our defaults.
    """

    terms = Terms(uses=frozenset({"query", "similarity"}))
    sets = True

    def __init__(
        self,
        name: str = "set",
        *,
        gap: float = 0.1,
        level: float = 0.1,
        sharpness: float = 8.0,
        prior_weight: float = 1.0,
        cap: int = 200,
        floor: float = 0.02,
    ) -> None:
        if not (gap >= 0.0 and math.isfinite(level) and 0.0 < sharpness < math.inf and 0.0 < prior_weight < math.inf):
            raise BadNumber(
                f"gap={gap!r}, level={level!r}, sharpness={sharpness!r}, prior_weight={prior_weight!r}.",
                remedy="gap must not be below 0, level finite, the others above 0 and finite.",
            )
        super().__init__(name, Recall(cap, SAMPLE), floor)
        self.thresholds = self._usual = Thresholds(float(gap), float(level))
        self.calibration: Calibration | None = None
        self._mine: Calibration | None = None
        self._unsaved = False
        self._sharpness, self._prior_weight = float(sharpness), float(prior_weight)
        self._option_to_known: dict[str, tuple[Rounded, Array]] = {}

    @property
    def promise(self) -> Promise | None:
        """None until it was calibrated."""
        return None if self.calibration is None else self.calibration.promise

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        standing = self.standing(question)
        usual = [_out(question)] if standing.outside else standing.close[: question.most]
        return members(
            question,
            key,
            rng,
            policy=(self.name, self.version),
            usual=usual,
            floor=self.floor,
            scores=standing.place_to_score,
            why=self._why(standing, question),
        )

    def standing(self, question: Decide | Decision) -> Standing:
        """How the options compare. Raises NoProvider where none but out of scope is eligible."""
        import numpy as np

        options = question.options
        places = [p for p, option in enumerate(options) if option.filtered is None and option.name != OOS]
        if not places:
            raise NoProvider(f"Every option for {question.capability!r} is filtered, or there is none.")
        x = self._direction(question)
        known = self._option_to_known  # who was never rewarded is worth its similarity, without an array
        scores = {
            p: float(self._worth(options[p].name, x, np.array([options[p].similarity]))[0])
            if options[p].name in known
            else options[p].similarity
            for p in places
        }
        ranked = sorted(places, key=lambda p: (-scores[p], p))
        best = scores[ranked[0]]
        evidence = best - float(self._worth(OOS, x, np.zeros(1))[0])
        offered = any(option.name == OOS and option.filtered is None for option in options)
        close = [p for p in ranked if best - scores[p] <= self.thresholds.gap]
        return Standing(scores, close, evidence, offered and evidence < self.thresholds.level)

    def _why(self, standing: Standing, question: Decide) -> str:
        gap, level = self.thresholds
        if standing.outside:
            why = f"out of scope: the evidence {standing.evidence:.3f} is below {level:.3f}"
        else:
            why = f"{min(len(standing.close), question.most)} of {len(standing.close)} within {gap:.3f} of the best"
        if self.promise is None or not math.isfinite(gap):
            return f"{why}; without a promise"
        return f"{why}; calibrated for a coverage of {1.0 - self.promise.alpha:.2f}"

    def _direction(self, question: Decide | Decision) -> Array:
        """Shapes: returns (1, d), of length 1 or 0."""
        import numpy as np

        x = vector(question.x or NO_CONTEXT, self._memory.d)
        norm = float(np.linalg.norm(x))
        return (x / norm if norm else x)[None, :]

    def _worth(self, option: str, x: Array, similarity: Array) -> Array:
        """The scores of one option. Shapes: ``x`` (n, d), ``similarity`` (n,); returns (n,)."""
        import numpy as np

        known = self._option_to_known.get(option)
        if known is None:
            return similarity
        directions, values = known
        weights = np.maximum(x.astype(np.float32) @ directions.T, 0.0).astype(np.float64) ** self._sharpness
        worth: Array = (self._prior_weight * similarity + weights @ values) / (self._prior_weight + weights.sum(axis=1))
        return worth

    # calibration

    def calibrate(
        self, rows: Sequence[Labelled], *, alpha: float = 0.1, oos_alpha: float | None = None, most: int = 3
    ) -> Thresholds:
        """Sets the thresholds so that, on tasks that somebody is there for and that come from where these rows come
        from, all who are right are in the set with probability 1 - alpha at least.

        The rows must not be what the router learned from, nor examples of the agents: only then are they like fresh
        tasks. Those without a right option are left out. ``oos_alpha`` is the part of alpha for tasks turned away,
        a fifth by default. The rows are part of the state, and the thresholds follow when the router learns: a store
        keeps them with the next rewards, a policy file holds them, and of two calibrations the later one holds.

        Raises: BadNumber for too few rows, and where no set of that size keeps the promise; BadDefinition for a row
        that is none. Then nothing has changed.
        """
        least = alpha_of(alpha) * OOS_SHARE if oos_alpha is None else alpha_of(oos_alpha)
        if isinstance(most, bool) or most < 1:
            raise BadNumber(f"most={most!r} is no number of options.", remedy="Give a whole number from 1.")
        for _, right in rows:
            if isinstance(right, str):
                raise BadDefinition(f"The row's names are the text {right!r}.", remedy=f"Write {{{right!r}}}.")
        inside = [(question, frozenset(right) - {OOS}) for question, right in rows]
        inside = [(question, right) for question, right in inside if right]
        needed = max(rows_needed(least), rows_needed(alpha - least) if least < alpha else 1)
        if len(inside) < needed:
            raise BadNumber(
                f"{len(inside)} calibration rows with a right option; alpha={alpha:g} needs {needed}.",
                remedy="Give more, or raise alpha or oos_alpha.",
            )
        made = self._read(inside)
        if len(inside) * max(made.x.shape[1], len(made.names)) > MOST_CELLS:
            raise BadNumber(
                f"{len(inside)} calibration rows are more than a state may hold.",
                remedy="Give fewer: a few thousand make the coverage sharp.",
            )
        promise = Promise(alpha, least, most, len(inside))
        found = _found(made, promise)
        if not math.isfinite(found.gap):
            raise BadNumber(
                f"No set of at most {most} keeps a coverage of {1.0 - alpha:g}: too often one who is right is not "
                f"among the first {most}.",
                remedy="Raise most or alpha, or give the agents better descriptions and examples.",
            )
        at = 1 if self.calibration is None else self.calibration.at + 1
        self.calibration = self._mine = Calibration(at, promise, made)
        self._unsaved = True
        self.thresholds, self._memory.d = found, made.x.shape[1]
        return found

    def state(self) -> dict[str, Any]:
        """Everything learned, option by option, and the calibration, as JSON values."""
        return super().state() | ({} if self.calibration is None else {SHARED: to_plain(self.calibration)})

    def delta(self) -> dict[str, Any]:
        """What is new since the last call; a store adds it with ``sums.add_plain``."""
        new, self._unsaved = self.calibration if self._unsaved else None, False
        return super().delta() | ({} if new is None else {SHARED: to_plain(new)})

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        rest = {option: data for option, data in state.items() if option != SHARED}
        held, mine = state.get(SHARED), self._mine
        made = None if held is None else from_plain(held)
        if mine is not None and self._unsaved and made is not None and held != to_plain(mine):
            # What is in no store yet was made after all that is in this one.
            mine = self._mine = mine._replace(at=max(mine.at, made.at + 1))
        # What was made here and is not in the state could not be written: it is handed out again.
        unsaved = mine is not None and later(held, to_plain(mine)) != held
        made = mine if unsaved else made
        if made is not None:
            known = [*map(examples_of, rest.values()), *self._memory.pending]
            same_features({made.rows.x.shape[1], *map(dimension, known)})
        before, self.calibration = self.calibration, made
        try:
            super().load(rest)
        except Exception:
            self.calibration = before
            raise
        self._unsaved = unsaved

    def _read(self, rows: Sequence[tuple[Decide | Decision, frozenset[str]]]) -> Rows:
        import numpy as np

        x = np.concatenate([self._direction(question) for question, _ in rows])
        offered = (o.name for question, _ in rows for o in question.options if o.name != OOS)
        names = list(dict.fromkeys([*offered, *(name for _, right in rows for name in sorted(right))]))
        column = {name: j for j, name in enumerate(names)}
        similarity = np.full((len(rows), len(names)), -np.inf)
        truths = np.zeros(similarity.shape, dtype=np.bool_)
        for i, (question, right) in enumerate(rows):
            for option in question.options:
                if option.filtered is None and option.name != OOS:
                    similarity[i, column[option.name]] = option.similarity
            truths[i, [column[name] for name in right]] = True
        if not np.isfinite(similarity.max(axis=1)).all():
            raise BadDefinition(
                "A calibration row has no option that may be chosen.",
                remedy="Give rows with an option that is not filtered.",
            )
        return self._scored(rows_of(names, x, similarity, truths), [*names, OOS])

    def _scored(self, rows: Rows, options: Iterable[str]) -> Rows:
        """The same with the scores of these options as they are now."""
        import numpy as np

        against = rows.against
        for option in options:
            if option == OOS:
                against = self._worth(OOS, rows.x, np.zeros(len(rows.x)))
            elif option in rows.names:
                j = rows.names.index(option)
                rows.scores[:, j] = self._worth(option, rows.x, rows.similarity[:, j])
        return rows._replace(against=against)

    def _follow(self, changes: set[str]) -> None:
        """The examples of an option in one piece, and the thresholds."""
        import numpy as np

        for option in changes & self._memory.totals.keys():
            known = self._memory.totals[option].known()
            if known:
                rows = np.array([example.x for example in known], dtype=np.float32)
                norms = np.linalg.norm(rows, axis=1, keepdims=True)
                rows /= np.where(norms > 0.0, norms, 1.0)
                self._option_to_known[option] = rows, np.array([e.value for e in known])
        self._recalibrate(changes)

    def _restart(self) -> None:
        self._option_to_known, self.thresholds = {}, self._usual
        if self.calibration is not None:
            self._memory.d = self.calibration.rows.x.shape[1]
            self._follow({*self._memory.totals, *self.calibration.rows.names, OOS})
        else:
            self._follow(set(self._memory.totals))

    def _recalibrate(self, changes: set[str]) -> None:
        if changes and self.calibration is not None:
            same_features({self._memory.d, self.calibration.rows.x.shape[1]})
            self.calibration = self.calibration._replace(rows=self._scored(self.calibration.rows, changes))
            self.thresholds = _found(self.calibration.rows, self.calibration.promise)


def _found(rows: Rows, promise: Promise) -> Thresholds:
    alpha, oos_alpha, most, _ = promise
    return thresholds(rows.scores, rows.truths, rows.against, alpha=alpha, oos_alpha=oos_alpha, most=most)


def _out(question: Decide) -> int:
    return next(place for place, option in enumerate(question.options) if option.name == OOS)

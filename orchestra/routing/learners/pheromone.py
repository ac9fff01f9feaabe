"""AMRO-S: an ant colony. Good paths leave trails, one matrix for each task type, and later tasks follow them by chance.

Formula: tau[i, j] = sum_t w_t(q) tau^t[i, j]; P(j | i) proportional to tau[i, j]^alpha eta_j^beta, with
eta_j = l_A norm(ability_j) + l_L norm(1 / (load_j + 1)) + l_R norm(1 / (latency_j + 1 s)), norm dividing by the largest
among those that may be chosen. A good answer (g = 1) deposits on each edge of its path, for each type t:
tau^t <- (1 - rho w_t) tau^t + w_t Q / (f + 1), with f the cost of the path; another (g = 0) changes nothing.
Source: AMRO-S, arXiv:2603.12933, which is an Ant System (Dorigo et al. 1996) with one matrix for each task type; the
bounds tau_min and tau_max are those of MMAS (Stuetzle and Hoos 2000). No constant of AMRO-S was found: all of them are
our defaults, and so is that a type evaporates by its share w_t (there by rho whatever the share, so that tasks of one
type would wipe out what is known of another), and Q = rho, so that tau lies in [0, 1].
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import mul
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.ports.router import Lesson, Terms
from orchestra.routing.floor import eligible_of, floor_of, record
from orchestra.routing.learners.intents import General, Intents
from orchestra.routing.made import Made
from orchestra.routing.state.sums import reward_of
from orchestra.routing.state.trails import PATH, Ground, Place, Trail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Evaporate = Literal["rivals", "visited"]
NOTHING = 1e-12
"""What takes the place of an eta of zero, so that there is always a probability."""


class Ant(NamedTuple):
    """How a step is drawn. ``ability``, ``load`` and ``latency`` are the lambdas of eta."""

    alpha: float = 1.0
    beta: float = 2.0
    ability: float = 0.6
    load: float = 0.2
    latency: float = 0.2


class Soil(NamedTuple):
    """How trails form. ``gate`` is the least reward that is good, ``memory`` how many deposits an edge keeps."""

    rho: float = 0.2
    gate: float = 0.5
    tau_0: float = 0.2
    tau_min: float = 0.01
    tau_max: float = 1.0
    memory: int = 100


class Pheromone(Made):
    """Draws each step by the trails that lead on from the node before it, and by what is known of the options.

    A trail leads from ``Decide.previous`` to an option, for a capability. An edge that was never rewarded has tau_0;
    what was tried evaporates with each deposit. ``evaporate`` "rivals": a deposit evaporates every known edge that
    leaves the same node for the same capability, so tau is the discounted share of the good answers that went this way,
    and a node that fails fades. "visited": only the edges of the path evaporate, as the published rule can be read; a
    node that was good once keeps its trail for ever, as failures change nothing. The bounds hold where tau is read.
    The ability of an option is its prior, or what ``abilities`` says for the task types. f is the mean over the path of
    its cost, as a share of the dearest option's in the record, and its latency, as one of the slowest's and 1 s: it
    lies in [0, 1].
    Deposits are ordered by the version with which they were decided: any number of processes may learn. Several
    sources that call one decision good make one deposit. The cost of a step decided alone is the step's.
    Every eligible option has floor / K beside 1 - floor of its P.

    Raises: BadNumber for constants out of range and rewards outside [0, 1]; BadDefinition.
    Source: see the module; alpha 1, beta 2, the lambdas .6, .2, .2, rho .2, the gate .5, tau_0 .2, the
    bounds .01 and 1, "rivals", 100 deposits and the floor of .02 are our defaults.
    """

    learns = True
    walks = True
    terms = Terms(when="during", uses=frozenset({"query", "prior", "cost", "latency", "load", "history"}))

    def __init__(
        self,
        name: str = "pheromone",
        *,
        intents: Intents | None = None,
        abilities: Mapping[str, Mapping[str, float]] | None = None,
        ant: Ant = Ant(),  # noqa: B008
        soil: Soil = Soil(),  # noqa: B008
        evaporate: Evaporate = "rivals",
        floor: float = 0.02,
    ) -> None:
        _check(ant, soil)
        if evaporate not in ("rivals", "visited"):
            raise BadDefinition(f"evaporate={evaporate!r}.", remedy="Say 'rivals' or 'visited'.")
        self.name, self.floor, self.version = name, floor_of(floor), 0
        self.intents: Intents = intents or General()
        self.ant, self.soil, self.evaporate = ant, soil, evaporate
        self._abilities = abilities
        self._ground = Ground(self.intents.types, soil.memory, self._good, self._left)
        self._row_to_tau: dict[Place, dict[str, Array]] = {}

    def pulls(self, option: str, /) -> int:
        return self._ground.pulls(option)

    def tau(self, capability: str, previous: str, option: str) -> tuple[float, ...]:
        """The edge's pheromone, one number for each task type, within its bounds."""
        return self._bounded(self._row_to_tau.get((capability, previous), {}).get(option))

    def choose(self, question: Decide, key: str, rng: random.Random, /) -> Decision:
        """Pure in (state, question, rng). Raises NoProvider where no option is eligible."""
        places, pulls, chances = *self._asked(question), self._chances(question)
        share = self.floor / len(places)
        full = [share + (1.0 - self.floor) * chances[place] for place in places]
        place = rng.choices(places, full)[0]
        untried = not pulls[place]
        why = "drawn by the trails that lead here" if any(pulls.values()) else "drawn by ability: no trail leads here"
        return record(
            question,
            key,
            place,
            policy=(self.name, self.version),
            chances=chances,
            floor=self.floor,
            scores=chances,
            reason=(f"{why}; never tried" if untried else why, untried or chances[place] < max(chances.values())),
        )

    def walk(self, layers: Sequence[Decide], key: str, rng: random.Random) -> Decision:
        """One path through the layers, drawn step by step, as one decision.

        ``probability`` is that of the whole path, the product of its steps with their floors; each option has the
        probability that a path leads through it. The first layer says what it goes on from.
        Raises: BadDefinition for no layers, NoProvider where a layer has no eligible option.
        """
        if not layers:
            raise BadDefinition("A path needs a layer.", remedy="Give a question for each step.")
        reached, previous = {layers[0].previous: 1.0}, layers[0].previous
        options: list[Option] = []
        steps: list[Decision] = []
        for layer in layers:
            steps.append(self.choose(replace(layer, previous=previous), key, rng))
            onto = [0.0] * len(layer.options)
            for before, chance in reached.items():
                for place, step in self._floored(replace(layer, previous=before)).items():
                    onto[place] += chance * step
            reached = {option.name: p for option, p in zip(layer.options, onto, strict=True) if p}
            marginal = zip(steps[-1].options, onto, strict=True)
            options += [option if option.filtered else option._replace(probability=p) for option, p in marginal]
            previous = steps[-1].chosen[0]
        return replace(
            steps[0],
            capability=PATH.join(layer.capability for layer in layers),
            options=tuple(options),
            chosen=tuple(step.chosen[0] for step in steps),
            probability=math.prod(step.probability or 0.0 for step in steps),
            explored=any(step.explored for step in steps),
            reason="drawn layer by layer",
        )

    def _asked(self, question: Decide) -> tuple[list[int], dict[int, int]]:
        """The places that may be chosen, and how many rewards each edge to them has had."""
        places, place = eligible_of(question), (question.capability, question.previous)
        trails = self._ground.totals
        nothing = Trail(memory=1)
        return places, {i: trails.get(question.options[i].name, {}).get(place, nothing).pulls for i in places}

    def _floored(self, question: Decide) -> dict[int, float]:
        chances = self._chances(question)
        return {place: self.floor / len(chances) + (1.0 - self.floor) * p for place, p in chances.items()}

    def _chances(self, question: Decide) -> dict[int, float]:
        """P(j | i) of each eligible place."""
        weights, (alpha, beta) = self._weights(question), self.ant[:2]
        row = self._row_to_tau.get((question.capability, question.previous), {})
        places, options = eligible_of(question), question.options
        eta = self._eta([options[place] for place in places], weights)
        attraction = []
        for place, desire in zip(places, eta, strict=True):
            tau = sum(map(mul, weights, self._bounded(row.get(options[place].name))))
            attraction.append(tau**alpha * desire**beta)
        total = math.fsum(attraction)
        return {place: one / total for place, one in zip(places, attraction, strict=True)}

    def _bounded(self, tau: Array | None) -> tuple[float, ...]:
        low, high = self.soil.tau_min, self.soil.tau_max
        values = [self.soil.tau_0] * len(self.intents.types) if tau is None else tau.tolist()
        return tuple([min(max(value, low), high) for value in values])

    def _eta(self, options: Sequence[Option], weights: Sequence[float]) -> list[float]:
        """How desirable each option looks, whatever was learned."""
        ant = self.ant
        parts = (
            (ant.ability, [self._ability(option, weights) for option in options]),
            (ant.load, [1.0 / (option.in_flight + 1.0) for option in options]),
            (ant.latency, [1.0 / (option.latency_s + 1.0) for option in options]),
        )
        eta = [0.0] * len(options)
        for factor, values in parts:
            top = max(values) or 1.0
            eta = [sum_ + factor * value / top for sum_, value in zip(eta, values, strict=True)]
        return [max(value, NOTHING) for value in eta]

    def _ability(self, option: Option, weights: Sequence[float]) -> float:
        known = None if self._abilities is None else self._abilities.get(option.name)
        if known is None:
            return option.prior
        return math.fsum(w * known.get(t, option.prior) for w, t in zip(weights, self.intents.types, strict=True))

    def _weights(self, asked: Decide | Decision) -> tuple[float, ...]:
        weights = tuple(float(w) for w in self.intents.weights(asked))
        if len(weights) != len(self.intents.types) or not all(0.0 <= w <= 1.0 for w in weights):
            raise BadDefinition(f"The weights {weights} are none of {self.intents.types}.", remedy="They sum to 1.")
        if abs(math.fsum(weights) - 1.0) > 1e-6:
            raise BadDefinition(f"The weights {weights} do not sum to 1.", remedy="Divide them by their sum.")
        return weights

    def _good(self, reward: float) -> bool:
        return reward_of(reward) >= self.soil.gate

    def _left(self, decision: Decision) -> tuple[float, tuple[float, ...]]:
        """What it deposits, and the weights of the task types."""
        options = {option.name: option for option in decision.options}
        chosen = [options[name] for name in decision.chosen if name in options]
        dearest = max((option.cost_nano for option in decision.options), default=0) or 1
        slowest = max((option.latency_s for option in decision.options), default=0.0) + 1.0  # so that no µs count
        shares = [0.5 * option.cost_nano / dearest + 0.5 * option.latency_s / slowest for option in chosen]
        cost = math.fsum(shares) / max(1, len(shares))
        return self.soil.rho / (cost + 1.0), self._weights(decision)

    def learn(self, lessons: Sequence[Lesson], /) -> None:
        """All of the lessons or, where one is bad, none."""
        changed = self._ground.learn(lessons)
        self.version = self._ground.version
        self._follow(changed)

    def state(self) -> dict[str, Any]:
        """Everything learned, option by option, as JSON values."""
        return self._ground.state()

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call; a store adds it with ``sums.add_plain``."""
        return self._ground.delta()

    def load(self, state: Mapping[str, Any], /) -> None:
        """Takes this state and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        self._ground.load(state)
        self.version = self._ground.version
        self._row_to_tau = {}
        self._follow(set(self._ground.rows()))

    def _follow(self, changed: set[Place]) -> None:
        for place in changed:
            row = {name: trails[place] for name, trails in self._ground.totals.items() if place in trails}
            each = [row] if self.evaporate == "rivals" else [{name: trail} for name, trail in row.items()]
            self._row_to_tau[place] = {name: tau for part in each for name, tau in self._laid(part).items()}

    def _laid(self, row: Mapping[str, Trail]) -> dict[str, Array]:
        """The pheromone of edges that evaporate together, each from the time when it was first tried. Shapes: (T,)."""
        import numpy as np

        types, start = len(self.intents.types), self.soil.tau_0
        parts = [trail.columns() for trail in row.values()]
        owner = np.repeat(np.arange(len(parts)), [len(part.at) for part in parts])
        if not len(owner):
            return {name: np.full(types, start) for name in row}
        at, ids, amounts = (np.concatenate([part[i] for part in parts]) for i in range(3))
        weights = np.concatenate([part.weights.reshape(-1, types) for part in parts])
        order = np.lexsort((ids, at))
        at, owner, weights = at[order], owner[order], weights[order]
        fading = np.log1p(-self.soil.rho * weights)
        left = np.cumsum(fading[::-1], axis=0)[::-1]  # of what was there before each deposit
        added = np.exp(left - fading) * weights * amounts[order, None]
        sums = np.stack([np.bincount(owner, added[:, t], len(parts)) for t in range(types)], axis=1)
        name_to_tau = {}
        for number, (name, trail) in enumerate(row.items()):
            since = len(at) if trail.since is None else int(np.searchsorted(at, trail.since))
            name_to_tau[name] = sums[number] + start * (np.exp(left[since]) if since < len(at) else 1.0)
        return name_to_tau


def _check(ant: Ant, soil: Soil) -> None:
    if not all(0.0 <= value < math.inf for value in ant) or not sum(ant[2:]) > 0.0:
        raise BadNumber(f"{ant}.", remedy="All must be finite and at least 0, and one lambda more.")
    whole = isinstance(soil.memory, int) and not isinstance(soil.memory, bool) and soil.memory >= 1
    if not (0.0 < soil.rho < 1.0 and 0.0 <= soil.gate <= 1.0 and whole):
        raise BadNumber(f"{soil}.", remedy="rho lies in (0, 1), the gate in [0, 1], memory is at least 1.")
    if not 0.0 < soil.tau_min <= soil.tau_0 <= soil.tau_max < math.inf:
        raise BadNumber(f"{soil}.", remedy="It needs 0 < tau_min <= tau_0 <= tau_max.")

"""The plan that picks one node: constraints, screen, features, one Decide."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.core.call import Batch, Call, Filing, OneOf
from orchestra.core.catalog import Catalog
from orchestra.core.decision import OOS, Decide, Decision, Option, Step
from orchestra.core.errors import BudgetExceeded, NoProvider
from orchestra.core.outcome import Cancelled, Done, Failed, Outcome, Paused, cause_of
from orchestra.core.task import task_of, value_of
from orchestra.ports.binder import View
from orchestra.ports.embedder import Embedder, Remote
from orchestra.ports.health import Health
from orchestra.ports.router import Router
from orchestra.routing.constraints import (
    OVER_BUDGET,
    Candidate,
    Declared,
    Facts,
    Standing,
    candidate_of,
    declared,
    standing,
)
from orchestra.routing.features import Features, Maker, priors
from orchestra.routing.fetched import Fetched
from orchestra.routing.screen import screened

Deciding = Generator[Batch, tuple[Outcome, ...], Decision | Failed]
VERSIONS_KEPT = 16
OFFERS_KEPT = 64
NOBODY: Mapping[str, str] = {}


class Decider:
    """Asks one router, under the constraints of one process.

    ``candidate`` turns what is on offer into what is declared of it: where an expected cost is known better than the
    declared one, pass your own. It is not asked again for the same offers and has to depend on nothing else. ``keep``
    is the screen's L, None for no screen. ``d`` is the number of hashed features of x when no embedder is given; one
    may be given as what makes it of the catalogue's texts. A Remote one is asked by calls, before the Decide; where
    they fail, the features are those of a local embedder that failed.
    """

    def __init__(
        self,
        router: Router,
        health: Health,
        *,
        embedder: Embedder | Remote | Maker | None = None,
        d: int = 64,
        keep: int | None = 50,
        candidate: Callable[[Any], Candidate] = candidate_of,
    ) -> None:
        screened((), keep)
        self.router, self.health = router, health
        self._embedder = Fetched(embedder) if isinstance(embedder, Remote) else embedder
        self._d, self._keep, self._candidate = d, keep, candidate
        self._ids_to_declared: dict[tuple[int, ...], tuple[tuple[Any, ...], Declared]] = {}
        self._version_to_features: OrderedDict[int, Features] = OrderedDict()

    def for_call(self, call: Call, view: View, capability: str) -> Callable[[Sequence[Any], Failed | None], Deciding]:
        """``decide`` for one call and all its reroutes: what it chose before the failure it is told of is excluded."""
        excluded: dict[str, str] = {}
        chosen: list[str] = []
        step = call.target.step if isinstance(call.target, OneOf) else None

        def decide(offers: Sequence[Any], failure: Failed | None) -> Deciding:
            if failure is not None and chosen:
                # The kind alone: a message may quote the task, and decisions are kept where no content may be.
                excluded[chosen.pop()] = failure.cause.kind
            answer = yield from self.decide(
                offers, failure, capability=capability, value=call.input, view=view, excluded=dict(excluded), step=step
            )
            if isinstance(answer, Decision):
                chosen[:] = answer.chosen[:1]
            return answer

        return decide

    def decide(
        self,
        offers: Sequence[Any],
        failure: Failed | None = None,
        *,
        capability: str,
        value: Any,
        view: View,
        excluded: Mapping[str, str] = NOBODY,
        several: int = 0,
        step: Step | None = None,
    ) -> Deciding:
        """Yields one Decide, after a remote embedder's calls, and returns its Decision, or Failed where nobody may be
        chosen: then without yielding.

        With ``several``, so many may be chosen at most, or the option that stands for out of scope; of a router without
        ``sets`` that is one option, as ever. A router with ``asking`` may yield calls before: it is given the question,
        the task's value and the catalogue, and returns the question, answered or not, and the filings of what failed.

        ``offers`` are nodes, or anything else with a name; ``excluded`` are those that failed this call, each with the
        kind of its cause. The Failed's cause is a NoProvider that lists every reason; where a larger budget would help,
        it counts as BudgetExceeded too. A Decide that fails is returned as it is.
        """
        left = view.left_nano()
        facts = Facts(value=value_of(value), at=view.now(), left_nano=left, excluded=excluded)
        tries = self.router.pulls if getattr(self.router, "learns", True) else None
        found = standing(self._declared(offers), facts, self.health, tries)
        if None not in found.reasons:
            return _nobody(capability, found)
        features = self._features(view.catalog)
        asked = yield from features.asking(text := task_of(value).text, found.names, self._down(view))
        if isinstance(asked, Failed):
            return asked
        seen = features.of(text)
        near = features.similarities(seen, found.names)
        expected = priors(found.costs_nano, found.reasons, near)
        question = Decide(
            capability=capability,
            options=screened(found.options(expected, near), self._keep),
            x=seen.x,
            marks=features.marks(seen),
            budget_left_nano=left,
            because=failure.origin if failure is not None else None,
            previous=view.previous,
            step=step,
        )
        if several and getattr(self.router, "sets", False):
            nobody = Option(OOS, prior=0.0, tries=self.router.pulls(OOS))
            question = replace(question, options=(*question.options, nobody), most=several)
        filings: tuple[Filing, ...] = ()
        asking = getattr(self.router, "asking", None)
        if asking is not None:
            answer = yield from asking(question, value, view.catalog)
            if isinstance(answer, Failed):
                return answer
            question, filings = answer
        (outcome,) = yield Batch(calls=(Call(target=question),), filings=(*asked, *filings))
        return _decided(outcome)

    def _down(self, view: View) -> bool:
        """Whether the breaker says that a remote embedder need not be asked."""
        return isinstance(self._embedder, Fetched) and self.health.hidden(self._embedder.name, view.now()) is not None

    def features_name(self, catalog: Catalog) -> str:
        """What its decisions are marked with as long as nothing fails."""
        return self._features(catalog).name

    def _declared(self, offers: Sequence[Any]) -> Declared:
        ids = tuple(map(id, offers))
        known = self._ids_to_declared.get(ids)
        if known is None:
            known = tuple(offers), declared(map(self._candidate, offers))  # held, so that their ids stay their own
            if len(self._ids_to_declared) >= OFFERS_KEPT:
                self._ids_to_declared.clear()
            self._ids_to_declared[ids] = known
        return known[1]

    def _features(self, catalog: Catalog) -> Features:
        features = self._version_to_features.get(catalog.version)
        if features is None or features.catalog is not catalog:
            features = self._version_to_features[catalog.version] = Features(catalog, self._embedder, self._d)
            if len(self._version_to_features) > VERSIONS_KEPT:
                self._version_to_features.popitem(last=False)
        return features


def _decided(outcome: Outcome) -> Decision | Failed:
    match outcome:
        case Done(output=Decision() as decision):
            return decision
        case Failed():
            return outcome
        case Cancelled() | Paused() | Done():
            why = f"Deciding ended {type(outcome).__name__.lower()} instead of with a decision."
            return Failed(cause=outcome.cause or cause_of(NoProvider(why)), usage=outcome.usage)


def _nobody(capability: str, found: Standing) -> Failed:
    reasons = "; ".join(f"{name}: {why}" for name, why in zip(found.names, found.reasons, strict=True))
    what = f"Nobody can do {capability!r} now: {reasons or 'nobody provides it'}."
    if any((why or "").startswith(OVER_BUDGET) for why in found.reasons):
        return Failed(cause=cause_of(NoProvider(what, remedy=BudgetExceeded.remedy), BudgetExceeded))
    return Failed(cause=cause_of(NoProvider(what)))

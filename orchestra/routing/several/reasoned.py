"""A model that reasons first and then names the set; and the mixed form, which asks it only where it is worth it.

Reply: ``<Reason>..</Reason>``, then one ``<ID>..</ID>`` a line: one to k names, or oos alone. Both routers are ``Sets``
with a question to an agent before the choice; what it answers is written down with the probability None.
Source: TCAR, arXiv:2601.04544, for the reply and for choosing from descriptions alone. The screen, the repair, what is
noted of a reason that does not fit its names, and when the mixed form asks are ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from orchestra.core.call import Batch, Call, Filing, NodeName, tolerated
from orchestra.core.catalog import Catalog, Node
from orchestra.core.decision import OOS, Decide, Decision
from orchestra.core.errors import BadNumber, BadReply, UnknownCapability
from orchestra.core.message import assistant, user
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.core.task import Task, task_of
from orchestra.ports.router import Terms
from orchestra.routing.several.sets import Sets

Asking = Generator[Batch, tuple[Outcome, ...], tuple[Decide, tuple[Filing, ...]] | Failed]
DISPATCH = "dispatch"
"""The capability that is asked for the set."""
REPAIRS = 1
DESCRIPTION_CHARACTERS = 400
NOT_USED = "the model that was asked gave no set"
_FORM = re.compile(
    r"(?:<Reason>(?P<reason>.*?)</Reason>\s*)?(?P<names>(?:<ID>[^<>]*</ID>\s*)+)", re.DOTALL | re.IGNORECASE
)
_NAME = re.compile(r"<ID>([^<>]*)</ID>", re.IGNORECASE)
AGAIN = "That cannot be used: {fault} Answer again in the form that was asked for, and with nothing else."


class Reading(NamedTuple):
    """What a reply says. ``left_out`` are named in the reason and not chosen, ``unexplained`` chosen and not named."""

    chosen: tuple[str, ...]
    reason: str
    left_out: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """For the record."""
        parts = [self.reason or "no reason was given"]
        parts += [f"[named but not chosen: {', '.join(self.left_out)}]"] if self.left_out else []
        parts += [f"[chosen but not named: {', '.join(self.unexplained)}]"] if self.unexplained else []
        return " ".join(parts)


def read(reply: Any, names: Sequence[str], *, most: int = 3, oos: bool = True) -> Reading:
    """The set that a reply names. A name that comes twice counts once; a missing reason is tolerated, and noted.

    Raises: BadReply for another form, an unknown name, more than ``most``, and for oos beside others or where it is not
    offered.
    """
    found = _FORM.fullmatch(reply.strip()) if isinstance(reply, str) else None
    if found is None:
        raise BadReply("It has to be <Reason>...</Reason>, then one <ID>...</ID> a line, and nothing else.")
    chosen = tuple(dict.fromkeys(name.strip() for name in _NAME.findall(found["names"])))
    unknown = [name for name in chosen if name not in names and not (name == OOS and oos)]
    if unknown:
        raise BadReply(f"There is no {', '.join(map(repr, unknown))} to choose.")
    if OOS in chosen and len(chosen) > 1:
        raise BadReply(f"{OOS} stands alone: it says that nobody is to answer.")
    if len(chosen) > most:
        raise BadReply(f"It names {len(chosen)}, and {most} are the most.")
    reason = " ".join((found["reason"] or "").split())
    if not reason:
        return Reading(chosen, "")
    said = [name for name in names if _is_named(name, reason)]
    left_out = tuple(name for name in said if name not in chosen)
    return Reading(chosen, reason, left_out, tuple(name for name in chosen if name != OOS and name not in said))


def _is_named(name: str, reason: str) -> bool:
    """As a word of its own, in either case."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", reason, re.IGNORECASE) is not None


class Reasoned(Sets):
    """Asks the agent that provides ``asks``, of the ``shown`` options with the highest scores, and takes what it says.

    A reply that cannot be used is sent back once with the fault named. If that or the call fails, the decision is that
    of ``Sets``, and its record and the failure's say so; with ``fallback=False`` it fails. The agent is a node like any
    other: its call is charged, logged and replayed. It is never an option itself. It sees names and descriptions,
    so adding an agent adds a line to its prompt and changes nothing else.

    Where there is but one to choose, and no out of scope, nobody is asked, nor about models. ``options`` are those of
    ``Sets``, which learns from the rewards of either's choices.

    Raises: BadNumber where shown < 2.
    """

    terms = Terms(uses=frozenset({"query", "similarity"}), how="model")

    def __init__(
        self,
        name: str = "set:reasoned",
        *,
        asks: str = DISPATCH,
        shown: int = 30,
        fallback: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(name, **options)
        if isinstance(shown, bool) or shown < 2:
            raise BadNumber(f"shown={shown!r} options.", remedy="Give a whole number from 2; 30 is the default.")
        self.asks, self.shown, self.fallback = asks, shown, fallback

    def asking(self, question: Decide, value: Any, catalog: Catalog, /) -> Asking:
        """The question with its answer, or as it was for ``choose`` to answer. Failed with UnknownCapability where
        nobody provides ``asks``.
        """
        asked = [node for node in catalog.nodes.values() if self.asks in node.provides]
        question = _without(question, {node.name for node in asked})
        shown = self._shown(question, catalog)
        if not shown or not self._wants(question, shown):
            return question, ()
        if not asked:
            return failed(
                UnknownCapability(
                    f"The router {self.name!r} asks an agent that provides {self.asks!r}, and nobody does.",
                    remedy="Add the shipped 'dispatcher', or give an agent provides='dispatch'.",
                )
            )
        ask = _task(value, shown, question)
        for left in range(REPAIRS, -1, -1):
            (outcome,) = yield Batch.all(Call(target=NodeName(name=asked[0].name), input=ask))
            if not isinstance(outcome, Done):
                return self._unanswered(question, outcome)
            try:
                reading = read(outcome.output, [n.name for n in shown], most=question.most, oos=_offers_oos(question))
            except BadReply as error:
                if not left:
                    return self._unanswered(question, failed(error))
                turns = user(ask.text), assistant(str(outcome.output))
                ask = replace(ask, text=AGAIN.format(fault=error.what), history=(*ask.history, *turns))
                continue
            answer = replace(question, policy=self.name, chosen=reading.chosen, reason=reading.note, probability=None)
            return answer, ()
        raise AssertionError("unreachable")

    def _unanswered(self, question: Decide, outcome: Outcome) -> tuple[Decide, tuple[Filing, ...]] | Failed:
        if not isinstance(outcome, Failed):
            return failed(BadReply(f"The router {self.name!r} got no answer: its call was cancelled."))
        if not self.fallback:
            return outcome
        reason = f"{NOT_USED} ({outcome.cause.kind})"
        return replace(question, reason=reason), tolerated(outcome, "set") if outcome.origin else ()

    def _wants(self, question: Decide, shown: Sequence[Node]) -> bool:
        return len(shown) > 1 or _offers_oos(question)

    def _shown(self, question: Decide, catalog: Catalog) -> list[Node]:
        """The nodes that the agent is told of, in the order of the question. Models are none."""
        eligible = [o.name for o in question.eligible if o.name != OOS]
        if not eligible or not all(name in catalog.nodes for name in eligible):
            return []
        if len(eligible) > self.shown:
            scores = self.standing(question).place_to_score
            best = sorted(scores, key=lambda place: (-scores[place], place))[: self.shown]
            eligible = [question.options[place].name for place in sorted(best)]
        return [catalog.nodes[name] for name in eligible]


class Mixed(Reasoned):
    """``Sets``, and the model only where that is in doubt: where more than one is within the gap of the best, or the
    evidence for anybody is within ``narrow`` of the level below which nobody is asked.

    Source: our default, narrow = .05 included.
    """

    def __init__(self, name: str = "set:mixed", *, narrow: float = 0.05, **options: Any) -> None:
        super().__init__(name, **options)
        if not 0.0 <= narrow < math.inf:
            raise BadNumber(f"narrow={narrow!r} is no distance.", remedy="Give a number from 0; .05 is the default.")
        self.narrow = float(narrow)

    def _wants(self, question: Decide, shown: Sequence[Node]) -> bool:
        standing = self.standing(question)
        near = _offers_oos(question) and abs(standing.evidence - self.thresholds.level) <= self.narrow
        return near or (not standing.outside and len(standing.close) > 1)


def share_asked(decisions: Iterable[Decision], policy: str = "set:mixed") -> float:
    """Of the decisions of a policy, the share for which a model was asked, in vain or not; 0 where there are none."""
    own = [one for one in decisions if one.policy == policy]
    asked = [one for one in own if one.probability is None or one.reason.startswith(NOT_USED)]
    return len(asked) / len(own) if own else 0.0


def _task(value: Any, shown: Sequence[Node], question: Decide) -> Task:
    """What the agent is asked: the task as its message, whom it may name in what its prompt is made of."""
    task = task_of(value)
    agents = [{"id": node.name, "description": _line(node.description)} for node in shown]
    return Task(
        text=task.text,
        input={"agents": agents, "most": question.most, "oos": _offers_oos(question)},
        history=task.history,
    )


def _line(text: str) -> str:
    """On one line, so that no description can pass for another agent's."""
    line = " ".join(text.split())
    return line if len(line) <= DESCRIPTION_CHARACTERS else line[: DESCRIPTION_CHARACTERS - 3] + "..."


def _offers_oos(question: Decide) -> bool:
    return any(option.name == OOS for option in question.eligible)


def _without(question: Decide, names: set[str]) -> Decide:
    """Who is asked is no option, unless it is the only one."""
    if not names or not any(o.name not in names and o.name != OOS for o in question.eligible):
        return question
    options = tuple(
        o._replace(filtered="it is asked who is to answer") if o.name in names and o.filtered is None else o
        for o in question.options
    )
    return replace(question, options=options)

"""Cheap first: ask one, check the answer, ask the next only if it does not pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from orchestra.core.call import Batch, Call, Filing, NodeName, Plan, Ranked, rerouted, tolerated
from orchestra.core.catalog import node_of
from orchestra.core.decision import Option
from orchestra.core.errors import BadDefinition, BadNumber, BadReply
from orchestra.core.outcome import Done, Failed, Outcome, failed
from orchestra.topologies.member import Member, given, members_of
from orchestra.topologies.record import ending, written

OnError = Literal["skip", "fail"]
VERIFY = """The input is an answer to the goal. Check it. Reply with one word: yes if it is right and complete, no if it
is not, or with a number from 0 to 1 for how sure you are that it is."""
YES = frozenset({"yes", "true", "accept", "accepted", "pass", "passed", "correct", "right", "ok"})
NO = frozenset({"no", "false", "reject", "rejected", "fail", "failed", "incorrect", "wrong"})


class Verdict(NamedTuple):
    """What is thought of an answer. ``passed`` is None where nobody was asked; ``score`` None where none was given."""

    passed: bool | None
    score: float | None = None
    why: str = ""


class _Try(NamedTuple):
    member: Member
    call: Call
    outcome: Done
    verdict: Verdict


def verdict_of(said: Any, theta: float) -> Verdict:
    """A verdict from yes or no, a number (it passes from ``theta`` on), a text of either, or a mapping with one of
    these under ``accept``, ``score`` or ``confidence``.

    Raises: BadReply for anything else.
    """
    if isinstance(said, Mapping):
        known = [key for key in ("accept", "score", "confidence") if key in said]
        if not known:
            raise BadReply(f"The verdict has none of accept, score and confidence: {sorted(map(str, said))}.")
        return verdict_of(said[known[0]], theta)
    if isinstance(said, bool):
        return Verdict(said)
    if isinstance(said, str):
        word = said.strip().strip("\"'`*.!").casefold()
        first = word.replace(",", " ").replace(".", " ").split()[:1]
        if first and first[0] in YES | NO:
            return Verdict(first[0] in YES)
        try:
            said = float(word)
        except ValueError:
            raise BadReply("The verdict is neither yes nor no nor a number.") from None
    if not isinstance(said, (int, float)) or math.isnan(said):
        raise BadReply(f"A verdict is no {type(said).__name__}.")
    return Verdict(said >= theta, float(said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """The members in turn, each given the topology's input, until an answer is accepted.

    ``by`` is who is asked for the verdict; ``check`` a function of the answer that gives it, None for the answer's own
    ``confidence``. A verdict that is a number passes from ``theta`` on. The last answer stands whatever is thought of
    it, so nobody is paid to judge it; a check that is free is made. Where no answer was accepted the last one is the
    outcome, and the record says so: its decision's ``x`` is (1,) for accepted, (0,) for not.
    ``on_error``: "skip" goes on after a member or verifier that failed (a verdict that cannot be read is not a yes),
    "fail" makes the failure the outcome. A budget's end is the outcome in both: nothing dearer is tried then.
    ``ranked``: the one member is a capability, and all that provide it are the members, the cheapest first.

    Every call is charged, the rejected and the verifier's too. What is not the outcome is not rewarded.

    Raises: BadDefinition, BadNumber.
    Source: FrugalGPT, arXiv:2305.05176; the confidence looper of vLLM Semantic Router for theta (.7) and on_error.
    """

    members: tuple[Member, ...]
    check: Callable[[Any], Any] | None = None
    by: Member | None = None
    theta: float = 0.7
    on_error: OnError = "skip"
    ranked: bool = False
    name: str = "cascade"
    description: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.theta):
            raise BadNumber(f"theta={self.theta!r} is no number.")
        if self.on_error not in ("skip", "fail"):
            raise BadDefinition(f"on_error={self.on_error!r} is not 'skip' or 'fail'.", at=("on_error",))
        if self.by is not None and self.check is not None:
            raise BadDefinition("One verdict is enough: give check= or by=, not both.", at=("by",))
        if self.ranked and (len(self.members) != 1 or not isinstance(self.members[0].target, str)):
            raise BadDefinition("Members are ranked by cost where there is one, a capability.", at=("members",))

    def plan(self, value: Any) -> Plan:
        """Raises NotSerialisable for an input without a JSON form."""
        members = yield from self._in_order(value)
        if not isinstance(members, tuple):
            return members
        tries: list[_Try] = []
        filings: tuple[Filing, ...] = ()
        for place, member in enumerate(members):
            last = place == len(members) - 1
            call = member.call(given(value, member))
            (outcome,) = yield Batch(calls=(call,), filings=filings)
            filings = ()
            if isinstance(outcome, Failed):
                if self.on_error == "fail" or ending((outcome,)) or (last and not tries):
                    return outcome
                filings = tolerated(outcome, "join") if last else rerouted(outcome, members[place + 1].name)
                continue
            if not isinstance(outcome, Done):
                return outcome
            verdict, filings = yield from self._verdict(value, outcome.output, place, last)
            if not isinstance(verdict, Verdict):
                return verdict
            tries.append(_Try(member, call, outcome, verdict))
            if verdict.passed:
                break
        yield self._record(tries, filings)
        return tries[-1].outcome

    def _in_order(self, value: Any) -> Generator[Batch, tuple[Outcome, ...], tuple[Member, ...] | Outcome]:
        if not self.ranked:
            return self.members
        (one,) = self.members
        asked = Call(target=Ranked(capability=str(one.target)), input=value, key="rank")
        (outcome,) = yield Batch.all(asked)
        if not isinstance(outcome, Done):
            return outcome
        by_cost = sorted(outcome.output["options"], key=lambda option: option[2])
        return tuple(Member(target=NodeName(name=name), task=one.task) for name, *_ in by_cost)

    def _verdict(
        self, value: Any, answer: Any, place: int, last: bool
    ) -> Generator[Batch, tuple[Outcome, ...], tuple[Verdict | Outcome, tuple[Filing, ...]]]:
        """What is thought of an answer, or the outcome of the whole; and the record of a failure gone on from."""
        said: Any
        filings: tuple[Filing, ...] = ()
        if self.by is None:
            said = self.check(answer) if self.check is not None else answer
        elif last:
            return Verdict(None, why="not judged, it stands anyway"), ()
        else:
            judge = replace(self.by, name=f"{self.by.name}-{place + 1}")  # two may answer the same
            (outcome,) = yield Batch.all(judge.call(given(value, judge, {"answer": answer})))
            if isinstance(outcome, Failed) and self.on_error == "skip" and not ending((outcome,)):
                return Verdict(None, why="the verifier failed"), tolerated(outcome, "join")
            if not isinstance(outcome, Done):
                return outcome, ()
            said = outcome.output
        try:
            if self.by is None and self.check is None and not isinstance(answer, Mapping):
                raise BadReply("The answer does not say its confidence.", remedy="Ask for one, or pass accept=.")
            return verdict_of(said, self.theta), filings
        except BadReply as error:
            if self.on_error == "fail":
                return failed(error), ()
            return Verdict(None, why="the verdict cannot be read"), ()

    def _record(self, tries: list[_Try], filings: tuple[Filing, ...]) -> Batch:
        winner = tries[-1]
        said = []
        for one in tries:
            score = "" if one.verdict.score is None else f" ({one.verdict.score:g})"
            passed = {True: "accepted", False: "rejected", None: one.verdict.why}[one.verdict.passed]
            said.append(f"{one.member.name}: {passed}{score}")
        if not winner.verdict.passed:
            said.append("none was accepted, the last answer stands")
        call = written(
            "cascade",
            self.name,
            [Option(one.member.name, score=one.verdict.score) for one in tries],
            winner.member.name,
            x=(float(bool(winner.verdict.passed)),),
            marks="cascade: accepted",
            reason="; ".join(said),
        )
        dropped = tuple(one.call.key for one in tries[:-1] if one.call.key is not None)
        return Batch(calls=(call,), filings=filings, dropped=dropped)


def cascade(
    *members: Any,
    accept: Any = None,
    theta: float = 0.7,
    on_error: OnError = "skip",
    name: str = "cascade",
    description: str = "",
) -> Cascade:
    """Capabilities, agents, functions or topologies, the cheapest first; one capability alone stands for all who
    provide it, by their expected cost.

    ``accept`` says which answer is good enough: a plain function of the answer (a truth value or a number), or whoever
    is to judge it (a capability, an agent, a decorated function), or None for the confidence that each answer states.

    Raises: BadDefinition, BadNumber.
    """
    made = members_of(members)
    check: Any = None
    judged = isinstance(accept, Member) or node_of(accept) is not None or not (accept is None or callable(accept))
    by = None
    if judged:
        by = accept if isinstance(accept, Member) else Member(target=accept, name="verifier")
        by = replace(by, task=VERIFY) if by.task is None else by
    else:
        check = accept
    return Cascade(
        members=made,
        check=check,
        by=by,
        theta=theta,
        on_error=on_error,
        ranked=len(made) == 1 and isinstance(made[0].target, str),
        name=name,
        description=description,
    )

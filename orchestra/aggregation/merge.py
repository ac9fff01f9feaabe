"""Independent analyses of one task become one answer, with their conflicts stated."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.aggregation.refine import label
from orchestra.aggregation.survivors import filings, none_done, survivors
from orchestra.aggregation.vote import ballot
from orchestra.core.call import Batch, Call, Plan
from orchestra.core.errors import BadNumber, BadReply
from orchestra.core.ids import canonical
from orchestra.core.outcome import Done, Failed, Outcome, Paused, failed
from orchestra.core.task import task_of

INSTRUCTIONS = """Several analyses of one task follow; none of their authors saw another's. Write the one final answer.
- Check how each comes to its result. One that can be checked and holds goes before several that merely agree.
- State every conflict: where analyses contradict each other, say so, give each side, and say which you follow and why.
- Add nothing that no analysis says. Do not mention the letters."""


def merge(
    task: Any,
    analyses: Sequence[Outcome],
    merger: Any,
    *,
    check: Callable[[Any], Any] | None = None,
    quorum: int = 1,
) -> Plan:
    """One answer of the analyses that are Done and pass ``check``, which raises BadReply for one that does not fit.

    ``analyses`` are the outcomes of the plan's last batch, in its order, which is also that of the labels A, B, C: who
    was faster changes nothing. What failed or does not fit is left out and counted. With fewer than ``quorum`` left it
    returns a Paused, a Failed or a Cancelled, with none Done as ``refine`` does.

    Where all that is left are JSON objects they are merged field by field without a call: ``{"merged", "conflicts",
    "analyses", "excluded"}``, the last two as counts. Of other analyses one alone is returned as it is; for several
    ``merger`` (a capability, NodeName or Node) is called once, so k analyses cost at most k + 1 calls.

    Raises: BadInput for no analyses, BadNumber for a quorum that they cannot reach, NotSerialisable.
    Source: ORCH (arXiv 2602.01797) for fixed order and a merging agent, TCAR (arXiv 2601.04544) for stating
    conflicts; the prompt, the quorum and the fields are our defaults.
    """
    if analyses and not 1 <= quorum <= len(analyses):
        raise BadNumber(f"quorum={quorum!r} is not in 1 to {len(analyses)}, the number of analyses.")
    fit, unfit = _checked(survivors(analyses), check)
    if len(fit) < max(quorum, 1):
        return _too_few(analyses, unfit, quorum)
    left_out, outvoted = filings(analyses, "join"), tuple(unfit)
    objects = [found for one in fit if isinstance(found := json.loads(canonical(one.output)), dict)]
    if len(objects) == len(fit) or len(fit) == 1:
        if left_out or outvoted:
            yield Batch(calls=(), filings=left_out, outvoted=outvoted)
        if not objects:
            return fit[0]
        merged, conflicts = merged_fields(objects)
        counts = {"analyses": len(fit), "excluded": len(analyses) - len(fit)}
        return Done(output={"merged": merged, "conflicts": conflicts, **counts})
    call = Call(target=merger, input=prompt(task, fit, len(analyses) - len(fit)))
    (outcome,) = yield Batch(calls=(call,), filings=left_out, outvoted=outvoted)
    return outcome


def prompt(task: Any, analyses: Sequence[Done], excluded: int = 0) -> str:
    """What the merging agent is asked; ``excluded`` counts the analyses that failed or did not fit."""
    parts = [INSTRUCTIONS]
    if excluded:
        parts.append(f"{excluded} of {excluded + len(analyses)} analyses could not be used and are missing.")
    parts.append(f"Task:\n{task_of(task).text}")
    parts += [f"Analysis {label(i)}:\n{task_of(one.output).text}" for i, one in enumerate(analyses)]
    return "\n\n".join(parts)


def merged_fields(objects: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The value that most objects give each field, and the fields that they disagree about.

    An object without a field has no vote on it. The earliest value wins a tie and speaks for those that agree with it,
    as in ``vote``. A conflict is ``{"field", "chosen", "votes", "others": [{"value", "votes"}]}``, the others in the
    order of the objects.

    Raises: NotSerialisable.
    """
    merged: dict[str, Any] = {}
    conflicts: list[dict[str, Any]] = []
    for name in dict.fromkeys(name for one in objects for name in one):
        ballot_to_values: dict[str, list[Any]] = {}
        for one in objects:
            if name in one:
                ballot_to_values.setdefault(ballot(one[name]), []).append(one[name])
        sides = list(ballot_to_values.values())
        most = max(sides, key=len)
        merged[name] = most[0]
        others = [{"value": side[0], "votes": len(side)} for side in sides if side is not most]
        if others:
            conflicts.append({"field": name, "chosen": most[0], "votes": len(most), "others": others})
    return merged, conflicts


def _checked(
    done: Sequence[tuple[int, Done]], check: Callable[[Any], Any] | None
) -> tuple[list[Done], dict[int, BadReply]]:
    """Those that fit, and what is wrong with the others by their index."""
    fit: list[Done] = []
    unfit: dict[int, BadReply] = {}
    for index, outcome in done:
        try:
            fit.append(outcome if check is None else replace(outcome, output=check(outcome.output)))
        except BadReply as error:
            unfit[index] = error
    return fit, unfit


def _too_few(analyses: Sequence[Outcome], unfit: Mapping[int, BadReply], quorum: int) -> Outcome:
    """A Paused goes before all else; a failure of the analyses before a fault of their form."""
    if not survivors(analyses):
        return none_done(analyses)
    paused = next((one for one in analyses if isinstance(one, Paused)), None)
    if paused is not None:
        return paused
    first = next((one for one in analyses if isinstance(one, Failed)), None)
    if first is None and unfit:
        first = failed(next(iter(unfit.values())))
    if first is None:
        return next(one for one in analyses if not isinstance(one, Done))
    left = len(survivors(analyses)) - len(unfit)
    message = f"{left} of {len(analyses)} analyses are left, {quorum} are needed; the first: {first.cause.message}"
    return replace(first, cause=replace(first.cause, message=message))

"""Several answers become one, written by a refining agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestra.aggregation.survivors import filings, none_done, survivors
from orchestra.core.call import Batch, Call, Plan
from orchestra.core.catalog import Node
from orchestra.core.outcome import Done, Outcome
from orchestra.core.task import task_of

INSTRUCTIONS = """Several answers to one task follow. Write the one final answer.
- Merge what they agree on and say each thing once, without repetition.
- State every conflict: where answers contradict each other, say so and give each side. Never choose in silence.
- Add nothing that no answer says. Do not mention the letters."""


def refine(task: Any, answers: Sequence[Outcome], refiner: str | Node) -> Plan:
    """One call to the refiner over the answers that are Done; one alone is returned without a call.

    The answers are anonymous and keep the order in which they were asked: the prompt never depends on who was faster.
    With none Done it returns a Paused, a Failed or a Cancelled; a refiner that fails is returned as it failed.

    Raises: NotSerialisable for a task or an answer without a JSON form; BadInput for no answers.
    """
    done = survivors(answers)
    if not done:
        return none_done(answers)
    left_out = filings(answers, "join")
    if len(done) == 1:
        if left_out:
            yield Batch(calls=(), filings=left_out)
        return done[0][1]
    text = prompt(task, tuple(outcome for _, outcome in done), len(answers) - len(done))
    (outcome,) = yield Batch(calls=(Call(target=refiner, input=text),), filings=left_out)
    return outcome


def prompt(task: Any, answers: Sequence[Done], missing: int = 0) -> str:
    """What the refiner is asked; ``missing`` counts the answers that failed."""
    parts = [INSTRUCTIONS]
    if missing:
        parts.append(f"{missing} of {missing + len(answers)} answers failed and are missing.")
    parts.append(f"Task:\n{task_of(task).text}")
    parts += [f"Answer {label(i)}:\n{task_of(answer.output).text}" for i, answer in enumerate(answers)]
    return "\n\n".join(parts)


def label(index: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters

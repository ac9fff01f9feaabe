"""What ends a call or a run, and what the runtime says to user code."""

from __future__ import annotations

from typing import Any

from orchestra.core.fault import OrchestraError


class NotInRun(OrchestraError, RuntimeError):
    """step, gather or ctx.call was used outside a run."""

    remedy = "Await it inside a workflow or agent that a team runs: await team.run(workflow, ...)."


class StepFailed(OrchestraError):
    """A plain step did not end Done. ``outcome`` is the Failed, Cancelled or Paused value."""

    remedy = "Catch StepFailed, or await outcome(step(...)) to get the value instead."

    @property
    def outcome(self) -> Any:
        return self.facts["outcome"]


class Diverged(OrchestraError):
    """A replay asked for a call that the log does not hold."""

    remedy = (
        "The code or the catalogue changed since the run; resume instead of replaying, or replay with the old code."
    )


class RunClosed(OrchestraError):
    """A call was made for a run that has already ended."""

    remedy = "Await every step before the workflow returns."


class BudgetExceeded(OrchestraError):
    """A limit of the budget would be passed; nothing was called."""

    remedy = "Resume with a larger budget: await team.resume(run_id, budget=Budget(...))."


class DeadlineExceeded(BudgetExceeded):
    """The budget's seconds are over."""


class DepthExceeded(BudgetExceeded):
    """Calls are nested deeper than the budget allows."""

    remedy = "Look for agents that call each other in a circle, or raise Budget(depth=...), 100 at most."


class CallFailed(OrchestraError):
    """Root of the causes that the runtime itself gives to a Failed."""


class CallTimeout(CallFailed):
    """The call took longer than its timeout_s."""

    remedy = "Raise timeout_s, or make the call idempotent so that it may be retried."


class LoopDetected(CallFailed):
    """An agent asked for the same tool with the same arguments too often."""

    remedy = "Change the tool's answer or the instructions so that the agent makes progress."


class NoProvider(CallFailed):
    """No healthy node that may be used is left for a capability."""

    remedy = "Register another provider, wait until the breaker closes, or give Orchestra(escalate=model)."


class NotSerialisable(CallFailed):
    """A value that JSON cannot hold was returned or passed."""

    remedy = "Return str, numbers, lists, dicts, dataclasses or pydantic models."


class BadInput(CallFailed):
    """The input does not fit the signature of what is called."""

    remedy = "Pass a mapping with the parameters' names, or one value for the first parameter."


class BadReply(CallFailed):
    """A model's reply did not fit its schema, also after one repair."""

    remedy = "Simplify the output type, or use a stronger model."


class UnsafeBatch(CallFailed):
    """A batch that may cancel its calls holds one with a side effect that is not idempotent."""

    remedy = "Mark the node idempotent=True if it is, or run it outside first, quorum and fail_fast."


class NotApproved(CallFailed):
    """A person refused the call, or its approval rule could not be used: nothing was done, and nobody else does it."""

    remedy = "Go on without it and say that it was not done; the same call would be refused again."


class Outranked(NotApproved):
    """A monitor ended the task before the call: nothing was done by it, and nobody else does it."""

    remedy = "See what it said in result.explain().signals."


class Blocked(NotApproved):
    """The goal's rules refuse the call as things stand: nothing was done, and no other provider may do it either."""

    remedy = "Do what is legal now, or leave it."


class GoalBusy(Blocked):
    """Another call is changing the goal, or was interrupted while it did."""

    remedy = "Look at the goal again when that call has ended; resume its run, or await team.goal(...).release()."


class PostconditionFailed(CallFailed):
    """The call is done, but what has to hold after it does not: the goal stays at its stage, with its old facts."""

    remedy = "Look at what the call returned; correct it, or the rule."


class GoalMoved(CallFailed):
    """The call is done, but the goal is no longer where it began: its stage was not advanced by it."""

    remedy = "Look at the goal, and do by hand what is still to be done."


class EffectUnknown(CallFailed):
    """An effect was started and nobody knows whether it happened."""

    remedy = "Look whether it happened, then resume with answers={key: 'not done'} or answers={key: <its result>}."


class EffectStands(CallFailed):
    """It failed after a step inside it had done an effect, which another provider would do again."""

    remedy = "Resume the run: what is done is not done again; or await team.abandon(run_id)."


class GivenUp(CallFailed):
    """Nobody could do the step, and the person who was asked gave it up."""

    remedy = "Resume the run to have it tried again."


class NoEffect(CallFailed):
    """Raise this, or a subclass, when a node failed before it did anything: the call may go elsewhere."""


class Declined(NoEffect):
    """Raise this when the task is not for this agent: any other may take it, the router learns, its health is
    untouched.
    """


class Avoided(NoEffect):
    """The call was not made: a monitor wants another node, or another call is the one that may probe this one."""


class PauseRequested(OrchestraError):
    """The run waits for an answer from a person."""

    remedy = "Answer with await team.resume(run_id, answers={key: value})."

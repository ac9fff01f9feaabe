"""Multi-agent orchestration in which who does the work is a learned, budgeted, observable decision."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra import errors as errors
    from orchestra.agents.agent import Agent as Agent
    from orchestra.agents.agent import Handoff as Handoff
    from orchestra.agents.decorator import agent as agent
    from orchestra.agents.skill import skill as skill
    from orchestra.app.orchestra import Orchestra as Orchestra
    from orchestra.app.result import Result as Result
    from orchestra.core.budget import Budget as Budget
    from orchestra.core.decision import Decision as Decision
    from orchestra.core.message import Message as Message
    from orchestra.core.outcome import Cancelled as Cancelled
    from orchestra.core.outcome import Done as Done
    from orchestra.core.outcome import Failed as Failed
    from orchestra.core.outcome import Outcome as Outcome
    from orchestra.core.outcome import Paused as Paused
    from orchestra.core.task import Task as Task
    from orchestra.core.usage import Usage as Usage
    from orchestra.ports.scope import Context as Context
    from orchestra.tools.decorator import tool as tool
    from orchestra.workflows.decorator import workflow as workflow
    from orchestra.workflows.steps import gather as gather
    from orchestra.workflows.steps import outcome as outcome
    from orchestra.workflows.steps import step as step

_EXPORTS = {
    "Agent": "orchestra.agents.agent",
    "Budget": "orchestra.core.budget",
    "Cancelled": "orchestra.core.outcome",
    "Context": "orchestra.ports.scope",
    "Decision": "orchestra.core.decision",
    "Done": "orchestra.core.outcome",
    "Failed": "orchestra.core.outcome",
    "Handoff": "orchestra.agents.agent",
    "Message": "orchestra.core.message",
    "Orchestra": "orchestra.app.orchestra",
    "Outcome": "orchestra.core.outcome",
    "Paused": "orchestra.core.outcome",
    "Result": "orchestra.app.result",
    "Task": "orchestra.core.task",
    "Usage": "orchestra.core.usage",
    "agent": "orchestra.agents.decorator",
    "gather": "orchestra.workflows.steps",
    "outcome": "orchestra.workflows.steps",
    "skill": "orchestra.agents.skill",
    "step": "orchestra.workflows.steps",
    "tool": "orchestra.tools.decorator",
    "workflow": "orchestra.workflows.decorator",
}

__all__ = [
    "Agent",
    "Budget",
    "Cancelled",
    "Context",
    "Decision",
    "Done",
    "Failed",
    "Handoff",
    "Message",
    "Orchestra",
    "Outcome",
    "Paused",
    "Result",
    "Task",
    "Usage",
    "agent",
    "errors",
    "gather",
    "outcome",
    "skill",
    "step",
    "tool",
    "workflow",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value
    if name == "errors":
        return importlib.import_module("orchestra.errors")
    raise AttributeError(f"module 'orchestra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

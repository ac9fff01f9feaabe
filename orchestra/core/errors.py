"""Every error of the package: when it is raised and what to do about it.

    OrchestraError
    ├── ConfigError                known before a run starts: raised by a decorator, a constructor, run or resume
    │   ├── UnknownName            a name that nothing answers to
    │   │   ├── UnknownAgent · UnknownCapability · UnknownModel · UnknownProvider
    │   │   └── UnknownRouter · UnknownWorkflow · UnknownRun · UnknownGoal
    │   ├── BadNumber              a price, weight, limit or time that is negative, NaN or not a number
    │   ├── BadDefinition          a decorator, file or signature that cannot be used
    │   ├── DuplicateName · NoModel · MissingKey · LocalModelMissing · ExtraMissing · ExporterMissing
    │   ├── UnknownPrice           a model without a price, under the policy that refuses it
    │   └── JournalMissing · JournalVersion · StateUnusable · DepsMissing · Abandoned
    ├── NotInRun                   step, gather or ctx.call outside a run
    ├── StepFailed                 what a plain step raises in user code; carries the outcome
    ├── Diverged                   a replay asked for a call that the log does not hold
    ├── RunClosed                  a call of a run that has ended
    ├── BudgetExceeded             a limit would be passed
    │   ├── DeadlineExceeded · DepthExceeded
    ├── CallFailed                 causes that the runtime gives to a Failed
    │   ├── CallTimeout · LoopDetected · NoProvider · NotSerialisable · BadInput · BadReply · UnsafeBatch
    │   ├── NotApproved            a person refused the call, so it was not made
    │   │   ├── Outranked          a monitor ended the task before the call
    │   │   └── Blocked · GoalBusy     the goal's rules refuse it at this stage, or another call is changing the goal
    │   ├── PostconditionFailed · GoalMoved      it was made, and the goal's stage was not advanced
    │   ├── EffectUnknown          an effect was started and its end is not known
    │   ├── EffectStands           it failed after an effect of its own: another would do that again
    │   ├── GivenUp                a person gave the step up
    │   └── NoEffect               raise it (or a subclass) when nothing was done: the call may go elsewhere
    │       ├── Declined           raise it when the task is not for this agent
    │       └── Avoided            the call was not made: a monitor or a breaker sent it elsewhere
    ├── PauseRequested             the run waits for a person
    └── ModelError                 what a model's provider answered
        ├── RateLimited · Overloaded · ModelTimeout · ModelUnreachable      worth a retry
        └── QuotaExceeded · ContextWindow · AuthFailed · ContentRefused · LengthStop · BadRequest

Each says in its message what to do. All of them pickle.
"""

from __future__ import annotations

from orchestra.core.config_errors import Abandoned as Abandoned
from orchestra.core.config_errors import BadDefinition as BadDefinition
from orchestra.core.config_errors import BadNumber as BadNumber
from orchestra.core.config_errors import CircularNeeds as CircularNeeds
from orchestra.core.config_errors import ConfigError as ConfigError
from orchestra.core.config_errors import DepsMissing as DepsMissing
from orchestra.core.config_errors import DuplicateName as DuplicateName
from orchestra.core.config_errors import ExporterMissing as ExporterMissing
from orchestra.core.config_errors import ExtraMissing as ExtraMissing
from orchestra.core.config_errors import JoinOnPath as JoinOnPath
from orchestra.core.config_errors import JournalMissing as JournalMissing
from orchestra.core.config_errors import JournalVersion as JournalVersion
from orchestra.core.config_errors import LocalModelMissing as LocalModelMissing
from orchestra.core.config_errors import MissingKey as MissingKey
from orchestra.core.config_errors import NoModel as NoModel
from orchestra.core.config_errors import StateUnusable as StateUnusable
from orchestra.core.config_errors import UnknownAgent as UnknownAgent
from orchestra.core.config_errors import UnknownCapability as UnknownCapability
from orchestra.core.config_errors import UnknownGoal as UnknownGoal
from orchestra.core.config_errors import UnknownModel as UnknownModel
from orchestra.core.config_errors import UnknownName as UnknownName
from orchestra.core.config_errors import UnknownPrice as UnknownPrice
from orchestra.core.config_errors import UnknownProvider as UnknownProvider
from orchestra.core.config_errors import UnknownRouter as UnknownRouter
from orchestra.core.config_errors import UnknownRun as UnknownRun
from orchestra.core.config_errors import UnknownVertex as UnknownVertex
from orchestra.core.config_errors import UnknownWorkflow as UnknownWorkflow
from orchestra.core.fault import OrchestraError as OrchestraError
from orchestra.core.model_errors import AuthFailed as AuthFailed
from orchestra.core.model_errors import BadRequest as BadRequest
from orchestra.core.model_errors import ContentRefused as ContentRefused
from orchestra.core.model_errors import ContextWindow as ContextWindow
from orchestra.core.model_errors import LengthStop as LengthStop
from orchestra.core.model_errors import ModelError as ModelError
from orchestra.core.model_errors import ModelTimeout as ModelTimeout
from orchestra.core.model_errors import ModelUnreachable as ModelUnreachable
from orchestra.core.model_errors import Overloaded as Overloaded
from orchestra.core.model_errors import QuotaExceeded as QuotaExceeded
from orchestra.core.model_errors import RateLimited as RateLimited
from orchestra.core.run_errors import Avoided as Avoided
from orchestra.core.run_errors import BadInput as BadInput
from orchestra.core.run_errors import BadReply as BadReply
from orchestra.core.run_errors import Blocked as Blocked
from orchestra.core.run_errors import BudgetExceeded as BudgetExceeded
from orchestra.core.run_errors import CallFailed as CallFailed
from orchestra.core.run_errors import CallTimeout as CallTimeout
from orchestra.core.run_errors import DeadlineExceeded as DeadlineExceeded
from orchestra.core.run_errors import Declined as Declined
from orchestra.core.run_errors import DepthExceeded as DepthExceeded
from orchestra.core.run_errors import Diverged as Diverged
from orchestra.core.run_errors import EffectStands as EffectStands
from orchestra.core.run_errors import EffectUnknown as EffectUnknown
from orchestra.core.run_errors import GivenUp as GivenUp
from orchestra.core.run_errors import GoalBusy as GoalBusy
from orchestra.core.run_errors import GoalMoved as GoalMoved
from orchestra.core.run_errors import LoopDetected as LoopDetected
from orchestra.core.run_errors import NoEffect as NoEffect
from orchestra.core.run_errors import NoProvider as NoProvider
from orchestra.core.run_errors import NotApproved as NotApproved
from orchestra.core.run_errors import NotInRun as NotInRun
from orchestra.core.run_errors import NotSerialisable as NotSerialisable
from orchestra.core.run_errors import Outranked as Outranked
from orchestra.core.run_errors import PauseRequested as PauseRequested
from orchestra.core.run_errors import PostconditionFailed as PostconditionFailed
from orchestra.core.run_errors import RunClosed as RunClosed
from orchestra.core.run_errors import StepFailed as StepFailed
from orchestra.core.run_errors import UnsafeBatch as UnsafeBatch

__all__ = [
    "Abandoned",
    "AuthFailed",
    "Avoided",
    "BadDefinition",
    "BadInput",
    "BadNumber",
    "BadReply",
    "BadRequest",
    "Blocked",
    "BudgetExceeded",
    "CallFailed",
    "CallTimeout",
    "CircularNeeds",
    "ConfigError",
    "ContentRefused",
    "ContextWindow",
    "DeadlineExceeded",
    "Declined",
    "DepsMissing",
    "DepthExceeded",
    "Diverged",
    "DuplicateName",
    "EffectStands",
    "EffectUnknown",
    "ExporterMissing",
    "ExtraMissing",
    "GivenUp",
    "GoalBusy",
    "GoalMoved",
    "JoinOnPath",
    "JournalMissing",
    "JournalVersion",
    "LengthStop",
    "LocalModelMissing",
    "LoopDetected",
    "MissingKey",
    "ModelError",
    "ModelTimeout",
    "ModelUnreachable",
    "NoEffect",
    "NoModel",
    "NoProvider",
    "NotApproved",
    "NotInRun",
    "NotSerialisable",
    "OrchestraError",
    "Outranked",
    "Overloaded",
    "PauseRequested",
    "PostconditionFailed",
    "QuotaExceeded",
    "RateLimited",
    "RunClosed",
    "StateUnusable",
    "StepFailed",
    "UnknownAgent",
    "UnknownCapability",
    "UnknownGoal",
    "UnknownModel",
    "UnknownName",
    "UnknownPrice",
    "UnknownProvider",
    "UnknownRouter",
    "UnknownRun",
    "UnknownVertex",
    "UnknownWorkflow",
    "UnsafeBatch",
]

"""The place in the run tree where code stands: step, gather and ctx.call reach the runtime through ``current`` only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from orchestra.core.call import Ask, Batch, Call
from orchestra.core.catalog import Catalog, required_node
from orchestra.core.errors import DepsMissing, NotInRun, StepFailed
from orchestra.core.outcome import Done, Outcome

if TYPE_CHECKING:
    from typing_extensions import TypeForm

Deps = TypeVar("Deps")
T = TypeVar("T")
P = ParamSpec("P")


class Scope(Protocol):
    """One node of the run tree."""

    @property
    def path(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def deps(self) -> Any: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def effect_key(self) -> str: ...

    def key(self, call: Call, /) -> str:
        """Fixed when the call is written; raises NotSerialisable."""
        ...

    async def perform(self, batch: Batch, keys: tuple[str, ...], /) -> tuple[Outcome, ...]: ...

    def left_nano(self) -> int | None: ...


current: ContextVar[Scope] = ContextVar("orchestra_scope")


def here() -> Scope:
    """The scope of the running code. Raises NotInRun."""
    scope = current.get(None)
    if scope is None:
        raise NotInRun("There is no run here.")
    return scope


def unwrap(outcome: Outcome) -> Any:
    """The output of a Done; StepFailed for anything else."""
    if type(outcome) is Done:
        return outcome.output
    cause = outcome.cause
    raise StepFailed(str(cause) if cause else type(outcome).__name__, remedy="", outcome=outcome)


class Context(Generic[Deps]):
    """What a user's function may ask of its run. It is found by its type and never shown to a model."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        self.scope: Scope = scope

    @property
    def deps(self) -> Deps:
        """The run's dependencies. Raises DepsMissing if none were given."""
        if self.scope.deps is None:
            raise DepsMissing("This step needs deps and none were given.")
        return cast("Deps", self.scope.deps)

    @property
    def run_id(self) -> str:
        return self.scope.run_id

    @property
    def effect_key(self) -> str:
        """Idempotency key of this step's effect: the same for every provider that may be tried for it, and on
        resume.
        """
        return self.scope.effect_key

    @overload
    async def call(
        self, fn: Callable[Concatenate[Context[Any], P], Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, fn: Callable[Concatenate[Context[Any], P], T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def call(self, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def call(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def call(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Calls a decorated function as a step: charged, traced, journaled. Raises StepFailed, BadInput."""
        node = required_node(fn)
        inputs = node.contract.gathered(args, kwargs)
        return await self._one(Call(target=node, input=inputs, output_type=node.contract.output_type))

    @overload
    async def ask(self, question: str, *, key: str | None = None) -> str: ...
    @overload
    async def ask(self, question: str, *, output_type: TypeForm[T], key: str | None = None) -> T: ...
    async def ask(self, question: str, *, output_type: Any = str, key: str | None = None) -> Any:
        """Asks a person: the run ends paused, and resume(answers={key: value}) goes on from here."""
        return await self._one(Call(target=Ask(question=question), key=key, output_type=output_type))

    async def _one(self, call: Call) -> Any:
        (outcome,) = await self.scope.perform(Batch(calls=(call,)), (self.scope.key(call),))
        return unwrap(outcome)

"""step, outcome and gather: what a workflow is written with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from orchestra.core.call import Batch, Branch, Call, Planned, Route, Shaped, hedge_of, lesser_goals
from orchestra.core.catalog import node_of, required_node
from orchestra.core.errors import BadInput
from orchestra.core.outcome import Failed, Outcome
from orchestra.ports.plan import Topology
from orchestra.ports.scope import Scope, here, unwrap

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


class Named(Protocol):
    """What is called by its name: an Agent, a Topology, a node."""

    @property
    def name(self) -> str: ...


class Step(Generic[T]):
    """A call that is written but not yet made: its key is fixed, awaiting it makes the call."""

    __slots__ = ("call", "key", "scope")

    def __init__(self, scope: Scope, call: Call) -> None:
        self.scope: Scope = scope
        self.call: Call = call
        self.key: str = scope.key(call)

    async def outcome(self) -> Outcome[T]:
        (outcome,) = await self.scope.perform(Batch(calls=(self.call,)), (self.key,))
        return outcome

    async def _output(self) -> T:
        value: T = unwrap(await self.outcome())
        return value

    def __await__(self) -> Generator[Any, Any, T]:
        return self._output().__await__()


class Valued(Generic[T]):
    """A step whose outcome is wanted as a value."""

    __slots__ = ("step",)

    def __init__(self, step: Step[T]) -> None:
        self.step: Step[T] = step

    def __await__(self) -> Generator[Any, Any, Outcome[T]]:
        return self.step.outcome().__await__()


@overload
def step(
    target: Callable[..., Awaitable[T]],
    /,
    *inputs: Any,
    key: str | None = None,
    timeout_s: float | None = None,
) -> Step[T]: ...
@overload
def step(
    target: Callable[..., T], /, *inputs: Any, key: str | None = None, timeout_s: float | None = None
) -> Step[T]: ...
@overload
def step(
    target: Any,
    /,
    *inputs: Any,
    topology: Any = None,
    output_type: TypeForm[T],
    key: str | None = None,
    timeout_s: float | None = None,
    fallback: Sequence[str] | None = None,
    hedge_s: float | None = None,
) -> Step[T]: ...
@overload
def step(
    target: str | Sequence[str] | Named,
    /,
    *inputs: Any,
    output_type: None = None,
    key: str | None = None,
    timeout_s: float | None = None,
    fallback: Sequence[str] | None = None,
    hedge_s: float | None = None,
) -> Step[Any]: ...
@overload
def step(
    target: Any, /, *, topology: Any, output_type: None = None, key: str | None = None, timeout_s: float | None = None
) -> Step[Any]: ...
def step(
    target: Any,
    /,
    *inputs: Any,
    topology: Any = None,
    output_type: Any = None,
    key: str | None = None,
    timeout_s: float | None = None,
    fallback: Sequence[str] | None = None,
    hedge_s: float | None = None,
) -> Step[Any]:
    """One step of a workflow.

    ``step("capability", input)`` lets the router bind it; ``step(fn, ...)`` calls that very node; ``step(["a", "b"],
    input)`` goes through several capabilities in a row on one cheapest path. ``step(task, topology=...)`` lets several
    agents work on the task, as ``team.run(task, topology=...)`` does: "auto", a shipped topology by name, a path, a
    mapping or a Topology, which may also be the target itself: ``step(topology, task)``.
    Await it for the output: anything but Done raises StepFailed. ``outcome(step(...))`` gives the outcome as a value.
    ``output_type`` defaults to the function's return annotation, to plain JSON values for a capability. ``key`` is
    needed only for identical twins in parallel branches.

    For one capability or several in a row, ``fallback=["voucher"]`` names lesser goals, tried in turn with the same
    input where nobody is left; without it the team's own ``fallbacks`` hold, and ``fallback=[]`` is none. For one
    capability, ``hedge_s=0.5`` asks a second provider where the first has not answered by then; none of them may have a
    side effect.

    Units: ``timeout_s``, ``hedge_s`` in seconds.
    Raises: NotInRun, NotSerialisable, BadInput, BadNumber and BadDefinition when it is written; StepFailed when it is
    awaited, also for a topology that is not there or names somebody who is not.
    """
    if topology is not None:
        if inputs:
            raise BadInput("With topology= a step has one input, its task.", remedy="Leave the capability out.")
        target, inputs = _shaped(topology), (target,)
    call = _call(target, inputs, output_type, key, timeout_s)
    if fallback is not None or hedge_s is not None:
        call = replace(call, fallback=lesser_goals(call.target, fallback), hedge_s=hedge_of(call.target, hedge_s))
    return Step(here(), call)


def _shaped(topology: Any) -> Shaped:
    """Named so that a run on another machine comes to the same key: a file by its name without the folders."""
    if isinstance(topology, Mapping):
        return Shaped(name=str(topology.get("name") or "topology"), topology=topology)
    if isinstance(topology, (str, PurePath)):
        return Shaped(name=PurePath(topology).stem, topology=topology)
    return Shaped(name=str(getattr(topology, "name", "topology")), topology=topology)


def _call(target: Any, inputs: tuple[Any, ...], output_type: Any, key: str | None, timeout_s: float | None) -> Call:
    value = inputs[0] if len(inputs) == 1 else list(inputs) if inputs else None
    if isinstance(target, str):
        return Call(target=target, input=value, key=key, output_type=output_type, timeout_s=timeout_s)
    node = node_of(target)
    if node is not None:
        value = node.contract.gathered(inputs, {}) if len(inputs) > 1 else value
        output_type = node.contract.output_type if output_type is None else output_type
        return Call(target=node, input=value, key=key, output_type=output_type, timeout_s=timeout_s)
    if isinstance(target, (list, tuple)):
        target = Route(capabilities=tuple(target))
    elif not isinstance(target, (Route, Planned, Shaped)) and isinstance(target, Topology):
        target = _shaped(target)
    if not isinstance(target, (Route, Planned, Shaped)):
        name = getattr(target, "name", None)
        if not isinstance(name, str):
            required_node(target)
        target, output_type = here().catalog.named(str(name)), output_type or getattr(target, "output_type", None)
    return Call(target=target, input=value, key=key, output_type=output_type, timeout_s=timeout_s)


def outcome(step: Step[T], /) -> Valued[T]:
    """The step's outcome as a value: Done, Failed or Cancelled. A pause is no value: the run ends with it."""
    return Valued(step)


@overload
def gather(a: Awaitable[A], /, *, fail_fast: bool = ...) -> Awaitable[tuple[A]]: ...
@overload
def gather(a: Awaitable[A], b: Awaitable[B], /, *, fail_fast: bool = ...) -> Awaitable[tuple[A, B]]: ...
@overload
def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *, fail_fast: bool = ...
) -> Awaitable[tuple[A, B, C]]: ...
@overload
def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /, *, fail_fast: bool = ...
) -> Awaitable[tuple[A, B, C, D]]: ...
@overload
def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /, *, fail_fast: bool = ...
) -> Awaitable[tuple[A, B, C, D, E]]: ...
@overload
def gather(
    a: Awaitable[A],
    b: Awaitable[B],
    c: Awaitable[C],
    d: Awaitable[D],
    e: Awaitable[E],
    f: Awaitable[F],
    /,
    *,
    fail_fast: bool = ...,
) -> Awaitable[tuple[A, B, C, D, E, F]]: ...
@overload
def gather(
    a: Awaitable[T],
    b: Awaitable[T],
    c: Awaitable[T],
    d: Awaitable[T],
    e: Awaitable[T],
    f: Awaitable[T],
    /,
    *more: Awaitable[T],
    fail_fast: bool = ...,
) -> Awaitable[tuple[T, ...]]: ...
def gather(*branches: Awaitable[Any], fail_fast: bool = False) -> Awaitable[Any]:
    """Runs steps and other awaitables together and returns their values in order.

    Every branch ends; then the failed plain step lowest in argument order raises StepFailed. With ``fail_fast`` the
    first failure cancels the others. Steps become one batch; any other awaitable is a branch with a keyed scope of its
    own.

    Raises: NotInRun, StepFailed, UnsafeBatch (``fail_fast`` over a side effect that is not idempotent).
    """
    scope = here()
    raised: dict[int, Exception] = {}
    written = [_branch(scope, i, branch, raised) for i, branch in enumerate(branches)]
    batch = Batch(calls=tuple(call for call, _ in written), failed=1 if fail_fast else None)
    return _gathered(scope, batch, tuple(key for _, key in written), branches, raised)


def _branch(scope: Scope, i: int, branch: Awaitable[Any], raised: dict[int, Exception]) -> tuple[Call, str]:
    if isinstance(branch, Valued):
        branch = branch.step
    if isinstance(branch, Step):
        return branch.call, branch.key
    call = Call(target=Branch(awaitable=Noting(branch, i, raised)))
    return call, scope.key(call)


class Noting:
    """An awaitable that notes what it raised. ``close`` is for one that is never awaited."""

    __slots__ = ("branch", "i", "raised")

    def __init__(self, branch: Awaitable[Any], i: int, raised: dict[int, Exception]) -> None:
        self.branch, self.i, self.raised = branch, i, raised

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            return (yield from self.branch.__await__())
        except Exception as error:
            self.raised[self.i] = error
            raise

    def close(self) -> None:
        if isinstance(self.branch, Coroutine):
            self.branch.close()


async def _gathered(
    scope: Scope,
    batch: Batch,
    keys: tuple[str, ...],
    branches: tuple[Awaitable[Any], ...],
    raised: dict[int, Exception],
) -> tuple[Any, ...]:
    if not keys:
        return ()
    outcomes = await scope.perform(batch, keys)
    if batch.failed is not None:
        _raise_first_failed(outcomes, branches, raised)
    return tuple(_value(i, o, branches[i], raised) for i, o in enumerate(outcomes))


def _raise_first_failed(
    outcomes: tuple[Outcome, ...], branches: tuple[Awaitable[Any], ...], raised: dict[int, Exception]
) -> None:
    for i, one in enumerate(outcomes):
        if type(one) is Failed:
            _value(i, one, branches[i], raised)


def _value(i: int, outcome: Outcome, branch: Awaitable[Any], raised: dict[int, Exception]) -> Any:
    if isinstance(branch, Valued):
        return outcome
    if i in raised:
        raise raised[i]
    return unwrap(outcome)

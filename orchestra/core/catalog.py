"""The nodes that can do work, as an immutable snapshot: a run keeps the one it began with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from orchestra.core.budget import Budget
from orchestra.core.call import Plan
from orchestra.core.errors import BadDefinition, BadInput, DuplicateName, UnknownAgent

Kind = Literal["agent", "tool", "workflow", "model"]
Risk = Literal["low", "medium", "high"]
MARK = "__orchestra__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A user's function. ``context`` names the parameter that takes the Context, None if there is none."""

    fn: Callable[..., Any]
    context: str | None
    is_async: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """A pure plan over the node's input: a model agent's loop, a topology.

    With ``reads_catalog`` it is given the run's catalogue as well.
    """

    plan: Callable[..., Plan]
    reads_catalog: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What goes in and out.

    ``bind`` turns an input into validated keyword arguments: a mapping binds by name, anything else to the first
    parameter; it raises BadInput. ``names`` are the parameters in order, without the Context; ``schema`` is the JSON
    Schema of the input; ``output_type`` the return annotation (None: plain JSON); ``takes_text`` is true if one string
    is enough.
    """

    bind: Callable[[Any], dict[str, Any]]
    names: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)
    output_type: Any = None
    takes_text: bool = True

    def gathered(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Positional and keyword arguments as one mapping by name. Raises BadInput for too many."""
        if len(args) > len(self.names):
            raise BadInput(
                f"{len(args)} positional arguments were given, but it takes {', '.join(self.names) or 'none'}."
            )
        return {**dict(zip(self.names, args, strict=False)), **kwargs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing that can be called: an agent, a tool or a workflow.

    Units: ``cost_nano`` in 1e-9 dollars a call, charged on entry; ``expected_nano`` what its models are expected to
    cost on top, a hint and never charged; ``latency_s`` (declared floor) and ``timeout_s`` in seconds.
    ``side_effect`` names the class of what it does to the world, None if it does nothing; ``compensate`` undoes it when
    its run is abandoned. A workflow with ``undo_on_failure`` abandons its run itself when that has failed.
    ``trial_limit`` is how many calls may be in flight while it was never tried, ``trial_share`` how much of what is
    left of a run's budget such a call may be expected to cost; both follow from the class of risk. ``approval`` is
    whether a person is asked before it starts: always, or where the rule says so of the validated arguments.
    ``transfer`` is the mode of a tool that hands the conversation over, return or pass. ``models`` are alternatives,
    asked at this ``temperature`` (None: their own);
    ``tools``, ``skills`` and ``hands_to`` (names) are what a model agent may turn to, for whoever wants to look: its
    body knows them itself.
    """

    name: str
    kind: Kind
    body: Code | Planning
    contract: Contract
    description: str = ""
    provides: tuple[str, ...] = ()
    cost_nano: int = 0
    expected_nano: int = 0
    latency_s: float = 0.0
    timeout_s: float | None = None
    side_effect: str | None = None
    compensate: Node | None = None
    undo_on_failure: bool = False
    idempotent: bool = False
    no_effect_on: tuple[type[BaseException], ...] = ()
    approval: bool | Callable[..., bool] = False
    transfer: str | None = None
    trial_limit: int = 8
    trial_share: float = 1.0
    examples: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    temperature: float | None = None
    tools: tuple[Node, ...] = ()
    skills: tuple[str, ...] = ()
    hands_to: tuple[str, ...] = ()
    budget: Budget | None = None
    source: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether running it twice does no harm."""
        return self.side_effect is None or self.idempotent


def node_of(target: Any) -> Node | None:
    """The definition that a decorator attached, None if there is none."""
    node = target if isinstance(target, Node) else getattr(target, MARK, None)
    return node if isinstance(node, Node) else None


def required_node(target: Any) -> Node:
    """Raises BadDefinition for a function without a definition."""
    node = node_of(target)
    if node is None:
        raise BadDefinition(
            f"{getattr(target, '__name__', target)!r} has no definition.",
            remedy="Decorate it with @agent, @tool or @workflow.",
        )
    return node


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """A version and its nodes. ``with_node`` and ``without`` return the next version; this one never changes."""

    version: int = 0
    nodes: Mapping[str, Node] = field(default_factory=lambda: MappingProxyType({}))
    capability_to_names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def with_node(self, node: Node, *, replace: bool = False) -> Catalog:
        """With ``replace`` the node takes the place of the one that bears its name, if there is one.

        Raises DuplicateName where another node bears the name, and is not to be replaced.
        """
        old = self.nodes.get(node.name)
        if old is not None and old != node and not replace:
            raise DuplicateName(f"Two nodes are named {node.name!r}.")
        index = dict(self.capability_to_names)
        if old is not None:
            _forget(index, node.name, [capability for capability in old.provides if capability not in node.provides])
        for capability in dict.fromkeys(node.provides):
            if old is None or capability not in old.provides:
                index[capability] = (*index.get(capability, ()), node.name)
        return Catalog(version=self.version + 1, nodes={**self.nodes, node.name: node}, capability_to_names=index)

    def without(self, name: str) -> Catalog:
        """Raises UnknownAgent."""
        nodes, index = dict(self.nodes), dict(self.capability_to_names)
        _forget(index, name, self.named(name).provides)
        del nodes[name]
        return Catalog(version=self.version + 1, nodes=nodes, capability_to_names=index)

    def named(self, name: str) -> Node:
        """Raises UnknownAgent."""
        node = self.nodes.get(name)
        if node is None:
            raise UnknownAgent(f"No node is named {name!r}; there are {', '.join(sorted(self.nodes)) or 'none'}.")
        return node

    def providers(self, capability: str) -> tuple[Node, ...]:
        """The nodes that provide a capability, in the order of registration."""
        return tuple(self.nodes[name] for name in self.capability_to_names.get(capability, ()))


def _forget(index: dict[str, tuple[str, ...]], name: str, capabilities: Iterable[str]) -> None:
    """Takes a name out of an index; a capability that nobody is left for goes too."""
    for capability in dict.fromkeys(capabilities):
        index[capability] = tuple([other for other in index[capability] if other != name])
        if not index[capability]:
            del index[capability]

"""The parts of a topology: who does each, what each is given, how many must be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestra.core.call import Call, NodeName, Planned
from orchestra.core.catalog import Node, node_of
from orchestra.core.errors import BadDefinition
from orchestra.core.ids import canonical, digest
from orchestra.ports.plan import Topology as Topology
from orchestra.tools.nodes import checked_name

ANYONE = "*"
"""The capability that every agent of a team provides."""
OnFailure = Literal["fail", "continue"] | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One part. ``target`` is a capability, an Agent of the team, a NodeName, a Node, a decorated function or another
    topology.

    ``name`` is unique in its topology and defaults to the target's. ``task`` is what this member in particular is to
    do. ``after`` names the members whose outputs it is given; only hybrid and hierarchical topologies have such.

    Raises: BadDefinition.
    """

    target: Any
    name: str = ""
    task: str | None = None
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", _checked_target(self.target))
        object.__setattr__(self, "name", checked_name(self.name or _name_of(self.target)))
        object.__setattr__(self, "after", tuple(self.after))

    def call(self, value: Any) -> Call:
        """The call of this member. Its key holds the member's name and a hash of the input. Raises NotSerialisable."""
        target, kind = self.target, None
        if isinstance(target, Node):
            kind = target.contract.output_type
        elif not isinstance(target, (str, NodeName, Planned)):
            target = Planned(name=target.name, plan=target.plan)
        return Call(target=target, input=value, key=f"{self.name}:{digest(canonical(value))}", output_type=kind)


def _checked_target(target: Any) -> Any:
    node = node_of(target)
    if node is not None:
        return node
    if isinstance(target, (NodeName, Planned, Topology)) or (isinstance(target, str) and target.strip()):
        return target
    if isinstance(getattr(target, "name", None), str) and hasattr(target, "instructions"):
        name: str = target.name  # pyright: ignore[reportAttributeAccessIssue]
        return NodeName(name=name)  # an Agent: the team holds it under its name
    raise BadDefinition(
        f"{target!r} cannot be a member of a topology.",
        remedy="Name a capability, or pass an Agent, a NodeName, a decorated function or another topology.",
    )


def _name_of(target: Any) -> str:
    if isinstance(target, str):
        return "anyone" if target == ANYONE else target
    return str(target.name)


def members_of(targets: Sequence[Any]) -> tuple[Member, ...]:
    """Targets as members; a target that comes again without a name of its own is numbered: draft, draft-2.

    Raises: BadDefinition for none, or for two that are given one name.
    """
    if not targets:
        raise BadDefinition("A topology needs at least one member.", at=("members",))
    taken = {one.name for one in targets if isinstance(one, Member)}
    members: list[Member] = []
    placed: set[str] = set()
    last_number: dict[str, int] = {}
    for index, target in enumerate(targets):
        if isinstance(target, Member):
            if target.name in placed:
                raise BadDefinition(f"Two members are named {target.name!r}.", at=("members", index))
            members.append(target)
            placed.add(target.name)
            continue
        first = _unnamed(target, index)
        name, n = first.name, last_number.get(first.name, 1)
        while name in taken:
            n += 1
            name = f"{first.name}-{n}"
        last_number[first.name] = n
        taken.add(name)
        members.append(Member(target=target, name=name))
    return tuple(members)


def _unnamed(target: Any, index: int) -> Member:
    try:
        return Member(target=target)
    except BadDefinition as error:
        raise BadDefinition(error.what, remedy=error.fix, at=("members", index)) from None


def given(value: Any, member: Member, inputs: Mapping[str, Any] | None = None) -> Any:
    """What a member is given: ``value`` is the topology's input, ``inputs`` are its parents' outputs by name.

    Without parents and a task of its own: ``value`` itself. Otherwise ``{"task", "inputs", "goal"}``: ``task`` is its
    own, or ``value`` where it has none; ``inputs`` is there if it has parents, ``goal`` (``value``) if it has a task of
    its own.
    """
    if member.task is None:
        return value if inputs is None else {"task": value, "inputs": dict(inputs)}
    own = {"task": member.task, "goal": value}
    return own if inputs is None else {**own, "inputs": dict(inputs)}


def needed(on_failure: OnFailure, branches: int) -> int:
    """How many of a join's branches must be Done: all of them, one, or n but never more than there are."""
    if on_failure == "fail":
        return branches
    return min(1 if on_failure == "continue" else on_failure, branches)


def check_policy(on_failure: OnFailure, branches: int) -> None:
    """Raises BadDefinition."""
    if on_failure in ("fail", "continue"):
        return
    if not isinstance(on_failure, int) or isinstance(on_failure, bool) or not 1 <= on_failure <= branches:
        raise BadDefinition(
            f"on_failure={on_failure!r} is not 'fail', 'continue' or a quorum from 1 to {branches}.", at=("on_failure",)
        )

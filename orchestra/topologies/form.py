"""The form of a topology file. It needs pydantic, so it is imported when a file is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, model_validator

from orchestra.core.call import NodeName
from orchestra.core.errors import BadDefinition
from orchestra.tools.answer import Answer, answer_type
from orchestra.tools.editors import NAME_SCHEMA
from orchestra.topologies.hierarchical import hierarchical
from orchestra.topologies.hybrid import hybrid
from orchestra.topologies.joins import RIVALS, WITH_AGENT
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.parallel import parallel
from orchestra.topologies.sequential import sequential

T = TypeVar("T")
Place = tuple[str | int, ...]
Join = Literal["all", "compose", "first", "merge", "refine", "vote"]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, json_schema_extra=NAME_SCHEMA)]
Quorum = Annotated[int, Field(json_schema_extra={"minimum": 1})]
Policy = Annotated[Literal["fail", "continue"] | Quorum, Field(description="fail, continue, or how many must be done")]
WHO = ("capability", "agent", "topology")
# What the plans themselves refuse, said to editors too.
ONE_OF_WHO: dict[str, Any] = {"oneOf": [{"required": [one]} for one in WHO]}
BY_GOES_WITH_THE_JOIN: dict[str, Any] = {
    "allOf": [
        {
            "if": {"required": ["join"], "properties": {"join": {"enum": sorted(WITH_AGENT)}}},
            "then": {"required": ["by"]},
            "else": {"not": {"required": ["by"]}},
        },
        {
            "if": {"required": ["answer"]},
            "then": {"required": ["join"], "properties": {"join": {"enum": sorted(RIVALS)}}},
        },
    ]
}


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class MemberForm(Form):
    """One of ``capability``, ``agent`` and ``topology`` says who; text alone in place of this is a capability."""

    model_config = ConfigDict(json_schema_extra=ONE_OF_WHO)

    capability: Text | None = Field(default=None, description="any agent that provides it; '*' for any agent at all")
    agent: Text | None = Field(default=None, description="this very agent, by its name")
    topology: AnyForm | None = Field(default=None, description="a topology inside this one")
    name: Name | None = Field(default=None, description="unique in its topology; by default whatever says who")
    task: Text | None = Field(default=None, description="what this member in particular is to do")
    after: list[Text] = Field(default=[], description="names of members whose answers it is given")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.capability, self.agent, self.topology)) != 1:
            raise ValueError("say who by one of capability, agent and topology")
        return self


def _member_kind(value: Any) -> str:
    return "capability" if isinstance(value, str) else "member"


AnyMember = Annotated[
    Annotated[Text, Tag("capability")] | Annotated[MemberForm, Tag("member")], Discriminator(_member_kind)
]


class TopologyForm(Form):
    name: Name | None = Field(
        default=None, description="what it is called in keys and traces; by default the file's name"
    )
    description: str = Field(default="", description="one sentence: what it does and what it is good for")
    members: list[AnyMember] = Field(min_length=1, description="who works together")


class SequentialForm(TopologyForm):
    """One after another; each is given the answer of the one before it."""

    kind: Literal["sequential"] = Field(description="one after another")


class JoinedForm(TopologyForm):
    model_config = ConfigDict(json_schema_extra=BY_GOES_WITH_THE_JOIN)

    join: Join = Field(default="all", description="how several answers become one")
    by: AnyMember | None = Field(default=None, description="who joins; for compose, merge and refine")
    on_failure: Policy = "fail"
    answer: dict[Text, Answer] | None = Field(
        default=None,
        description="the fields of every member's answer, with their types; one that does not fit counts as failed",
    )


class ParallelForm(JoinedForm):
    """All at once on the same task."""

    kind: Literal["parallel"] = Field(description="all at once")


class HybridForm(JoinedForm):
    """A graph: ``after`` says what waits for what; what does not wait runs together."""

    kind: Literal["hybrid"] = Field(description="a graph: after says what waits for what")


class HierarchicalForm(TopologyForm):
    """A lead, the members it leads, a report."""

    kind: Literal["hierarchical"] = Field(description="a lead, the members it leads, a report")
    lead: AnyMember = Field(description="who works first, and says what the members keep to")
    report: AnyMember | None = Field(default=None, description="who makes one answer; by default the lead")
    on_failure: Policy = "fail"


AnyForm = Annotated[SequentialForm | ParallelForm | HierarchicalForm | HybridForm, Field(discriminator="kind")]
for _form in (MemberForm, SequentialForm, ParallelForm, HierarchicalForm, HybridForm):
    _form.model_rebuild()
ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyForm)
TAG_TO_FORM: dict[str, type[Form]] = {
    "sequential": SequentialForm,
    "parallel": ParallelForm,
    "hierarchical": HierarchicalForm,
    "hybrid": HybridForm,
    "member": MemberForm,
}


def built(form: Any, default_name: str, place: Place = ()) -> Topology:
    """The topology of a form. Raises BadDefinition with ``at``, the way from the file's top to what is wrong."""
    said: dict[str, Any] = {"name": form.name or default_name, "description": form.description}
    members = [_member(one, (*place, "members", i)) for i, one in enumerate(form.members)]
    one = {
        key: _member(value, (*place, key))
        for key in ("by", "lead", "report")
        if (value := getattr(form, key, None)) is not None
    }
    one |= {key: getattr(form, key) for key in ("join", "on_failure") if hasattr(form, key)}
    one |= {"answer": answer_type(form.answer)} if getattr(form, "answer", None) else {}
    if isinstance(form, SequentialForm):
        return _placed(place, lambda: sequential(*members, **said))
    if isinstance(form, ParallelForm):
        return _placed(place, lambda: parallel(*members, **one, **said))
    if isinstance(form, HybridForm):
        return _placed(place, lambda: hybrid(*members, **one, **said))
    lead = one.pop("lead")
    return _placed(place, lambda: hierarchical(lead, members, **one, **said))


def _member(form: MemberForm | str, place: Place) -> Any:
    """A Member where anything is said about it beyond who it is, otherwise the target itself."""
    if isinstance(form, str):
        return form
    target: Any = form.capability
    if form.agent is not None:
        target = NodeName(name=form.agent)
    elif form.topology is not None:
        target = built(form.topology, form.topology.kind, (*place, "topology"))
    if not (form.name or form.task or form.after):
        return target
    return _placed(place, lambda: Member(target=target, name=form.name or "", task=form.task, after=tuple(form.after)))


def _placed(place: Place, build: Callable[[], T]) -> T:
    try:
        return build()
    except BadDefinition as error:
        raise BadDefinition(error.what, remedy=error.fix, at=(*place, *error.facts.get("at", ()))) from None

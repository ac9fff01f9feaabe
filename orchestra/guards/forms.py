"""The form of a goal as YAML or a mapping. It needs pydantic, so it is imported when one is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from orchestra.core.errors import BadDefinition
from orchestra.guards.goal import Goal, Rule, Unnamed
from orchestra.guards.predicates import (
    SIGN_TO_TEXT,
    Among,
    Check,
    Compared,
    Every,
    Negated,
    Predicate,
    Present,
    Some,
    World,
)

NESTING = 8
"""How deep conditions may lie in one another. Our default."""
Text = Annotated[str, Field(min_length=1)]
Number = int | Annotated[float, Field(allow_inf_nan=False)]
Plain = str | int | float | bool | None
Checks = Mapping[str, Callable[[World], bool]]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ValueForm(Form):
    """What a value has to be: all that is given here. A bound may be the path of a number."""

    equals: Any = Field(default=None, description="this very JSON value")
    among: list[Plain] | None = Field(default=None, alias="in", min_length=1, description="one of these")
    at_least: Number | Text | None = None
    at_most: Number | Text | None = None
    more_than: Number | Text | None = None
    less_than: Number | Text | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what the value has to be")
        return self

    def predicates(self, path: str) -> list[Predicate]:
        found: list[Predicate] = [Among(path, (self.equals,))] if "equals" in self.model_fields_set else []
        if self.among is not None:
            found.append(Among(path, tuple(self.among)))
        bounds = [(sign, getattr(self, sign)) for sign in SIGN_TO_TEXT]
        return [*found, *(Compared(path, sign, bound) for sign, bound in bounds if bound is not None)]


Wanted = Annotated[
    Literal["present", "absent"] | ValueForm, Field(description="present, absent, or what the value is to be")
]


class RuleForm(Form):
    stages: list[Text] = Field(default=[], description="where it is legal; by default in every stage not final")
    before: dict[str, Any] = Field(default={}, description="what has to hold before it starts, of facts. and input.")
    after: dict[str, Any] = Field(default={}, description="what has to hold when it is done, of output. too")
    to: Text | None = Field(default=None, description="the stage that its success leads to; by default the same")
    sets: dict[Text, Text] = Field(default={}, description="facts that its success sets, and the paths of their values")


class GoalForm(Form):
    name: Text | None = Field(default=None, description="the kind of goal; by default the file's name")
    stages: list[Text] = Field(min_length=1, description="the first one is where a goal begins")
    transitions: dict[Text, list[Text]] = Field(default={}, description="the legal moves; without one a stage is final")
    skills: dict[Text, RuleForm] = Field(default={}, description="rules by the name of a node or of a capability")
    unnamed: Unnamed = Field(
        default="harmless",
        description="what becomes of nodes without a rule: allow, block, or harmless: those with a side effect blocked",
    )


ADAPTER = TypeAdapter(GoalForm)
_WANTED: TypeAdapter[Any] = TypeAdapter(Wanted)


def built(form: GoalForm, name: str, checks: Checks) -> Goal:
    """The goal of a form. Raises BadDefinition; of a condition, with its place as the fact ``at``."""
    return Goal(
        name=name,
        stages=tuple(form.stages),
        transitions={stage: tuple(following) for stage, following in form.transitions.items()},
        skills={skill: _rule(rule, ("skills", skill), checks) for skill, rule in form.skills.items()},
        unnamed=form.unnamed,
    )


def _rule(form: RuleForm, place: tuple[str, ...], checks: Checks) -> Rule:
    return Rule(
        stages=tuple(form.stages),
        before=tuple(conditions(form.before, (*place, "before"), checks)) if form.before else (),
        after=tuple(conditions(form.after, (*place, "after"), checks)) if form.after else (),
        to=form.to,
        sets=form.sets,
    )


def conditions(data: Any, place: tuple[str | int, ...], checks: Checks) -> list[Predicate]:
    """The predicates of one mapping. Raises BadDefinition with its place."""
    if not isinstance(data, Mapping) or not data:
        raise BadDefinition("a condition is a mapping of paths, all, any, not and check", at=place)
    if len(place) > 3 + 2 * NESTING:
        raise BadDefinition(f"conditions lie more than {NESTING} deep in one another", at=place)
    found: list[Predicate] = []
    for key, value in data.items():
        at = (*place, key)
        if key in ("all", "any"):
            if not isinstance(value, list) or not value:
                raise BadDefinition(f"{key} takes a list of conditions", at=at)
            parts = tuple(_one(conditions(item, (*at, n), checks)) for n, item in enumerate(value))
            found.append(Every(parts) if key == "all" else Some(parts))
        elif key == "not":
            found.append(Negated(_one(conditions(value, at, checks))))
        elif key == "check":
            if not isinstance(value, str) or value not in checks:
                known = ", ".join(sorted(checks)) or "none"
                raise BadDefinition(f"there is no check {value!r}; there are: {known}", at=at)
            found.append(Check(value, checks[value]))
        else:
            found += _wanted(key, value, at)
    return found


def _wanted(path: Any, value: Any, at: tuple[str | int, ...]) -> list[Predicate]:
    from pydantic import ValidationError

    if not isinstance(path, str) or ("." not in path and path != "output"):
        raise BadDefinition("a path begins with facts., input. or output.", at=at)
    try:
        wanted = _WANTED.validate_python(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        said = dict.fromkeys(f"{'.'.join(str(part) for part in one['loc'][1:])} {one['msg']}" for one in problems)
        raise BadDefinition(f"it is not present, absent or a comparison: {', or '.join(said).strip()}", at=at) from None
    if wanted == "present":
        return [Present(path)]
    if wanted == "absent":
        return [Negated(Present(path))]
    predicates: list[Predicate] = wanted.predicates(path)
    return predicates


def _one(parts: list[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else Every(tuple(parts))

"""Whether a call may start at this stage, and what its end makes of the goal: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestra.core.catalog import Node
from orchestra.core.errors import Blocked, GoalBusy, GoalMoved, PostconditionFailed
from orchestra.guards.goal import Goal, Rule
from orchestra.guards.predicates import MISSING, begins_in, found, unmet
from orchestra.guards.state import GoalState, ProcessEvent, inside
from orchestra.ports.guard import Asked

FACTS = ("facts",)


def refusal(goal: Goal, goal_id: str, state: GoalState, asked: Asked) -> Blocked | None:
    """Why the call may not start now; None if it may.

    A call that has entered and not left, or has changed this goal already, may go on: it was let in before.
    """
    node, by = asked.node, asked.by
    if by in state.done or by in state.holders:
        return None
    if asked.again and not claims(goal, node) and not _harmful(node):
        return None
    why = _why_not(goal, state, asked)
    if why:
        said = f"{node.name!r} was not called: the goal {goal_id!r} is at {state.stage!r}, and {'; '.join(why)}."
        return Blocked(f"{said} {legal_next(goal, state)}", goal=goal_id, stage=state.stage)
    if claims(goal, node) and state.holders and not inside(by, state.holders[-1]):
        return GoalBusy(
            f"{node.name!r} was not called: {state.holders[-1]} is changing the goal {goal_id!r}.",
            goal=goal_id,
            stage=state.stage,
        )
    return None


def claims(goal: Goal, node: Node) -> bool:
    """Whether nobody else may change the goal while this node runs: it may change the goal itself, or the world."""
    rules = goal.rules_for(node)
    return any(rule.changes for rule in rules) or (bool(rules) and node.side_effect is not None)


def end(
    goal: Goal, goal_id: str, state: GoalState, asked: Asked, output: Any, at: float
) -> ProcessEvent | PostconditionFailed | GoalMoved | None:
    """What the call, which is done, makes of the goal: an event, nothing, or why the goal stays where it is."""
    node, by = asked.node, asked.by
    rules = goal.rules_for(node)
    if not rules or by in state.done:
        return None
    held = claims(goal, node)
    if held and by not in state.holders:
        return GoalMoved(f"{node.name!r} is done, but its hold on the goal {goal_id!r} was released meanwhile.")
    world = {"facts": state.facts, "input": asked.input, "output": output}
    facts = {fact: value for rule in rules for fact, value in _set(rule, world).items()}
    world["facts"] = {**state.facts, **facts}
    broken = unmet([part for rule in rules for part in rule.after], world)
    if broken:
        said = f"{node.name!r} is done, but {' and '.join(map(str, broken))} does not hold"
        return PostconditionFailed(f"{said}: the goal {goal_id!r} stays at {state.stage!r}.")
    to = next((rule.to for rule in rules if rule.to is not None), state.stage)
    if not goal.may_move(state.stage, to):
        return GoalMoved(f"{node.name!r} is done, but the goal {goal_id!r} cannot go from {state.stage!r} to {to!r}.")
    if not held:
        return None
    return ProcessEvent(kind="advanced", by=by, at=at, skill=node.name, stage=to, facts=facts)


def legal_next(goal: Goal, state: GoalState) -> str:
    """What may be done at this stage by what is known, and where each of it leads."""
    found_steps = [(skill, rule) for skill, rule in goal.skills.items() if _legal_now(goal, state, rule)]
    steps = [skill if rule.to in (None, state.stage) else f"{skill} (to {rule.to})" for skill, rule in found_steps]
    following = ", ".join(goal.transitions.get(state.stage, ())) or "none"
    return f"Legal now: {', '.join(steps) or 'nothing'}; next stages: {following}."


def _why_not(goal: Goal, state: GoalState, asked: Asked) -> list[str]:
    rules = goal.rules_for(asked.node)
    if not rules:
        blocked = goal.unnamed == "block" or (goal.unnamed == "harmless" and _harmful(asked.node))
        return ["it names no rule for this skill"] if blocked else []
    why = []
    for rule in rules:
        if state.stage not in (stages := goal.stages_of(rule)):
            why.append(f"it is legal at {', '.join(stages) or 'no stage'}")
    world = {"facts": state.facts, "input": asked.input}
    why += [f"this does not hold: {part}" for part in unmet([part for rule in rules for part in rule.before], world)]
    targets = {rule.to for rule in rules if rule.to is not None}
    if len(targets) > 1:
        why.append(f"its rules lead to different stages: {', '.join(sorted(targets))}")
    return list(dict.fromkeys(why))


def _legal_now(goal: Goal, state: GoalState, rule: Rule) -> bool:
    if state.stage not in goal.stages_of(rule):
        return False
    known = [part for part in rule.before if part.paths and all(begins_in(path, FACTS) for path in part.paths)]
    return not unmet(known, {"facts": state.facts})


def _set(rule: Rule, world: Mapping[str, Any]) -> dict[str, Any]:
    values = {fact: found(world, path) for fact, path in rule.sets.items()}
    return {fact: value for fact, value in values.items() if value is not MISSING}


def _harmful(node: Node) -> bool:
    return node.side_effect is not None

"""use_skill: what a model sees of it, what it may ask, what it gets."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.bundled import bundled_names, find_bundled
from orchestra.core.catalog import Code, Node, Planning
from orchestra.core.errors import BadDefinition, BadInput, DuplicateName
from orchestra.core.message import ToolCall
from orchestra.core.outcome import Done
from orchestra.ports.model import Reply
from orchestra.skills.files import load_skill
from orchestra.skills.skill import Skill
from orchestra.skills.tool import skill_tool

SKILLS = [load_skill(find_bundled("skills", name)) for name in bundled_names("skills")]


def called(node: Node, value: Any) -> str:
    assert isinstance(node.body, Code)
    answer: str = node.body.fn(**node.contract.bind(value))
    return answer


def test_its_schema_names_every_skill() -> None:
    node = skill_tool(SKILLS)
    name = node.contract.schema["properties"]["name"]
    assert (node.name, node.kind, node.repeatable) == ("use_skill", "tool", True)
    assert name["enum"] == [skill.name for skill in SKILLS]
    assert all(skill.name in name["description"] for skill in SKILLS)
    json.dumps(node.contract.schema)
    assert called(pickle.loads(pickle.dumps(node)), "cite-sources")


def test_a_name_gives_the_instructions_and_a_resource_the_file() -> None:
    node = skill_tool(SKILLS)
    assert called(node, {"name": "cite-sources"}) == called(node, "cite-sources")
    assert "# Cite sources" in called(node, {"name": "cite-sources", "resource": None})
    assert "references/categories.md" in called(node, {"name": "triage-customer-mail", "resource": ""})
    answer = called(node, {"name": "triage-customer-mail", "resource": "references/categories.md"})
    assert answer.startswith("# Categories")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": "nobody"}, "no skill 'nobody'; there are cite-sources"),
        ({}, "no skill None"),
        ({"name": ["cite-sources"]}, "no skill"),
        ({"name": "cite-sources", "path": "x"}, "does not take path"),
        ({"name": "cite-sources", "resource": 3}, "not text"),
        ({"name": "cite-sources", "resource": "../write-sql-safely/SKILL.md"}, "not a path inside"),
    ],
)
def test_other_input_is_refused(value: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        called(skill_tool(SKILLS), value)


def test_no_skills_and_two_of_one_name_are_refused() -> None:
    with pytest.raises(BadDefinition, match="no skills"):
        skill_tool([])
    with pytest.raises(DuplicateName, match="'a'"):
        skill_tool([Skill(name="a", description=text, folder=Path(text)) for text in ("one", "other")])


def test_an_agent_takes_it_as_a_tool() -> None:
    body = node_of_agent(Agent("clerk", "Helps.", tools=[skill_tool(SKILLS)]), "test:m").body
    assert isinstance(body, Planning)
    plan = body.plan("Which sources?")
    (spec,) = next(plan).calls[0].input.tools
    asked = ToolCall(id="c", name=spec.name, arguments={"name": "cite-sources"})
    (call,) = plan.send((Done(output=Reply(tool_calls=(asked,), finish="tool_calls")),)).calls
    assert isinstance(call.target, Node) and "[1]" in called(call.target, call.input)

"""The shipped agents: each loads, is described for the router, and renders for every kind of task."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from orchestra.agents.agent import Agent, node_of_agent
from orchestra.agents.bundled import bundled_names, bundled_root, find_bundled
from orchestra.agents.files import AgentFile, load_agent_file
from orchestra.agents.prompt import render
from orchestra.core.task import task_of

NAMES = ("planner", "researcher", "analyst", "coder", "critic", "summarizer", "refiner", "arbiter", "dispatcher")
TASKS: tuple[Any, ...] = (
    "text",
    "",
    3,
    None,
    ["a", "b"],
    {},
    {"goal": "g", "capabilities": ["refund", "mail"], "words": 40},
)


def load(name: str) -> AgentFile:
    path = find_bundled("agents", name)
    return load_agent_file(path, path.parent)


def test_the_nine_are_there() -> None:
    assert set(NAMES) == set(bundled_names("agents"))


@pytest.mark.parametrize("name", bundled_names("agents"))
def test_a_router_can_tell_what_it_is_for(name: str) -> None:
    file = load(name)
    assert 2 <= len(file.examples) <= 4 and len(set(file.examples)) == len(file.examples)
    assert 40 <= len(file.description) <= 200 and file.provides not in (None, ())


def test_no_two_provide_the_same_or_read_the_same() -> None:
    files = [load(name) for name in bundled_names("agents")]
    assert len({file.provides for file in files}) == len({file.description for file in files}) == len(files)


@pytest.mark.parametrize("name", bundled_names("agents"))
@pytest.mark.parametrize("task", TASKS, ids=repr)
def test_the_prompt_renders_for_every_task(name: str, task: Any) -> None:
    shown = render(load(name).instructions, task=task_of(task))
    assert shown.strip() and "{%" not in shown and "{{" not in shown and "\n\n\n" not in shown


@pytest.mark.parametrize("name", bundled_names("agents"))
def test_the_prompt_is_short_and_leaves_the_task_to_the_message(name: str) -> None:
    shown = render(load(name).instructions, task=task_of("a sentence that the loop sends as the message"))
    assert "a sentence that the loop sends" not in shown and len(shown) < 2500


def test_what_the_task_says_reaches_the_prompt() -> None:
    task = task_of(TASKS[-1])
    assert "Choose only among: refund, mail." in render(load("planner").instructions, task=task)
    assert "at most 40 words" in render(load("summarizer").instructions, task=task)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("critic", {"acceptable": False, "problems": ["The sum is wrong."], "strengths": []}),
        ("arbiter", {"choice": "A", "answer": "30 days", "why": "The policy says so."}),
    ],
)
def test_typed_answers(name: str, answer: dict[str, Any]) -> None:
    assert TypeAdapter(load(name).output_type).validate_python(answer) == answer
    agent = Agent(name, instructions="x", output_type=load(name).output_type)
    assert node_of_agent(agent, "test:m").contract.output_type is not None


def test_the_planners_example_is_json_of_the_form_it_asks_for() -> None:
    import json

    prompt = load("planner").instructions
    plan = json.loads(prompt[prompt.index('{"steps"') :])
    ids = [step["id"] for step in plan["steps"]]
    for at, step in enumerate(plan["steps"]):
        assert step.keys() == {"id", "capability", "task", "after"} and set(step["after"]) <= set(ids[:at])
    assert isinstance(plan["questions"], list)


def test_the_folder_holds_nothing_else() -> None:
    assert {path.suffix for path in Path(bundled_root("agents")).iterdir()} == {".md"}

"""Agents with skills: what the model is told, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import orchestra
from orchestra import Agent, Orchestra
from orchestra.agents.agent import USE_SKILLS, node_of_agent
from orchestra.agents.files import load_agent_file
from orchestra.agents.skill import skill
from orchestra.app.members import agent_from_file
from orchestra.core.errors import BadDefinition, DuplicateName, UnknownName
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.skills.files import load_skill


def made(folder: Path, name: str, body: str = "Count the eggs twice.") -> Path:
    (folder / name).mkdir(parents=True)
    text = f"---\nname: {name}\ndescription: Counts {{{{ eggs }}}}.\n---\n{body}\n"
    (folder / name / "SKILL.md").write_text(text, encoding="utf-8")
    return folder / name


def asked(agent: Agent, *steps: Any) -> tuple[Any, Scripted]:
    model = Scripted(*steps)
    team = Orchestra(agents=[agent], model="test:scripted", models={"test:scripted": model})
    result = team.run_sync("How many eggs?", to=agent.name)
    team.close()
    return result, model


def test_a_model_is_told_of_its_skills_and_takes_one_up(tmp_path: Path) -> None:
    agent = Agent("cook", instructions="Cook {{ task.text }}", skills=["cite-sources", made(tmp_path, "count-eggs")])
    use = ToolCall(id="1", name="use_skill", arguments={"name": "count-eggs"})
    result, model = asked(agent, use, "Twelve.")
    assert result.output == "Twelve."
    first, second = model.requests
    system = first.messages[0].text
    assert system.startswith(f"Cook How many eggs?\n\n{USE_SKILLS}\n\n<skills>\n")
    assert '<skill name="cite-sources">Marks each claim' in system and "Counts &#123;&#123; eggs" in system
    assert [tool.name for tool in first.tools] == ["use_skill"]
    assert second.messages[-1].text == "Count the eggs twice."


def test_without_skills_nothing_is_added() -> None:
    _, model = asked(Agent("cook", instructions="Cook."), "Done.")
    assert model.requests[0].messages[0].text == "Cook." and model.requests[0].tools == ()


def test_skills_are_read_when_the_agent_is_made(tmp_path: Path) -> None:
    one = load_skill(made(tmp_path, "count-eggs"))
    assert Agent("cook", skills=[one]).skills == (one,)
    wrong: list[tuple[Any, type[Exception], str]] = [
        (["./nowhere"], BadDefinition, "SKILL.md"),
        ("cite-sources", BadDefinition, r"\['cite-sources'\]"),
        ([one, made(tmp_path / "again", "count-eggs")], DuplicateName, "count-eggs"),
        ([one, "count-eggs"], DuplicateName, "count-eggs"),
    ]
    for skills, error, said in wrong:
        with pytest.raises(error, match=said):
            Agent("cook", skills=skills)


def test_names_are_looked_for_in_the_teams_folders_the_home_and_what_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    mine = made(tmp_path / "home/.agents/skills", "count-eggs", "The user's.")
    made(tmp_path / "home/.agents/skills", "cite-sources", "The user's way to cite.")
    ours = made(tmp_path / "ours", "count-eggs", "The team's.").parent
    use: list[Any] = [ToolCall(id="1", name="use_skill", arguments={"name": "count-eggs"}), "Twelve."]
    cook = Agent("cook", skills=["count-eggs", "cite-sources", "write-sql-safely"], model="test:scripted")
    boss = Agent("boss", tools=[cook], model="test:scripted")
    for folders, body in (((), "The user's."), ((ours,), "The team's.")):
        model = Scripted(ToolCall(id="0", name="cook", arguments={"task": "Eggs?"}), *use, "Done.")
        team = Orchestra(agents=[boss], models={"test:scripted": model}, skills=folders)
        assert team.run_sync("How many eggs?").output == "Done."
        assert body in model.requests[2].messages[-1].text
        team.close()
    (mine / "SKILL.md").write_text("---\nname: count-eggs\n---\nNo description.\n", encoding="utf-8")
    with pytest.raises(UnknownName, match="'count-eggs'; there are cite-sources") as caught:
        Orchestra(agents=[cook])
    said = str(caught.value)
    assert "count-eggs/SKILL.md, line" in said and "'description'" in said  # why the one that is there is not taken
    assert f"Looked in: {tmp_path}/home/.agents/skills; " in said
    for wrong, text in (("skills", "one path"), ([tmp_path / "gone"], "no folder of skills")):
        with pytest.raises(BadDefinition, match=text):
            Orchestra(skills=wrong)


def test_a_name_that_is_nowhere_is_refused_when_the_agent_joins() -> None:
    for member in (Agent("cook", skills=["juggling"]), Agent("boss", tools=[Agent("cook", skills=["juggling"])])):
        with pytest.raises(UnknownName, match="juggling"):
            Orchestra(agents=[member], model="test:scripted")


def write(folder: Path, skills: str) -> Path:
    file = folder / "cook.md"
    file.write_text(f"---\ndescription: Cooks.\nskills: {skills}\n---\nCook.\n", encoding="utf-8")
    return file


def test_a_file_names_shipped_skills_and_its_own(tmp_path: Path) -> None:
    made(tmp_path, "count-eggs")
    agent = agent_from_file(load_agent_file(write(tmp_path, "[cite-sources, ./count-eggs]"), tmp_path))
    assert [one.name for one in agent.skills if not isinstance(one, str | Path)] == ["cite-sources", "count-eggs"]
    body: Any = node_of_agent(agent, "test:model").body
    assert [tool.name for tool in body.plan.args[0].tools] == ["use_skill"]


@pytest.mark.parametrize(
    ("skills", "said"),
    [
        ("[juggling]", "line 3, field 'skills'.*juggling"),
        ("[../count-eggs]", "line 3, field 'skills'.*outside its folder"),
        ("[./nowhere]", "line 3, field 'skills'.*cannot be opened"),
        ("[cite-sources, cite-sources]", "line 3, field 'skills'.*named twice"),
        ("cite-sources", "line 3, field 'skills'.*list"),
    ],
)
def test_a_file_with_a_wrong_skill_is_refused(tmp_path: Path, skills: str, said: str) -> None:
    made(tmp_path, "count-eggs")
    root = tmp_path / "agents"
    root.mkdir()
    with pytest.raises(BadDefinition, match=said):
        load_agent_file(write(root, skills), root)


def test_the_decorator_is_exported() -> None:
    assert orchestra.skill is skill and "skill" in orchestra.__all__

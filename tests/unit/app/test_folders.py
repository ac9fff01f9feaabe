"""Folders of agent files: who is put there joins, who is taken away leaves, what is wrong is said and harms nobody."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path

import anyio
import pytest

from orchestra import Agent, Orchestra, agent, errors
from orchestra.app.config import team_named
from orchestra.app.orchestra import Orchestra as Team
from orchestra.models.scripted import Echo
from tests.support.runtime import go, on_every_loop

FILE = """---
description: {about}
model: test:echo
---
{{{{ task.text }}}}
"""


@agent(description="Refunds orders.")
def refunds(text: str) -> str:
    return "refunded"


def put(folder: Path, name: str, about: str = "Says when a parcel will arrive.", age_s: float = 9.0) -> Path:
    """An agent file that appears at once, as a rename makes it; an old one is taken at the first look."""
    hidden = folder / f".{name}"
    hidden.write_text(FILE.format(about=about), encoding="utf-8")
    at = time.time() - age_s
    os.utime(hidden, (at, at))
    return hidden.replace(folder / name)


def made(*folders: Path, **rest: object) -> Team:
    return Orchestra(agents=[refunds], models={"test:echo": Echo()}, folders=folders, **rest)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two looks before a run; those of the background are as they are."""
    monkeypatch.setattr("orchestra.app.folders.LOOK_S", 0.01)


async def until(team: Team, names: set[str]) -> float:
    """Seconds until the team holds exactly these."""
    began = time.monotonic()
    with anyio.fail_after(5):
        while {*team.catalog.nodes} != names:
            await anyio.sleep(0.01)
    return time.monotonic() - began


@on_every_loop
def test_a_dropped_file_is_routed_to_within_a_second_and_a_removed_one_no_more(
    loop: str, native: bool, tmp_path: Path
) -> None:
    async def main() -> None:
        async with made(tmp_path, native_tasks=native) as team:
            path = put(tmp_path, "parcels.md", age_s=0)
            assert await until(team, {"refunds", "parcels"}) < 1.0
            decision = team.route("When will my parcel arrive?")
            assert decision.chosen == ("parcels",)
            option = next(option for option in decision.options if option.name == "parcels")
            assert (option.tries, option.similarity > 0.5, option.prior > 0.5) == (0, True, True)
            assert (await team.run("When will my parcel arrive?", seed=1)).output == "When will my parcel arrive?"
            path.unlink()
            assert await until(team, {"refunds"}) < 1.0
            assert await team.drained("parcels", timeout_s=1)
        assert team.problems == ()

    go(loop, main)


def test_without_a_block_each_run_looks_first(tmp_path: Path) -> None:
    team = made(tmp_path)
    path = put(tmp_path, "parcels.md", age_s=0)
    assert team.run_sync("my parcel", to="parcels").output == "my parcel"
    path.unlink()
    with pytest.raises(errors.UnknownCapability):
        team.run_sync("my parcel", to="parcels")
    put(tmp_path, "letters.md", about="Says when a letter will arrive.")
    assert team.route("When will my letter arrive?").chosen == ("letters",)
    team.close()


def test_a_file_that_is_written_slowly_is_not_taken_before_it_is_whole(tmp_path: Path) -> None:
    async def main() -> None:
        text = FILE.format(about="Says when a parcel will arrive.")
        async with made(tmp_path) as team:
            with (tmp_path / "parcels.md").open("w", encoding="utf-8") as file:
                for piece in (text[:30], text[30:60], text[60:]):
                    for letter in piece:
                        file.write(letter)
                        file.flush()
                        await anyio.sleep(0.004)
                    assert "parcels" not in team.catalog.nodes
            await until(team, {"refunds", "parcels"})
            assert team.problems == ()

    anyio.run(main)


def test_a_changed_file_replaces_its_agent_and_keeps_what_was_learned(tmp_path: Path) -> None:
    put(tmp_path, "parcels.md")
    with _closing(made(tmp_path)) as team:
        chosen = team.run_sync("When will my parcel arrive?")
        assert team.feedback_sync(chosen.run_id, 1.0) == 1
        version = team.catalog.version
        put(tmp_path, "parcels.md", about="Says when a parcel or a letter will arrive.", age_s=5)
        decision = team.route("When will my parcel arrive?")
        assert team.catalog.nodes["parcels"].description == "Says when a parcel or a letter will arrive."
        assert next(option.tries for option in decision.options if option.name == "parcels") == 1
        assert team.catalog.version == version + 1
        os.utime(tmp_path / "parcels.md", (1, 1))
        team.route("touched only")
        assert team.catalog.version == version + 1


def test_what_is_wrong_is_said_with_its_place_and_the_old_version_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.app.folders.RETRY_S", 0.0)
    path = put(tmp_path, "parcels.md")
    with _closing(made(tmp_path)) as team, caplog.at_level(logging.WARNING, "orchestra.folders"):
        assert not team.problems
        path.write_text(FILE.format(about="x").replace("model:", "modle:"), encoding="utf-8")
        os.utime(path, (5, 5))
        for _ in range(3):
            team.route("anything")
        (problem,) = team.problems
        assert (problem.path, problem.line, problem.field) == (path.resolve(), 3, "modle")
        assert "parcels.md, line 3, field 'modle': there is no such field" in str(problem)
        assert len(caplog.records) == 1 and "line 3" in caplog.text
        assert team.catalog.nodes["parcels"].description == "Says when a parcel will arrive."
        put(tmp_path, "parcels.md", about="Corrected.")
        team.route("anything")
        assert team.problems == () and team.catalog.nodes["parcels"].description == "Corrected."


def test_what_lies_outside_or_is_no_text_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "secret.md").symlink_to(put(outside, "secret.md"))
    (inside / "gone.md").symlink_to(outside / "nowhere.md")
    (inside / "huge.md").write_bytes(b"---\n" + b"#" * 300_000)
    (inside / "bytes.md").write_bytes(b"---\n\xff\xfe")
    (inside / "folder.md").mkdir()
    os.mkfifo(inside / "pipe.md")
    (inside / "tools.md").write_text(FILE.format(about="x\ntools: [find_order]"), encoding="utf-8")
    (inside / "homeless.md").write_text(FILE.format(about="x").replace("test:echo", "nowhere:x"), encoding="utf-8")
    put(inside, "good.md")
    with _closing(made(inside)) as team:
        assert {*team.catalog.nodes} == {"refunds", "good"}
        said = {problem.path.name: str(problem.error) for problem in team.problems}
    assert "outside its folder" in said["secret.md"] and "cannot be opened" in said["gone.md"]
    assert "larger than" in said["huge.md"] and "not UTF-8" in said["bytes.md"]
    assert "is not a file" in said["folder.md"] and "is not a file" in said["pipe.md"]
    assert "field 'tools': find_order" in said["tools.md"] and "nowhere" in said["homeless.md"]
    assert len(said) == 8


def test_a_name_is_taken_once_and_free_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.app.folders.RETRY_S", 0.0)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    put(one, "refunds.md")
    put(one, "parcels.md")
    put(other, "parcels.md", about="The other.")
    with _closing(made(one, other)) as team:
        assert team.catalog.nodes["refunds"].description == "Refunds orders."
        assert team.catalog.nodes["parcels"].description.startswith("Says when")
        by_code, by_file = (str(problem.error) for problem in team.problems)
        assert "refunds.md, field 'name': 'refunds' is taken by a member given in code" in by_code
        assert f"'parcels' is taken by {one.resolve() / 'parcels.md'}" in by_file
        (one / "parcels.md").unlink()
        team.unregister("refunds")
        team.run_sync("anything")
        assert team.catalog.nodes["parcels"].description == "The other."
        assert team.catalog.nodes["refunds"].description.startswith("Says when")
        team.route("anything")
        assert team.problems == ()


def test_a_file_may_give_its_agent_another_name(tmp_path: Path) -> None:
    path = put(tmp_path, "parcels.md")
    with _closing(made(tmp_path)) as team:
        path.write_text(FILE.format(about="x\nname: letters"), encoding="utf-8")
        os.utime(path, (5, 5))
        team.route("anything")
        assert {*team.catalog.nodes} == {"refunds", "letters"}
        path.write_text(FILE.format(about="x\nname: refunds"), encoding="utf-8")
        os.utime(path, (6, 6))
        team.route("anything")
        assert {*team.catalog.nodes} == {"refunds", "letters"} and len(team.problems) == 1


def test_who_was_removed_or_replaced_in_code_is_left_so(tmp_path: Path) -> None:
    path = put(tmp_path, "parcels.md")

    @agent(name="parcels")
    def mine(text: str) -> str:
        return "mine"

    with _closing(made(tmp_path)) as team:
        team.unregister("parcels")
        team.route("anything")
        assert {*team.catalog.nodes} == {"refunds"}
        put(tmp_path, "parcels.md", about="It was changed.")
        team.route("anything")
        assert "parcels" in team.catalog.nodes
        team.register(mine, replace=True)
        path.unlink()
        assert team.run_sync("x", to="parcels").output == "mine"


def test_a_folder_that_cannot_be_listed_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "agents"
    folder.mkdir()
    put(folder, "parcels.md")
    with _closing(made(folder)) as team:
        folder.rename(tmp_path / "away")
        team.run_sync("anything")
        assert "parcels" in team.catalog.nodes
        (problem,) = team.problems
        assert "cannot be listed" in str(problem)
        (tmp_path / "away").rename(folder)
        team.run_sync("anything")
        assert "parcels" in team.catalog.nodes and team.problems == ()


def test_files_that_come_together_are_seen_together(tmp_path: Path) -> None:
    with _closing(made(tmp_path)) as team:
        version = team.catalog.version
        for number in range(20):
            put(tmp_path, f"agent_{number}.md")
        seen: list[int] = []
        swap = team._change
        team._folders._change = lambda change: (swap(change), seen.append(len(team.catalog.nodes)))  # type: ignore
        team.route("anything")
        assert seen == [21] and team.catalog.version == version + 20


def test_folders_that_cannot_be_are_refused_at_once(tmp_path: Path) -> None:
    for bad in ([tmp_path / "none"], str(tmp_path), tmp_path):
        with pytest.raises(errors.BadDefinition):
            Orchestra(agents=[refunds], folders=bad)  # type: ignore[arg-type]
    team = made(tmp_path)
    team.add_folder(tmp_path)
    put(tmp_path, "parcels.md")
    team.route("anything")
    assert team.problems == ()  # the same folder twice would meet its own files
    team.close()


def test_orchestra_toml_names_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crew").mkdir()
    put(tmp_path / "crew", "parcels.md")
    (tmp_path / "shop_live.py").write_text(
        "from orchestra import Orchestra\nfrom orchestra.models.scripted import Echo\n"
        "team = Orchestra(models={'test:echo': Echo()})\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    toml = tmp_path / "orchestra.toml"
    toml.write_text('[app]\nteam = "shop_live:team"\n[agents]\nfolders = ["crew"]\n', encoding="utf-8")
    assert [*team_named(None, tmp_path).catalog.nodes] == ["parcels"]
    toml.write_text('[app]\nteam = "shop_live:team"\n[agents]\nfolders = "crew"\n', encoding="utf-8")
    with pytest.raises(errors.BadDefinition, match=r"line 4, field 'agents.folders': Input should be a valid list"):
        team_named(None, tmp_path)


def test_a_file_says_its_risk(tmp_path: Path) -> None:
    put(tmp_path, "bold.md", about="x\nrisk: high")
    put(tmp_path, "odd.md", about="x\nrisk: none")
    with _closing(made(tmp_path)) as team:
        node = team.catalog.nodes["bold"]
        assert (node.trial_limit, node.trial_share) == (1, 0.1)
        assert [problem.field for problem in team.problems] == ["risk"]
    assert isinstance(Agent("a", risk="low"), Agent)


def _closing(team: Team) -> contextlib.closing[Team]:
    return contextlib.closing(team)

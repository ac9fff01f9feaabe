"""Orchestra.run(topology=...): what can be given, what is refused, and taking such a run up again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Orchestra, agent, errors, workflow
from orchestra.core.events import Dropped, RunStarted
from orchestra.topologies.auto import Auto
from orchestra.topologies.member import Member
from orchestra.topologies.parallel import parallel
from orchestra.topologies.sequential import sequential

CALLED: list[str] = []
DOWN: set[str] = set()


@agent(provides="research")
def researcher(task: Any, goal: Any = None) -> str:
    """Finds facts."""
    CALLED.append("research")
    return f"facts on {goal or task}"


@agent(provides="refinement")
def refiner(task: Any, goal: Any = None, inputs: Any = None) -> str:
    """Writes the answer."""
    CALLED.append("refinement")
    if "refinement" in DOWN:
        raise RuntimeError("the pen is empty")
    return f"answer to {goal}"


@agent(provides="plan")
def planner(task: str, goal: Any, schema: Any, capabilities: Any = None) -> dict[str, Any]:
    """Takes a task apart."""
    CALLED.append("plan")
    return {"steps": [{"id": "facts", "task": "find them", "capability": "research", "after": []}]}


@agent(provides="count")
def count(text: str) -> int:
    """Counts."""
    return len(text)


@workflow
async def work(text: str) -> str:
    return text


MAPPING = {"kind": "sequential", "name": "two", "members": ["research", {"capability": "refinement", "task": "Answer"}]}


@pytest.fixture(autouse=True)
def fresh() -> None:
    CALLED.clear()
    DOWN.clear()


def team(**options: Any) -> Orchestra:
    return Orchestra(**{"agents": [researcher, refiner, planner, count], **options})


def journaled(test: Callable[[Callable[[], Orchestra]], Awaitable[None]], folder: Path) -> None:
    anyio.run(test, lambda: team(state=folder / "team.db", journal=True))


def test_a_topology_is_given_as_name_path_mapping_or_object(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text("kind: sequential\nmembers:\n  - research\n  - {capability: refinement, task: Answer}\n", "utf-8")
    given: list[tuple[Any, str]] = [
        ("sequential", "topology:sequential"),
        (file, "given topology:two"),
        (str(file), "given topology:two"),
        (MAPPING, "given topology:two"),
        (sequential("research", "refinement", name="two"), "given topology:two"),
    ]
    one = team()
    try:
        for shape, source in given:
            CALLED.clear()
            result = one.run_sync("tea", topology=shape)
            assert (result.status, CALLED) == ("done", ["research", "refinement"])
            (started,) = [event for event in result.events if isinstance(event, RunStarted)]
            assert started.workflow == source
    finally:
        one.close()


def test_auto_asks_the_planner_and_runs_what_it_finds() -> None:
    one = team()
    result = one.run_sync("tea", topology="auto")
    one.close()
    assert result.output.startswith("facts on") and CALLED == ["plan", "research"]


def test_an_output_type_is_kept() -> None:
    one = team()
    assert one.run_sync("four", topology=parallel("count", join="first"), output_type=int).output == 4
    one.close()


@pytest.mark.parametrize(
    ("task", "options", "error", "said"),
    [
        ("x", {"topology": "auto", "to": "research"}, errors.BadInput, "both say who"),
        (work, {"topology": "sequential"}, errors.BadInput, "called by itself"),
        (None, {"topology": "sequential"}, errors.BadInput, "The task is None"),
        ("x", {"topology": "spiral"}, errors.UnknownName, "there are auto, hierarchical, hybrid"),
        ("x", {"topology": "spiral.yaml"}, errors.BadDefinition, "cannot be opened"),
        ("x", {"topology": 7}, errors.BadDefinition, "is no topology"),
        ("x", {"topology": {"kind": "spiral"}}, errors.BadDefinition, "kind"),
        ("x", {"topology": "parallel"}, errors.UnknownCapability, "Nobody provides 'analysis'"),
        ("x", {"topology": "hierarchical"}, errors.UnknownCapability, "Nobody provides 'analysis'"),
        ("x", {"topology": parallel(sequential("nothing"))}, errors.UnknownCapability, "Nobody provides 'nothing'"),
        ("x", {"topology": {"kind": "parallel", "members": [{"agent": "bob"}]}}, errors.UnknownAgent, "'bob'"),
        ("x", {"topology": parallel("count", join="refine", by="nothing")}, errors.UnknownCapability, "'nothing'"),
    ],
)
def test_what_is_wrong_is_said_before_the_run(task: Any, options: Any, error: type[Exception], said: str) -> None:
    one = team()
    with pytest.raises(error, match=said):
        one.run_sync(task, **options)
    one.close()
    assert CALLED == []


def test_auto_needs_somebody_who_plans() -> None:
    one = Orchestra(agents=[researcher])
    with pytest.raises(errors.UnknownCapability, match="Add the shipped 'planner'"):
        one.run_sync("x", topology="auto")
    with pytest.raises(errors.UnknownCapability):
        one.run_sync("x", topology=sequential(Auto()))
    one.close()


def test_a_run_of_a_shipped_topology_is_resumed_by_its_name(tmp_path: Path) -> None:
    async def main(made: Callable[[], Orchestra]) -> None:
        DOWN.add("refinement")
        async with made() as one:
            broken = await one.run("tea", topology="sequential")
        assert broken.status == "failed" and CALLED == ["research", "refinement"]
        DOWN.clear()
        async with made() as two:
            result = await two.resume(broken.run_id)
            assert result.status == "done" and result.output == "answer to tea"
            assert CALLED == ["research", "refinement", "refinement"]
            replayed = await two.replay(broken.run_id)
            assert replayed.output == result.output and len(CALLED) == 3

    journaled(main, tmp_path)


def test_auto_is_resumed_without_planning_again(tmp_path: Path) -> None:
    async def main(made: Callable[[], Orchestra]) -> None:
        async with made() as one:
            first = await one.run("tea", topology="auto")
            assert (await one.resume(first.run_id)).output == first.output
            assert (await one.replay(first.run_id)).output == first.output
        assert CALLED == ["plan", "research"]

    journaled(main, tmp_path)


def test_a_given_topology_has_to_be_given_again(tmp_path: Path) -> None:
    async def main(made: Callable[[], Orchestra]) -> None:
        DOWN.add("refinement")
        async with made() as one:
            broken = await one.run("tea", topology=MAPPING)
            for given in (None, "sequential"):
                with pytest.raises(errors.UnknownWorkflow, match="as workflow="):
                    await one.resume(broken.run_id, workflow=given)
            with pytest.raises(errors.UnknownWorkflow, match="'two'"):
                await one.replay(broken.run_id)
            DOWN.clear()
            assert (await one.resume(broken.run_id, workflow=MAPPING)).output == "answer to tea"
            assert (await one.replay(broken.run_id, workflow=MAPPING)).output == "answer to tea"
        assert CALLED == ["research", "refinement", "refinement"]

    journaled(main, tmp_path)


def test_who_is_outvoted_earns_nothing(tmp_path: Path) -> None:
    async def main(made: Callable[[], Orchestra]) -> None:
        async with made() as one:
            vote = parallel("research", "count", Member(target="count", name="again"), join="vote")
            result = await one.run("tea", topology=vote)
            assert result.output == 3
            (dropped,) = [event for event in result.events if isinstance(event, Dropped)]
            assert (dropped.by, dropped.key.split("/")[-1].split(":")[0]) == ("vote", "research")
            assert await one.feedback(result.run_id, 1.0) == 2

    journaled(main, tmp_path)

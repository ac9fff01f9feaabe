"""Whose work a step goes on from: in the record of its decision, live, resumed and replayed."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestra import Budget, Orchestra, agent, gather, step, workflow
from orchestra.app.result import Result
from orchestra.topologies.parallel import parallel
from orchestra.topologies.sequential import sequential


@agent(provides="scan", cost_usd=0.001)
def scanner(page: str) -> str:
    return f"{page}, scanned"


@agent(provides="translate", cost_usd=0.001)
def broken(text: str) -> str:
    raise ConnectionError("down")


@agent(provides="translate", cost_usd=0.001)
def translator(text: str) -> str:
    return f"{text}, translated"


@agent(provides="print", cost_usd=0.001)
def printer(text: object) -> str:
    return f"{text}, printed"


@workflow
async def by_hand(text: str) -> str:
    one = await step("scan", text)
    both = await gather(step("translate", one), step("print", one))
    return str(await step("print", [*both]))


STAGES = ["scan", "translate", "print"]
IN_A_ROW = {"scan": [""], "translate": ["scanner", "scanner"], "print": ["translator"]}


def team(router: str = "pheromone", **rest: Any) -> Orchestra:
    return Orchestra(agents=[scanner, broken, translator, printer], router=router, workflows=[by_hand], **rest)


def previous(result: Result) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for decision in result.decisions:
        found.setdefault(decision.capability, []).append(decision.previous)
    return found


def seeded_with_a_failure(made: Orchestra, *args: Any, **rest: Any) -> Result:
    """The seed with which the broken translator is tried first."""
    for seed in range(50):
        result = made.run_sync(*args, seed=seed, **rest)
        if result.explain().failures:
            return result
    raise AssertionError("it was never tried")


@pytest.mark.parametrize("router", ["pheromone", "random"])
def test_a_sequence_names_the_node_before_also_after_a_failure(router: str) -> None:
    made = team(router)
    assert previous(seeded_with_a_failure(made, "page", topology=sequential(*STAGES))) == IN_A_ROW
    nested = sequential("scan", sequential("translate", "print"))
    assert previous(seeded_with_a_failure(made, "page", topology=nested)) == IN_A_ROW
    made.close()


def test_a_path_is_drawn_layer_by_layer_and_its_probability_is_the_product() -> None:
    made = team()
    result = seeded_with_a_failure(made, "page", to=STAGES)
    assert result.output == "page, scanned, translated, printed" and previous(result) == IN_A_ROW
    assert {decision.policy for decision in result.decisions} == {"pheromone"}
    assert made.feedback_sync(result.run_id, 1.0) == 3
    paths = [(d.previous, d.chosen[0]) for d in made.run_sync("page", to=STAGES).decisions if d.options[0].tries]
    assert paths[0] == ("", "scanner")
    made.close()


def test_with_another_router_a_path_stays_the_cheapest_and_its_next_part_goes_on_from_the_last_done() -> None:
    made = team("linucb")
    result = made.run_sync("page", to=STAGES)
    assert [(d.policy, d.previous) for d in result.decisions] == [("dijkstra", ""), ("dijkstra", "scanner")]
    made.feedback_sync(result.run_id, 1.0)
    assert made.run_sync("page", to="scan").status == "done", "what a path was given is no lesson for a router"
    made.close()


def test_steps_of_a_workflow_and_a_join_of_several() -> None:
    made = team()
    result = made.run_sync(by_hand, "page", seed=1)
    assert previous(result)["scan"] == [""] and set(previous(result)["translate"]) == {"scanner"}
    assert previous(result)["print"] == ["scanner", ""]
    joined = made.run_sync("page", topology=sequential("scan", parallel("print", "scan"), "print"))
    assert previous(joined) == {"scan": ["", "scanner"], "print": ["scanner", ""]}
    made.close()


def test_a_resumed_run_knows_whose_work_it_goes_on_from(tmp_path: Path) -> None:
    made = team(state=str(tmp_path / "team.db"), journal=True)
    targets: tuple[dict[str, Any], ...] = (
        {"to": STAGES},
        {"topology": sequential("scan", sequential("translate"), "print")},
    )
    for target in targets:
        for seed in range(40):
            first = made.run_sync("page", budget=Budget(usd=0.0025), seed=seed, **target)
            if "translate" in previous(first) and len(previous(first)["translate"]) == 1:
                break
        assert first.status == "stopped"
        again = made.resume_sync(first.run_id, workflow=target.get("topology"), budget=Budget(usd=0.1))
        assert again.status == "done" and set(previous(again)["translate"]) == {"scanner"}
        assert len(previous(again)["translate"]) > 1 and previous(again)["print"][-1] == "translator"
    made.close()


def test_a_replay_brings_the_same_decisions(tmp_path: Path) -> None:
    made = team(state=str(tmp_path / "team.db"), journal=True)
    first = seeded_with_a_failure(made, "page", to=STAGES)

    async def again() -> Result:
        async with made:
            await made.feedback(first.run_id, 1.0)
            return await made.replay(first.run_id)

    replayed = anyio.run(again)
    assert replayed.output == first.output and first.decisions
    assert previous(first) == IN_A_ROW and set(replayed.decisions) <= set(first.decisions)
    made.close()

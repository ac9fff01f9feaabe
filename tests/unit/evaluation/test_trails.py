"""Next nodes foreseen: hand-computed figures, and recorded paths where they are at hand."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from orchestra.core.errors import BadDefinition
from orchestra.evaluation.trails import Chain, Colony, Uniform, compared, main, paths_of, predicted
from orchestra.routing.learners.pheromone import Pheromone, Soil


def test_a_chain_counts_and_ties_are_shared_out() -> None:
    paths = [["a", "b"], ["a", "b"]]
    chain = predicted("chain", Chain(["a", "b"]), paths)
    assert (chain.steps, chain.top1, chain.top3) == (4, (0.5 + 0.5 + 1 + 1) / 4, 1.0)
    assert chain.bits == pytest.approx((1 + 1 - 2 * math.log2(0.75)) / 4)
    plain = predicted("plain", Chain(["a", "b"], order=0), paths)
    assert plain.bits == pytest.approx(-sum(map(math.log2, (1 / 2, 0.5 / 2, 1.5 / 3, 1.5 / 4))) / 4)
    four = predicted("uniform", Uniform(["a", "b", "c", "d"]), paths)
    assert (four.top1, four.top3, four.bits) == (0.25, 0.75, 2.0)


def test_a_colony_is_foreseen_by_the_trails_of_the_node_before() -> None:
    paths = [*[["a", "b", "c"]] * 4, ["b", "a", "c"]] * 12
    colony = Colony(["a", "b", "c"], Pheromone(soil=Soil(rho=0.1)))
    found = predicted("colony", colony, paths)
    assert found.top1 > 0.55 and colony.chances("x") == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert colony.chances("a")["b"] > 0.5 > colony.chances("b")["a"]
    before = colony.chances("b")["a"]
    colony.chances("a")
    colony.went("b", "a")  # though another step was asked about last
    assert colony.chances("b")["a"] > before


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    with gzip.open(folder / "data.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(map(json.dumps, rows)))
    return folder


def test_the_paths_of_each_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turns = [("d1", "x", "y"), ("d1", "x", "z"), ("d2", "x", "y")]
    rows = [{"dialogue": dialogue, "service": service, "intent": intent} for dialogue, service, intent in turns]
    dialogues = written(tmp_path / "sgd_intents", rows)
    assert paths_of(dialogues) == [["x/y", "x/z"], ["x/y"]]
    calls: list[dict[str, Any]] = [{"variant": v, "calls": [["cd", "ls"], [], ["cat"]]} for v in ("base", "long")]
    assert paths_of(written(tmp_path / "bfcl_multi_turn", calls)) == [["cd", "ls", "cat"]]
    runs: list[dict[str, Any]] = [{"reward": 0, "tools": ["a"]}, {"reward": 0.8, "tools": ["b", "c"]}]
    assert paths_of(written(tmp_path / "tau_trajectories", runs)) == [["b", "c"]]
    with pytest.raises(BadDefinition, match="tau_trajectories"):
        paths_of(tmp_path / "other")
    with pytest.raises(BadDefinition, match="no steps"):
        compared([])
    main([str(dialogues)])
    assert capsys.readouterr().out.startswith(
        "sgd_intents: 2 paths, 3 steps, 2 nodes\n  uniform              top-1 0.500"
    )


def test_recorded_runs_are_no_better_foreseen_by_trails_than_by_a_chain(orchestra_data: Path) -> None:
    name_to_found = {one.name: one for one in compared(paths_of(orchestra_data / "tau_trajectories"))}
    colony, chain = name_to_found["pheromone"], name_to_found["Markov chain"]
    assert name_to_found["frequencies"].top1 < colony.top1
    assert name_to_found["uniform"].bits > colony.bits > chain.bits

"""The campaign's bookkeeping; what it checks is in the laws."""

import json
from pathlib import Path

import pytest

from orchestra.core.errors import BadNumber
from orchestra.evaluation.healing import campaign as module
from orchestra.evaluation.healing.campaign import Campaign, run_campaign
from orchestra.evaluation.healing.item import Item
from orchestra.evaluation.healing.watch import Violation


def test_the_report_is_written_after_every_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    report = tmp_path / "report.json"
    seen: list[int] = []

    def told(campaign: Campaign) -> None:
        data = json.loads(report.read_text(encoding="utf-8"))
        assert (data["graphs"], data["wanted"], data["seed"]) == (campaign.graphs, 10, 7)
        seen.append(campaign.graphs)

    run_campaign(10, 7, report=report, told=told)
    assert seen == [4, 8, 10]
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_broken_graph_is_named_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(item: Item) -> None:
        if item.number in (3, 5):
            raise Violation("it broke")

    monkeypatch.setattr(module, "simulate", breaks)
    found = run_campaign(8, 7)
    assert [(one.seed, one.graph, one.kind, one.error) for one in found.broken] == [
        (7, 3, "general", "Violation: it broke"),
        (7, 5, "dag", "Violation: it broke"),
    ]
    assert found.graphs == 8
    again = run_campaign(1, 7, first=5)
    assert [one.graph for one in again.broken] == [5]


def test_two_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    one, two = run_campaign(20, 7), run_campaign(20, 7, jobs=2)
    assert one.counts == two.counts and one.graphs == two.graphs == 20


@pytest.mark.parametrize(("graphs", "first", "jobs"), [(0, 0, 1), (1, 0, 0), (1, -1, 1)])
def test_numbers_that_make_no_campaign(graphs: int, first: int, jobs: int) -> None:
    with pytest.raises(BadNumber):
        run_campaign(graphs, first=first, jobs=jobs)

"""The 38 published outage scenarios, each by three methods on the real runtime."""

import pytest

from orchestra.evaluation.healing.methods import METHODS
from orchestra.evaluation.healing.paper import PAPER
from orchestra.evaluation.healing.scenarios import REPOSITORY, REPOSITORY_COUNTS, Scenario
from orchestra.evaluation.healing.suites import COUNTS, SUITES, Row, Suite, judged, run_suites
from tests.support.scenarios import SCENARIOS


def by(method: str, scenario: Scenario) -> Row:
    return judged(METHODS[method](scenario))


@pytest.mark.parametrize("scenario", REPOSITORY, ids=lambda scenario: scenario.id)
def test_a_scenario_of_the_repository_counts_what_its_row_says(scenario: Scenario) -> None:
    row, counts = by("healing", scenario), REPOSITORY_COUNTS[scenario.id]
    assert (row.model_calls, row.failures, row.attempts) == counts
    assert (row.rerouted, row.escalated) == (counts.failures - counts.model_calls, counts.model_calls)
    assert (row.tolerated, row.demoted, row.silent) == (0, 0, 0)
    assert row.right, row


@pytest.mark.parametrize("scenario", PAPER, ids=lambda scenario: scenario.id)
def test_a_scenario_of_the_paper_ends_right_with_no_more_models_than_the_papers_own(scenario: Scenario) -> None:
    row = by("healing", scenario)
    assert row.right and row.silent == 0, row
    assert row.model_calls <= scenario.most_model_calls
    assert row.failures == row.rerouted + row.demoted + row.escalated


def test_all_suites_together() -> None:
    heard: list[str] = []
    suites = {suite.name: suite for suite in run_suites(heard.append)}
    assert list(suites) == [name for name, _, _ in SUITES]
    assert len(heard) == 6 * 19
    ours = suites["repository"]
    assert (ours.correct, ours.sums()) == (
        19,
        dict(zip(COUNTS, (24, 17, 0, 0, 7, 7, 83, 0), strict=True)),
    )
    paper = suites["paper"]
    assert (paper.correct, paper.sums()["model_calls"], paper.sums()["silent"]) == (19, 6, 0)
    for source in ("repository", "paper"):
        react, fixed = suites[f"{source}: react"], suites[f"{source}: fixed"]
        assert react.correct == 19 and react.sums()["silent"] == 0
        # A model call for each tool and one for the answer.
        assert react.sums()["model_calls"] == react.sums()["attempts"] + 19
        assert fixed.sums()["model_calls"] == 0
        assert [row.id for row in fixed.rows if row.outcome == "silent"] == SILENT[source]
        assert [row.id for row in fixed.rows if row.outcome == "failed"] == CRASHED[source]
        assert fixed.correct == 19 - len(SILENT[source]) - len(CRASHED[source])


# As the published counts have it for fixed edges; the crashes of the repository's are scored as right there.
SILENT = {"repository": ["CS-5", "CS-6", "TB-4"], "paper": ["S6", "S7", "T6"]}
CRASHED = {"repository": ["CS-7", "TB-6", "CM-5", "CM-6"], "paper": ["S3"]}


def test_the_json_has_the_names_that_readers_count_on() -> None:
    suite = Suite(name="two", rows=(by("healing", PAPER[1]), by("fixed", PAPER[5]))).to_dict()
    assert set(suite) == {"name", "scenarios", "correct", *COUNTS}
    assert [(one.keys(), one["id"], one["outcome"]) for one in suite["scenarios"]] == [
        ({"id", "outcome", *COUNTS}, "S2", "completed"),
        ({"id", "outcome", *COUNTS}, "S6", "silent"),
    ]
    assert (suite["correct"], suite["failures"], suite["silent"]) == (1, 3, 1)


def test_the_fixtures_are_those_of_the_route_tests() -> None:
    assert [(s.id, s.domain.edges, s.down, s.domain.goal) for s in REPOSITORY] == [
        (s.name, s.edges, s.down, s.goal) for s in SCENARIOS
    ]

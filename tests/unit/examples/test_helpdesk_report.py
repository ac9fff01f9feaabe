"""The sums, intervals and words of the help desk's report."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from examples.helpdesk.passes import Row
from examples.helpdesk.report import agents_text, differences, interval, reached, summaries, table, verdict

ROW = Row(
    seed=1,
    name="learned",
    ticket="T-1",
    kind="stock",
    run_id="r",
    status="done",
    right=True,
    chosen="storekeeper",
    usd=Decimal("0.001"),
    tokens=10,
    requests=1,
    hits=1,
    declined=0,
    rerouted=0,
    escalated=0,
    priced_out=0,
    seconds=0.5,
)


def rows(name: str, right: str, usd: str = "0.001", seed: int = 1) -> list[Row]:
    """One row for each character of ``right``: 1 is right, 0 is wrong."""
    return [
        replace(ROW, name=name, seed=seed, ticket=f"T-{i}", right=mark == "1", usd=Decimal(usd))
        for i, mark in enumerate(right)
    ]


def rivals(learned: str, *, learned_usd: str = "0.001") -> list[Row]:
    return [
        *rows("learned", learned, learned_usd),
        *rows("cold start", "1100"),
        *rows("random", "0100", "0.002"),
        *rows("cheapest", "0000", "0.0005"),
    ]


def test_a_summary_adds_up() -> None:
    (one,) = summaries(
        [*rows("learned", "1101"), replace(ROW, status="stopped", right=False, priced_out=3, usd=Decimal(0))]
    )
    assert (one.tickets, one.share_right, one.stopped, one.priced_out) == (5, 0.6, 1, 1)
    assert one.usd_a_ticket == pytest.approx(0.0008)
    assert (one.tokens, one.requests, one.hits, one.chosen) == (50, 5, 5, {"storekeeper": 5})


def test_the_interval_holds_the_mean_and_shrinks_with_the_tickets() -> None:
    low, high = interval([0.0, 1.0] * 10)
    assert low < 0.5 < high
    narrow = interval([0.0, 1.0] * 200)
    assert narrow[1] - narrow[0] < high - low
    assert interval([0.25] * 5) == (0.25, 0.25)
    assert interval([0.0, 1.0] * 10) == (low, high)


def test_differences_are_paired_by_ticket_over_seeds() -> None:
    both = [
        *rows("learned", "11"),
        *rows("learned", "01", seed=2),
        *rows("random", "00"),
        *rows("random", "01", seed=2),
    ]
    found = {(one.rival, one.measure): one for one in differences(both)}
    assert found.keys() == {("random", "right"), ("random", "usd")}
    assert found["random", "right"].mean == pytest.approx(0.5)
    assert found["random", "usd"].mean == 0


@pytest.mark.parametrize(
    ("learned", "usd", "won"),
    [("1110", "0.001", True), ("1100", "0.001", False), ("1110", "0.0021", False), ("1110", "0.002", True)],
)
def test_winning_is_more_right_than_all_at_no_more_than_randoms_cost(learned: str, usd: str, won: bool) -> None:
    assert reached(rivals(learned, learned_usd=usd)) is won
    assert (": reached" in verdict(rivals(learned, learned_usd=usd))) is won


def test_the_table_has_a_line_for_each_pass_and_columns_that_line_up() -> None:
    lines = table(rivals("1110")).splitlines()
    assert [line.split()[0] for line in lines] == ["pass", "learned", "cold", "random", "cheapest"]
    assert len({len(line) for line in lines}) == 1
    assert "75%" in lines[1]
    assert agents_text(rivals("1110")).splitlines()[0] == "learned     storekeeper 4"

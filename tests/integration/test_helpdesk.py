"""Six tickets through the whole help desk on the embedded model; never whether its answers are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import examples.helpdesk.__main__ as program
from examples.helpdesk.passes import PURSE_USD, campaign, state_file
from examples.helpdesk.report import reached, table
from orchestra.core.errors import LocalModelMissing
from orchestra.stores.registry import open_store

pytestmark = [pytest.mark.local_model, pytest.mark.slow, pytest.mark.timeout(120)]


def test_six_tickets_through_every_pass(tmp_path: Path) -> None:
    told: list[str] = []
    rows = campaign([1], tmp_path, tickets=6, unseen=4, tell=told.append)
    names = ("1 unbroken", "2 provider lost", "3 small budget")
    assert Counter(row.name for row in rows) == {
        **dict.fromkeys(names, 6),
        **dict.fromkeys(("learned", "cold start", "random", "cheapest"), 4),
    }
    assert sum(row.usd for row in rows if row.name == "3 small budget") <= PURSE_USD
    assert all(row.hits <= row.requests for row in rows)
    assert told and reached(rows) in (True, False)
    assert len(table(rows).splitlines()) == 8
    store = open_store(state_file(tmp_path, 1))
    try:
        learned = sum(sums["pulls"] for sums in store.load_state("linucb").values())
        assert {row.run_id for row in rows if row.name == "learned"} <= {run.run_id for run in store.runs(100)}
    finally:
        store.close()
    assert learned >= sum(row.status == "done" for row in rows if row.name in names)


def test_without_the_weights_it_says_so_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("ORCHESTRA_LOCAL_MODEL", str(tmp_path / "missing.gguf"))
    assert program.main([]) == 2
    assert LocalModelMissing.remedy in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--seeds", "0"], ["--tickets", "61"], ["--seed", "x"]])
def test_bad_arguments_are_refused(given: Sequence[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        program.arguments(given)
    assert stopped.value.code == 2

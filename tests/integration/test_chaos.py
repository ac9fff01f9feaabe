"""Tools in processes that die, hang and answer nonsense."""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestra.core.errors import NoEffect
from orchestra.core.outcome import Done, Failed
from orchestra.evaluation.healing import chaos as chaos_module
from orchestra.evaluation.healing.chaos import Chaos, _check_ledger, asked, run_chaos
from orchestra.evaluation.healing.fleet import Fleet

ENDS = ("completed", "demoted", "escalated_to_the_model", "escalated_to_the_caller")


def children() -> set[int]:
    """The processes that this one has begun and that have not ended."""
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not listed.exists():
        pytest.skip("the system does not list a process's children")
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text(encoding="utf-8").split()}


def test_forty_runs_end_as_they_may_and_nobody_pays_twice() -> None:
    before = children()
    found = run_chaos(40, seed=3)
    assert found.broken == []
    assert found.runs == 40
    assert sum(found.counts[f"ended_{end}"] for end in ENDS) == 40
    assert found.counts["failures"] > 5, found.to_dict()
    filed = sum(count for name, count in found.counts.items() if name.startswith("filed_"))
    assert filed == found.counts["failures"]
    assert children() <= before


def test_no_server_outlives_an_error(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), Fleet([["one", "two"]], tmp_path / "ledger", 1, 0.0) as fleet:
        assert len(children() - before) == 2
        assert asked(fleet.port("one"), "A-1") == {"order": "A-1", "by": "one"}
        raise ZeroDivisionError
    assert children() <= before


class NoTrouble(Fleet):
    """Servers that nobody kills and that are mended when they are told."""

    def _trouble(self) -> None:
        """None."""


def test_what_died_is_not_there_and_then_there_again(tmp_path: Path) -> None:
    with NoTrouble([["one"]], tmp_path / "ledger", 1, 0.0) as fleet:
        fleet._processes["one"].kill()
        fleet._processes["one"].wait()
        with pytest.raises(NoEffect):
            asked(fleet.port("one"), "A-1")
        fleet.mend()
        assert asked(fleet.port("one"), "A-2")["order"] == "A-2"
    assert (tmp_path / "ledger").read_text(encoding="utf-8") == "A-2 one\n"
    assert fleet.started == 2


def test_every_fault_is_told_as_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No effect only where the ledger stays empty, and each kind of fault occurs."""
    monkeypatch.setattr(chaos_module, "TIMEOUT_S", 0.05)
    ledger = tmp_path / "ledger"
    kinds: Counter[str] = Counter()
    with NoTrouble([["one"]], ledger, 5, 1.0) as fleet:
        for number in range(60):
            order = f"A-{number}"
            try:
                asked(fleet.port("one"), order)
                kinds["answered"] += 1
            except Exception as error:
                kinds[type(error).__name__] += 1
                if isinstance(error, NoEffect):
                    assert f"{order} " not in ledger.read_text(encoding="utf-8")
                if "Nobody listens" in str(error):
                    fleet._processes["one"].wait(timeout=5)
                    fleet.mend()
    assert kinds["answered"] == 0
    told = {"CallTimeout", "NoEffect", "ConnectionResetError", "ValueError", "UnicodeDecodeError"}
    assert told <= kinds.keys(), kinds


def ledger_says(lines: list[str], outcome: Any) -> list[str]:
    class Ended:
        """A result, as far as the ledger is compared with it."""

        def __init__(self) -> None:
            self.outcome = outcome
            self.output = outcome.output if isinstance(outcome, Done) else None

    chaos = Chaos(seed=0)
    _check_ledger(chaos, lines, {"A-1": Ended()})  # type: ignore[dict-item]
    return chaos.broken


def test_the_ledger_is_compared_with_what_the_run_says() -> None:
    done = Done(output={"order": "A-1", "pay1": "ok", "mail": "ok"})
    assert ledger_says(["A-1 pay1", "A-1 mail", "A-1 crm1", "A-1 crm2", ""], done) == []
    assert "A-1: 2 times the effect payment" in ledger_says(["A-1 pay1", "A-1 pay2", "A-1 mail"], done)
    assert ledger_says(["A-1 pay1"], done) == ["A-1 is done without its message"]
    assert ledger_says(["A-1 pay1"], Done(output={"queue": "queued"})) == ["A-1 is paid and queued"]
    assert ledger_says(["A-1 pay1"], Failed(cause=None)) == []  # type: ignore[arg-type]


def test_a_server_ends_with_the_process_that_began_it(tmp_path: Path) -> None:
    with NoTrouble([["one"]], tmp_path / "ledger", 1, 0.0) as fleet:
        process = fleet._processes["one"]
        assert process.stdin is not None
        process.stdin.close()
        began = time.monotonic()
        assert process.wait(timeout=5) == 0 and time.monotonic() - began < 5

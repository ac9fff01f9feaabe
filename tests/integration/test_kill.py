"""kill -9 at every event: no finished step is run again, no effect is done twice, unknown ones are asked about."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.killing import EXPECTED
from tests.support.runtime import on_every_loop


@on_every_loop
def test_a_run_that_is_killed_at_any_event_and_resumed(
    loop: str, native: bool, tmp_path: Path, repository: Path
) -> None:
    command = [sys.executable, "-m", "tests.support.killing", str(tmp_path), loop, str(native)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) > 30
    for report in reports:
        assert report["statuses"][-1] == 0, done.stderr
        assert set(report["statuses"][:-1]) <= {-signal.SIGKILL, 0}
        assert report["output"] == EXPECTED, report
        assert len(set(report["effects"])) == len(report["effects"]) == 2, report
        assert report["repeated"] == [], report
        assert report["unknown_without_a_start"] == [], report
    assert reports[-1]["statuses"] == [0, 0], "there is an index at which it comes to its end"
    asked = [report for report in reports if report["asked"]]
    assert len(asked) >= 2, "a death between an effect's start and its end leaves a question"
    assert all(len(report["asked"]) == 1 for report in asked)

"""``python -m benchmarks [NAME ...] [--json FILE] [--rounds N]``: measures and prints Markdown tables."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from benchmarks import helpdesk, report, schemas
from benchmarks.measures import MEASURES, Row, first_runs, imports

NAMES = ("import", "first", *MEASURES, "schemas", "helpdesk")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Figures of this package beside others.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(NAMES)}; all without one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every value there")
    parser.add_argument("--rounds", type=int, default=7, help="how often each contender takes its turn (7)")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in NAMES]:
        parser.error(f"there is no measurement {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if asked.rounds < 1:
        parser.error("--rounds has to be 1 or more")
    names = asked.names or list(NAMES)
    rows, versions = _measured([name for name in names if name not in ("schemas", "helpdesk")], asked.rounds)
    if rows:
        _print(rows, versions)
    unexplained = 0
    if "schemas" in names:
        text, unexplained = schemas.report()
        print(f"\n## Schema fidelity\n\n{text}", flush=True)
    if "helpdesk" in names:
        print("\n## Help desk\n", flush=True)
        print(helpdesk.campaign())
    if asked.json is not None:
        values = {"versions": versions, "rows": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(values, indent=1), encoding="utf-8")
    return 1 if unexplained else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _measured(names: Sequence[str], rounds: int) -> tuple[list[Row], dict[str, str]]:
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for name in names:
        if name == "import":
            rows += imports(rounds, _say)
        elif name == "first":
            rows += first_runs(rounds, _say)
        else:
            for measure in MEASURES[name]:
                found, known = measure.run(rounds, _say)
                rows += found
                versions |= known
    return rows, versions


def _print(rows: Sequence[Row], versions: dict[str, str]) -> None:
    print(f"## Orchestration, {date.today().isoformat()}\n")
    print(report.machine(versions))
    for part in (report.targets, report.tables, report.features, report.growth):
        for line in part(rows):
            print(line)


if __name__ == "__main__":
    sys.exit(main())

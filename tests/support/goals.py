"""Writers on one goal, as a process of their own: ``python -m tests.support.goals FILE NAME ROUNDS`` prints who won."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio

from orchestra import Orchestra, tool

MACHINE: dict[str, Any] = {
    "name": "turn",
    "stages": ["even", "odd"],
    "transitions": {"even": ["odd"], "odd": ["even"]},
    "skills": {
        "up": {"stages": ["even"], "to": "odd", "sets": {"who": "input.who"}},
        "down": {"stages": ["odd"], "to": "even", "sets": {"who": "input.who"}},
    },
}


@tool(side_effect="turn")
def up(who: str) -> str:
    """Goes up."""
    return who


@tool(side_effect="turn")
def down(who: str) -> str:
    """Goes down."""
    return who


async def contend(path: Path, name: str, rounds: int) -> list[str]:
    """Tries both, again and again; which of its calls were done."""
    won = []
    async with Orchestra(agents=[up, down], goals=[MACHINE], state=path) as team:
        for number in range(rounds):
            for fn in (up, down):
                who = f"{name}{number}{fn.__name__}"
                result = await team.run(fn, who, goal="turn:1")
                if result.status == "done":
                    won.append(who)
                elif result.cause is None or result.cause.kind not in ("Blocked", "GoalBusy"):
                    raise AssertionError(result.cause)
    return won


if __name__ == "__main__":
    print(json.dumps(anyio.run(contend, Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))

"""A run that asks for two approvals and is answered in another process.

``python -m tests.support.approving FOLDER LOOP NATIVE [ANSWERS]`` begins the run, or takes it up with the answers
(JSON), and prints what came of it as one JSON line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from orchestra import Agent, Orchestra, tool
from orchestra.core.message import ToolCall
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Reply, Request
from tests.support.runtime import go

folder = Path()


def note(line: str) -> None:
    with (folder / "bodies").open("a") as file:
        file.write(f"{line}\n")


@tool(approval=lambda amount, **_: amount > 100, side_effect="payment", cost_usd="0.01")
async def pay(to: str, amount: int) -> str:
    """Pays."""
    note(f"pay {to} {amount}")
    return f"paid {to} {amount}"


@tool
def look(what: str) -> str:
    """Looks."""
    note(f"look {what}")
    return what.upper()


def wants(_: Request) -> Reply:
    asks: list[tuple[str, dict[str, Any]]] = [
        ("pay", {"to": "Al", "amount": 200}),
        ("look", {"what": "lamp"}),
        ("pay", {"to": "Bo", "amount": 50}),
        ("pay", {"to": "Cy", "amount": 300}),
    ]
    calls = tuple(ToolCall(id=f"c{i}", name=name, arguments=given) for i, (name, given) in enumerate(asks))
    return Reply(tool_calls=calls, finish="tool_calls")


def told(request: Request) -> str:
    return " | ".join(message.text for message in request.messages if message.role == "tool")


CLERK = Agent("clerk", "Serves.", instructions="Serve.", tools=[pay, look], model="test:clerk")


async def part(native: bool, answers: dict[str, Any] | None) -> dict[str, Any]:
    model = Scripted(*([wants] if answers is None else []), told)
    team = Orchestra(
        agents=[CLERK],
        models={"test:clerk": model},
        prices={"test:clerk": (0, 0)},
        state=folder / "team.db",
        journal=True,
        native_tasks=native,
    )
    async with team:
        place = folder / "run_id"
        if answers is None:
            result = await team.run("Serve us.", to="clerk")
            place.write_text(result.run_id)
        else:
            result = await team.resume(place.read_text(), answers=answers)
        replayed = await team.replay(result.run_id)
    return {
        "status": result.status,
        "asks": dict(result.asks),
        "output": result.output if result.status == "done" else None,
        "nano": result.usage.nano_usd,
        "requests": len(model.requests),
        "bodies": (folder / "bodies").read_text().splitlines(),
        "replayed": [replayed.status, replayed.output if replayed.status == "done" else None],
    }


def main() -> None:
    global folder
    folder, loop, native = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
    print(json.dumps(go(loop, part, native, json.loads(sys.argv[4]) if len(sys.argv) > 4 else None)))


if __name__ == "__main__":
    main()

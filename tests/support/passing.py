"""A desk that passes control, killed (SIGKILL) while the second agent is asked.

``python -m tests.support.passing STATE MODE`` prints the run's id and dies.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from orchestra import Agent, Handoff, Message, Orchestra
from orchestra.core.message import ToolCall, assistant, user
from orchestra.models.scripted import Scripted
from orchestra.ports.model import Model, Request

HISTORY: tuple[Message, ...] = (user("My name is Ada."), assistant("Hello Ada."))


def desk(state: Path, mode: Any, triage: Model, billing: Model) -> Orchestra:
    agents = [
        Agent("triage", model="test:triage", handoffs=[Handoff("billing", mode=mode)]),
        Agent("billing", "Knows invoices.", model="test:billing"),
    ]
    models = {"test:triage": triage, "test:billing": billing}
    return Orchestra(agents=agents, models=models, state=state, journal=True, router="fixed")


def hand_over() -> ToolCall:
    return ToolCall(id="t", name="transfer_to_billing", arguments={"message": "charged twice"})


def die(request: Request) -> str:
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def main() -> None:
    team = desk(Path(sys.argv[1]), sys.argv[2], Scripted(hand_over()), Scripted(die))
    team.watch(lambda run_id, event: print(run_id))
    team.run_sync("I paid twice!", to="triage", history=HISTORY)


if __name__ == "__main__":
    main()

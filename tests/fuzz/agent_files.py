"""Agent Markdown files: loaded, made an agent, its prompt rendered over a hostile task, its conversation driven.

Parts: the file, the task, what the model answers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from orchestra.agents.agent import node_of_agent
from orchestra.agents.files import load_agent_file
from orchestra.app.members import agent_from_file
from orchestra.core.call import Call
from orchestra.core.catalog import Planning
from orchestra.core.outcome import Done, Failed, Outcome
from orchestra.ports.model import Reply, Request
from tests.fuzz.oracle import Finding, clean, fresh, parts, text, watched, world
from tests.support.plans import Driver

LONGEST_PROMPT = 1_000_000
SKILL = "---\nname: near\ndescription: Says what is near. Use when asked.\n---\nLook beside you.\n"


def target(data: bytes) -> None:
    file, task, answer = parts(data, 3)
    folder = fresh("agents")
    (folder / "hostile.md").write_bytes(file)
    (folder / "near").mkdir()
    (folder / "near" / "SKILL.md").write_text(SKILL)
    (folder / "leak").symlink_to(world() / "outside" / "skill")
    (folder / "leak.md").symlink_to(world() / "outside" / "agent.md")
    with watched():
        load_agent_file(text(task)[:200], folder)
    with watched():
        made = agent_from_file(replace(load_agent_file("hostile.md", folder), tools=()))
        body = node_of_agent(made, "test:scripted").body
        assert isinstance(body, Planning)
        _talked(body.plan, _value(task), Reply(text=text(answer)))


def _talked(plan: Any, value: Any, reply: Reply) -> None:
    def answer(call: Call) -> Outcome:
        request = call.input
        if not isinstance(request, Request):
            raise Finding(f"the plan asked for {call.target!r}")
        for message in request.messages:
            if len(message.text) > LONGEST_PROMPT + 200_000:
                raise Finding(f"a prompt of {len(message.text)} characters")
            clean(message.text.encode("utf-8", "replace").decode())
        return Done(output=reply)

    ended = Driver(answer).run(plan(value))
    if not isinstance(ended, Done | Failed):
        raise Finding(f"a conversation ended {ended!r}")


def _value(task: bytes) -> Any:
    try:
        return json.loads(task)
    except (ValueError, RecursionError):
        return text(task)

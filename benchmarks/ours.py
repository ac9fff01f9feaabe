"""This package on the same work. ``python -m benchmarks.ours fixed|anyio|decided|fresh|model|journal``."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.worker import Gate, Job, serve
from orchestra import Agent, Orchestra, agent, gather, step, workflow

TOPICS = "invoices parcels refunds pottery lamps tea glazes wood repairs gifts".split()
TAUGHT = 200
gate = Gate()
numbers = itertools.count()


@agent
async def answer(text: str) -> str:
    """Gives the text back."""
    return text


@agent
async def ten_ms(text: str) -> str:
    """Gives the text back after 10 ms."""
    await asyncio.sleep(0.01)
    return text


@agent
async def waiting(text: str) -> str:
    """Waits until all others wait too."""
    await gate.wait()
    return text


def about(topic: str) -> Callable[..., Any]:
    async def expert(text: str) -> str:
        return text

    expert.__name__ = expert.__qualname__ = f"expert_{topic}"
    expert.__doc__ = f"Answers questions about {topic} and what goes with them."
    return agent(provides="answer")(expert)


@workflow
async def chain_of(target: str | None, n: int) -> str:
    text = "Where is the parcel that I ordered?"
    for _ in range(n):
        text = await (step(answer, text) if target is None else step(target, text, output_type=str))
    return text


@workflow
async def chain_of_new(n: int) -> str:
    """Every step asks what was never asked before, so that its features are made anew."""
    text = ""
    for _ in range(n):
        text = await step("answer", f"Where is parcel {next(numbers)} that I ordered?", output_type=str)
    return text


@workflow
async def spread(target: str, n: int) -> int:
    """Over a node, by its name after an @, or a capability."""
    node: Any = {"@answer": answer, "@waiting": waiting}.get(target, target)
    return len(await gather(*[step(node, str(i), output_type=str) for i in range(n)]))


def model_team(model: Any, **options: Any) -> Orchestra:
    writer = Agent("writer", "Answers.", model=model.name, instructions="Answer: {{ task.text }}")
    return Orchestra(agents=[writer], models={model.name: model}, prices={model.name: (1, 2)}, **options)


async def checked(team: Orchestra, *task: Any, **options: Any) -> Any:
    """The output; raises where the run did not end done, so that no failure is measured as a success."""
    return (await team.run(*task, **options)).output


def fixed(**options: Any) -> dict[str, Job]:
    team = Orchestra(agents=[answer, ten_ms, waiting], **options)

    async def runs(n: int) -> None:
        await asyncio.gather(*[checked(team, ten_ms, "hello") for _ in range(n)])

    return {
        "chain": lambda n: checked(team, chain_of, None, n),
        "fanout": lambda n: checked(team, spread, "@answer", n),
        "wait": lambda n: checked(team, spread, "@waiting", n),
        "runs": runs,
    }


def decided(fresh: bool = False) -> dict[str, Job]:
    """LinUCB over ten agents, each of which has seen rewards."""
    team = Orchestra(agents=[about(topic) for topic in TOPICS])
    taught: list[bool] = []

    async def teach() -> None:
        if taught:
            return
        taught.append(True)
        rng = random.Random(0)
        for number in range(TAUGHT):
            result = await team.run(f"Question {number} about {rng.choice(TOPICS)}", to="answer", seed=number)
            await team.feedback(result.run_id, rng.random())

    async def chain(n: int) -> None:
        await teach()
        await (checked(team, chain_of_new, n) if fresh else checked(team, chain_of, "answer", n))

    async def fanout(n: int) -> None:
        await teach()
        await checked(team, spread, "answer", n)

    return {"chain": chain} if fresh else {"chain": chain, "fanout": fanout}


def model() -> dict[str, Job]:
    """A model agent: prompt, request, hold and settlement in every step."""
    from orchestra.models.scripted import Echo, Slow

    team, slow = model_team(Echo()), model_team(Slow(Echo("test:slow"), 0.01))

    async def runs(n: int) -> None:
        await asyncio.gather(*[checked(slow, "hello", to="writer") for _ in range(n)])

    return {
        "chain": lambda n: checked(team, chain_of, "writer", n),
        "fanout": lambda n: checked(team, spread, "writer", n),
        "runs": runs,
    }


def journal() -> dict[str, Job]:
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    team = Orchestra(agents=[answer], state=Path(folder.name) / "journal.db", journal=True)

    async def durable(n: int) -> None:
        assert folder
        await checked(team, chain_of, None, n)

    return {"durable": durable}


KINDS: dict[str, Callable[[], dict[str, Job]]] = {
    "fixed": fixed,
    "anyio": lambda: fixed(native_tasks=False),
    "decided": decided,
    "fresh": lambda: decided(fresh=True),
    "model": model,
    "journal": journal,
}

if __name__ == "__main__":
    serve(KINDS[sys.argv.pop(1)](), gate)

"""An ant colony: paths that went well leave trails, one map for each kind of task, and later tasks follow them.

Look for: at first every path is as likely as any other; after some feedback a text about numbers goes from the reader
to the calculator and one about words to the writer, though nobody declared who is good at what; each step's record says
what it went on from and how likely it was; nothing is learned while tasks are served, only from feedback. No key, no
server, no account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestra import Decision, Orchestra, agent
from orchestra.routing.learners.intents import Exemplars
from orchestra.routing.learners.pheromone import Pheromone


class Digits:
    """A text as two numbers: whether it has digits, and whether it has none. Any embedder will do."""

    name, d = "digits", 2

    def embed(self, text: str, /) -> Sequence[float]:
        has = any(letter.isdigit() for letter in text)
        return [float(has), float(not has)]


@agent(provides="read")
def reader(text: str) -> str:
    return text


@agent(provides="solve")
def calculator(text: str) -> str:
    return str(sum(int(word) for word in text.split() if word.isdigit()))


@agent(provides="solve")
def writer(text: str) -> str:
    return text.title()


TYPES = Exemplars({"numbers": ["1 and 2"], "words": ["one and two"]}, Digits())
TASKS = {"add 17 and 25": "42", "the quiet river": "The Quiet River"}


def shown(decision: Decision) -> str:
    return f"{decision.previous or 'start'} -> {decision.chosen[0]} (p {decision.probability:.2f})"


async def main() -> None:
    """Forty tasks with feedback, then one of each kind."""
    router = Pheromone(intents=TYPES)
    async with Orchestra(agents=[reader, calculator, writer], router=router, embedder=Digits()) as team:
        for n in range(40):
            text, right = list(TASKS.items())[n % 2]
            result = await team.run(text, to=["read", "solve"], seed=n)
            if n == 0:
                print("first:", ", ".join(map(shown, result.decisions)))
            await team.feedback(result.run_id, float(result.output == right))
        for text in TASKS:
            result = await team.run(text, to=["read", "solve"], seed=1)
            print(f"{text}: {result.output}")
            print("  ", ", ".join(map(shown, result.decisions)))
    for name in ("calculator", "writer"):
        numbers, words = router.tau("solve", "reader", name)
        print(f"trail reader -> {name}: numbers {numbers:.2f}, words {words:.2f}")


if __name__ == "__main__":
    asyncio.run(main())

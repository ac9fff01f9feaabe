"""A workflow in plain Python with decorators: a loop, a branch, steps side by side, a failure as a value.

Look for: two steps side by side for each sentence; the one that fails, which is a value here and no exception, and has
its record under `Failures`; and the same functions called without a team, as any function is. No key, no server, no
account.
"""

from __future__ import annotations

import asyncio

from orchestra import Done, Orchestra, agent, gather, outcome, step, tool, workflow

WORDS = {"der": "the", "Fluss": "river", "ist": "is", "tief": "deep", "kalt": "cold"}


@tool
def sentences(text: str) -> list[str]:
    """Takes a text apart."""
    return [one.strip() for one in text.split(".") if one.strip()]


@agent(provides="translation", cost_usd=0.001)
def by_dictionary(sentence: str) -> str:
    """Translates word by word, and fails where a word is missing."""
    return " ".join(WORDS[word] for word in sentence.split())


@agent(provides="length")
async def count(sentence: str) -> int:
    """Counts words."""
    return len(sentence.split())


@workflow
async def translated(text: str) -> list[str]:
    """Every sentence with its number of words; what cannot be translated stays as it is."""
    lines: list[str] = []
    for sentence in await step(sentences, text):  # a function: this very one
        translation, number = await gather(
            outcome(step("translation", sentence, output_type=str)),  # a capability: the router binds it
            step(count, sentence),
        )
        if isinstance(translation, Done):
            lines.append(f"{translation.output} ({number})")
        else:
            lines.append(f"{sentence} ({number}, left as it is: {translation.cause})")
    return lines


async def main() -> None:
    """Runs the workflow, then calls two of its parts as the functions that they are."""
    async with Orchestra(agents=[by_dictionary, count]) as team:
        result = await team.run(translated, "der Fluss ist tief. das Wasser ist kalt.")
        print(*result.output, sep="\n")
        print(result.explain())
    print(by_dictionary("der Fluss"), await count("der Fluss"))


if __name__ == "__main__":
    asyncio.run(main())

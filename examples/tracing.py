"""What a run decided, read three ways: as spans, as data, and as the tree that `orchestra trace` prints.

Look for: who was considered for the translation, at what cost and probability; that `dictionary` failed, was filtered
out for that, and `translator` took over. The same facts stand in the spans, which a collector would get, and in
`result.explain()`. No key, no server, no account.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from orchestra import Agent, Orchestra, Result, agent, step, workflow
from orchestra.app.history import history_of
from orchestra.models.scripted import Scripted
from orchestra.telemetry.spans import spans


@agent(provides="translation", cost_usd=0.001)
def dictionary(word: str) -> str:
    """Looks a word up."""
    raise LookupError(f"{word} is not in it")


@agent(provides="translation", cost_usd=0.005)
def translator(word: str) -> str:
    """Translates anything."""
    return "arbre"


@workflow
async def label(word: str) -> str:
    """Translates, then writes a label."""
    return str(await step("writer", await step("translation", word, output_type=str)))


def team(state: Path) -> Orchestra:
    writer = Agent("writer", "Writes a label.", model="test:writer")
    models = {"test:writer": Scripted("Arbre, m.", name="test:writer")}
    return Orchestra(
        agents=[dictionary, translator, writer],
        models=models,
        prices={"test:writer": (1, 2)},
        router="cheapest",
        state=state,
    )


def read_spans(result: Result) -> None:
    """The decisions among the spans: flat attributes, the same that a collector is sent."""
    for span in spans(result.run_id, result.events):
        told = span.attributes
        if "orchestra.route.chosen" not in told:
            continue
        of = ", ".join(told["orchestra.route.candidates"])
        filtered = ", ".join(told.get("orchestra.route.filtered", ())) or "nobody"
        print(f"{span.name}: of {of}; filtered {filtered}; chose {told['orchestra.route.chosen'][0]}")
    tokens = [span.attributes.get("gen_ai.usage.input_tokens", 0) for span in spans(result.run_id, result.events)]
    print(f"tokens on model spans {sum(tokens)}, in the usage {result.usage.input_tokens}")


def read_data(result: Result) -> None:
    """The decisions as the run's own account of itself."""
    for choice in result.explain().decisions:
        for option in choice.options:
            what = option.filtered or f"p {option.probability:.2f}, ${option.cost_usd}"
            print(f"  {choice.capability}: {option.name} ({what})")
    for failure in result.explain().failures:
        print(f"{failure.name}: {failure.cause.kind}, {failure.how} to {failure.to}")


async def main(state: Path) -> None:
    async with team(state) as running:
        result = await running.run(label, "tree")
        print(result.output)
        read_spans(result)
        read_data(result)
    _, tree = history_of(state, None, Path()).tree(result.run_id)
    print(f"$ orchestra trace {result.run_id} --state {state.name}\n{tree}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "team.db"))

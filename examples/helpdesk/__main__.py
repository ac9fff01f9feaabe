"""python -m examples.helpdesk: the help desk on the embedded local model, from five tickets to the table."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import anyio

from examples.helpdesk.check import read_tickets
from examples.helpdesk.pages import read_pages
from examples.helpdesk.passes import FLAKY, Row, campaign, state_file, team_of
from examples.helpdesk.report import agents_text, differences, reached, summaries, table, verdict
from examples.helpdesk.shop import Shop
from examples.helpdesk.team import MODEL, PRICES, Desk
from orchestra import Agent, Orchestra, Result, errors
from orchestra.models.cache import Cached
from orchestra.models.local import LocalModel

FOLDER = Path(".orchestra")
TASTE = ("T-002", "T-005", "T-007", "T-015", "T-036")


async def taste() -> None:
    """Five tickets, one model agent, no team: what the tiny model says on its own."""
    texts = [ticket.text for ticket in read_tickets("learn") if ticket.id in TASTE]
    helper = Agent(
        "helper",
        "Answers customers of a small pottery shop.",
        instructions="You work at a small pottery shop. Answer the customer in one short sentence.",
        model=MODEL,
        max_tokens=40,
    )
    async with Orchestra(agents=[helper], prices=PRICES) as team:
        for text in texts:
            result = await team.run(text)
            answer = " ".join(str(result.output).split()) if result.status == "done" else str(result.cause)
            print(f"  customer  {text}\n  {MODEL}  {answer}  ({result.usage.tokens} tokens)")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.helpdesk", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds (default 1)")
    parser.add_argument("--tickets", type=int, default=60, help="how many of the 60 tickets to learn on (default all)")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parsed = parser.parse_args(given)
    if parsed.seeds < 1 or not 1 <= parsed.tickets <= 60:
        parser.error("--seeds must be at least 1 and --tickets from 1 to 60")
    return parsed


def as_json(rows: Sequence[Row]) -> str:
    data = {
        "prices": {"declared for the example": True, "usd_per_million_tokens": PRICES},
        "passes": [asdict(one) for one in summaries(rows)],
        "differences": [asdict(one) for one in differences(rows)],
        "reached": reached(rows),
    }
    return json.dumps(data, indent=2)


def introduction() -> None:
    given, made = PRICES[MODEL]
    print("One agent on the local model, five tickets:")
    anyio.run(taste)
    print("\nA team of agents, the same model. All prices are declared for this example: those of the code agents")
    print(f"(0.0005 to 0.004 dollars a call) and ${given} and ${made} a million tokens for {MODEL}. Nobody is paid.")
    print("Three passes over the tickets to learn from, then 30 that nobody learned from:", flush=True)


async def outage(state: Path) -> Result:
    """One refund that goes to the provider that is gone: its run is kept beside those of the passes."""
    ticket = next(ticket for ticket in read_tickets("learn") if ticket.kind == "refund")
    desk = Desk(shop=Shop(), pages=read_pages(), down=frozenset([FLAKY]))
    async with team_of(f"fixed:{FLAKY}", Cached(LocalModel()), state, learn=False) as team:
        result = await team.run(ticket.text, deps=desk)
    desk.shop.close()
    return result


def ending(rows: Sequence[Row], seed: int) -> None:
    """The table, one refund whose provider is gone, and where the trace is."""
    print(f"\n{table(rows)}\n")
    print("declined: an agent said that the message was not for it; reroutes: for any other reason, such as")
    print("a payment provider that was gone; priced out: tickets at which the money left could not pay some agent;")
    print("cache hits: identical requests to the local model, answered again and charged as recorded.")
    print("The last four passes learn nothing; learned and cold start explore nothing either.")
    print(f"\nWho answered:\n{agents_text(rows)}\n\n{verdict(rows)}")
    state = state_file(FOLDER, seed)
    shown = anyio.run(outage, state)
    print(f"\nOne more refund, sent to a provider that is gone:\n{shown.explain()}")
    command = shlex.join([str(Path(sys.executable).parent / "orchestra"), "trace", "--state", str(state)])
    if Path(sys.executable).is_relative_to(Path.cwd()):
        command = command.replace(f"{Path.cwd()}/", "")
    print(f"\nThe trace is in {state}. Look at it:\n  {command}\n  {command} {shown.run_id} --explain")


def main(given: Sequence[str] | None = None) -> int:
    """0 when it ran, whoever won; 2 where the local model is missing."""
    options = arguments(given)
    seeds = range(options.seed, options.seed + options.seeds)
    silent = options.json
    try:
        if not silent:
            introduction()
        tell = (lambda _: None) if silent else partial(print, "  ", flush=True)
        rows = campaign(seeds, FOLDER, tickets=options.tickets, tell=tell)
    except errors.LocalModelMissing as error:
        print(error, file=sys.stderr)
        return 2
    if silent:
        print(as_json(rows))
    else:
        ending(rows, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())

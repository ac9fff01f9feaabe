"""The passes of the help desk: three over the tickets to learn from, then the frozen state and its rivals on others."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import anyio

from examples.helpdesk.check import Ticket, read_tickets, refund_recorded, right
from examples.helpdesk.pages import read_pages
from examples.helpdesk.shop import Shop
from examples.helpdesk.team import MEMBERS, MODEL, PRICES, Desk
from orchestra import Budget, Orchestra, errors
from orchestra.app.result import Result
from orchestra.core.events import CallEnded
from orchestra.core.outcome import Failed
from orchestra.models.cache import Cached
from orchestra.models.local import LocalModel
from orchestra.routing.learners.linucb import LinUCB

UNSEEN = 30
FLAKY = "cardline"
PURSE_USD = Decimal("0.09")
"""What the third pass may spend in all: it does not pay for 60 tickets."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a pass is like. ``flaky`` is the chance that the payment provider FLAKY cannot be reached at a ticket.

    It is lost for good at the ticket ``lost_from``, counted from 1. Units: ``purse_usd`` dollars for the whole pass.
    """

    name: str
    flaky: float = 0.0
    lost_from: int | None = None
    purse_usd: Decimal | None = None


UNBROKEN = Conditions(name="1 unbroken")
BROKEN = Conditions(name="2 provider lost", flaky=0.3, lost_from=30)
POOR = Conditions(name="3 small budget", purse_usd=PURSE_USD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one ticket went. ``chosen`` is the agent that ended it, ``priced_out`` counts options beyond the budget.

    Units: ``usd`` dollars, ``seconds`` wall time.
    """

    seed: int
    name: str
    ticket: str
    kind: str
    run_id: str
    status: str
    right: bool
    chosen: str
    usd: Decimal
    tokens: int
    requests: int
    hits: int
    declined: int
    rerouted: int
    escalated: int
    priced_out: int
    seconds: float


class Shared(Cached):
    """A cache that outlives the teams that use it; ``shut`` closes its model."""

    async def aclose(self) -> None:
        """Does nothing: a team that closes leaves the model to the next."""

    async def shut(self) -> None:
        await super().aclose()


def team_of(router: Any, model: Cached, state: Path | None = None, *, learn: bool = True) -> Orchestra:
    """The help desk's team. Without ``learn`` its failures teach the router nothing."""
    return Orchestra(
        agents=MEMBERS, router=router, model=MODEL, models={MODEL: model}, prices=PRICES, state=state, learn=learn
    )


def frozen() -> LinUCB:
    """The router where nothing is learned any more: so it explores nothing either."""
    return LinUCB(alpha=0.0, floor=0.0)


def shuffled(tickets: Sequence[Ticket], seed: int, name: str) -> list[Ticket]:
    """The tickets in an order of this seed and pass."""
    mixed = list(tickets)
    random.Random(f"{seed} {name}").shuffle(mixed)
    return mixed


async def work(
    team: Orchestra,
    tickets: Sequence[Ticket],
    conditions: Conditions,
    *,
    seed: int,
    model: Cached,
    learn: bool,
    tell: Tell = lambda _: None,
) -> list[Row]:
    """One pass over the tickets with books of its own. With ``learn`` the checker's verdict is fed back each time."""
    shop, pages = Shop(), read_pages()
    outages = random.Random(f"{seed} {conditions.name} outages")
    left = conditions.purse_usd
    rows = []
    for place, ticket in enumerate(tickets, start=1):
        lost = conditions.lost_from is not None and place >= conditions.lost_from
        down = frozenset([FLAKY]) if outages.random() < conditions.flaky or lost else frozenset[str]()
        hits, began = model.hits, perf_counter()
        result = await team.run(
            ticket.text,
            deps=Desk(shop=shop, pages=pages, down=down),
            budget=Budget(usd=left),
            seed=seed * 1000 + place,
        )
        seconds = perf_counter() - began
        good = judged(ticket, result, shop)
        if learn:
            await team.feedback(result.run_id, 1.0 if good else 0.0, source="checker")
        row = _row(ticket, result, seed=seed, name=conditions.name, good=good, hits=model.hits - hits, seconds=seconds)
        left = None if left is None else left - row.usd
        rows.append(row)
        if place % 10 == 0 or place == len(tickets):
            tell(f"seed {seed}, {conditions.name}: {place} of {len(tickets)}, {sum(r.right for r in rows)} right")
    shop.close()
    return rows


def said(output: Any) -> str:
    """An answer as the customer reads it."""
    return str(output["answer"]) if isinstance(output, dict) and "answer" in output else str(output)


def judged(ticket: Ticket, result: Result, shop: Shop) -> bool:
    """Whether the answer is right and, where money was asked back, the books show it exactly once."""
    if result.status != "done" or not right(ticket, said(result.output)):
        return False
    return ticket.kind != "refund" or refund_recorded(shop, ticket)


def declined(result: Result) -> int:
    """How many of the agents that were chosen said that the message is not for them."""
    return sum(
        isinstance(event, CallEnded)
        and event.decision is not None
        and isinstance(event.outcome, Failed)
        and event.outcome.cause.is_a(errors.Declined)
        for event in result.events
    )


def _row(ticket: Ticket, result: Result, *, seed: int, name: str, good: bool, hits: int, seconds: float) -> Row:
    told = result.explain()
    broken = [failure for failure in told.failures if failure.cause.kind != errors.Declined.__name__]
    picked = [choice for choice in told.decisions if choice.capability == "*"]
    return Row(
        seed=seed,
        name=name,
        ticket=ticket.id,
        kind=ticket.kind,
        run_id=result.run_id,
        status=result.status,
        right=good,
        chosen=picked[-1].chosen[0] if picked and picked[-1].chosen else "nobody",
        usd=result.usage.usd or Decimal(0),
        tokens=result.usage.tokens,
        requests=result.usage.requests,
        hits=hits,
        declined=declined(result),
        rerouted=sum(failure.how == "rerouted" for failure in broken),
        escalated=sum(failure.how == "escalated" for failure in broken),
        priced_out=sum((o.filtered or "").startswith("costs $") for c in told.decisions for o in c.options),
        seconds=seconds,
    )


async def season(
    seed: int, state: Path, model: Cached, *, tickets: int = 60, unseen: int = UNSEEN, tell: Tell = print
) -> list[Row]:
    """All passes of one seed. ``state`` is a new file; ``tickets`` is how many of the 60 each learning pass takes."""
    learn, others = read_tickets("learn")[:tickets], read_tickets("unseen")[:unseen]
    rows: list[Row] = []
    for conditions in (UNBROKEN, BROKEN, POOR):
        # A new team each time: what it knows, it read from the state file.
        async with team_of("linucb", model, state) as team:
            order = shuffled(learn, seed, conditions.name)
            rows += await work(team, order, conditions, seed=seed, model=model, learn=True, tell=tell)
    for name, policy, known in (
        ("learned", frozen(), state),
        ("cold start", frozen(), None),
        ("random", "random", None),
        ("cheapest", "cheapest", None),
    ):
        async with team_of(policy, model, known, learn=False) as team:
            order = shuffled(others, seed, "unseen")
            rows += await work(team, order, Conditions(name=name), seed=seed, model=model, learn=False, tell=tell)
    return rows


async def seasons(seeds: Sequence[int], folder: Path, **options: Any) -> list[Row]:
    """All seeds, one after another, with one cache of the local model. A state file of an earlier time is removed.

    ``options`` are those of ``season``. Raises LocalModelMissing.
    """
    model = Shared(LocalModel())
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    try:
        for seed in seeds:
            state = fresh(folder, seed)
            rows += await season(seed, state, model, **options)
    finally:
        await model.shut()
    return rows


def campaign(seeds: Sequence[int], folder: Path = Path(".orchestra"), **options: Any) -> list[Row]:
    """``seasons`` for code without an event loop."""
    return anyio.run(partial(seasons, seeds, folder, **options))


def state_file(folder: Path, seed: int) -> Path:
    return folder / f"helpdesk-{seed}.db"


def fresh(folder: Path, seed: int) -> Path:
    """The path of a seed's state file; what was left there is removed."""
    path = state_file(folder, seed)
    for ending in ("", "-shm", "-wal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    return path

"""Runs over tools in processes that die, hang and answer nonsense, and what has to hold of every one of them."""

from __future__ import annotations

import http.client
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestra.app.orchestra import Orchestra
from orchestra.app.result import Result
from orchestra.core.catalog import Code, Contract, Node
from orchestra.core.errors import CallTimeout, EffectUnknown, NoEffect
from orchestra.core.events import CallEnded, Filed
from orchestra.core.outcome import Done, Failed
from orchestra.evaluation.healing.fleet import Fleet
from orchestra.evaluation.healing.methods import HELP, MODEL
from orchestra.evaluation.healing.pursuit import Pursuit
from orchestra.evaluation.healing.scenarios import START, Domain
from orchestra.evaluation.healing.world import Answering

LOOKUPS, CHARGES, NOTES = ("crm1", "crm2", "crm3"), ("pay1", "pay2", "pay3"), ("mail", "sms")
EFFECT = {name: effect for names, effect in ((CHARGES, "payment"), (NOTES, "message")) for name in names}
TIMEOUT_S = 0.4
FAULTY = 0.25
"""The share of answers that are wrong in some way."""
PACE_S = 0.025
"""From one run's beginning to the next: servers that died have time to come back."""
REFUNDS = Domain(
    edges={
        START: {name: float(number) for number, name in enumerate(LOOKUPS, start=1)},
        **{one: {**{name: float(n) for n, name in enumerate(CHARGES, start=1)}, "queue": 9.0} for one in LOOKUPS},
        **{one: {name: float(number) for number, name in enumerate(NOTES, start=1)} for one in CHARGES},
        **{one: {"Settled": 0.0} for one in NOTES},
        "queue": {"Queued": 0.0},
    },
    goal="Settled",
    fallbacks=("Queued",),
    stages=(),
    not_tools=frozenset({START, "Settled", "Queued"}),
)
"""Look up, pay, tell; where nobody can pay, the refund is put into a queue, which is the declared lesser goal."""


@dataclass(slots=True, kw_only=True)
class Chaos:
    """What all runs came to. ``broken`` says what did not hold. Units: ``seconds`` wall time."""

    seed: int
    runs: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        facts = {"seed": self.seed, "runs": self.runs, "seconds": round(self.seconds, 1)}
        causes = {f"cause_{kind}": count for kind, count in sorted(self.faults.items())}
        return {**facts, **dict(sorted(self.counts.items())), **causes, "broken": self.broken}


def run_chaos(runs: int, seed: int = 0, *, at_once: int = 8, told: Callable[[], None] = lambda: None) -> Chaos:
    """So many runs over eight servers on 127.0.0.1; all processes are gone when it returns or raises."""
    chaos, began = Chaos(seed=seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger"
        ledger.touch()
        with Fleet((LOOKUPS, CHARGES, NOTES), ledger, seed, FAULTY) as fleet:
            results = _results(fleet, runs, seed, at_once, told)
        for order, result in results.items():
            _check(chaos, order, result)
        _check_ledger(chaos, ledger.read_text(encoding="utf-8").split("\n"), results)
        chaos.counts.update(servers_started=fleet.started, servers_killed=fleet.killed)
    chaos.seconds = time.monotonic() - began
    return chaos


def _results(fleet: Fleet, runs: int, seed: int, at_once: int, told: Callable[[], None]) -> dict[str, Result]:
    model = Answering(lambda request: HELP, MODEL)
    nodes = {name: _node(name, fleet) for name in (*LOOKUPS, *CHARGES, *NOTES)}
    nodes["queue"] = _node("queue", None)
    with ThreadPoolExecutor(at_once) as threads:
        team = Orchestra(agents=list(nodes.values()), models={MODEL: model}, router="cheapest", learn=False)
        try:

            def one(number: int) -> tuple[str, Result]:
                order = f"A-{number}"
                domain = _shuffled(random.Random(f"{seed}/{number}"))
                pursuit = Pursuit(domain=domain, nodes=nodes, model=MODEL, name="refund")
                result = team.run_sync({"text": "Refund it.", "order": order}, topology=pursuit)
                told()
                return order, result

            begun = []
            for number in range(runs):
                begun.append(threads.submit(one, number))
                time.sleep(PACE_S)
            return dict(future.result() for future in begun)
        finally:
            team.close()


def _shuffled(rng: random.Random) -> Domain:
    """Other providers are cheapest for other runs, so that each is called."""
    fixed = ("queue", "Settled", "Queued")
    edges = {
        origin: {to: weight if to in fixed else rng.uniform(1.0, 3.0) for to, weight in row.items()}
        for origin, row in REFUNDS.edges.items()
    }
    return replace(REFUNDS, edges=edges)


def _node(name: str, fleet: Fleet | None) -> Node:
    def body(task: Mapping[str, Any]) -> dict[str, Any]:
        return {**task, name: "queued" if fleet is None else asked(fleet.port(name), task["order"])}

    return Node(
        name=name,
        kind="agent",
        body=Code(fn=body, context=None, is_async=False),
        contract=Contract(bind=lambda value: {"task": value}),
        side_effect=EFFECT.get(name),
    )


def asked(port: int, order: str) -> dict[str, Any]:
    """One request.

    Raises: NoEffect where the server surely did nothing (nobody listens, 429, 503); CallTimeout, ConnectionError or
    ValueError where that is not known.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NoEffect(f"Nobody listens: {error}") from error
        try:
            connection.request("POST", f"/{order}")
            response = connection.getresponse()
            content = response.read()
        except TimeoutError as error:
            raise CallTimeout(f"No answer after {TIMEOUT_S} s.") from error
        except http.client.HTTPException as error:
            raise ConnectionResetError(f"The connection was cut: {error!r}") from error
        if response.status in (429, 503):
            raise NoEffect(f"{response.status}, Retry-After {response.getheader('Retry-After')}")
        if response.status != 200:
            raise ValueError(f"It answered {response.status}.")
        answer: dict[str, Any] = json.loads(content)
        return answer
    finally:
        connection.close()


def _check(chaos: Chaos, order: str, result: Result) -> None:
    """The run ended in one of the ways it may, and every failure has one record."""
    chaos.runs += 1
    ended = [e for e in result.events if isinstance(e, CallEnded) and e.kind in ("agent", "model")]
    failures = [e for e in ended if isinstance(e.outcome, Failed)]
    filed = [e for e in result.events if isinstance(e, Filed)]
    for event in filed:
        chaos.counts[f"filed_{event.how}"] += 1
        chaos.faults[event.cause.kind] += 1
    chaos.counts["calls"] += len(ended)
    chaos.counts["failures"] += len(failures)
    if Counter(e.key for e in filed) != Counter(e.key for e in failures):
        chaos.broken.append(f"{order}: {len(failures)} failures, {len(filed)} records")
    end = _end(result, {e.how for e in filed})
    chaos.counts[f"ended_{end}"] += 1
    if end == "wrong":
        chaos.broken.append(f"{order}: {result.status}, {result.outcome}")


def _end(result: Result, hows: set[str]) -> str:
    """completed, demoted, escalated, or wrong: anything else."""
    if isinstance(result.outcome, Done):
        output = result.output
        if output == HELP:
            return "escalated_to_the_model" if "escalated" in hows else "wrong"
        if "queue" in output:
            return "demoted" if "demoted" in hows else "wrong"
        told = any(name in output for name in NOTES) and any(name in output for name in CHARGES)
        return "completed" if told else "wrong"
    cause = result.cause
    if cause is not None and cause.is_a(EffectUnknown) and "escalated" in hows:
        return "escalated_to_the_caller"
    return "wrong"


def _check_ledger(chaos: Chaos, lines: list[str], results: Mapping[str, Result]) -> None:
    """By what the servers wrote before they answered: no effect of a class twice for one order, and none missing."""
    acts = [line.split() for line in lines if line]
    effects = Counter((order, EFFECT[name]) for order, name in acts if name in EFFECT)
    chaos.counts["effects"] += sum(effects.values())
    twice = [(key, count) for key, count in effects.items() if count > 1]
    chaos.broken += [f"{order}: {count} times the effect {effect}" for (order, effect), count in twice]
    for order, result in results.items():
        if isinstance(result.outcome, Done) and result.output != HELP and "queue" not in result.output:
            missing = [effect for effect in ("payment", "message") if effects[order, effect] != 1]
            chaos.broken += [f"{order} is done without its {effect}" for effect in missing]
        if isinstance(result.outcome, Done) and "queue" in result.output and effects[order, "payment"]:
            chaos.broken.append(f"{order} is paid and queued")

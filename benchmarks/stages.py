"""Stage guards measured: what they cost a call, and what they block in the order of real dialogues.

python -m benchmarks.stages                 what the guard adds to a call
python -m benchmarks.stages FOLDER          also the ordering test on the dialogues in that folder of data sets
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from orchestra import Orchestra, tool
from orchestra.app.goals import GoalRecord, Goals
from orchestra.core.call import Plan
from orchestra.core.catalog import Contract, Node, Planning
from orchestra.core.outcome import Done
from orchestra.guards.data import goal_from
from orchestra.ports.guard import Asked
from orchestra.stores.codec import JsonCodec
from orchestra.stores.memory import MemoryStore

Turn = tuple[str, str]
"""A service and the intent that is asked of it."""


def goal_of(name: str, service: Mapping[str, Any]) -> dict[str, Any]:
    """A service as a goal: each intent needs its required slots as facts, and what changes something needs a search
    first where the service has one.
    """
    intents = service["intents"]
    searches = any(not one["transactional"] for one in intents.values())
    stages = ["asked", *(["found"] if searches else []), "changed"]
    moves = {stage: [one for one in stages[1:] if one != stage] for stage in stages}
    rules = {}
    for intent, one in intents.items():
        late = one["transactional"] and searches
        rules[intent] = {
            "stages": stages[1:] if late else stages,
            "before": {f"facts.{slot}": "present" for slot in one["required"]},
            "to": "changed" if one["transactional"] else "found",
        }
    return {"name": name, "stages": stages, "transitions": moves, "skills": rules}


def dialogues(folder: Path) -> Iterator[list[Turn]]:
    """The intents of each dialogue, in order, of services that the schemas describe."""
    known = json.loads((folder / "sgd_dialogues/schemas.json").read_text(encoding="utf-8"))
    with gzip.open(folder / "sgd_intents/data.jsonl.gz", "rt", encoding="utf-8") as lines:
        for _, rows in groupby(map(json.loads, lines), key=lambda row: row["dialogue"]):
            turns = [(row["service"], row["intent"]) for row in rows]
            yield [turn for turn in turns if turn[0] in known and turn[1] in known[turn[0]]["intents"]]


def _no_plan(value: Any) -> Plan:
    yield from ()


def skill(name: str) -> Node:
    contract = Contract(bind=lambda value: {})
    return Node(name=name, kind="tool", body=Planning(plan=_no_plan), contract=contract)


async def played(
    turns: list[Turn], schemas: Mapping[str, Any], goals: Goals, number: str, withheld: tuple[int, str] | None
) -> Counter[str]:
    """One dialogue. Each intent is asked for when its slots were told, but for the one that is withheld from a turn's
    service. What is legal is worked out here by itself; the counter says how often the guard agreed.
    """
    told: dict[str, set[str]] = {}
    searched: set[str] = set()
    seen: Counter[str] = Counter()
    for at, (service, intent) in enumerate(turns):
        one = schemas[service]["intents"][intent]
        has_search = any(not other["transactional"] for other in schemas[service]["intents"].values())
        kept_back = withheld[1] if withheld is not None and turns[withheld[0]][0] == service else None
        slots = {slot for slot in one["required"] if slot != kept_back}
        guard = goals.guard(f"{service}:{number}")
        assert guard is not None
        new = slots - told.setdefault(service, set())
        if new:
            await GoalRecord(goals, guard.goal).note(dict.fromkeys(new, "x"))
            told[service] |= new
        complete = set(one["required"]) <= told[service]
        in_order = not one["transactional"] or not has_search or service in searched
        asked = Asked(skill(intent), {}, f"{number}/{at}")
        blocked = await guard.enter(asked)
        if blocked is None:
            await guard.leave(asked, Done(output="ok"), False)
        if complete and in_order and not one["transactional"]:
            searched.add(service)
        legal = "legal" if complete and in_order else "no slot" if not complete else "no search"
        seen[f"{legal}, {'let in' if blocked is None else 'blocked'}"] += 1
    return seen


async def ordering(folder: Path, most: int | None = None, seed: int = 0) -> dict[str, Counter[str]]:
    """Both splits: the dialogues as they are, and with one required slot of one turn never told."""
    schemas = json.loads((folder / "sgd_dialogues/schemas.json").read_text(encoding="utf-8"))
    kinds = [goal_from(goal_of(name, service)) for name, service in schemas.items()]
    rng = random.Random(seed)
    splits = {"as they are": Counter[str](), "one slot withheld": Counter[str]()}
    for number, turns in enumerate(dialogues(folder)):
        if most is not None and number >= most:
            break
        needy = [at for at, (service, intent) in enumerate(turns) if schemas[service]["intents"][intent]["required"]]
        at = rng.choice(needy) if needy else None
        withheld = None if at is None else (at, rng.choice(schemas[turns[at][0]]["intents"][turns[at][1]]["required"]))
        for split, kept in (("as they are", None), ("one slot withheld", withheld)):
            if split == "as they are" or kept is not None:
                goals = Goals(kinds, MemoryStore(), None, JsonCodec().plain, time.time)
                splits[split] += await played(turns, schemas, goals, str(number), kept)
    return splits


def rates(seen: Counter[str]) -> tuple[int, int, float, float]:
    """(turns, illegal ones, precision and recall of blocking)."""
    blocked = sum(n for what, n in seen.items() if what.endswith("blocked"))
    illegal = sum(n for what, n in seen.items() if not what.startswith("legal"))
    right = blocked - seen["legal, blocked"]
    return seen.total(), illegal, right / blocked if blocked else 1.0, right / illegal if illegal else 1.0


@tool
def look(word: str) -> str:
    """Looks a word up."""
    return word


@tool
def act(word: str) -> str:
    """Changes the goal."""
    return word


MACHINE: dict[str, Any] = {
    "name": "small",
    "stages": ["one", "two"],
    "transitions": {"one": ["two"], "two": ["one"]},
    "skills": {
        "look": {"stages": ["one"], "before": {"input.word": "present"}},
        "act": {"stages": ["one"], "before": {"input.word": "present"}, "sets": {"word": "input.word"}},
    },
}


async def overhead(calls: int = 300) -> dict[str, tuple[float, float]]:
    """Milliseconds a run of one tool takes, p50 and p95: without a goal, with one that is read, with one that changes,
    in memory and in a file. A goal has at most 100 events.
    """
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for place, state in (("memory", None), ("file", Path(folder, "team.db"))):
            async with Orchestra(agents=[look, act], goals=[MACHINE], state=state) as team:
                for what, fn, goal in (("no goal", look, False), ("read", look, True), ("change", act, True)):
                    took = []
                    for number in range(calls):
                        named = f"small:{what}{number // 50}" if goal else None
                        began = time.perf_counter()
                        result = await team.run(fn, "a", goal=named)
                        took.append(1000 * (time.perf_counter() - began))
                        assert result.status == "done", result.cause
                    cuts = statistics.quantiles(took, n=20)
                    found[f"{place}, {what}"] = (statistics.median(took), cuts[-1])
    return found


def main(arguments: list[str]) -> None:
    for what, (p50, p95) in asyncio.run(overhead()).items():
        print(f"{what:18} p50 {p50:6.3f} ms  p95 {p95:6.3f} ms")
    for folder in arguments:
        for split, seen in asyncio.run(ordering(Path(folder))).items():
            turns, illegal, precision, recall = rates(seen)
            print(f"{split}: {turns} turns, {illegal} illegal, precision {precision:.4f}, recall {recall:.4f}")
            print("  " + "; ".join(f"{what} {n}" for what, n in sorted(seen.items())))


if __name__ == "__main__":
    main(sys.argv[1:])

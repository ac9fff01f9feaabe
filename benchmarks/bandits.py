"""Bandits, beside MABWiser and what reading their matrices costs: ``python -m benchmarks.bandits``.

CPU time of one thread, medians of rounds. "Explored hard": hardly trained and alpha 1, so most have to be computed;
"running": a policy that has decided for a while. A sample of the choices is compared with the full evaluation. What
storing costs is wall time, as a server works beside.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.contenders import PEERS_PYTHON, ROOT, environment
from orchestra.core.decision import Decide, Decision, Option
from orchestra.core.events import Decided, Rewarded
from orchestra.ports.router import Lesson
from orchestra.ports.store import Entry, Store
from orchestra.routing.learners.arms import Arms
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.thompson import Thompson
from orchestra.routing.state.sums import add_plain
from orchestra.stores.postgres import PostgresStore
from orchestra.stores.sqlite import SqliteStore

SIZES = tuple((d, k) for d in (32, 128, 384) for k in (10, 100, 1000))
ROUNDS = 5
BATCH = 100
Matrix = np.ndarray[Any, np.dtype[np.float64]]


def us(call: Callable[[], object], times: int, rounds: int = ROUNDS) -> float:
    call()
    spent = []
    for _ in range(rounds):
        start = process_time()
        for _ in range(times):
            call()
        spent.append((process_time() - start) / times * 1e6)
    return median(spent)


def contexts(n: int, d: int) -> Matrix:
    """A constant and a direction of length 1, as the features have it."""
    raw = np.random.default_rng(d).normal(size=(n, d))
    raw[:, 1:] /= np.linalg.norm(raw[:, 1:], axis=1, keepdims=True)
    raw[:, 0] = 1.0
    return raw


def options_of(k: int) -> tuple[Option, ...]:
    return tuple(Option(f"a{n}", prior=0.5, similarity=0.3, cost_nano=n) for n in range(k))


def made_of(question: Decide, place: int, key: str) -> Decision:
    return Decision(
        key=key,
        capability="c",
        policy="p",
        version=0,
        options=question.options,
        chosen=(question.options[place].name,),
        probability=1.0,
        x=question.x,
    )


def floor_us(d: int, k: int, times: int) -> float:
    """Reading the K d d matrix once, by the faster of two ways."""
    matrix, x = np.ones((k * d, d), np.float32), np.ones(d, np.float32)
    return min(us(lambda: matrix.dot(x), times), us(matrix.sum, times))


def filled(router: LinUCB | Thompson, d: int, k: int, pulls: int = 2) -> list[Decide]:
    options, rng = options_of(k), random.Random(0)
    rounded = np.round(contexts(64, d), 6)  # as the features of a text are
    asked = [Decide(capability="c", options=options, x=tuple(x)) for x in rounded.tolist()]
    for n in range(pulls * k):
        made = made_of(asked[n % 64], n % k, f"k{n}")
        router.learn([Lesson(made, rng.random())])
    return asked


def checked(arms: Arms, asked: Sequence[Decide], alpha: float) -> None:
    """The choice is that of the full evaluation, ties aside."""
    for question in asked:
        span = arms.span(tuple(option.name for option in question.options))
        x = arms.cast(np.array(question.x))
        means = arms.means(span, x) + 0.5
        best, _ = arms.highest(span, means, x, alpha)
        full = means + alpha * np.sqrt(np.maximum(arms.squares(span, x), 0.0))
        if full[best] < full.max() - 1e-6:
            raise SystemExit(f"option {best} was chosen with {full[best]}, the highest is {full.max()}")


def deciding(arms: Arms, asked: Sequence[Decide], alpha: float, times: int) -> float:
    """From the context to the best option, without the record of the decision."""
    names = tuple(option.name for option in asked[0].options)
    xs, priors = [np.array(question.x) for question in asked], np.full(len(names), 0.5)
    turn = iter(range(10**9))

    def once() -> None:
        x = arms.cast(xs[next(turn) % len(xs)])
        span = arms.span(names)
        arms.highest(span, priors + arms.means(span, x), x, alpha)

    return us(once, times)


def running(d: int, k: int, times: int) -> tuple[float, float]:
    """While a policy runs with alpha .3: deciding alone, and the whole of ``choose``."""
    router, rng = LinUCB(alpha=0.3, lam=1.0, floor=0.0), random.Random(1)
    asked = filled(router, d, k)
    weights = np.random.default_rng(7).random(k)
    for n in range(min(300, 3 * k)):
        made = router.choose(asked[n % 64], f"r{n}", rng)
        chance = weights[int(made.chosen[0][1:])]
        router.learn([Lesson(made, float(rng.random() < chance))])
    checked(router._arms, asked[:20], 0.3)
    turn = iter(range(10**9))
    whole = us(lambda: router.choose(asked[next(turn) % 64], "k", rng), min(times, 50))
    return deciding(router._arms, asked, 0.3, times), whole


def sized(d: int, k: int) -> dict[str, float]:
    times = max(2, min(300, int(2e7 / (k * d * d))))
    found = {"floor": floor_us(d, k, times)} | hard(d, k, times)
    found["running"], found["running choose"] = running(d, k, max(times, 20))
    thompson, rng, turn = Thompson(), random.Random(0), iter(range(10**9))
    asked = filled(thompson, d, k)
    found["thompson"] = us(lambda: thompson.choose(asked[next(turn) % 64], "k", rng), times)
    return found


def hard(d: int, k: int, times: int) -> dict[str, float]:
    """Where every option is explored hard: deciding, the whole of ``choose``, and an update."""
    router = LinUCB(alpha=1.0, lam=1.0, floor=0.0)
    asked = filled(router, d, k)
    checked(router._arms, asked[:5], 1.0)
    found = {"full": deciding(router._arms, asked, 1.0, times)}
    rng, turn = random.Random(0), iter(range(10**9))
    found["choose"] = us(lambda: router.choose(asked[next(turn) % 64], "k", rng), times)
    x = np.array(asked[0].x)
    found["update"] = us(lambda: router._arms.see("a0", x, 0.1), 300)
    found["learn"] = us(lambda: router.learn([Lesson(made_of(asked[0], 0, f"l{next(turn)}"), 0.5)]), 200)
    return found


def peers(sizes: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    python = PEERS_PYTHON or str(ROOT / ".venv-peers/bin/python")
    if not os.access(python, os.X_OK):
        return None
    done = subprocess.run(
        [python, "-m", "benchmarks.peers.mabwiser_linucb"],
        input=json.dumps(sizes),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["MABWiser ended without a word"])[-1]
        if last.startswith("ModuleNotFoundError"):
            return None
        raise SystemExit(last)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def per_second(store: Store | None, *, state: bool, count: int = 2000) -> float:
    """Decisions a second of wall time among ten options with 65 features, each with a reward; stored in batches."""
    router, rng = LinUCB(alpha=1.0, lam=1.0), random.Random(0)
    asked = filled(router, 65, 10, pulls=10)
    router.delta()
    run, entries = f"run-{random.getrandbits(64):x}", list[Entry]()
    start = perf_counter()
    for n in range(count):
        made = router.choose(asked[n % 64], f"{run}/{n}", rng)
        router.learn([Lesson(made, 0.5)])
        if store is None:
            continue
        entries.append(Entry(run, 2 * n, Decided(made.key, 0.0, made), True))
        entries.append(Entry(run, 2 * n + 1, Rewarded(key=made.key, at=0.0, reward=0.5, source="user"), True))
        if len(entries) >= 2 * BATCH:
            store.append(entries)
            entries = []
            if state:
                store.add_state(router.name, router.delta(), add_plain)
    return count / (perf_counter() - start)


def persistence(postgres: str | None) -> str:
    stores: dict[str, Callable[[Path], Store]] = {f"SQLite, batches of {BATCH}": SqliteStore}
    if postgres is not None:
        stores[f"PostgreSQL, batches of {BATCH}"] = lambda _file: PostgresStore(postgres)
    rows: dict[str, list[tuple[float, float]]] = {}
    for turn in range(3):
        alone = per_second(None, state=False)
        rows.setdefault("compute only", []).append((alone, 1.0))
        for name, made in stores.items():
            for state in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    store = made(Path(folder) / f"{turn}.db")
                    rate = per_second(store, state=state)
                    store.close()
                title = f"{name}, and the changed state" if state else name
                rows.setdefault(title, []).append((rate, rate / alone))
    lines = ["| | decisions a second | of compute only |", "|---|--:|--:|"]
    for title, values in rows.items():
        rates, shares = zip(*values, strict=True)
        lines.append(f"| {title} | {median(rates):,.0f} | {median(shares):.0%} |")
    return "\n".join(lines)


def said(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def beside(one: float, other: float | None) -> str:
    return f"{one / other:.2g}" if other else ""


COLUMNS = (
    "reading it once",
    "explored hard",
    "/ reading",
    "running",
    "/ reading",
    "MABWiser predict",
    "running / MABWiser",
)
UPDATES = ("ger", "update", "/ ger", "learn", "MABWiser partial_fit", "learn / MABWiser")
WHOLE = ("choose, hard", "choose, running", "Thompson choose", "/ LinUCB, hard", "MABWiser LinTS predict")


def tables(sizes: Sequence[tuple[int, int]], ours: Sequence[dict[str, float]], theirs: dict[str, Any] | None) -> str:
    others = theirs["sizes"] if theirs else [{}] * len(sizes)
    rows: list[tuple[tuple[str, ...], list[list[str]]]] = [(COLUMNS, []), (UPDATES, []), (WHOLE, [])]
    for own, peer in zip(ours, others, strict=True):
        full, run, floor, mab = own["full"], own["running"], own["floor"], peer.get("linucb")
        figures = [said(floor), said(full), beside(full, floor), said(run), beside(run, floor), said(mab)]
        rows[0][1].append([*figures, beside(run, mab)])
        ger, fit = peer.get("ger"), peer.get("update")
        figures = [said(ger), said(own["update"]), beside(own["update"], ger), said(own["learn"]), said(fit)]
        rows[1][1].append([*figures, beside(own["learn"], fit)])
        figures = [said(own["choose"]), said(own["running choose"]), said(own["thompson"])]
        rows[2][1].append([*figures, beside(own["thompson"], own["choose"]), said(peer.get("lints"))])
    lines = []
    for columns, found in rows:
        lines += [f"| us | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
        for (d, k), figures in zip(sizes, found, strict=True):
            lines.append(f"| d={d}, K={k:,} | {' | '.join(figures)} |")
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bandits", description="Bandits, beside MABWiser.")
    parser.add_argument("--most", type=int, default=384_000, help="leave out where d times K is more (384000)")
    parser.add_argument("--postgres", metavar="ADDRESS", help="also store in this database: postgresql://...")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every value there")
    asked = parser.parse_args(arguments)
    sizes = [(d, k) for d, k in SIZES if d * k <= asked.most]
    ours = []
    for d, k in sizes:
        ours.append(sized(d, k))
        print(
            f"d={d}, K={k}: the choices that were checked are those of the full evaluation", file=sys.stderr, flush=True
        )
    theirs = peers(sizes)
    print(tables(sizes, ours, theirs))
    print(persistence(asked.postgres))
    if asked.json is not None:
        asked.json.write_text(json.dumps({"sizes": sizes, "ours": ours, "peers": theirs}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

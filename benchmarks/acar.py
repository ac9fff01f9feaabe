"""``python -m benchmarks.acar [--to FILE | --from FILE] [--json FILE]``: what ACAR is worth, as Markdown tables.

The embedded model answers the small questions of ``benchmarks.quiz`` several times; then every topology runs on the
same answers. The price of a token is made up, the same for all: what differs is how many there are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import numpy as np

from benchmarks.answers import Answered, load, record
from orchestra.aggregation.canonical import canonical_answer
from orchestra.evaluation.intervals import Interval, bootstrap, paired_bootstrap
from orchestra.evaluation.outcomes import Floats
from orchestra.evaluation.samples import Played, Sample, played
from orchestra.ports.plan import Topology
from orchestra.topologies.acar import acar
from orchestra.topologies.fanout import fanout
from orchestra.topologies.member import Member

PROBE, MODELS = "four", ("twelve", "others", "eight")
INPUT_USD, OUTPUT_USD = 0.10e-6, 0.40e-6
"""Dollars for a token: made up."""
SINGLE, VOTE, PUBLISHED, OURS = "twelve alone", "three probes, vote", "ACAR as published", "ACAR, vote"
SEED, MOST = 0, 180


class Run(NamedTuple):
    """One way to answer, on every question. Shapes: (n,) each. Units: dollars."""

    right: Floats
    cost_usd: Floats
    calls: Floats


def topologies() -> dict[str, Topology]:
    """All that is compared, but for ACAR as published. ``fanout`` whose members have no score asks all, and they vote;
    of equals the first counts.
    """
    probes = [Member(target=PROBE, name=f"{PROBE}-{place}") for place in range(1, 6)]
    alone = {f"{name} alone": _vote(name) for name in (PROBE, *MODELS)}
    return {
        **alone,
        "two, vote": _vote(*MODELS[:2]),
        "three, vote": _vote(*MODELS),
        VOTE: _vote(*probes[:3]),
        "five probes, vote": _vote(*probes),
        OURS: acar(PROBE, *MODELS),
        "all six always, vote": _vote(*probes[:3], *MODELS),
    }


def _vote(*members: Any) -> Topology:
    return fanout(*members, scores=lambda _: {})


def as_published(text: str, samples: Mapping[str, Sequence[Sample]]) -> Played:
    """At sigma 1/2 the two verifiers are asked and paid, and the probes' majority is the answer whatever they say.

    The paper's judge is replaced by our vote, its prompt not being known.
    """
    ours = played(acar(PROBE, *MODELS), text, samples)
    if sigma_of(ours) != 0.5:
        return ours
    return ours._replace(answer=played(acar(PROBE), text, samples).answer)


def sigma_of(one: Played) -> float:
    """What ACAR wrote down first."""
    return one.decisions[0].x[0]


def samples_of(one: Answered) -> dict[str, list[Sample]]:
    """The recorded answers with their made price."""
    return {
        name: [
            Sample(answer.answer, answer.input_tokens * INPUT_USD + answer.output_tokens * OUTPUT_USD)
            for answer in answers
        ]
        for name, answers in one.given.items()
    }


def runs(asked: Sequence[Answered]) -> tuple[dict[str, Run], Floats]:
    """Every way to answer by its name, and sigma of each question. Shapes: sigma (n,)."""
    shapes = topologies()
    order = [*shapes]
    order.insert(order.index(OURS), PUBLISHED)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in order}
    sigmas = []
    for one in asked:
        samples, right = samples_of(one), canonical_answer(one.right)
        done = {name: played(shape, one.text, samples) for name, shape in shapes.items()}
        done[PUBLISHED] = as_published(one.text, samples)
        sigmas.append(sigma_of(done[OURS]))
        for name, what in done.items():
            found[name].append((float(canonical_answer(what.answer) == right), what.cost_usd, float(what.calls)))
    return {name: Run(*np.array(rows).T) for name, rows in found.items()}, np.array(sigmas)


def worth(found: Mapping[str, Run]) -> list[dict[str, Any]]:
    """A row for each, with its paired intervals against one model and against as many probes as ACAR begins with."""
    return [
        {
            "name": name,
            "accuracy": float(run.right.mean()),
            "minus_single": _gain(run, found[SINGLE]),
            "minus_vote": _gain(run, found[VOTE]),
            "cost_per_1k": float(1000 * run.cost_usd.mean()),
            "calls": float(run.calls.mean()),
        }
        for name, run in found.items()
    ]


def _gain(one: Run, other: Run) -> Interval:
    return paired_bootstrap(one.right, other.right, seed=SEED)


def by_sigma(found: Mapping[str, Run], sigmas: Floats) -> list[dict[str, Any]]:
    """For each sigma: its share of the questions, and how often each way is right there, None where it never came."""
    names = (VOTE, SINGLE, PUBLISHED, OURS)
    rows: list[dict[str, Any]] = []
    for sigma in (0.0, 0.5, 1.0):
        there = sigmas == sigma
        right = {name: float(found[name].right[there].mean()) if there.any() else None for name in names}
        rows.append({"sigma": sigma, "n": int(there.sum()), "share": float(there.mean()), "right": right})
    return rows


def agreed_and_wrong(found: Mapping[str, Run], sigmas: Floats) -> tuple[float, float]:
    """The share of all questions at which the probes agree and are wrong; and of those at which they agree."""
    there = sigmas == 0.0
    wrong = float((there & (found[VOTE].right == 0.0)).mean())
    return wrong, wrong / float(there.mean()) if there.any() else 0.0


def report(asked: Sequence[Answered]) -> tuple[str, dict[str, Any]]:
    """The tables, and all values."""
    found, sigmas = runs(asked)
    rows, sigma_rows, (wrong, of_agreed) = worth(found), by_sigma(found, sigmas), agreed_and_wrong(found, sigmas)
    kinds = {
        kind: [float(found[f"{name} alone"].right[places].mean()) for name in (PROBE, MODELS[0])]
        for kind in sorted({one.kind for one in asked})
        for places in [np.array([one.kind == kind for one in asked])]
    }
    values = {"n": len(asked), "rows": rows, "sigma": sigma_rows, "wrong": wrong, "of_agreed": of_agreed}
    head = f"| {len(asked)} questions | accuracy | minus {SINGLE} (95 %) | minus {VOTE} (95 %) | $ per 1,000 | calls |"
    lines = [head, "|---|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {row['name']} | {row['accuracy']:.3f} | {_said(row['minus_single'])} | {_said(row['minus_vote'])} | "
        f"{row['cost_per_1k']:.4f} | {row['calls']:.2f} |"
        for row in rows
    ]
    names = list(sigma_rows[0]["right"])
    lines += ["", f"| sigma | share | {' | '.join(names)} |", "|---|--:|" + "--:|" * len(names)]
    lines += [
        f"| {row['sigma']:g} | {row['share']:.3f} | {' | '.join(_share(one) for one in row['right'].values())} |"
        for row in sigma_rows
    ]
    best = max(MODELS, key=lambda name: found[f"{name} alone"].right.mean())
    lines += ["", f"Best model alone, in hindsight: {best}."]
    agreed = sigmas == 0.0
    missed = np.where(found[VOTE].right == 0.0, 1.0, 0.0)
    low, high = _mean95(np.where(agreed, missed, 0.0))
    lines += ["", f"sigma 0 and wrong: {wrong:.3f} of all questions ({low:.3f}..{high:.3f})"]
    if agreed.any():
        low, high = _mean95(missed[agreed])
        lines[-1] += f", {of_agreed:.3f} of those with sigma 0 ({low:.3f}..{high:.3f})"
    lines += ["", f"{OURS} minus {PUBLISHED}: {_said(_gain(found[OURS], found[PUBLISHED]))}."]
    said = (f"{kind} {few:.2f} {many:.2f}" for kind, (few, many) in kinds.items())
    lines.append(f"Right by kind, {PROBE} and {MODELS[0]} alone: {'; '.join(said)}.")
    return "\n".join(lines), {**values, "kinds": kinds}


def _mean95(values: Floats) -> tuple[float, float]:
    found = bootstrap(values, seed=SEED)
    return found.low, found.high


def _said(gain: Interval) -> str:
    return f"{gain.estimate:+.3f} ({gain.low:+.3f}..{gain.high:+.3f})"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.acar", description="What ACAR is worth.")
    many = f"about how many are asked, as many of each of nine kinds ({MOST})"
    parser.add_argument("--questions", type=int, default=MOST, help=many)
    parser.add_argument("--minutes", type=float, default=30.0, help="after so long no more are asked (30)")
    parser.add_argument("--to", type=Path, metavar="FILE", help="add answers to this file, ask for none that it has")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="source", help="ask nobody, read such a file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every value there")
    given = parser.parse_args(arguments)
    if not 1 <= given.questions <= MOST:
        parser.error(f"--questions has to be from 1 to {MOST}: there are no more of each kind")
    if given.source is not None and given.to is not None:
        parser.error("of --from and --to only one can be given")
    if given.source is not None:
        asked = load(given.source)
    else:
        asked = anyio.run(partial(record, given.questions, given.minutes, given.to))
    if not asked:
        sys.stderr.write("there are no answers\n")
        return 2
    text, values = report(asked)
    print(text)
    if given.json is not None:
        given.json.write_text(json.dumps(values, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

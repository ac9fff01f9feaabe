"""``python -m benchmarks.domains``: what the trained router does on tasks that it never saw, as a Markdown table.

Each row leaves some tasks of a recorded set out of training and asks about those alone. The bar is the option that was
best on the tasks that are left.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.sets import DATA
from orchestra.evaluation.accuracy import accuracy, row_values
from orchestra.evaluation.baselines import best_single, fixed
from orchestra.evaluation.contests.entrants import Part, trained
from orchestra.evaluation.contests.features import features, with_surface
from orchestra.evaluation.intervals import paired_bootstrap
from orchestra.evaluation.load import load
from orchestra.evaluation.outcomes import OutcomeSet

SET = "routerdc_7llm"
LEFT_OUT = (
    ("MATH_prealgebra", "mbpp", "javascript", "ceval"),
    ("gsm8k", "arc_challenge"),
    ("cmmlu", "humaneval"),
    ("mmlu",),
    ("arc_easy", "arc_challenge"),
    ("gsm8k", "MATH_prealgebra"),
    ("cmmlu", "ceval"),
)
MOST = 5000
SEED = 0


def main() -> int:
    folder = Path(os.environ.get(DATA, "../shared/data")) / SET
    if not folder.is_dir():
        sys.stderr.write(f"{folder} is no folder: set {DATA} to where the recorded sets are\n")
        return 2
    print("| tasks left out | best single | auto | auto minus best single (95 %) | best of them in hindsight |")
    print("|---|--:|--:|--:|--:|", flush=True)
    for line in _lines(load(folder, clip=True)):
        print(line, flush=True)
    return 0


def _lines(outcomes: OutcomeSet) -> Iterator[str]:
    tasks = np.array(outcomes.tasks)
    for names in LEFT_OUT:
        out = np.isin(tasks, names)
        known, asked = _some(outcomes.rows(~out)), _some(outcomes.rows(out))
        seen = with_surface(features(known.texts, asked.texts), known.texts, asked.texts)
        shares = trained(Part(known, seen.train, seen.train), Part(asked, seen.test, seen.test)).shares(0.0)
        single = fixed(best_single(known), asked)
        gain = paired_bootstrap(row_values(asked.scores, shares), row_values(asked.scores, single), seed=SEED)
        yield (
            f"| {', '.join(names)} | {accuracy(asked.scores, single):.4f} | {accuracy(asked.scores, shares):.4f} | "
            f"{gain.low:+.4f}..{gain.high:+.4f} | {asked.scores.mean(axis=0).max():.4f} |"
        )


def _some(outcomes: OutcomeSet) -> OutcomeSet:
    """At most 5,000 rows, drawn once."""
    if len(outcomes) <= MOST:
        return outcomes
    return outcomes.rows(np.sort(np.random.default_rng(SEED).choice(len(outcomes), MOST, replace=False)))


if __name__ == "__main__":
    sys.exit(main())

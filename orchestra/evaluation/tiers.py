"""TwinRouterBench: the cheapest sufficient tier for every step of an agent, and a score that charges for failures.

Source: arXiv:2605.18859 and its code (``compute_v2_scores``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.load import lines, required
from orchestra.evaluation.outcomes import Bools, Floats, Ints

TIERS = ("low", "mid", "mid_high", "high")
CACHE_STEPS = 3
"""A tier that was last called more steps ago than this has forgotten the prompt."""
CHARACTERS_PER_TOKEN = 4
OUTPUT_TOKENS = 500
"""Where nothing is known of what a step wrote. Source: the benchmark's code."""


class TierPrice(NamedTuple):
    """Units: dollars for a million tokens."""

    read: float
    write: float
    output: float


PRICES = (
    TierPrice(0.13, 0.26, 0.5),
    TierPrice(0.059, 0.30, 2.0),
    TierPrice(0.05, 0.08333, 5.0),
    TierPrice(0.50, 6.25, 25.0),
)
"""By tier, cache read, cache write, output. Source: the benchmark's pricing.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of an agent. ``extends`` says that its prompt begins with the whole prompt of the step before.

    ``gold`` is the cheapest sufficient tier, 0 to 3. Units: tokens.
    """

    id: str
    benchmark: str
    instance: str
    index: int
    gold: int
    prompt_tokens: int
    output_tokens: int = OUTPUT_TOKENS
    extends: bool = True


class TierScores(NamedTuple):
    """In per cent. ``cost_save`` can be negative: a failed trajectory is paid for twice."""

    row_pass: float
    row_exact: float
    trajectory_pass: float
    cost_save: float
    combined: float


def failure_aware(steps: Sequence[Step], chosen: Sequence[int], prices: Sequence[TierPrice] = PRICES) -> TierScores:
    """TwinRouterBench's four scores and their mean.

    ``row_pass`` is the share of steps with a tier of at least the gold one, ``row_exact`` with the gold one,
    ``trajectory_pass`` the share of steps whose whole trajectory passed. ``cost_save`` is sum_b w_b N_b / D_b over the
    benchmarks b, w_b their share of the steps, D_b the bill of always choosing high; a step adds high's bill minus its
    own to N_b where its trajectory passed, and takes its own away where it failed, as all is then done again by high.

    Source: arXiv:2605.18859. Raises: BadDefinition.
    """
    if not steps or len(chosen) != len(steps):
        raise BadDefinition(
            f"{len(chosen)} tiers for {len(steps)} steps.", remedy="Give one for each step, of one step or more."
        )
    picks, gold = np.asarray(chosen, dtype=np.intp), np.array([step.gold for step in steps], dtype=np.intp)
    if picks.min() < 0 or picks.max() >= len(prices):
        raise BadDefinition(f"A tier is outside 0 to {len(prices) - 1}.", remedy="Give places in the list of prices.")
    passed = picks >= gold
    whole = _whole(steps, passed)
    own, high = bills(steps, picks, prices), bills(steps, np.full(len(steps), len(prices) - 1), prices)
    saved = np.where(whole, high - own, -own)
    benchmarks = np.array([step.benchmark for step in steps])
    save = 0.0
    for name in np.unique(benchmarks):
        here = benchmarks == name
        save += float(here.mean() * saved[here].sum() / high[here].sum())
    four = (float(passed.mean()), float((picks == gold).mean()), float(whole.mean()), save)
    return TierScores(*[100.0 * value for value in (*four, sum(four) / 4.0)])


def bills(steps: Sequence[Step], chosen: Ints, prices: Sequence[TierPrice] = PRICES) -> Floats:
    """What each step costs: every prompt token is a cache read or a cache write.

    The whole prompt is written at the first step, after a switch of tier, after a prompt that does not go on from the
    one before, and where the tier was last called more than three steps ago; else what was there before is read and the
    rest written.

    Shapes: (n,). Units: dollars.
    """
    out = np.zeros(len(steps))
    for places in _trajectories(steps).values():
        last_call: dict[int, int] = {}
        before: int | None = None
        for at in places:
            step, tier = steps[at], int(chosen[at])
            warm = before is not None and int(chosen[before]) == tier and step.extends
            read = 0
            if warm and before is not None and step.index - last_call[tier] <= CACHE_STEPS:
                read = min(step.prompt_tokens, steps[before].prompt_tokens)
            price = prices[tier]
            written = step.prompt_tokens - read
            out[at] = (read * price.read + written * price.write + step.output_tokens * price.output) / 1e6
            last_call[tier], before = step.index, at
    return out


def sufficient(steps: Sequence[Step], chosen: Sequence[int]) -> tuple[float, float]:
    """The share of steps whose tier is at least the gold one, and the mean tier."""
    picks = np.asarray(chosen)
    return float((picks >= np.array([step.gold for step in steps])).mean()), float(picks.mean())


def _trajectories(steps: Sequence[Step]) -> dict[tuple[str, str], list[int]]:
    places: dict[tuple[str, str], list[int]] = {}
    for at, step in enumerate(steps):
        places.setdefault((step.benchmark, step.instance), []).append(at)
    for found in places.values():
        found.sort(key=lambda at: steps[at].index)
    return places


def _whole(steps: Sequence[Step], passed: Bools) -> Bools:
    """For each step, whether every step of its trajectory passed."""
    whole = np.zeros(len(steps), dtype=np.bool_)
    for places in _trajectories(steps).values():
        whole[places] = passed[places].all()
    return whole


def load_steps(path: str | Path) -> list[Step]:
    """The question bank, a JSON-lines file: ``id, benchmark, instance_id, step_index, target_tier_id, messages``.

    The benchmark counts tokens with each vendor's tokenizer; here a token is four characters of the messages, or of
    ``chars``, and what a step wrote is what assistants said between its prompt and the next. So costs are near the
    published ones, not equal.

    Raises: BadDefinition, BadNumber.
    """
    file = Path(path)
    rows = []
    for line, row in lines(file):
        where = f"{file}:{line}"
        for name, kind in (("benchmark", str), ("instance_id", str), ("step_index", int), ("target_tier_id", int)):
            required(row, name, (kind,), where)
        if not 0 <= row["target_tier_id"] < len(TIERS):
            raise BadNumber(f"{where}: target_tier_id is {row['target_tier_id']}.", remedy="Tiers are 0 to 3.")
        rows.append(row)
    if not rows:
        raise BadDefinition(f"{file} holds no rows.", remedy="Write one JSON object a line, or name another file.")
    following: dict[tuple[Any, ...], Mapping[str, Any]] = {
        (row["benchmark"], row["instance_id"], row["step_index"]): row for row in rows
    }
    return [_step(row, following) for row in rows]


def _step(row: Mapping[str, Any], following: Mapping[tuple[Any, ...], Mapping[str, Any]]) -> Step:
    instance, index = (row["benchmark"], row["instance_id"]), row["step_index"]
    mine, before, after = (_said(following.get((*instance, i), {})) for i in (index, index - 1, index + 1))
    written = sum(len(text) for role, text in after[len(mine) :] if role == "assistant")
    characters = sum(len(text) for _, text in mine) or int(str(row.get("chars", 0)))
    return Step(
        id=str(row.get("id", "")),
        benchmark=str(row["benchmark"]),
        instance=str(row["instance_id"]),
        index=index,
        gold=row["target_tier_id"],
        prompt_tokens=max(1, characters // CHARACTERS_PER_TOKEN),
        output_tokens=written // CHARACTERS_PER_TOKEN or OUTPUT_TOKENS,
        extends=mine[: len(before)] == before,
    )


def _said(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The messages as (role, text)."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        return []
    return [
        (str(m.get("role")), f"{m.get('content') or ''}{m.get('tool_calls') or ''}")
        for m in messages
        if isinstance(m, dict)
    ]

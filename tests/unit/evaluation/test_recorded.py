"""On public records, where they are at hand."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from orchestra.core.decision import Decision
from orchestra.evaluation import baselines as base
from orchestra.evaluation.accuracy import accuracy, cost_per_1k
from orchestra.evaluation.curves import aiq, singles
from orchestra.evaluation.load import load
from orchestra.evaluation.offpolicy import doubly_robust, ips, option_means, snips
from orchestra.evaluation.outcomes import OutcomeSet
from orchestra.evaluation.replay import best_fixed, replay, rewards_of
from orchestra.evaluation.tiers import failure_aware, load_steps, sufficient
from orchestra.routing.learners.linucb import LinUCB
from orchestra.routing.learners.simple import Random

OUTCOME_SETS = {
    "bfcl_2024_08": (1134, 71),
    "greenserv_partial": (1765, 16),
    "llmrouter_9llm": (4285, 9),
    "llmrouter_nq6": (349, 6),
    "routerarena_10pct": (563, 2),
    "routerbench_3task": (2205, 11),
    "swebench_verified_agents": (344, 35),
}


@pytest.fixture(scope="module")
def routerbench(orchestra_data: Path) -> OutcomeSet:
    outcomes = load(orchestra_data / "routerbench_3task")
    tasks = sorted(set(outcomes.tasks))
    at = [tasks.index(task) for task in outcomes.tasks]
    return outcomes.with_features(np.column_stack([np.ones(len(outcomes)), np.eye(len(tasks))[at]]))


@pytest.mark.parametrize("name", OUTCOME_SETS)
def test_every_set_loads(orchestra_data: Path, name: str) -> None:
    outcomes = load(orchestra_data / name, clip=name == "routerarena_10pct")
    assert outcomes.scores.shape == OUTCOME_SETS[name]


def test_bfcl_has_59_priced_models(orchestra_data: Path) -> None:
    assert load(orchestra_data / "bfcl_2024_08").priced().k == 59


def test_routerbench_is_what_its_readme_says(routerbench: OutcomeSet) -> None:
    """The published figures are of another 945 rows of the same 3,150: within three standard errors of ours."""
    assert routerbench.costs_usd is not None
    best = base.best_single(routerbench)
    assert routerbench.options[best] == "gpt-4-1106-preview"
    three = 3 * (0.25 / 945 + 0.25 / 2205) ** 0.5
    for shares, score in ((base.fixed(best, routerbench), 0.8772), (base.oracle(routerbench), 0.9767)):
        assert accuracy(routerbench.scores, shares) == pytest.approx(score, abs=three)
    assert accuracy(routerbench.scores, base.uniform(routerbench)) == pytest.approx(0.6849, abs=three)
    assert cost_per_1k(routerbench.costs_usd, base.fixed(best, routerbench)) == pytest.approx(5.0, abs=0.15)
    assert aiq(singles(routerbench)) == pytest.approx(0.8226, abs=0.01)


def by_task(names: dict[int, str], decision: Decision) -> dict[str, float]:
    return {names[int(np.argmax(decision.x[1:]))]: 1.0}


def test_estimates_from_a_random_log_against_the_truth(routerbench: OutcomeSet) -> None:
    """The best option of each task, judged from 2,205 decisions that each tried one of eleven models."""
    rewards = rewards_of(routerbench, 0.5)
    assert routerbench.x is not None
    kinds = routerbench.x[:, 1:].argmax(axis=1)
    places = {kind: int(rewards[kinds == kind].mean(axis=0).argmax()) for kind in set(kinds.tolist())}
    truth = float(rewards[np.arange(len(rewards)), [places[int(kind)] for kind in kinds]].mean())
    target = partial(by_task, {kind: routerbench.options[place] for kind, place in places.items()})
    logs = [replay(Random(), routerbench, rewards, seed=seed).log for seed in range(10)]
    model = option_means(logs.pop())
    found = {
        "ips": [ips(log, target) for log in logs],
        "snips": [snips(log, target) for log in logs],
        "robust": [doubly_robust(log, target, model) for log in logs],
    }
    for estimates in found.values():
        assert sum(e.low <= truth <= e.high for e in estimates) >= 7
        values = np.array([e.value for e in estimates])
        assert abs(values.mean() - truth) < 4 * values.std(ddof=1) / len(values) ** 0.5
        assert all(150 < e.effective_n < 260 for e in estimates)
    assert np.mean([e.high - e.low for e in found["robust"]]) < np.mean([e.high - e.low for e in found["ips"]])


def test_a_bandit_beats_the_best_fixed_arm(routerbench: OutcomeSet) -> None:
    rewards = rewards_of(routerbench, 0.5)
    assert routerbench.x is not None
    outcomes = routerbench.with_features(routerbench.x[:, 1:])
    place, fixed = best_fixed(rewards)
    # 369.2 is published for all 3,150 rows, of which these are 2,205.
    assert routerbench.options[place] == "zero-one-ai/Yi-34B-Chat"
    assert fixed == pytest.approx(369.2 * 0.7, rel=0.02)
    made = partial(LinUCB, alpha=0.3, lam=0.05, optimism=0.0, floor=0.0)
    done = [replay(made(), outcomes, rewards, seed=seed) for seed in range(3)]
    assert np.mean([one.regret for one in done]) < fixed
    assert [len(one.first_tries) for one in done] == [11, 11, 11]


def test_the_public_part_of_the_question_bank(orchestra_data: Path) -> None:
    steps = load_steps(orchestra_data / "twinrouterbench_sub" / "data.jsonl.gz")
    assert len(steps) == 189
    high = failure_aware(steps, [3] * 189)
    assert (high.row_pass, high.trajectory_pass, high.cost_save) == (100.0, 100.0, 0.0)
    gold = [step.gold for step in steps]
    assert failure_aware(steps, gold)[:3] == (100.0, 100.0, 100.0)
    assert failure_aware(steps, gold).cost_save > 0.0 > failure_aware(steps, [0] * 189).cost_save - 100.0
    assert sufficient(steps, [3] * 189) == (1.0, 3.0)

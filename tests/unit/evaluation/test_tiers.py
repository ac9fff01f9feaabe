"""TwinRouterBench's score: failures are paid for."""

import json
from pathlib import Path

import pytest

from orchestra.core.errors import BadDefinition, BadNumber
from orchestra.evaluation.tiers import PRICES, Step, TierPrice, bills, failure_aware, load_steps, sufficient

# The public bank: rows and high rows by benchmark, 520 trajectories in all, 689 / 62 / 49 / 170 rows by tier.
BANK = {"swebench": (336, 168), "bfcl": (248, 0), "mtrag": (193, 0), "qmsum": (145, 1), "pinchbench": (48, 1)}
CHEAP = (TierPrice(0.0, 0.0, 1e6), TierPrice(0.0, 0.0, 10e6))


def bank() -> list[Step]:
    rest = [0] * 689 + [1] * 62 + [2] * 49
    steps = []
    for benchmark, (rows, high) in BANK.items():
        golds = [3] * high + [rest.pop() for _ in range(rows - high)]
        for i, gold in enumerate(golds):
            instance, index = (f"{i % 40}", i // 40 + 1) if benchmark == "swebench" else (f"{i}", 1)
            steps.append(Step(id="", benchmark=benchmark, instance=instance, index=index, gold=gold, prompt_tokens=900))
    return steps


def one(instance: str, index: int, gold: int, extends: bool = True) -> Step:
    return Step(
        id="",
        benchmark="b",
        instance=instance,
        index=index,
        gold=gold,
        prompt_tokens=100,
        output_tokens=1,
        extends=extends,
    )


def test_always_high_scores_as_published() -> None:
    steps = bank()
    assert len(steps) == 970
    assert [round(value, 2) for value in failure_aware(steps, [3] * 970)] == [100.0, 17.53, 100.0, 0.0, 54.38]
    assert sufficient(steps, [3] * 970) == (1.0, 3.0)


def test_the_gold_tiers_save_most() -> None:
    steps = bank()
    gold = failure_aware(steps, [step.gold for step in steps])
    assert gold[:3] == (100.0, 100.0, 100.0)
    assert 0.0 < gold.cost_save < 100.0
    low = failure_aware(steps, [0] * 970)
    assert low.row_pass == pytest.approx(100 * 689 / 970) and low.combined < gold.combined


def test_a_failed_trajectory_is_paid_for_twice() -> None:
    # Each step costs 1 low or 10 high. Trajectory x passes, y fails at its second step.
    steps = [one("x", 1, 0), one("y", 1, 0), one("y", 2, 1)]
    scores = failure_aware(steps, [0, 0, 0], CHEAP)
    assert scores.row_pass == pytest.approx(200 / 3) == scores.row_exact
    assert scores.trajectory_pass == pytest.approx(100 / 3)
    assert scores.cost_save == pytest.approx(100 * (9 - 1 - 1) / 30)
    assert failure_aware([one("y", 1, 1)], [0], CHEAP).cost_save == pytest.approx(-10.0)


def test_benchmarks_weigh_by_their_rows() -> None:
    dear = Step(id="", benchmark="dear", instance="z", index=1, gold=1, prompt_tokens=1, output_tokens=1000)
    scores = failure_aware([one("x", 1, 0), one("y", 1, 0), dear], [0, 0, 1], CHEAP)
    assert scores.cost_save == pytest.approx(100 * (2 / 3 * 0.9 + 1 / 3 * 0.0))


def test_the_bill_knows_the_cache() -> None:
    price = (TierPrice(1e6, 10e6, 0.0), TierPrice(2e6, 20e6, 0.0))
    grown = [
        Step(id="", benchmark="b", instance="x", index=i, gold=0, prompt_tokens=t) for i, t in enumerate((5, 8, 9))
    ]
    import numpy as np

    assert bills(grown, np.array([0, 0, 0]), price).tolist() == [50.0, 5.0 + 30.0, 8.0 + 10.0]
    assert bills(grown, np.array([0, 1, 0]), price).tolist() == [50.0, 160.0, 90.0], "a switch writes it all anew"
    late = [Step(id="", benchmark="b", instance="x", index=i, gold=0, prompt_tokens=5) for i in (1, 5)]
    assert bills(late, np.array([0, 0]), price).tolist() == [50.0, 50.0], "the cache is forgotten after three steps"
    other = [late[0], Step(id="", benchmark="b", instance="x", index=2, gold=0, prompt_tokens=5, extends=False)]
    assert bills(other, np.array([0, 0]), price).tolist() == [50.0, 50.0]


def test_the_order_of_the_rows_does_not_matter() -> None:
    steps = bank()
    chosen = [(i * 7) % 4 for i in range(970)]
    turned = failure_aware(steps[::-1], chosen[::-1])
    assert turned == pytest.approx(failure_aware(steps, chosen))


@pytest.mark.parametrize(("chosen", "says"), [([0], "1 tiers for 2"), ([0, 4], "outside 0 to 3"), ([0, -1], "outside")])
def test_bad_choices(chosen: list[int], says: str) -> None:
    with pytest.raises(BadDefinition, match=says):
        failure_aware([one("x", 1, 0), one("x", 2, 0)], chosen)


def test_prices_are_those_of_the_benchmark() -> None:
    assert [price.output for price in PRICES] == [0.5, 2.0, 5.0, 25.0]


def row(index: int, messages: list[tuple[str, str]], **more: object) -> str:
    said = [{"role": role, "content": text} for role, text in messages]
    fields = {"id": f"x{index}", "benchmark": "b", "instance_id": "x", "step_index": index, "target_tier_id": 1}
    return json.dumps({**fields, "messages": said, **more})


def test_the_question_bank(tmp_path: Path) -> None:
    bank_file = tmp_path / "bank.jsonl"
    first, second = [("user", "a" * 40)], [("user", "a" * 40), ("assistant", "b" * 20), ("tool", "c" * 20)]
    bank_file.write_text("\n".join([row(1, first), row(2, second), row(3, [("user", "new")])]), encoding="utf-8")
    steps = load_steps(bank_file)
    assert [(s.prompt_tokens, s.output_tokens, s.extends) for s in steps] == [
        (10, 5, True),
        (20, 500, True),
        (1, 500, False),
    ]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("", BadDefinition, "no rows"),
        (row(1, [], target_tier_id=4), BadNumber, "bank.jsonl:1: target_tier_id is 4"),
        (row(1, [], instance_id=None), BadDefinition, "bank.jsonl:1: 'instance_id' is None"),
    ],
)
def test_a_bad_bank(tmp_path: Path, text: str, error: type[Exception], says: str) -> None:
    (tmp_path / "bank.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=says):
        load_steps(tmp_path / "bank.jsonl")
